// SPDX-License-Identifier: Apache-2.0
// Values of named rows. With a reference band: marks to compare with it. Without: a line from 1 to the value. The name
// stands above its row: long names fit a phone.
import * as Plot from "@observablehq/plot";
import type { Panel, Point, Series } from "../data/types";
import { colorOf, short } from "../palette";
import { type Choice, isEmpty, matches } from "../select/selection";
import { ticksOf } from "./axes";

const kRowHeight = 34;
const symbols: Record<string, Plot.SymbolType> = { dot: "circle", triangle: "triangle", square: "square", diamond: "diamond", star: "star" };

interface Row {
  at: number;
  series: Series;
  point: Point;
}

// Series with the same key share a row.
function rowsOf(panel: Panel): { names: string[]; rows: Row[] } {
  const names = [...new Set(panel.series.map((series) => series.key))];
  const rows = panel.series.flatMap((series) => series.points.map((point) => ({ at: names.indexOf(series.key), series, point })));
  return { names, rows };
}

function tip(row: Row): string {
  const { point } = row;
  const range = point.ci ? ` [${short(point.ci[0])}, ${short(point.ci[1])}]` : "";
  return [`${row.series.key}: ${short(point.x, 4)}${range}`, ...(row.series.label ? [row.series.label] : []), ...(point.note ? [point.note] : []), ...(point.runs ? [`run ${point.runs}`] : [])].join("\n");
}

export function drawRows(panel: Panel, width: number, label: string, choice: Choice): SVGSVGElement | HTMLElement {
  const { names, rows } = rowsOf(panel);
  const domain = panel.x.domain ?? [0.1, 10];
  const origin = domain[0] <= 1 && domain[1] >= 1 ? 1 : domain[0];
  const x = (row: Row) => row.point.x;
  const y = (row: Row) => row.at;
  const color = (row: Row) => colorOf(row.series);
  const opacity = (row: Row) => (isEmpty(choice) || !row.point.at || matches(choice, row.point.at) ? 1 : 0.2);
  const withInterval = rows.filter((row) => row.point.ci);
  const measured = rows.filter((row) => row.series.role !== "published");
  const published = rows.filter((row) => row.series.role === "published");
  const compared = panel.reference;
  const symbol = (row: Row) => symbols[row.series.symbol] ?? "circle";
  const single = !compared;
  const inner = kRowHeight * names.length;
  return Plot.plot({
    width, height: inner + 58, marginTop: 8, marginBottom: 40, marginLeft: 10, marginRight: single ? 52 : 14, ariaLabel: label,
    style: { background: "transparent", color: "var(--ink)", fontSize: "11px", overflow: "visible" },
    x: { type: panel.x.log ? "log" : "linear", domain, clamp: true },
    y: { type: "linear", domain: [names.length - 0.5, -0.72], axis: null },
    symbol: { legend: false },
    marks: [
      ...(compared ? [Plot.rect([compared], { x1: (band: [number, number]) => band[0], x2: (band: [number, number]) => band[1], y1: names.length - 0.5, y2: -0.72, fill: "var(--cat-2)", fillOpacity: 0.13 })] : []),
      Plot.gridX({ ticks: ticksOf(panel.x, domain, 5), strokeOpacity: 0.09 }),
      Plot.axisX({ ticks: ticksOf(panel.x, domain, 5), tickFormat: (v: number) => short(v, 5), label: panel.x.label, labelAnchor: "right" }),
      ...(compared ? [Plot.ruleY(names, { y: (_: string, i: number) => i, stroke: "var(--line)", strokeWidth: 0.7 })] : [
        Plot.ruleX(rows, { x: () => origin, y1: (row: Row) => row.at - 0.2, y2: (row: Row) => row.at + 0.2, stroke: "var(--soft)", strokeWidth: 1.5 }),
        Plot.ruleY(rows, { x1: origin, x2: x, y, stroke: color, strokeWidth: 3, strokeOpacity: 0.55 }),
      ]),
      Plot.ruleY(withInterval, { x1: (row: Row) => row.point.ci![0], x2: (row: Row) => row.point.ci![1], y, stroke: color, strokeWidth: single ? 7 : 2, strokeOpacity: single ? 0.35 : 0.8 }),
      Plot.dot(published, { ariaDescription: "published", x, y, r: 5, symbol, fill: "none", stroke: color, strokeWidth: 1.5, strokeOpacity: opacity }),
      Plot.dot(measured, { ariaDescription: "ours", x, y, r: single ? 5 : 4.2, symbol, fill: color, fillOpacity: opacity, stroke: "var(--page)", strokeWidth: 0.8 }),
      ...(single ? [Plot.text(rows, { x, y, dx: 9, text: (row: Row) => short(row.point.x), textAnchor: "start", fontWeight: 600, stroke: "var(--page)", strokeWidth: 3, fill: "var(--ink)" })] : []),
      Plot.text(names, { frameAnchor: "left", y: (_: string, i: number) => i, dy: -15, text: (name: string) => name, textAnchor: "start", fill: "var(--ink)", stroke: "var(--page)", strokeWidth: 3 }),
      Plot.tip(rows, Plot.pointer({ x, y, title: tip, ariaHidden: "true", maxRadius: 60 })),
    ],
  });
}
