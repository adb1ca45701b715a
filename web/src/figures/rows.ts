// SPDX-License-Identifier: Apache-2.0
// One value per named row, as a line from 1 (the reference) to a dot. The name stands above its line: long names fit a phone.
import * as Plot from "@observablehq/plot";
import { ticksOf } from "./axes";
import { colorOf, short } from "../palette";
import type { Panel, Point, Series } from "../data/types";

const kRowHeight = 34;

interface Row {
  at: number;
  series: Series;
  point: Point;
}

export function drawRows(panel: Panel, width: number, label: string): SVGSVGElement | HTMLElement {
  const rows: Row[] = panel.series.flatMap((series, at) => series.points.map((point) => ({ at, series, point })));
  const domain = panel.x.domain ?? [0.1, 10];
  const origin = domain[0] <= 1 && domain[1] >= 1 ? 1 : domain[0];
  const x = (row: Row) => row.point.x;
  const y = (row: Row) => row.at;
  const color = (row: Row) => colorOf(row.series);
  const withInterval = rows.filter((row) => row.point.ci);
  const tip = (row: Row) => [`${row.series.key}: ${short(row.point.x, 4)}`, ...(row.point.note ? [row.point.note] : [])].join("\n");
  return Plot.plot({
    width, height: kRowHeight * panel.series.length + 58, marginTop: 8, marginBottom: 40, marginLeft: 8, marginRight: 52, ariaLabel: label,
    style: { background: "transparent", color: "var(--ink)", fontSize: "11px", overflow: "visible" },
    x: { type: panel.x.log ? "log" : "linear", domain, clamp: true },
    y: { type: "linear", domain: [panel.series.length - 0.5, -0.72], axis: null },
    marks: [
      Plot.gridX({ ticks: ticksOf(panel.x, domain, 5), strokeOpacity: 0.09 }),
      Plot.axisX({ ticks: ticksOf(panel.x, domain, 5), tickFormat: (v: number) => short(v, 5), label: panel.x.label, labelAnchor: "right" }),
      Plot.ruleX(rows, { x: () => origin, y1: (row: Row) => row.at - 0.2, y2: (row: Row) => row.at + 0.2, stroke: "var(--soft)", strokeWidth: 1.5 }),
      Plot.ruleY(rows, { x1: origin, x2: x, y, stroke: color, strokeWidth: 3, strokeOpacity: 0.55 }),
      Plot.ruleY(withInterval, { x1: (row: Row) => row.point.ci![0], x2: (row: Row) => row.point.ci![1], y, stroke: color, strokeWidth: 7, strokeOpacity: 0.35 }),
      Plot.dot(rows, { x, y, r: 5, fill: color, stroke: "var(--page)", strokeWidth: 0.8 }),
      Plot.text(rows, { x, y, dx: 9, text: (row: Row) => short(row.point.x), textAnchor: "start", fontWeight: 600, stroke: "var(--page)", strokeWidth: 3, fill: "var(--ink)" }),
      Plot.text(rows, { frameAnchor: "left", y, dy: -15, text: (row: Row) => row.series.key, textAnchor: "start", fill: "var(--ink)", stroke: "var(--page)", strokeWidth: 3 }),
      Plot.tip(rows, Plot.pointer({ x, y, title: tip, maxRadius: 60 })),
    ],
  });
}
