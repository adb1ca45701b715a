// SPDX-License-Identifier: Apache-2.0
import type { Axis, Panel, Point } from "../data/types";

const finite = (value: number | null | undefined): value is number => typeof value === "number" && Number.isFinite(value);

function valuesOf(panel: Panel, pick: (point: Point) => (number | null | undefined)[], axis: Axis): number[] {
  const out: number[] = [];
  for (const series of panel.series) {
    for (const point of series.points) {
      for (const value of pick(point)) if (finite(value) && (!axis.log || value > 0)) out.push(value);
    }
  }
  return out;
}

// The drawn range: the data with a margin (on a log axis the margin is a factor), never inverted or empty. Intervals
// count too, but one huge interval may not flatten everything: it is cut at the axis.
export function domainOf(panel: Panel, which: "x" | "y"): [number, number] {
  const axis = panel[which];
  if (axis.domain) return axis.domain;
  const values = valuesOf(panel, (point) => (which === "x" ? [point.x, point.x2] : [point.y]), axis);
  if (values.length === 0) return axis.log ? [1, 10] : [0, 1];
  let lo = Math.min(...values);
  let hi = Math.max(...values);
  if (which === "y") {
    const room = axis.log ? 2 : 0.5 * (hi - lo || Math.abs(hi) || 1);
    for (const value of valuesOf(panel, (point) => point.ci ?? [], axis)) {
      lo = Math.min(lo, Math.max(value, axis.log ? lo / room : lo - room));
      hi = Math.max(hi, Math.min(value, axis.log ? hi * room : hi + room));
    }
  }
  if (axis.log) {
    const margin = Math.pow(hi / lo || 1, 0.05) * (hi === lo ? 1.5 : 1.02);
    return [lo / margin, hi * margin];
  }
  const margin = 0.05 * (hi - lo || Math.abs(hi) || 1);
  return [lo >= 0 && lo < 0.3 * hi && which === "y" ? 0 : lo - margin, hi + margin];
}

// Ticks a reader can read: the given ones that fit, or 1-2-5 per decade on a log axis, about `count` on a linear one.
export function ticksOf(axis: Axis, domain: [number, number], count: number): number[] | number {
  const slack = 1e-9 * (axis.log ? domain[0] : domain[1] - domain[0]);
  const inside = (value: number) => value >= domain[0] - slack && value <= domain[1] * (axis.log ? 1 + 1e-9 : 1) + slack;
  if (axis.ticks && axis.ticks.length > 0) {
    const given = axis.ticks.filter(inside);
    return given.length <= 8 ? given : given.filter((_, i) => i % Math.ceil(given.length / 6) === 0);
  }
  if (!axis.log) return count;
  const decades = Math.log10(domain[1] / domain[0]);
  const heads = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
  const out: number[] = [];
  for (let e = Math.floor(Math.log10(domain[0])); e <= Math.ceil(Math.log10(domain[1])); ++e) {
    for (const head of heads) {
      const value = Number(`${head}e${e}`);
      if (inside(value)) out.push(value);
    }
  }
  return out;
}
