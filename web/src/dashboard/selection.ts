// SPDX-License-Identifier: Apache-2.0
// Which runs the table shows, in which order: what the address holds behind its #, so that a view can be sent.
import { symbolOf, valueText } from "./format";
import type { Run } from "./model";

export interface Selection {
  tab: string;
  text: string;
  sort: string;              // a column's key
  down: boolean;
  only: Map<string, Set<string>>;  // field -> texts of the values that are shown
  run: number | null;        // the one that is open
}

export function readHash(hash: string): Selection {
  // The tour of the dial keeps its own place in the address.
  const params = new URLSearchParams(/^#tour-\d+$/.test(hash) ? "tab=dial" : hash.replace(/^#/, ""));
  const only = new Map<string, Set<string>>();
  for (const [key, value] of params) {
    if (key.startsWith("f.")) only.set(key.slice(2), (only.get(key.slice(2)) ?? new Set()).add(value));
  }
  const run = Number(params.get("run"));
  return {
    tab: params.get("tab") ?? "now", text: params.get("q") ?? "", sort: params.get("sort") ?? "id", down: params.get("down") !== "0" && (params.has("down") || !params.has("sort")),
    only, run: Number.isInteger(run) && run > 0 ? run : null,
  };
}

export function writeHash(selection: Selection): void {
  const params = new URLSearchParams();
  params.set("tab", selection.tab);
  if (selection.text) params.set("q", selection.text);
  if (selection.sort !== "id" || !selection.down) { params.set("sort", selection.sort); params.set("down", selection.down ? "1" : "0"); }
  for (const [field, values] of selection.only) for (const value of values) params.append(`f.${field}`, value);
  if (selection.run !== null) params.set("run", String(selection.run));
  history.replaceState(null, "", `#${params}`);
}

export type Value = string | number | null;

export interface Column {
  key: string;
  title: string;
  width: number;  // px
  numeric: boolean;
  value(run: Run): Value;
  text(run: Run): string;
}

export const fieldValue = (run: Run, field: string): Value => {
  if (field === "status") return run.status;
  const value = run.config[field];
  return value === undefined || value === null ? null : typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value);
};

// The text by which a filter and the address name a value.
export const nameOfValue = (value: Value): string => (value === null ? "—" : String(value));

function haystack(run: Run): string {
  if (!run.text) {
    const fields = Object.entries(run.config).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value} ${symbolOf(name)}=${valueText(value)}`);
    run.text = `${run.id} ${run.status} ${run.kind} ${fields.join(" ")} ${run.error} ${run.version}`.toLowerCase();
  }
  return run.text;
}

// What a search needs of each run, made while the browser has nothing else to do.
export function prepare(runs: Run[]): void {
  let next = 0;
  const some = (left: { timeRemaining(): number }) => {
    while (next < runs.length && left.timeRemaining() > 1) haystack(runs[next++]);
    if (next < runs.length) later(some);
  };
  const later = window.requestIdleCallback ?? ((act: (left: { timeRemaining(): number }) => void) => {
    return window.setTimeout(() => { const begin = Date.now(); act({ timeRemaining: () => 10 - (Date.now() - begin) }); }, 50);
  });
  later(some);
}

export const kCollator = new Intl.Collator("en", { numeric: true });

export function compare(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return typeof a === "number" && typeof b === "number" ? a - b : kCollator.compare(String(a), String(b));
}

const matches = (run: Run, words: string[], only: [string, Set<string>][]): boolean =>
  only.every(([field, values]) => values.has(nameOfValue(fieldValue(run, field)))) && words.every((word) => haystack(run).includes(word));

// Texts by their place among the few different ones: comparing texts as people do is slow.
function rank(rows: { value: Value }[]): void {
  const texts = [...new Set(rows.map(({ value }) => value))].filter((value) => value !== null).sort(compare);
  const places = new Map(texts.map((text, place) => [text, place]));
  for (const row of rows) row.value = row.value === null ? null : places.get(row.value) ?? null;
}

// All that match, in order; what has no value stands at the end whichever way.
export function select(runs: Iterable<Run>, selection: Selection, column: Column): Run[] {
  const words = selection.text.toLowerCase().split(/\s+/).filter((word) => word);
  const only = [...selection.only].filter(([, values]) => values.size > 0);
  const kept: { run: Run; value: Value }[] = [];
  for (const run of runs) if (matches(run, words, only)) kept.push({ run, value: column.value(run) });
  const sign = selection.down ? -1 : 1;
  if (!column.numeric) rank(kept);
  kept.sort((a, b) => {
    if (a.value === null || b.value === null) return compare(a.value, b.value) || b.run.id - a.run.id;
    return sign * compare(a.value, b.value) || b.run.id - a.run.id;
  });
  return kept.map(({ run }) => run);
}
