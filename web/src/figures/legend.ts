// SPDX-License-Identifier: Apache-2.0
import type { Panel, Series } from "../data/types";
import { element } from "../dom";
import { colorOf } from "../palette";

const kMostSteps = 8;
const marks: Record<string, string> = { bars: "■", shade: "▒", ring: "◯", dot: "●", triangle: "▲", square: "■", diamond: "◆", star: "★" };
const hollow: Record<string, string> = { dot: "○", triangle: "△", square: "□", diamond: "◇", star: "☆" };

function markOf(series: Series): string {
  if (series.symbol === "none") return series.band && !series.line ? "▮" : series.role === "theory" ? "╌╌" : "—";
  if (series.diverged) return "×";
  return (series.role === "published" ? hollow : marks)[series.symbol] ?? "—";
}

interface Entry {
  color: string;
  glyphs: Set<string>;
}

function item(text: string, entry: Entry): HTMLElement {
  const out = element("li", "");
  const glyph = element("span", "glyph");
  glyph.dataset.glyph = [...entry.glyphs].sort().join("");
  glyph.style.color = entry.color;
  glyph.setAttribute("aria-hidden", "true");
  out.append(glyph, text);
  return out;
}

// Many steps of one ordered quantity: first, the ramp of colours, last.
function steps(keys: string[], entries: Map<string, Entry>): HTMLElement {
  const numeric = (key: string) => Number(key.replace(/^[^=]*= /, "").replace("−", "-"));
  const sorted = [...keys].sort((a, b) => numeric(a) - numeric(b));
  const out = element("li", "", `${sorted[0]} `);
  for (const key of sorted) {
    const glyph = element("span", "step");
    glyph.dataset.glyph = "●";
    glyph.style.color = entries.get(key)?.color ?? "";
    glyph.setAttribute("aria-hidden", "true");
    out.append(glyph);
  }
  out.append(` ${sorted[sorted.length - 1]}`);
  return out;
}

// Of rows: what their marks are, where they say so.
export function rowsLegend(panels: Panel[]): HTMLElement[] {
  const entries = new Map<string, Entry>();
  for (const series of panels.flatMap((panel) => panel.series)) {
    if (series.label && !entries.has(series.label)) entries.set(series.label, { color: colorOf(series), glyphs: new Set([markOf(series)]) });
  }
  if (entries.size === 0) return [];
  const list = element("ul", "legend");
  list.setAttribute("aria-label", "legend");
  for (const [key, entry] of entries) list.append(item(key, entry));
  return [list];
}

// One entry per key; measured and published of the same key share it and show both marks.
export function legend(panels: Panel[]): HTMLElement {
  const all = panels.flatMap((panel) => panel.series);
  const ordered = [...new Set(all.filter((series) => series.hue[0] === "seq").map((series) => series.key))];
  const entries = new Map<string, Entry>();
  const rank = (series: Series) => ["ink", "neg", "pos", "seq", "cat", "bad"].indexOf(series.hue[0]) * 1000 + series.hue[1];
  // A vertical line carries its own label.
  for (const series of all.filter((one) => one.symbol !== "rule").sort((a, b) => rank(a) - rank(b))) {
    const entry = entries.get(series.key) ?? { color: colorOf(series), glyphs: new Set<string>() };
    entry.glyphs.add(markOf(series));
    entries.set(series.key, entry);
  }
  const list = element("ul", "legend");
  list.setAttribute("aria-label", "legend");
  for (const [key, entry] of entries) {
    if (ordered.length > kMostSteps && ordered.includes(key)) {
      if (key === ordered[0]) list.append(steps(ordered, entries));
    } else {
      list.append(item(key, entry));
    }
  }
  return list;
}
