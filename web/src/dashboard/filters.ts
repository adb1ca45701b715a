// SPDX-License-Identifier: Apache-2.0
// A list of ticks per field: γ, the law, m, E, the seed, the status ...
import { el } from "./dom";
import { count, symbolOf, valueText } from "./format";
import type { Model } from "./model";
import { compare, fieldValue, nameOfValue, type Selection, type Value } from "./selection";

const kMostValues = 60;  // a field with more is for sorting and searching

export class Filters {
  readonly place = el("div", { class: "filters" });
  private key = "";

  constructor(private readonly model: Model, private readonly selection: Selection, private readonly changed: () => void) {}

  // Built again only when there are other values; the counts are those of the whole table.
  draw(varying: string[]): void {
    const fields = ["status", ...varying].map((field) => ({ field, values: this.values(field) })).filter(({ field, values }) => (values.length > 1 && values.length <= kMostValues) || this.selection.only.has(field));
    const key = JSON.stringify(fields);
    if (key === this.key) return;
    this.key = key;
    const open = new Set([...this.place.querySelectorAll<HTMLDetailsElement>("details[open]")].map((one) => one.dataset.field));
    this.place.replaceChildren(...fields.map(({ field, values }) => this.filter(field, values, open.has(field))));
  }

  clear(): void {
    this.selection.only.clear();
    this.key = "";
  }

  private values(field: string): [Value, number][] {
    const counts = new Map<Value, number>();
    for (const run of this.model.runs.values()) {
      const value = fieldValue(run, field);
      counts.set(value, (counts.get(value) ?? 0) + 1);
      if (counts.size > kMostValues) break;
    }
    return [...counts].sort((a, b) => compare(a[0], b[0]));
  }

  private filter(field: string, values: [Value, number][], open: boolean): HTMLElement {
    const chosen = this.selection.only.get(field) ?? new Set<string>();
    const state = el("small", {});
    const say = () => { state.textContent = chosen.size === 0 ? "all" : chosen.size <= 2 ? [...chosen].map((name) => valueText(Number.isFinite(Number(name)) ? Number(name) : name)).join(", ") : `${chosen.size} of ${values.length}`; };
    say();
    const list = el("div", { class: "choices" });
    for (const [value, times] of values) {
      const name = nameOfValue(value);
      const box = el("input", { type: "checkbox" });
      box.checked = chosen.has(name);
      box.addEventListener("change", () => {
        if (box.checked) chosen.add(name); else chosen.delete(name);
        if (chosen.size > 0) this.selection.only.set(field, chosen); else this.selection.only.delete(field);
        say();
        this.changed();
      });
      list.append(el("label", {}, box, ` ${valueText(value)} `, el("small", {}, count(times))));
    }
    const details = el("details", { class: "filter", "data-field": field, open }, el("summary", {}, `${symbolOf(field)} `, state), list);
    details.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && details.open) { details.open = false; details.querySelector("summary")?.focus(); event.stopPropagation(); }
    });
    // One at a time.
    details.addEventListener("toggle", () => {
      if (details.open) for (const other of this.place.querySelectorAll<HTMLDetailsElement>("details[open]")) if (other !== details) other.open = false;
    });
    return details;
  }
}
