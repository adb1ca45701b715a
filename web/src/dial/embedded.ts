// SPDX-License-Identifier: Apache-2.0
// The dial of a page that carries its engine in #engine-wasm. No server: a report loads nothing from anywhere.
import { mountDial } from "./mount";
import { WasmEngine } from "./wasm";

export function mountEmbedded(): void {
  const place = document.getElementById("dial");
  if (place && document.getElementById("engine-wasm")) mountDial(place, new WasmEngine());
}
