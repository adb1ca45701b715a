// SPDX-License-Identifier: Apache-2.0
// The choice of (law, γ, m, E, seed) that links the figures of a page; kept in the address.
import type { At, Figure, Series } from "../data/types";

export interface Choice {
  law: number | string | null;
  decay: number | null;
  m: number | null;
  density: number | null;
  seed: number | null;
}

export const kNobody: Choice = { law: null, decay: null, m: null, density: null, seed: null };
// Names in the address; the first four are the coordinates of At, in its order.
const names: [keyof Choice, string][] = [["law", "alpha"], ["decay", "gamma"], ["m", "m"], ["density", "E"], ["seed", "seed"]];
const nearness = [1e-4, 2e-3, 1e-6, 1e-2, 1e-6];  // of the fields, in the order of names

export function same(coordinate: number, a: number | string, b: number | string): boolean {
  return typeof a === "number" && typeof b === "number" ? Math.abs(a - b) <= nearness[coordinate] : a === b;
}

const chosenAt = (choice: Choice): At => [choice.law, choice.decay, choice.m, choice.density];

export function isEmpty(choice: Choice): boolean {
  return chosenAt(choice).every((value) => value === null);
}

// Do the coordinates that both bind agree, and is there one? A point that is bound to none of them is about something else.
export function matches(choice: Choice, at: At | undefined, ignored?: number): boolean {
  if (!at) return false;
  let shared = 0;
  const wanted = chosenAt(choice);
  for (let i = 0; i < 4; ++i) {
    const a = wanted[i];
    const b = at[i];
    if (a === null || b === null || i === ignored) continue;
    if (!same(i, a, b)) return false;
    ++shared;
  }
  return shared > 0;
}

export const hasMatch = (choice: Choice, series: Series, ignored?: number): boolean => series.points.some((point) => matches(choice, point.at, ignored));

// A figure without any match says nothing about the choice, and is left as it is.
export function concerns(choice: Choice, figure: Figure): boolean {
  return !isEmpty(choice) && figure.panels.some((panel) => panel.series.some((series) => hasMatch(choice, series)));
}

export function choiceFrom(hash: string): Choice {
  const out: Choice = { ...kNobody };
  if (!hash.startsWith("#pick:")) return out;
  const given = new URLSearchParams(hash.slice("#pick:".length));
  for (const [field, name] of names) {
    const text = given.get(name);
    if (text === null || text === "" || text.length > 60) continue;
    const value = Number(text);
    if (Number.isFinite(value)) out[field] = value;
    else if (field === "law") out.law = text;
  }
  return out;
}

export function hashOf(choice: Choice): string {
  const out = new URLSearchParams();
  for (const [field, name] of names) if (choice[field] !== null) out.set(name, String(choice[field]));
  return out.toString() === "" ? "" : `#pick:${out}`;
}

export class Selection {
  private readonly listeners: ((choice: Choice) => void)[] = [];
  choice: Choice = choiceFrom(location.hash);

  constructor() {
    addEventListener("hashchange", () => {
      if (!location.hash.startsWith("#pick:")) this.remember();  // an anchor of the page: it has scrolled, the choice stays
      else if (location.hash !== hashOf(this.choice)) this.apply(choiceFrom(location.hash));
    });
  }

  listen(listener: (choice: Choice) => void): void {
    this.listeners.push(listener);
  }

  set(change: Partial<Choice>): void {
    this.apply({ ...this.choice, ...change });
    if (hashOf(this.choice) === "") history.replaceState(null, "", location.pathname + location.search);
    else this.remember();
  }

  private remember(): void {
    const hash = hashOf(this.choice);
    if (hash !== "") history.replaceState(null, "", hash);
  }

  // What a clicked point is about; the seed stays open unless one was clicked.
  pick(at: At, seed: number | null = null): void {
    this.set({ law: at[0], decay: at[1], m: at[2] ?? this.choice.m, density: at[3], seed });
  }

  private apply(choice: Choice): void {
    this.choice = choice;
    for (const listener of this.listeners) listener(choice);
  }
}
