// SPDX-License-Identifier: Apache-2.0
// A loss curve. Small ones stand in a grid and are drawn again every second.
import * as Plot from "@observablehq/plot";
import { short } from "../palette";

export interface CurveOptions { width: number; height: number; log: boolean; label: string; small?: boolean; steps?: number }

export function drawCurve(curve: [number, number][], { width, height, log, label, small = false, steps }: CurveOptions): SVGSVGElement | HTMLElement {
  const points = curve.filter(([step, loss]) => Number.isFinite(loss) && (!log || (step > 0 && loss > 0)));
  const last = points[points.length - 1];
  const lo = points.reduce((a, [, loss]) => Math.min(a, loss), Infinity);
  const hi = points.reduce((a, [, loss]) => Math.max(a, loss), -Infinity);
  const wide = hi > lo ? [log ? lo * 0.93 : 0, hi * (log ? 1.07 : 1.03)] : [lo * 0.9, hi * 1.1];
  const first = points[0]?.[0] ?? 1;
  const end = Math.max(steps ?? 0, last?.[0] ?? 1);
  const begin = log ? Math.min(first, end / 2) : 0;
  const yTicks = log ? logTicks(wide[0], wide[1], small ? 3 : 6) : small ? 2 : 5;
  const xTicks = log ? logTicks(begin, end, small ? 3 : Math.floor(width / 70)) : small ? 2 : Math.max(3, Math.floor(width / 90));
  const drawing = Plot.plot({
    width, height, ariaLabel: label, marginTop: small ? 6 : 22, marginRight: small ? 6 : 14, marginBottom: small ? 18 : 36, marginLeft: small ? 38 : 52,
    style: { background: "transparent", color: "var(--ink)", fontSize: small ? "10px" : "11px", overflow: "visible" },
    x: { type: log ? "log" : "linear", domain: [begin, end], label: small ? null : "step", labelAnchor: "right" },
    y: { type: log ? "log" : "linear", domain: points.length ? wide : [0.1, 1], label: small ? null : "loss", labelAnchor: "top" },
    marks: [
      Plot.gridY({ strokeOpacity: 0.09, ticks: yTicks }),
      axis(Plot.axisX, xTicks, stepText),
      axis(Plot.axisY, yTicks, (v) => short(v, 2)),
      Plot.line(points, { x: "0", y: "1", stroke: "var(--neg-1)", strokeWidth: small ? 1.4 : 1.8 }),
      ...(last ? [Plot.dot([last], { x: "0", y: "1", r: small ? 2.5 : 3.5, fill: "var(--neg-1)" })] : []),
      ...(small ? [] : [Plot.tip(points, Plot.pointer({ x: "0", y: "1", title: ([step, loss]: [number, number]) => `step ${step}\nloss ${short(loss, 4)}`, maxRadius: 40 }))]),
    ],
  });
  drawing.setAttribute("role", "img");
  // Plot names its marks, which ARIA allows on elements with a role only.
  for (const mark of drawing.querySelectorAll("g[aria-label]")) mark.setAttribute("role", "group");
  return drawing;
}

// Ticks given one by one get their texts one by one: of those on a logarithmic scale d3 would leave some out.
function axis(make: typeof Plot.axisX, ticks: number[] | number, text: (value: number) => string): Plot.Markish {
  return Array.isArray(ticks) ? make(ticks, { text, tickSize: 3 }) : make({ ticks, tickFormat: text, tickSize: 3 });
}

// At most so many of 1, 2, 5 per decade, or of the powers of ten.
function logTicks(lo: number, hi: number, most: number): number[] {
  for (const heads of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]]) {
    const out: number[] = [];
    for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); ++e) {
      for (const head of heads) {
        const tick = Number(`${head}e${e}`);
        if (tick >= lo * 0.9999 && tick <= hi * 1.0001) out.push(tick);
      }
    }
    if (out.length <= most || heads.length === 1) return out.filter((_, k) => k % Math.ceil(out.length / most) === 0);
  }
  return [];
}

function stepText(value: number): string {
  return value >= 1e6 ? `${short(value / 1e6)}M` : value >= 1e3 ? `${short(value / 1e3)}k` : short(value);
}
