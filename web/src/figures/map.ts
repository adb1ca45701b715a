// SPDX-License-Identifier: Apache-2.0
// One panel of a map over (γ, α). A cell without a value stays empty.
import * as Plot from "@observablehq/plot";
import { interpolateViridis } from "d3-scale-chromatic";
import { short } from "../palette";
import type { Panel, Point } from "../data/types";
import { type Choice, isEmpty, matches } from "../select/selection";

// Viridis at t is dark below about 0.55: white text there, black above.
const inkOn = (t: number) => (t < 0.55 ? "#fff" : "#000");

const kWidthOfMap = 2;  // coordinate m: a map is drawn at one width, whatever is chosen

export function drawMap(panel: Panel, domain: [number, number], width: number, label: string, choice: Choice): SVGSVGElement | HTMLElement {
  const columns = panel.x.ticks ?? [];
  const rows = [...(panel.y.ticks ?? [])].sort((a, b) => b - a);
  const points = panel.series.flatMap((series) => series.points).filter((point) => typeof point.z === "number");
  const crosses = panel.series.flatMap((series) => series.points).filter((point) => typeof point.z !== "number");
  const share = (point: Point) => Math.min(Math.max(((point.z ?? 0) - domain[0]) / (domain[1] - domain[0]), 0), 1);
  const chosen = points.filter((point) => matches(choice, point.at, kWidthOfMap));
  const faded = !isEmpty(choice) && chosen.length > 0;
  const opacity = (point: Point) => (faded && !chosen.includes(point) ? 0.35 : 1);
  const marginLeft = 42;
  const cellWidth = (width - marginLeft - 4) / Math.max(columns.length, 1);
  const cellHeight = Math.min(Math.max(cellWidth * 0.62, 15), 24);
  const near = (grid: number[], value: number) => grid.reduce((a, b) => (Math.abs(b - value) < Math.abs(a - value) ? b : a), grid[0]);
  const x = (point: Point) => near(columns, point.x);
  const y = (point: Point) => near(rows, point.y ?? 0);
  const holes = columns.flatMap((column) => rows.map((row) => ({ x: column, y: row })));
  const tip = (point: Point) => [
    `γ = ${short(point.x)}, α = ${short(point.y ?? NaN, 4)}`,
    ...(typeof point.z === "number" ? [`${short(point.z)}${point.ci ? ` [${short(point.ci[0])}, ${short(point.ci[1])}]` : ""}`] : []),
    ...(point.note ? [point.note] : []), ...(point.runs ? [`run ${point.runs}`] : []),
  ].join("\n");
  return Plot.plot({
    width, height: cellHeight * rows.length + 64, marginLeft, marginBottom: 40, marginTop: 24, marginRight: 4, ariaLabel: label, padding: 0,
    style: { background: "transparent", color: "var(--ink)", fontSize: "11px", overflow: "visible" },
    x: { type: "band", domain: columns, padding: 0 },
    y: { type: "band", domain: rows, padding: 0 },
    marks: [
      Plot.axisX({ tickFormat: (v: number) => short(v, 2), label: panel.x.label, labelAnchor: "right", tickSize: 0, ticks: columns.filter((_, i) => cellWidth > 38 || i % 2 === 0) }),
      Plot.axisY({ tickFormat: (v: number) => short(v, 4), label: panel.y.label, labelAnchor: "top", tickSize: 0, ticks: rows.filter((row) => rows.length <= 10 || Math.abs(row * 4 - Math.round(row * 4)) < 1e-9) }),
      Plot.cell(holes, { x: "x", y: "y", fill: "none", stroke: "var(--line)", strokeWidth: 0.6, inset: 0.5 }),
      Plot.cell(points, { ariaDescription: "cells", x, y, fillOpacity: opacity, fill: (point: Point) => interpolateViridis(share(point)), inset: 0.5 }),
      Plot.text(points, { x, y, text: (point: Point) => (point.z ?? NaN).toFixed(2).replace("-", "−").replace(/^(−?)0\./, "$1."), fill: (point: Point) => (opacity(point) < 1 ? "var(--ink)" : inkOn(share(point))), fontSize: cellWidth < 30 ? 8.5 : 10 }),
      Plot.dot(crosses, { x, y, symbol: "times", r: 4, stroke: "var(--ink)", strokeWidth: 1.6 }),
      Plot.cell(faded ? chosen : [], { ariaDescription: "chosen", x, y, fill: "none", stroke: "var(--ink)", strokeWidth: 2.2, inset: -0.5 }),
      Plot.tip([...points, ...crosses], Plot.pointer({ x, y, title: tip, ariaHidden: "true" })),
    ],
  });
}

// The scale of a map's colours.
export function drawRamp(label: string, domain: [number, number]): HTMLElement {
  const ramp = document.createElement("div");
  ramp.className = "ramp";
  const stops = Array.from({ length: 11 }, (_, i) => interpolateViridis(i / 10)).join(", ");
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.style.background = `linear-gradient(to right, ${stops})`;
  ramp.append(`${label}  ${short(domain[0], 2)} `, bar, ` ${short(domain[1], 2)}`);
  return ramp;
}
