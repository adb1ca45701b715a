// SPDX-License-Identifier: Apache-2.0
// The dial is a script of its own (web/src/dial), loaded when its tab is first opened; the server's engine turns it.
import { byId, el } from "./dom";

export function openDial(): void {
  const view = byId("view-dial");
  if (view.hasChildNodes()) return;
  const say = el("p", { class: "facts", role: "status" }, "Loading …");
  const place = el("section", { id: "dial", "data-engine": "server", "data-api": "/api/dial", "aria-label": "the dial", hidden: true });
  view.append(say, place);
  const script = el("script", { src: "/dial.js" });
  script.addEventListener("load", () => say.remove());
  script.addEventListener("error", () => {
    say.textContent = "The dial could not be loaded; open this tab again when the server answers.";
    script.remove();
    place.remove();
  });
  document.head.append(script);
}
