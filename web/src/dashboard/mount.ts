// SPDX-License-Identifier: Apache-2.0
export function mountFigures(_root: HTMLElement, _data: unknown): void {}
