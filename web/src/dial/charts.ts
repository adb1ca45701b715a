// SPDX-License-Identifier: Apache-2.0
// The dial's charts, each made anew from what is known. Heights are fixed: nothing moves while they change.
import * as Plot from "@observablehq/plot";
import { short } from "../palette";
import type { Frame } from "./engine";

export interface Seen {  // what the charts over steps remember of each frame
  step: number;
  overlap: number | null;
  all: number | null;
}

const kHeight = 210;
const kMost = 300;  // remembered frames; then every other one is forgotten

export function remember(seen: Seen[], frame: Frame): Seen[] {
  if (frame.step === 0 || frame.diverged || seen[seen.length - 1]?.step === frame.step) return seen;
  const out = [...seen, { step: frame.step, overlap: frame.overlap_mean_square, all: frame.overlap_mean_square_all }];
  return out.length > kMost ? out.filter((_, i) => i % 2 === 1 || i > out.length - 20) : out;
}

// A picture with one text: the names that Plot gives to groups inside are of no use to who hears them.
export function asImage(chart: Element): Element {
  chart.setAttribute("role", "img");
  for (const group of chart.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
  for (const group of chart.querySelectorAll("g[aria-description]")) group.removeAttribute("aria-description");
  return chart;
}

function frameOf(width: number, label: string, extra: Plot.PlotOptions): Element {
  return asImage(Plot.plot({
    width, height: kHeight, marginTop: 24, marginRight: 14, marginBottom: 36, marginLeft: 46, ariaLabel: label,
    style: { background: "transparent", color: "var(--ink)", fontSize: "11px", overflow: "visible" }, ...extra,
  }));
}

const tick = (value: number) => short(value, 5);

// Few ticks on a logarithmic axis: 1-2-5 within a decade or two, powers of ten beyond.
export function logTicks(low: number, high: number): number[] {
  const heads = Math.log10(high / low) > 2.5 ? [1] : Math.log10(high / low) > 1.2 ? [1, 3] : [1, 2, 5];
  const out: number[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); ++e) {
    for (const head of heads) if (head * 10 ** e >= low * 0.999 && head * 10 ** e <= high * 1.001) out.push(Number(`${head}e${e}`));
  }
  return out;
}

const turned = (frame: Frame, low: number): Plot.Markish[] => [
  Plot.ruleX(frame.changes.filter(([step]) => step > low), { x: "0", stroke: "var(--cat-1)", strokeDasharray: "2 3" }),
  Plot.text(frame.changes.filter(([step]) => step > low), {
    x: "0", frameAnchor: "top", text: (change: [number, number]) => `γ ${short(change[1])}`, dy: -2, lineAnchor: "bottom", fontSize: 10, fill: "var(--cat-1)",
  }),
];

export function lossChart(frame: Frame, logarithmic: boolean, width: number): Element {
  const points = frame.curve.filter(([, loss]) => !logarithmic || loss > 0);
  const losses = points.map(([, loss]) => loss);
  const low = losses.length ? Math.min(...losses) : 0.1;
  const high = Math.max(losses.length ? Math.max(...losses) : 1, low * 1.2);
  const y: [number, number] = logarithmic ? [low / 1.1, high * 1.1] : [0, high * 1.05];
  const last = points.length ? `now ${short(points[points.length - 1][1])} at step ${points[points.length - 1][0]}` : "no step yet";
  return frameOf(width, `Loss over training steps, ${logarithmic ? "both axes logarithmic" : "linear"}: ${last}`, {
    x: { type: logarithmic ? "log" : "linear", domain: [logarithmic ? 1 : 0, frame.steps] }, y: { type: logarithmic ? "log" : "linear", domain: y },
    marks: [
      Plot.gridY({ ticks: logarithmic ? logTicks(...y) : 5, strokeOpacity: 0.09 }),
      Plot.axisX({ ticks: logarithmic ? logTicks(1, frame.steps) : Math.max(3, Math.floor(width / 90)), tickFormat: tick, label: "step", labelAnchor: "right" }),
      Plot.axisY({ ticks: logarithmic ? logTicks(...y) : 5, tickFormat: tick, label: "loss", labelAnchor: "top" }),
      ...turned(frame, logarithmic ? 1 : 0),
      Plot.line(points, { x: "0", y: "1", stroke: "var(--cat-0)", strokeWidth: 1.8 }),
      ...(points.length ? [Plot.dot(points.slice(-1), { x: "0", y: "1", r: 3.5, fill: "var(--cat-0)" })] : []),
      Plot.tip(points, Plot.pointerX({ x: "0", y: "1", title: ([step, loss]: [number, number]) => `step ${step}\nloss ${short(loss, 4)}` })),
    ],
  });
}

