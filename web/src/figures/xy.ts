// SPDX-License-Identifier: Apache-2.0
// One panel of points and lines.
import * as Plot from "@observablehq/plot";
import { domainOf, ticksOf } from "./axes";
import { colorOf, short } from "../palette";
import type { Panel, Point, Series, Words } from "../data/types";
import { type Choice, hasMatch, isEmpty, kNobody, matches } from "../select/selection";

const symbols: Record<string, Plot.SymbolType> = {
  dot: "circle", triangle: "triangle", square: "square", diamond: "diamond", star: "star",
};
const roleWords: Words = { ours: "measured here", fit: "fitted here", published: "published", theory: "theory" };
const kLabelHeight = 11;  // px between labels at line ends

export interface Row extends Point {
  series: Series;
  seed?: number;  // one of the values behind a mean
}

export interface Look {
  words: Words;
  choice: Choice;  // what is not of it fades
  seeds: boolean;  // single seeds in place of mean and interval
}

const kFaded = 0.13;

function rowsOf(series: Series): Row[] {
  return series.points.filter((point) => point.y !== null).map((point) => ({ ...point, series }));
}

// Each point that is a mean becomes its seeds.
function seedRows(rows: Row[]): Row[] {
  return rows.flatMap((row) => row.seeds ? row.seeds.map(([seed, value]) => ({ ...row, y: value, ci: undefined, seed })) : [row]);
}

function tipText(row: Row, panel: Panel, words: Words): string {
  const lines = [`${row.series.key} — ${words[row.series.role]}`];
  lines.push(`${panel.x.label}: ${short(row.x, 4)}${row.x2 === undefined ? "" : ` to ${short(row.x2, 4)}`}`);
  if (row.seed !== undefined) lines.push(`seed ${row.seed}`);
  else if (row.seeds) lines.push(`mean of ${row.seeds.length} seeds`);
  const range = row.ci ? ` [${short(row.ci[0])}, ${short(row.ci[1])}]` : "";
  lines.push(`${panel.y.label}: ${short(row.y ?? NaN, 4)}${range}`);
  if (row.note) lines.push(row.note);
  if (row.runs) lines.push(`run ${row.runs}`);
  return lines.join("\n");
}

function isChosen(series: Series, choice: Choice): boolean {
  return isEmpty(choice) || series.role === "theory" || hasMatch(choice, series);
}

// radius: of the dots; smaller where there are many.
function seriesMarks(series: Series, domain: [number, number], radius: number, look: Look): Plot.Markish[] {
  const color = colorOf(series);
  const opacity = isChosen(series, look.choice) ? 1 : kFaded;
  const means = rowsOf(series);
  const rows = look.seeds ? seedRows(means) : means;
  const common = { opacity, ariaDescription: `${series.role}: ${series.key}` };
  const marks: Plot.Markish[] = [];
  const clamp = (value: number) => Math.min(Math.max(value, domain[0]), domain[1]);
  const withInterval = rows.filter((row) => row.ci);
  const lo = (row: Row) => clamp(row.ci![0]);
  const hi = (row: Row) => clamp(row.ci![1]);
  const published = series.role === "published";
  if (series.symbol === "bars") return [Plot.rectY(rows, { ...common, x1: "x", x2: "x2", y1: domain[0], y2: "y", fill: color, fillOpacity: 0.75, insetLeft: 0.25, insetRight: 0.25 })];
  if (series.symbol === "shade") return [Plot.rect(series.points, { ...common, x1: "x", x2: "x2", y1: domain[0], y2: domain[1], fill: color, fillOpacity: 0.09 })];
  if (series.symbol === "ring") return [Plot.dot(rows, { ...common, x: "x", y: "y", r: radius * 2.1, stroke: color, strokeWidth: 2 })];
  if (series.symbol === "rule") return [Plot.ruleX(series.points, { ...common, x: "x", stroke: color, strokeWidth: 1.3, strokeDasharray: "5 4" })];
  if (series.band && series.symbol === "none" && series.line) {
    marks.push(Plot.areaY(withInterval, { opacity, x: "x", y1: lo, y2: hi, fill: color, fillOpacity: 0.13 }));
  } else if (series.band) {
    marks.push(Plot.ruleX(withInterval, { opacity, x: "x", y1: lo, y2: hi, stroke: color, strokeWidth: 9, strokeOpacity: 0.22 }));
  } else if (withInterval.length > 0) {
    marks.push(Plot.ruleX(withInterval, {
      opacity, x: "x", y1: lo, y2: hi, stroke: color, strokeWidth: published ? 1 : 1.4, strokeOpacity: published ? 0.45 : 0.8,
    }));
  }
  if (series.line) {
    const dash = series.role === "theory" ? "5 4" : undefined;
    const width = series.role === "theory" ? 1.3 : 1.6;
    marks.push(Plot.line(means, { ...common, x: "x", y: "y", stroke: color, strokeWidth: width, strokeDasharray: dash }));
  }
  const symbol = symbols[series.symbol];
  if (symbol && !series.diverged) {
    marks.push(Plot.dot(rows, published
      ? { ...common, x: "x", y: "y", r: radius * 0.8, symbol, stroke: color, strokeWidth: 1.2, strokeOpacity: 0.75, fill: "none" }
      : { ...common, x: "x", y: "y", r: look.seeds ? radius * 0.75 : radius, symbol, fill: color, stroke: "var(--page)", strokeWidth: 0.6 }));
  }
  if (series.diverged) {
    marks.push(Plot.dot(series.points, { ...common, x: "x", y: () => domain[1], r: 5, symbol: "times", stroke: color, strokeWidth: 2, dy: 8 }));
  }
  if (!isEmpty(look.choice)) {
    const ringed = rows.filter((row) => matches(look.choice, row.at) && (row.seed === undefined || look.choice.seed === null || row.seed === look.choice.seed));
    if (symbol && ringed.length > 0 && ringed.length < 40) marks.push(Plot.dot(ringed, { ariaDescription: "chosen", x: "x", y: "y", r: radius + 4, stroke: "var(--ink)", strokeWidth: 1.6 }));
  }
  return marks;
}

