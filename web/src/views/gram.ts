// SPDX-License-Identifier: Apache-2.0
// W Wᵀ of the most frequent features as a picture: blue below 0, orange above, as pale as it is small.
import { short } from "../palette";
import { css, mix, type Pen, type Rgb, SquareCanvas } from "./canvas";
import type { Gram } from "./picture";

const kFrame = 18;  // px for the ranks at the left and above
const kRight = 5;   // px, half of the last rank
const kMoves: Record<string, [number, number]> = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class GramView {
  private readonly square: SquareCanvas;
  private readonly scale = document.createElement("div");
  private gram: Gram | null = null;
  private chosen: [row: number, column: number] | null = null;

  constructor(place: HTMLElement, private readonly label: string) {
    this.square = new SquareCanvas(place, label, "Arrow keys read the cells one by one", (pen) => this.paint(pen));
    const canvas = this.square.canvas;
    canvas.addEventListener("pointermove", (event) => this.choose(this.cell(...this.square.at(event))));
    canvas.addEventListener("pointerleave", () => this.choose(null));
    canvas.addEventListener("keydown", (event) => this.key(event));
    place.append(this.ramp());
  }

  show(gram: Gram): void {
    if (gram.size !== this.gram?.size) this.chosen = null;
    this.gram = gram;
    this.square.describe(this.text());
    this.square.say(this.line());
    this.square.redraw();
  }

  private value(row: number, column: number): number {
    return this.gram!.values[row * this.gram!.size + column];
  }

  // Root mean square off the diagonal.
  private spread(): number {
    const { size } = this.gram!;
    let sum = 0;
    for (let i = 0; i < size; ++i) for (let j = 0; j < size; ++j) sum += i === j ? 0 : this.value(i, j) ** 2;
    return size > 1 ? Math.sqrt(sum / (size * (size - 1))) : 0;
  }

  private text(): string {
    const { size } = this.gram!;
    const diagonal = Array.from({ length: size }, (_, i) => this.value(i, i));
    return `${this.label}: ${size} by ${size} products of the most frequent features. Diagonal (squared norms) from ${short(Math.min(...diagonal))} to ` +
      `${short(Math.max(...diagonal))}; off the diagonal ${short(this.spread())} root mean square.`;
  }

  private line(): string {
    if (!this.chosen) return `W_i·W_j of the ${this.gram!.size} most frequent features; ${short(this.spread(), 2)} r.m.s. off the diagonal`;
    const [row, column] = this.chosen;
    const product = short(this.value(row, column));
    return row === column ? `feature ${row + 1}: squared norm ${product}` : `features ${row + 1} and ${column + 1}: W_i·W_j = ${product}`;
  }

  private choose(cell: [number, number] | null): void {
    if (!this.gram || (cell?.[0] === this.chosen?.[0] && cell?.[1] === this.chosen?.[1])) return;
    this.chosen = cell;
    this.square.say(this.line());
    this.square.redraw();
  }

  private key(event: KeyboardEvent): void {
    const move = kMoves[event.key];
    if (!move || !this.gram || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const last = this.gram.size - 1;
    const step = (at: number, by: number) => Math.min(Math.max(at + by, 0), last);
    this.choose(this.chosen ? [step(this.chosen[0], move[0]), step(this.chosen[1], move[1])] : [0, 0]);
    this.square.describe(`${this.line()}. ${this.text()}`);
  }

  private cell(x: number, y: number): [number, number] | null {
    if (!this.gram) return null;
    const side = (this.square.canvas.clientWidth - kFrame - kRight) / this.gram.size;
    const row = Math.floor((y - kFrame) / side);
    const column = Math.floor((x - kFrame) / side);
    const inside = (at: number) => at >= 0 && at < this.gram!.size;
    return inside(row) && inside(column) ? [row, column] : null;
  }

  private colorOf(value: number, ends: { below: Rgb; zero: Rgb; above: Rgb }): Rgb {
    const size = Math.min(1, Math.abs(value));
    return mix(ends.zero, value < 0 ? ends.below : ends.above, Math.pow(size, 0.6));
  }

  private paint({ context, size }: Pen): void {
    if (!this.gram) return;
    const count = this.gram.size;
    const side = (size - kFrame - kRight) / count;
    const ends = { below: this.square.rgb("--neg-1"), zero: this.square.rgb("--panel"), above: this.square.rgb("--pos-2") };
    const edge = (k: number) => kFrame + k * side;
    const ratio = context.getTransform().a;
    const crisp = (at: number) => Math.round(at * ratio) / ratio;  // no seams between cells
    for (let i = 0; i < count; ++i) {
      for (let j = 0; j < count; ++j) {
        context.fillStyle = css(this.colorOf(this.value(i, j), ends));
        context.fillRect(crisp(edge(j)), crisp(edge(i)), crisp(edge(j + 1)) - crisp(edge(j)), crisp(edge(i + 1)) - crisp(edge(i)));
      }
    }
    this.ranks(context, edge, count);
    if (this.chosen) {
      context.strokeStyle = this.square.color("--ink");
      context.lineWidth = 2;
      context.strokeRect(edge(this.chosen[1]), edge(this.chosen[0]), side, side);
    }
  }

  private ranks(context: CanvasRenderingContext2D, edge: (k: number) => number, count: number): void {
    context.fillStyle = this.square.color("--soft");
    context.font = "10px system-ui, sans-serif";
    context.textBaseline = "middle";
    const ticks = count <= 6 ? Array.from({ length: count }, (_, i) => i + 1) : [1, ...[5, 10, 20, 30, 40].filter((rank) => rank <= count && (count <= 20 || rank !== 5))];
    for (const rank of ticks) {
      const middle = (edge(rank - 1) + edge(rank)) / 2;
      context.textAlign = "center";
      context.fillText(String(rank), middle, kFrame / 2);
      context.textAlign = "right";
      context.fillText(String(rank), kFrame - 4, middle);
    }
  }

  private ramp(): HTMLElement {
    const bar = document.createElement("span");
    const stops = [-1, -0.6, -0.3, -0.1, 0, 0.1, 0.3, 0.6, 1].map((value) => {
      const share = Math.round(100 * Math.pow(Math.abs(value), 0.6));
      return `color-mix(in srgb, var(${value < 0 ? "--neg-1" : "--pos-2"}) ${share}%, var(--panel)) ${(value + 1) * 50}%`;
    });
    Object.assign(bar.style, { display: "inline-block", width: "min(140px, 40%)", height: "0.8em", margin: "0 0.5em", verticalAlign: "-0.08em", border: "1px solid var(--line)" });
    bar.style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
    bar.setAttribute("aria-hidden", "true");
    Object.assign(this.scale.style, { fontSize: "0.82rem" });
    this.scale.append("−1", bar, "1");
    return this.scale;
  }
}
