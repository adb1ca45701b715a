// SPDX-License-Identifier: Apache-2.0
// The switches of one figure: log or linear axes, single seeds or their mean.
import { button, element } from "../dom";
import type { Figure } from "../data/types";
import { figureCanBeLog, type Scales } from "./scales";

export function scaleButtons(figure: Figure, scales: Scales, redraw: () => void): HTMLElement[] {
  return (["x", "y"] as const).map((which) => {
    const drawn = figure.panels.filter((panel) => panel.series.length > 0);
    const logs = drawn.filter((panel) => panel[which].log).length;
    const state = () => scales[which] ?? (logs === 0 ? "linear" : logs === drawn.length ? "log" : "mixed");
    const out = button(`${which} log`, `logarithmic ${which} axis of ${figure.title}`, () => {
      scales[which] = state() === "log" ? "linear" : "log";
      out.setAttribute("aria-pressed", String(scales[which] === "log"));
      redraw();
    });
    out.className = "switch";
    out.setAttribute("aria-pressed", state() === "mixed" ? "mixed" : String(state() === "log"));
    if (logs === 0 && !figureCanBeLog(figure, which)) {
      out.disabled = true;
      out.title = "no logarithmic axis: values of 0 or below, or all nearly the same";
    }
    return out;
  });
}

export function seedsButton(figure: Figure, change: (seeds: boolean) => void): HTMLElement | null {
  if (figure.kind !== "xy" || !figure.panels.some((panel) => panel.series.some((series) => series.points.some((point) => point.seeds)))) return null;
  const out = element("span", "pair");
  const choices: HTMLButtonElement[] = [];
  const show = (seeds: boolean) => {
    choices.forEach((one, i) => one.setAttribute("aria-pressed", String((i === 1) === seeds)));
    change(seeds);
  };
  choices.push(button("mean", `mean with interval in ${figure.title}`, () => show(false)), button("seeds", `seeds as points in ${figure.title}`, () => show(true)));
  choices.forEach((one, i) => { one.className = "switch"; one.setAttribute("aria-pressed", String(i === 0)); });
  out.append(...choices);
  return out;
}