// Labels at line ends, pushed apart so that none covers another.
function endLabels(panel: Panel, domain: [number, number], height: number, look: Look): Plot.Markish[] {
  const position = (y: number) => {
    const t = panel.y.log ? Math.log(y / domain[0]) / Math.log(domain[1] / domain[0]) : (y - domain[0]) / (domain[1] - domain[0]);
    return (1 - t) * height;
  };
  const ends = panel.series
    .filter((series) => series.label && series.points.length > 0)
    .map((series) => {
      const end = rowsOf(series).reduce((a, b) => (b.x >= a.x ? b : a));
      return { series, end, wanted: position(end.y ?? domain[0]), at: 0 };
    })
    .sort((a, b) => a.wanted - b.wanted);
  ends.forEach((label, i) => { label.at = i === 0 ? label.wanted : Math.max(label.wanted, ends[i - 1].at + kLabelHeight); });
  for (let i = ends.length - 1, floor = height + 4; i >= 0 && ends[i].at > floor; --i, floor -= kLabelHeight) ends[i].at = floor;
  const right = Math.max(...ends.map((label) => label.end.x));  // also for a line that stops early
  return ends.map(({ series, end, wanted, at }) => Plot.text([end], {
    x: () => right, y: "y", dx: 7, dy: at - wanted, text: () => series.label ?? "", textAnchor: "start", fill: colorOf(series), fontSize: 11,
    opacity: isChosen(series, look.choice) ? 1 : 0.4, fontStyle: series.role === "theory" ? "italic" : "normal", clip: false,
  }));
}

// Labels of vertical lines, one under the other from the top, on the side with more room.
function ruleLabels(panel: Panel, x: [number, number]): Plot.Markish[] {
  const share = (value: number) => panel.x.log ? Math.log(value / x[0]) / Math.log(x[1] / x[0]) : (value - x[0]) / (x[1] - x[0]);
  return panel.series.filter((series) => series.symbol === "rule").map((series, i) => {
    const left = share(series.points[0].x) > 0.5;
    return Plot.text(series.points, {
      x: "x", frameAnchor: "top", text: () => series.label ?? series.key, textAnchor: left ? "end" : "start", dx: left ? -5 : 5, dy: 4 + 13 * i,
      fill: colorOf(series), stroke: "var(--page)", strokeWidth: 4, fontSize: 11,
    });
  });
}

export const plainLook: Look = { words: roleWords, choice: kNobody, seeds: false };

export function drawXy(panel: Panel, width: number, label: string, look: Look = plainLook): SVGSVGElement | HTMLElement {
  const x = domainOf(panel, "x");
  const y = domainOf(panel, "y");
  const height = Math.round(Math.min(Math.max(width * 0.72, 230), 340));
  const margins = { marginTop: 26, marginBottom: 38, marginLeft: 48, marginRight: panel.series.some((s) => s.label && s.symbol !== "rule") ? 58 : 16 };
  const inner = height - margins.marginTop - margins.marginBottom;
  const order = { theory: 0, published: 1, fit: 2, ours: 3 };
  const layer = (series: Series) => (series.symbol === "shade" ? -1 : order[series.role]);
  const drawn = [...panel.series].sort((a, b) => layer(a) - layer(b));
  const middle = (row: Row) => (row.x2 === undefined ? row.x : (row.x + row.x2) / 2);
  const means = drawn.filter((series) => series.symbol !== "none").flatMap(rowsOf);
  const rows = look.seeds ? seedRows(means) : means;
  const marks: Plot.Markish[] = [
    Plot.gridX({ ticks: ticksOf(panel.x, x, 6), strokeOpacity: 0.09 }),
    Plot.gridY({ ticks: ticksOf(panel.y, y, 5), strokeOpacity: 0.09 }),
    Plot.axisX({ ticks: ticksOf(panel.x, x, Math.max(3, Math.floor(width / 80))), tickFormat: (v: number) => short(v, 5), label: panel.x.label, labelAnchor: "right" }),
    Plot.axisY({ ticks: ticksOf(panel.y, y, 5), tickFormat: (v: number) => short(v, 5), label: panel.y.label, labelAnchor: "top" }),
    ...drawn.flatMap((series) => seriesMarks(series, y, rows.length > 400 ? 2.4 : rows.length > 150 ? 3.2 : 4, look)),
    ...endLabels({ ...panel, series: panel.series.filter((series) => series.symbol !== "rule") }, y, inner, look),
    ...ruleLabels(panel, x),
    Plot.tip(rows, Plot.pointer({ x: middle, y: "y", title: (row: Row) => tipText(row, panel, look.words), maxRadius: 30, ariaHidden: "true" })),
  ];
  return Plot.plot({
    width, height, ...margins, marks, ariaLabel: label,
    x: { type: panel.x.log ? "log" : "linear", domain: x },
    y: { type: panel.y.log ? "log" : "linear", domain: y },
    style: { background: "transparent", color: "var(--ink)", fontSize: "11px", overflow: "visible" },
  });
}
