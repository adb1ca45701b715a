// SPDX-License-Identifier: Apache-2.0
// Draws every figure of the page into its place, again when the width changes. Knows nothing of what a figure shows.
import { drawMap, drawRamp } from "./map";
import { fillNumbers } from "./numbers";
import { colorOf } from "./palette";
import { drawRows } from "./rows";
import type { Figure, PageData, Panel, Series, Words } from "./types";
import { drawXy } from "./xy";

const kGap = 16;
const kPanelWidth = { xy: 300, map: 330, rows: 280 };
const kWidest = 560;
const kMostSteps = 8;

function element(name: string, css: string, text = ""): HTMLElement {
  const out = document.createElement(name);
  out.className = css;
  out.textContent = text;
  return out;
}

const marks: Record<string, string> = { bars: "■", shade: "▒", ring: "◯", dot: "●", triangle: "▲", square: "■", diamond: "◆", star: "★" };
const hollow: Record<string, string> = { dot: "○", triangle: "△", square: "□", diamond: "◇", star: "☆" };

function legendMark(series: Series): string {
  if (series.symbol === "none") return series.band && !series.line ? "▮" : series.role === "theory" ? "╌╌" : "—";
  if (series.diverged) return "×";
  return (series.role === "published" ? hollow : marks)[series.symbol] ?? "—";
}

// One entry per key; measured and published of the same key share it and show both marks.
function legend(panels: Panel[]): HTMLElement {
  const ordered = [...new Set(panels.flatMap((panel) => panel.series).filter((series) => series.hue[0] === "seq").map((series) => series.key))];
  const entries = new Map<string, { color: string; glyphs: Set<string> }>();
  const rank = (series: Series) => ["ink", "neg", "pos", "seq", "cat", "bad"].indexOf(series.hue[0]) * 1000 + series.hue[1];
  // A vertical line carries its own label.
  for (const series of panels.flatMap((panel) => panel.series).filter((one) => one.symbol !== "rule").sort((a, b) => rank(a) - rank(b))) {
    const entry = entries.get(series.key) ?? { color: colorOf(series), glyphs: new Set<string>() };
    entry.glyphs.add(legendMark(series));
    entries.set(series.key, entry);
  }
  const list = element("ul", "legend");
  list.setAttribute("aria-label", "legend");
  for (const [key, { color, glyphs }] of entries) {
    // Many steps of one ordered quantity become one entry: first, the ramp of colours, last.
    if (ordered.length > kMostSteps && ordered.includes(key)) {
      if (key === ordered[0]) list.append(steps(ordered, entries));
      continue;
    }
    const item = element("li", "");
    const glyph = element("span", "glyph", [...glyphs].sort().join(""));
    glyph.style.color = color;
    glyph.setAttribute("aria-hidden", "true");
    item.append(glyph, key);
    list.append(item);
  }
  return list;
}

function steps(keys: string[], entries: Map<string, { color: string; glyphs: Set<string> }>): HTMLElement {
  const numeric = (key: string) => Number(key.replace(/^[^=]*= /, "").replace("−", "-"));
  const sorted = [...keys].sort((a, b) => numeric(a) - numeric(b));
  const item = element("li", "", `${sorted[0]} `);
  for (const key of sorted) {
    const glyph = element("span", "step", "●");
    glyph.style.color = entries.get(key)?.color ?? "";
    glyph.setAttribute("aria-hidden", "true");
    item.append(glyph);
  }
  item.append(` ${sorted[sorted.length - 1]}`);
  return item;
}

// Which panels are drawn: the overview, all, or one; a choice appears when there are more than the overview shows.
function chooser(figure: Figure, redraw: () => void): HTMLSelectElement | null {
  if (figure.panels.every((panel) => panel.shown)) return null;
  const select = document.createElement("select");
  select.append(new Option("overview", "overview"), new Option(`all ${figure.panels.length} panels`, "all"));
  const groups = new Map<string, HTMLOptGroupElement>();
  figure.panels.forEach((panel, i) => {
    let group = groups.get(panel.group);
    if (!group) {
      group = document.createElement("optgroup");
      group.label = panel.group || "one panel";
      groups.set(panel.group, group);
      select.append(group);
    }
    group.append(new Option(panel.title, String(i)));
  });
  select.addEventListener("change", redraw);
  return select;
}

