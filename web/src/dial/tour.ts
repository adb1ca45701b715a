// SPDX-License-Identifier: Apache-2.0
// The guided tour: a panel above the dial. #tour-3 is its third step.
import type { Dial } from "./dial";
import { make } from "./dom";
import { headsTable, tourSteps } from "./steps";

const kHash = /^#tour-(\d+)$/;

export class Tour {
  readonly element: HTMLElement;
  private at = -1;  // -1: not on tour
  private visit = 0;  // counts pages turned and shows begun: an older one stops

  constructor(private readonly dial: Dial) {
    this.element = make("section", { class: "tour", "aria-label": "guided tour" });
    this.element.addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.follow(true));
    this.draw();
    this.follow(false);
  }

  private follow(later: boolean): void {
    const found = kHash.exec(location.hash);
    const at = found ? Number(found[1]) - 1 : -1;
    if (at === this.at || (at >= 0 && !tourSteps[at])) return;
    if (at < 0 && !later) return;
    this.at = at;
    this.draw();
    if (at >= 0) this.element.scrollIntoView({ block: "start" });
  }

  private go(at: number): void {
    this.at = at;
    ++this.visit;
    history.replaceState(history.state, "", at < 0 ? location.pathname + location.search : `#tour-${at + 1}`);
    this.draw();
    const target = this.element.querySelector<HTMLElement>(at < 0 ? "button" : "h3");
    target?.focus({ preventScroll: true });
    if (this.element.getBoundingClientRect().top < 0) this.element.scrollIntoView({ block: "start" });
  }

  private key(event: KeyboardEvent): void {
    if (this.at < 0 || event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).closest("input, select, pre, canvas")) return;
    if (event.key === "ArrowRight" && this.at + 1 < tourSteps.length) this.go(this.at + 1);
    else if (event.key === "ArrowLeft" && this.at > 0) this.go(this.at - 1);
    else if (event.key === "Escape") this.go(-1);
    else return;
    event.preventDefault();
  }

  private button(text: string, press: () => void, off = false, css = ""): HTMLButtonElement {
    const out = make("button", { type: "button", class: css }, text);
    out.disabled = off;
    out.addEventListener("click", press);
    return out;
  }

  private draw(): void {
    this.dial.element.classList.toggle("touring", this.at >= 0);
    if (this.at < 0) {
      this.element.replaceChildren(
        make("p", {}, "New here? Ten short steps tell the story: no superposition, weak, strong, why 1/m, and where it ends."),
        this.button("Start the guided tour", () => this.go(0)));
      return;
    }
    const step = tourSteps[this.at];
    const place = make("div", { class: "tour-place" });
    if (step.heads) place.append(headsTable());
    const show = step.show;
    const press = async () => {
      const mine = ++this.visit;
      await show?.(this.dial, place, () => mine === this.visit);
    };
    const last = this.at + 1 === tourSteps.length;
    this.element.replaceChildren(
      make("div", { class: "tour-head" },
        make("h3", { tabindex: "-1" }, step.title), make("span", { class: "soft" }, `${this.at + 1} of ${tourSteps.length}`)),
      make("progress", { max: String(tourSteps.length), value: String(this.at + 1), "aria-label": `step ${this.at + 1} of ${tourSteps.length}` }),
      ...step.text.map((text) => make("p", {}, text)),
      place,
      make("p", { class: "look" }, make("strong", {}, "Look: "), step.look),
      make("div", { class: "buttons" },
        ...(show ? [this.button("Show me", () => void press(), false, "primary")] : []),
        this.button("Back", () => this.go(this.at - 1), this.at === 0), this.button(last ? "End of the tour" : "Next", () => this.go(last ? -1 : this.at + 1)),
        ...(last ? [] : [this.button("Leave", () => this.go(-1))])));
  }
}
