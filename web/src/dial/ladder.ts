// SPDX-License-Identifier: Apache-2.0
// Several widths trained one after the other, and what came of them against m, while it comes.
import * as Plot from "@observablehq/plot";
import { short } from "../palette";
import { asImage, logTicks } from "./charts";
import type { Dial } from "./dial";
import { make } from "./dom";
import type { Frame } from "./engine";
import type { Settings } from "./settings";

const kHeight = 230, kTop = 22, kBottom = 38;  // px of a chart
const kLabel = 13;                              // px between names at the ends of lines

export interface Rung {
  series: string;
  color: string;  // a custom property of page.css
  settings: Partial<Settings>;
}

interface Point {
  series: string;
  color: string;
  m: number;
  loss: number;
  overlap: number | null;
}

export interface LadderOptions {
  overlap: boolean;      // a second chart: overlap against 1/m
  fit: boolean;          // exponents of the loss, by series
  vertical?: { m: number; label: string };
}

// −slope of ln y over ln m.
export function exponent(points: { m: number; value: number }[]): number {
  const xs = points.map(({ m }) => Math.log(m));
  const ys = points.map(({ value }) => Math.log(value));
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const square = xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
  return -xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i] - my), 0) / square;
}

export class Ladder {
  readonly element = make("div", { class: "ladder" });
  private readonly charts = make("div", { class: "ladder-charts" });
  private readonly words = make("p", { role: "status" });
  private points: Point[] = [];