export function normsChart(frame: Frame, width: number): Element {
  const norms = frame.norms ?? [];
  const rows = norms.map((norm, i) => ({ norm, rank: frame.norm_ranks?.[i] ?? i + 1 }));
  const wide = frame.n > 60;
  const top = Math.max(1.35, ...norms) * 1.03;
  return frameOf(width, `Norms of the rows by rank of the feature: ${frame.phi_half === null ? "diverged" : `${short(100 * frame.phi_half)} % above one half`}`, {
    x: { type: wide ? "log" : "linear", domain: wide ? [1, frame.n] : [0.5, frame.n + 0.5] }, y: { domain: [0, top] },
    marks: [
      Plot.gridY({ ticks: 5, strokeOpacity: 0.09 }),
      Plot.axisX({ ticks: wide ? logTicks(1, frame.n) : Math.min(frame.n, Math.max(3, Math.floor(width / 60))), tickFormat: (v: number) => (Number.isInteger(v) ? tick(v) : ""), label: "rank of the feature", labelAnchor: "right" }),
      Plot.axisY({ ticks: 5, tickFormat: tick, label: "norm of its row", labelAnchor: "top" }),
      Plot.ruleY([0.5, 1], { stroke: "var(--soft)", strokeDasharray: "5 4" }),
      Plot.ruleX(wide ? [] : rows, { x: "rank", y1: 0, y2: "norm", stroke: "var(--neg-3)", strokeWidth: Math.max(1, Math.min(4, (width / frame.n) * 0.25)) }),
      Plot.dot(rows, { x: "rank", y: "norm", r: rows.length > 200 ? 1.6 : 2.6, fill: "var(--neg-2)" }),
      Plot.tip(rows, Plot.pointer({ x: "rank", y: "norm", title: (row: { rank: number; norm: number }) => `feature ${row.rank}\nnorm ${short(row.norm)}`, maxRadius: 20 })),
    ],
  });
}

export function histogramChart(frame: Frame, width: number): Element {
  const { min, max, counts } = frame.norm_histogram ?? { min: 0, max: 1.5, counts: [] };
  const size = (max - min) / Math.max(1, counts.length);
  const most = Math.max(1, ...counts);
  const bins = counts.map((count, i) => ({ x1: min + i * size, x2: min + (i + 1) * size, count }));
  return frameOf(width, "How many rows have which norm", {
    x: { domain: [min, max] }, y: { domain: [0, most] },
    marks: [
      Plot.gridY({ ticks: Math.min(4, most), strokeOpacity: 0.09 }),
      Plot.axisX({ ticks: 5, tickFormat: tick, label: "norm", labelAnchor: "right" }),
      Plot.axisY({ ticks: Math.min(4, most), tickFormat: tick, label: "rows", labelAnchor: "top" }),
      Plot.rectY(bins, { x1: "x1", x2: "x2", y: "count", fill: "var(--neg-2)", fillOpacity: 0.8, insetLeft: 0.25, insetRight: 0.25 }),
      Plot.ruleX([0.5, 1], { stroke: "var(--soft)", strokeDasharray: "5 4" }),
    ],
  });
}

export function overlapChart(frame: Frame, seen: Seen[], width: number): Element {
  const random = frame.random_mean_square;
  const welch = frame.welch_bound_mean_square ?? 0;
  const values = seen.flatMap((one) => [one.overlap, one.all]).filter((value): value is number => value !== null && value > 0);
  const low = Math.min(random / 3, ...(welch > 0 ? [welch / 1.5] : []), ...values);
  const high = Math.max(Math.min(1, random * 3), ...values);
  const y: [number, number] = [Math.max(low, random * 1e-4), high * 1.1];
  const clamp = (value: number) => Math.max(value, y[0]);
  const of = (pick: (one: Seen) => number | null) => seen.filter((one) => pick(one) !== null).map((one) => ({ step: one.step, value: clamp(pick(one)!) }));
  const lines = [{ rows: of((one) => one.all), color: "var(--cat-4)" }, { rows: of((one) => one.overlap), color: "var(--cat-0)" }];
  const levels = [{ value: random, name: "random directions, 1/m" }, ...(welch > 0 ? [{ value: welch, name: "least possible for all rows (Welch)" }] : [])];
  const close = welch > 0 && Math.log(random / welch) < 0.12 * Math.log(y[1] / y[0]);
  const now = frame.overlap_mean_square === null ? "not known" : `${short(frame.overlap_mean_square)}, ${short(frame.overlap_mean_square * frame.m)} times 1/m`;
  return frameOf(width, `Mean square overlap of represented rows over steps: ${now}`, {
    x: { type: "linear", domain: [0, frame.steps] }, y: { type: "log", domain: y },
    marks: [
      Plot.gridY({ ticks: logTicks(...y), strokeOpacity: 0.09 }),
      Plot.axisX({ ticks: Math.max(3, Math.floor(width / 90)), tickFormat: tick, label: "step", labelAnchor: "right" }),
      Plot.axisY({ ticks: logTicks(...y), tickFormat: tick, label: "mean cos²", labelAnchor: "top" }),
      Plot.ruleY(levels, { y: "value", stroke: "var(--soft)", strokeDasharray: "5 4" }),
      ...turned(frame, 0),
      ...lines.flatMap(({ rows, color }) => [
        Plot.line(rows, { x: "step", y: "value", stroke: color, strokeWidth: 1.6 }), Plot.dot(rows.slice(-1), { x: "step", y: "value", r: 3.5, fill: color }),
      ]),
      ...levels.map((level, i) => Plot.text([level], {
        y: "value", frameAnchor: "right", text: "name", textAnchor: "end", dy: i === 1 && close ? 8 : -7, fontSize: 10, fill: "var(--soft)", stroke: "var(--page)", strokeWidth: 3,
      })),
    ],
  });
}
