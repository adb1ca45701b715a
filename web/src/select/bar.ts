// SPDX-License-Identifier: Apache-2.0
// The bar that stays in reach: one choice for every figure of the page.
import type { Details, Run } from "../data/details";
import { button, element } from "../dom";
import { short } from "../palette";
import { type Choice, isEmpty, kNobody, same, type Selection } from "./selection";

type Value = number | string;

const fields: [keyof Choice, string, string][] = [
  ["law", "α", "data exponent α or law"], ["decay", "γ", "weight decay γ"], ["m", "m", "width m"], ["density", "E", "density E"], ["seed", "seed", "seed"],
];

function valueOf(run: Run, index: number): Value | null {
  return index < 4 ? run.at[index] : run.seed;
}

// Does the run agree with all of the choice but field `without`?
function agrees(run: Run, choice: Choice, without = -1): boolean {
  return fields.every(([field], i) => {
    const wanted = choice[field];
    const value = valueOf(run, i);
    return i === without || wanted === null || (value !== null && same(i, wanted, value));
  });
}

export const runsOf = (runs: Run[], choice: Choice): Run[] => runs.filter((run) => agrees(run, choice));

function distinct(runs: Run[], index: number): Value[] {
  const out: Value[] = [];
  for (const value of new Set(runs.map((run) => valueOf(run, index)))) {
    if (value !== null && !out.some((known) => same(index, known, value))) out.push(value);
  }
  return out.sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : typeof a === "number" ? -1 : typeof b === "number" ? 1 : a < b ? -1 : 1));
}

export class SelectionBar {
  private readonly selects: HTMLSelectElement[];
  private readonly values: Value[][];
  private readonly found = element("span", "found");

  constructor(private readonly details: Details, private readonly selection: Selection) {
    const bar = element("form", "pick");
    bar.setAttribute("role", "region");
    bar.setAttribute("aria-label", "choice of runs");
    bar.addEventListener("submit", (event) => event.preventDefault());
    this.values = fields.map((_, i) => distinct(details.runs, i));
    this.selects = fields.map(([field, name, meaning], i) => {
      const select = document.createElement("select");
      select.setAttribute("aria-label", meaning);
      select.dataset.field = field;
      select.append(new Option("any", ""));
      this.values[i].forEach((value, k) => select.append(new Option(typeof value === "number" ? short(value, 4) : value, String(k))));
      select.addEventListener("change", () => selection.set({ [field]: select.value === "" ? null : this.values[i][Number(select.value)] }));
      const label = element("label", "", `${name} `);
      label.append(select);
      bar.append(label);
      return select;
    });
    this.found.setAttribute("role", "status");
    const link = element("a", "", "see the run") as HTMLAnchorElement;
    link.href = "#explorer";
    bar.append(button("clear", "clear the choice", () => selection.set(kNobody)), this.found, link);
    document.body.append(bar);
    document.body.classList.add("with-pick");
    selection.listen(() => this.show());
    this.show();
  }

  private show(): void {
    const { choice } = this.selection;
    fields.forEach(([field], i) => {
      const values = this.values[i];
      const wanted = choice[field];
      const at = wanted === null ? -1 : values.findIndex((value) => same(i, value, wanted));
      this.selects[i].value = at < 0 ? "" : String(at);
      // What no run has together with the other choices is marked, and can be chosen all the same.
      const possible = this.details.runs.filter((run) => agrees(run, choice, i));
      values.forEach((value, k) => {
        const option = this.selects[i].options[k + 1];
        const text = typeof value === "number" ? short(value, 4) : value;
        option.text = possible.some((run) => { const own = valueOf(run, i); return own !== null && same(i, own, value); }) ? text : `${text} (none)`;
      });
    });
    const count = isEmpty(choice) && choice.seed === null ? 0 : runsOf(this.details.runs, choice).length;
    this.found.textContent = isEmpty(choice) && choice.seed === null ? "" : count === 1 ? "1 run" : `${count} runs`;
  }
}
