// SPDX-License-Identifier: Apache-2.0
type Child = Node | string;

// An element with attributes and children.
export function make<Name extends keyof HTMLElementTagNameMap>(name: Name, attributes: Record<string, string> = {}, ...children: Child[]): HTMLElementTagNameMap[Name] {
  const out = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
  out.append(...children);
  return out;
}

let used = 0;
export const newId = (): string => `dial-${++used}`;