function chosen(figure: Figure, choice: string): Panel[] {
  if (choice === "all") return figure.panels;
  if (choice === "overview") return figure.panels.filter((panel) => panel.shown);
  return [figure.panels[Number(choice)]];
}

function columnsFor(width: number, count: number, least: number): number {
  const fit = Math.max(1, Math.floor((width + kGap) / (least + kGap)));
  if (count <= fit) return count;
  return count === 4 && fit === 3 ? 2 : fit;
}

function describe(figure: Figure, panel: Panel): string {
  return `${figure.title}${panel.title ? `, ${panel.title}` : ""}: ${panel.y.label} against ${panel.x.label}. The numbers are in the table below the figure.`;
}

function mount(figure: Figure, place: HTMLElement, words?: Words): void {
  let drawnAt = 0;
  const panelsAt = element("div", "panels");
  const legendAt = element("div", "");
  const select = chooser(figure, () => draw(true));
  function draw(force = false): void {
    const width = Math.floor(place.clientWidth);
    if (width <= 0 || (!force && width === drawnAt)) return;
    drawnAt = width;
    const panels = chosen(figure, select?.value ?? "overview").filter((panel) => panel.series.length > 0 || figure.kind === "map");
    const columns = columnsFor(width, panels.length, kPanelWidth[figure.kind]);
    const each = Math.min(Math.floor((width - kGap * (columns - 1)) / columns), figure.kind === "map" ? 560 : panels.length === 1 ? 640 : kWidest);
    const domain = figure.color?.domain ?? [0, 1];
    panelsAt.style.gridTemplateColumns = `repeat(${columns}, ${each}px)`;
    panelsAt.dataset.count = String(panels.length === 1 ? 1 : panels.length === 3 || panels.length > 4 ? 3 : 2);
    panelsAt.replaceChildren(...panels.map((panel) => {
      const box = element("div", "panel");
      if (panel.title) box.append(element("h4", "", panel.title));
      const label = describe(figure, panel);
      box.append(figure.kind === "map" ? drawMap(panel, domain, each, label) : figure.kind === "rows" ? drawRows(panel, each, label) : drawXy(panel, each, label, words));
      return box;
    }));
    legendAt.replaceChildren(...(figure.kind === "map" ? [drawRamp(figure.color?.label ?? "", domain)] : figure.kind === "rows" ? [] : [legend(panels)]));
  }
  if (select) {
    const label = element("label", "chooser", "Panels: ");
    label.append(select);
    place.replaceChildren(label, legendAt, panelsAt);
  } else {
    place.replaceChildren(legendAt, panelsAt);
  }
  draw();
  // On paper the style sheet scales what the screen had.
  new ResizeObserver(() => { if (!matchMedia("print").matches) draw(); }).observe(place);
}

function start(): void {
  const data = JSON.parse(document.getElementById("page-data")?.textContent ?? "{}") as PageData;
  for (const figure of data.figures ?? []) {
    const place = document.querySelector<HTMLElement>(`[data-figure="${figure.id}"]`);
    if (place && figure.panels.some((panel) => panel.series.length > 0)) mount(figure, place, data.words);
    const numbers = document.querySelector<HTMLElement>(`[data-numbers="${figure.id}"]`);
    const details = numbers?.closest("details");
    if (numbers && details) {
      details.addEventListener("toggle", () => {
        if (details.open && !numbers.hasChildNodes()) fillNumbers(numbers, figure);
      });
    }
  }
  document.documentElement.dataset.drawn = "yes";
}

start();