  constructor(private readonly rungs: Rung[], private readonly options: LadderOptions) {
    this.element.append(this.charts, this.words);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  // Trains them all; stops when somebody does something else with the dial, or `here` says that the tour went on.
  async climb(dial: Dial, here: () => boolean): Promise<void> {
    this.points = [];
    for (const [i, rung] of this.rungs.entries()) {
      this.words.textContent = `Training ${i + 1} of ${this.rungs.length}: ${rung.series}, m = ${rung.settings.dim} …`;
      this.draw();
      const frame = await dial.finish(rung.settings);
      if (!frame || !here()) {
        this.words.textContent = "Stopped before the last one: “Show me” starts over.";
        return;
      }
      this.add(rung, frame);
    }
    this.words.textContent = this.verdict();
    this.draw();
  }

  private add(rung: Rung, frame: Frame): void {
    const loss = frame.eval_loss ?? frame.loss;
    if (loss !== null && loss > 0) this.points.push({ series: rung.series, color: rung.color, m: frame.m, loss, overlap: frame.overlap_mean_square });
  }

  private of(series: string): Point[] {
    return this.points.filter((point) => point.series === series);
  }

  private names(): string[] {
    return [...new Set(this.rungs.map(({ series }) => series))];
  }

  private verdict(): string {
    const says = this.names().map((name) => {
      const points = this.of(name);
      if (points.length < 3) return "";
      const loss = exponent(points.map(({ m, loss: value }) => ({ m, value })));
      const known = points.filter(({ overlap }) => overlap !== null && overlap > 0);
      const overlap = this.options.overlap && known.length > 2 ? `, overlap ∝ m^−${short(exponent(known.map(({ m, overlap: value }) => ({ m, value: value! }))))}` : "";
      return `${this.names().length > 1 ? `${name}: ` : ""}loss ∝ m^−${short(loss)}${overlap}`;
    });
    return this.options.fit ? `Measured just now (one seed, short runs): ${says.filter(Boolean).join("; ")}.` : "Measured just now, one seed, short runs.";
  }

  private draw(): void {
    const whole = Math.floor(this.element.clientWidth);
    if (whole <= 0) return;
    const both = this.options.overlap && whole > 560;
    const width = Math.min(this.options.overlap ? 420 : 560, both ? Math.floor((whole - 24) / 2) : whole);
    const charts = [this.chart("loss", width)];
    if (this.options.overlap) charts.unshift(this.chart("overlap", width));
    this.charts.replaceChildren(...charts);
  }

  private chart(what: "loss" | "overlap", width: number): Element {
    const points = this.points.filter((point) => (point[what] ?? 0) > 0).map((point) => ({ ...point, y: point[what]! }));
    const widths = [...new Set(this.rungs.map(({ settings }) => settings.dim!))].sort((a, b) => a - b);
    const x: [number, number] = [widths[0] / 1.25, widths[widths.length - 1] * 1.25];
    const guide = this.guide(what, points, widths);
    const values = [...points.map(({ y }) => y), ...guide.map(({ y }) => y)];
    const y: [number, number] = values.length ? [Math.min(...values) / 1.4, Math.max(...values) * 1.4] : [0.01, 1];
    const label = what === "loss" ? "loss" : "mean cos²";
    const ends = this.names().length > 1 ? this.labels(what, y) : [];
    const rule = this.options.vertical && what === "loss" ? [this.options.vertical] : [];
    return asImage(Plot.plot({
      width, height: kHeight, marginTop: kTop, marginBottom: kBottom, marginLeft: 46, marginRight: this.names().length > 1 ? 118 : 16,
      ariaLabel: `${label} against the width m, both logarithmic: ${points.map((point) => `${point.series}, m = ${point.m}: ${short(point.y)}`).join("; ") || "nothing yet"}`,
      style: { background: "transparent", color: "var(--ink)", fontSize: "11px", overflow: "visible" },
      x: { type: "log", domain: x }, y: { type: "log", domain: y },
      marks: [
        Plot.gridY({ ticks: logTicks(...y), strokeOpacity: 0.09 }),
        Plot.axisX({ ticks: widths, tickFormat: String, label: "width m", labelAnchor: "right" }),
        Plot.axisY({ ticks: logTicks(...y), tickFormat: (value: number) => short(value), label, labelAnchor: "top" }),
        Plot.line(guide, { x: "m", y: "y", stroke: "var(--soft)", strokeDasharray: "5 4" }),
        Plot.text(guide.slice(0, 1), { x: "m", y: "y", text: () => (what === "overlap" ? "1/m" : "slope −1"), dy: -9, dx: 4, textAnchor: "start", fill: "var(--soft)", fontStyle: "italic" }),
        Plot.ruleX(rule, { x: "m", stroke: "var(--cat-1)", strokeDasharray: "2 3" }),
        Plot.text(rule, { x: "m", frameAnchor: "top", text: "label", textAnchor: "end", dx: -4, fill: "var(--cat-1)" }),
        Plot.line(points, { x: "m", y: "y", z: "series", stroke: (point: Point) => `var(${point.color})`, strokeWidth: 1.6 }),
        Plot.dot(points, { x: "m", y: "y", r: 4, fill: (point: Point) => `var(${point.color})` }),
        ...ends.map((end) => Plot.text([end], { x: "m", y: "y", text: "series", textAnchor: "start", dx: 8, dy: end.shift, fill: `var(${end.color})` })),
        Plot.tip(points, Plot.pointer({ x: "m", y: "y", title: (point: Point & { y: number }) => `${point.series}\nm = ${point.m}: ${short(point.y)}`, maxRadius: 24 })),
      ],
    }));
  }

  // Names at the ends of the lines, pushed apart where they would cover each other.
  private labels(what: "loss" | "overlap", [low, high]: [number, number]): (Point & { y: number; shift: number })[] {
    const pixels = (value: number) => (kHeight - kTop - kBottom) * (Math.log(high / value) / Math.log(high / low));
    const ends = this.names().flatMap((name) => this.of(name).slice(-1)).map((point) => ({ ...point, y: point[what] ?? low, shift: 0 })).sort((a, b) => b.y - a.y);
    let free = -Infinity;
    for (const end of ends) {
      const at = Math.max(pixels(end.y), free);
      end.shift = at - pixels(end.y);
      free = at + kLabel;
    }
    return ends;
  }

  // 1/m itself for the overlap; for the loss a line of that slope through the first point.
  private guide(what: "loss" | "overlap", points: { m: number; y: number }[], widths: number[]): { m: number; y: number }[] {
    if (what === "overlap") return widths.map((m) => ({ m, y: 1 / m }));
    if (!points.length) return [];
    const top = points.reduce((a, b) => (b.y > a.y ? b : a));
    return widths.map((m) => ({ m, y: (top.y * top.m) / m }));
  }
}
