// SPDX-License-Identifier: Apache-2.0
// Mounts the dial into the page's element #dial: with the server's engine where that element says data-engine="server",
// else with the engine that the page carries in #engine-wasm; where there is neither, the place stays hidden.
import { Dial } from "./dial";
import { make } from "./dom";
import type { DialEngine } from "./engine";
import { ServerEngine } from "./server";
import { Tour } from "./tour";
import { WasmEngine } from "./wasm";

export function mountDial(place: HTMLElement, engine: DialEngine): void {
  const body = make("div");
  const dial = new Dial(body, engine);
  place.append(
    make("h2", { id: "dial-title" }, "Turn the dial"),
    make("p", { class: "lead" }, "One toy model, trained in front of you. γ is the dial between weak and strong superposition: turn it while it trains."),
    new Tour(dial).element, body);
  place.removeAttribute("aria-label");
  place.setAttribute("aria-labelledby", "dial-title");
  place.hidden = false;
  if (/^#(dial|tour-\d+)$/.test(location.hash)) place.scrollIntoView({ block: "start" });  // it was not there when the page was opened
}

function engineOf(place: HTMLElement): DialEngine | null {
  if (place.dataset.engine === "server") return new ServerEngine(place.dataset.api ?? "/api/dial");
  return document.getElementById("engine-wasm") ? new WasmEngine() : null;
}

const place = document.getElementById("dial");
const engine = place ? engineOf(place) : null;
if (place && engine) mountDial(place, engine);
