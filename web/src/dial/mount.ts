// SPDX-License-Identifier: Apache-2.0
import { Dial } from "./dial";
import { make } from "./dom";
import type { DialEngine } from "./engine";
import { Tour } from "./tour";

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
