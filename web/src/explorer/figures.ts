// SPDX-License-Identifier: Apache-2.0
// The figures of one run, in the form of the page's own.
import type { Run } from "../data/details";
import type { Figure, Panel, Series } from "../data/types";
import { short } from "../palette";
import type { Histogram, Picture } from "../views/picture";

function series(key: string, rest: Partial<Series>): Series {
  return { key, role: "ours", hue: ["neg", 1, 3], symbol: "none", points: [], ...rest };
}

function figure(id: string, title: string, caption: string, panel: Partial<Panel> & Pick<Panel, "x" | "y" | "series">): Figure {
  return { id, title, kind: "xy", caption, panels: [{ title: "", group: "", shown: true, ...panel }] };
}

function bars(histogram: Histogram, key: string, hue: Series["hue"]): Series {
  const step = (histogram.max - histogram.min) / histogram.counts.length;
  const points = histogram.counts.map((count, i) => ({ x: histogram.min + i * step, x2: histogram.min + (i + 1) * step, y: count }));
  return series(key, { symbol: "bars", hue, points: points.filter((point) => point.y > 0) });
}

const rule = (x: number, label: string): Series => series(label, { role: "theory", symbol: "rule", hue: ["ink", 1, 2], label, points: [{ x, y: 0 }] });

export function curveFigure(run: Run): Figure | null {
  const { curve } = run;
  if (!curve || curve.length < 4) return null;
  const points = [];
  for (let i = 0; i + 1 < curve.length; i += 2) if (curve[i + 1] > 0) points.push({ x: curve[i], y: curve[i + 1] });
  return figure("run-curve", "Loss over training", "Batch losses, thinned to about 60 steps evenly in the logarithm.", {
    x: { label: "step", log: true }, y: { label: "loss", log: true }, series: [series("loss", { line: true, symbol: "dot", points })],
  });
}

export function normsFigure(run: Run): Figure | null {
  if (!run.norms) return null;
  const drawn = bars(run.norms, "rows", ["neg", 1, 3]);
  const last = drawn.points.length === 0 ? 1 : drawn.points[drawn.points.length - 1].x2!;
  return figure("run-norms", "Row norms", "Longer than ½: represented; longer than 1: strong.", {
    x: { label: "norm |Wᵢ|", log: false, domain: [0, Math.max(1.1, last)] }, y: { label: "rows", log: false },
    series: [drawn, ...(last > 0.5 ? [rule(0.5, "½")] : []), ...(last > 1 ? [rule(1, "1")] : [])],
  });
}

// m: the width of the run.
export function overlapsFigure(picture: Picture, m: number | null): Figure | null {
  const histogram = picture.overlap_histogram;
  if (!histogram) return null;
  const signed = histogram.min < 0;
  const last = Math.max(...histogram.counts.map((count, i) => (count > 0 ? (i + 1) / histogram.counts.length : 0))) * (histogram.max - histogram.min) + histogram.min;
  return figure("run-overlaps", "Overlaps of represented rows", `${signed ? "Cosines" : "Sizes of the cosines"} of all pairs of rows longer than ½. Random directions in m dimensions have a root mean square of 1/√m = ${short(1 / Math.sqrt(Number(m) || 1))}.`, {
    x: { label: signed ? "cosine of two rows" : "|cosine| of two rows", log: false, domain: signed ? [-1, 1] : [0, Math.max(last, 0.05)] }, y: { label: "pairs", log: false },
    series: [bars(histogram, "pairs", ["pos", 1, 3]), ...(Number(m) > 0 && 1 / Math.sqrt(Number(m)) < last ? [rule(1 / Math.sqrt(Number(m)), "1/√m")] : [])],
  });
}
