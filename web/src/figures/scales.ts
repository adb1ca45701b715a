// SPDX-License-Identifier: Apache-2.0
// Log or linear: what a reader may choose for the axes of a figure.
import type { Axis, Figure, Panel } from "../data/types";

export type Scale = "log" | "linear" | null;  // null: as the figure wants it

export interface Scales {
  x: Scale;
  y: Scale;
}

const kSpan = 1.5;  // a log axis over less than this factor would have no ticks

function values(panel: Panel, which: "x" | "y"): number[] {
  const out: number[] = [];
  for (const series of panel.series) {
    for (const point of series.points) {
      if (which === "x") out.push(point.x, ...(point.x2 === undefined ? [] : [point.x2]));
      else if (point.y !== null && series.symbol !== "rule" && series.symbol !== "shade") out.push(point.y);
    }
  }
  return out;
}

export function canBeLog(panel: Panel, which: "x" | "y"): boolean {
  const all = values(panel, which);
  return all.length > 0 && Math.min(...all) > 0 && Math.max(...all) / Math.min(...all) > kSpan;
}

export function figureCanBeLog(figure: Figure, which: "x" | "y"): boolean {
  return figure.panels.some((panel) => panel.series.length > 0 && canBeLog(panel, which));
}

function changed(panel: Panel, which: "x" | "y", scale: Scale): Axis {
  const axis = panel[which];
  if (scale === null || axis.log === (scale === "log") || (scale === "log" && !canBeLog(panel, which))) return axis;
  // Ticks and range were chosen for the other scale.
  return { label: axis.label, log: scale === "log", ticks: which === "x" ? axis.ticks?.filter((tick) => scale !== "log" || tick > 0) : undefined };
}

export function scaled(panel: Panel, scales: Scales): Panel {
  return { ...panel, x: changed(panel, "x", scales.x), y: changed(panel, "y", scales.y) };
}
