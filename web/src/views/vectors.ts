// SPDX-License-Identifier: Apache-2.0
// Rows of W as arrows from the origin, in two or three dimensions; the most frequent features stand out most.
import { short } from "../palette";
import { css, mix, type Pen, type Rgb, SquareCanvas } from "./canvas";
import type { Vectors } from "./picture";

const kSteps = 7;              // of the ordered palette
const kTurn = Math.PI / 24;    // per key
const kDragged = Math.PI;      // over the width of the canvas
const kReach = 22;             // px around an arrow's end that count as pointing at it
const kScales = [0.1, 0.16, 0.25, 0.4, 0.63, 1, 1.25, 1.6, 2, 2.5, 4, 6.3, 10, 16, 25, 40, 63, 100];

interface Shown {
  x: number;  // px
  y: number;
  depth: number;  // -1 (far) .. 1 (near), 0 in two dimensions
}

export class VectorsView {
  private readonly square: SquareCanvas;
  private vectors: Vectors | null = null;
  private shown: Shown[] = [];
  private yaw = 0.6;
  private pitch = 0.45;
  private spin = 0;       // in two dimensions
  private scale = 1.25;   // length that reaches the edge
  private pointed = -1;   // index of the feature named below the picture
  private dragFrom: [number, number] | null = null;

  constructor(place: HTMLElement, private readonly label: string) {
    this.square = new SquareCanvas(place, label, "Arrow keys or dragging turn it, Page Up and Page Down name the features one by one, Home turns it back", (pen) => this.paint(pen));
    const canvas = this.square.canvas;
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("pointerdown", (event) => {
      this.dragFrom = this.square.at(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => { this.dragFrom = null; });
    canvas.addEventListener("pointercancel", () => { this.dragFrom = null; });
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    canvas.addEventListener("pointerleave", () => this.point(-1));
  }

  show(vectors: Vectors): void {
    if (vectors.ranks.length !== this.vectors?.ranks.length || this.flat(vectors) !== this.flat(this.vectors)) this.pointed = -1;
    this.vectors = vectors;
    const longest = Math.max(0, ...vectors.coordinates.map((point) => Math.hypot(...point)));
    const wanted = kScales.find((scale) => scale >= longest * 1.06) ?? longest;
    // Grows at once, shrinks only when most of the picture is empty: so it does not jump while it trains.
    if (wanted > this.scale || wanted < this.scale / 1.5) this.scale = Math.max(wanted, vectors.method === "W itself" ? 1.25 : 0);
    this.square.describe(this.text());
    this.square.say(this.line());
    this.square.redraw();
  }

  // Turns the three-dimensional picture a little; for pages that let it turn by itself.
  turn(radians: number): void {
    this.yaw += radians;
    this.square.redraw();
  }

  private flat(vectors: Vectors | null): boolean {
    return (vectors?.coordinates[0]?.length ?? 2) < 3;
  }

  private text(): string {
    const { ranks, norms } = this.vectors!;
    const long = norms.filter((norm) => norm > 0.5).length;
    return `${this.label}: ${ranks.length} feature vectors in ${this.flat(this.vectors) ? "two" : "three"} dimensions, ${long} of them longer than one half; ` +
      `norms from ${short(Math.min(...norms))} to ${short(Math.max(...norms))}.`;
  }

  private line(): string {
    const { ranks, norms, kept, method } = this.vectors!;
    if (this.pointed >= 0) return `feature ${ranks[this.pointed]}${ranks[this.pointed] === 1 ? " (the most frequent)" : ""}: norm ${short(norms[this.pointed])}`;
    const dimensions = this.flat(this.vectors) ? 2 : 3;
    return method === "W itself" ? `W itself: every row, in its ${dimensions} dimensions`
      : `the first ${ranks.length} rows by rank, along the ${dimensions} directions that hold most of them (${short(100 * kept, 2)} %)`;
  }

  private point(index: number): void {
    if (index === this.pointed || !this.vectors) return;
    this.pointed = index;
    this.square.say(this.line());
    this.square.redraw();
  }

  private moved(event: PointerEvent): void {
    const [x, y] = this.square.at(event);
    if (this.dragFrom) {
      const perPixel = kDragged / this.square.canvas.clientWidth;
      this.rotate((x - this.dragFrom[0]) * perPixel, (y - this.dragFrom[1]) * perPixel);
      this.dragFrom = [x, y];
      return;
    }
    let nearest = -1;
    let least = kReach;
    this.shown.forEach((end, i) => {
      const distance = Math.hypot(end.x - x, end.y - y);
      if (distance < least) [least, nearest] = [distance, i];
    });
    this.point(nearest);
  }

  private key(event: KeyboardEvent): void {
    const turns: Record<string, [number, number]> = { ArrowLeft: [-kTurn, 0], ArrowRight: [kTurn, 0], ArrowUp: [0, -kTurn], ArrowDown: [0, kTurn] };
    const turn = turns[event.key];
    const count = this.vectors?.ranks.length ?? 0;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (turn) this.rotate(...turn);
    else if (event.key === "Home") { [this.yaw, this.pitch, this.spin] = [0.6, 0.45, 0]; this.square.redraw(); }
    else if (event.key === "PageDown" && count) { this.point((this.pointed + 1) % count); this.square.describe(`${this.line()}. ${this.text()}`); }
    else if (event.key === "PageUp" && count) { this.point((this.pointed + count - (this.pointed < 0 ? 0 : 1)) % count); this.square.describe(`${this.line()}. ${this.text()}`); }
    else return;
    event.preventDefault();
  }

  private rotate(across: number, down: number): void {
    if (this.flat(this.vectors)) this.spin += across + down;
    this.yaw += across;
    this.pitch = Math.min(Math.PI / 2, Math.max(-Math.PI / 2, this.pitch + down));
    this.square.redraw();
  }

  // Orthographic: lengths along the screen are true.
  private project(point: number[], size: number): Shown {
    const unit = (size / 2 - 8) / this.scale;
    const [x, y] = point;
    if (point.length < 3) {
      const [c, s] = [Math.cos(this.spin), Math.sin(this.spin)];
      return { x: size / 2 + unit * (c * x - s * y), y: size / 2 - unit * (s * x + c * y), depth: 0 };
    }
    const across = Math.cos(this.yaw) * x + Math.sin(this.yaw) * y;
    const away = -Math.sin(this.yaw) * x + Math.cos(this.yaw) * y;
    const up = Math.cos(this.pitch) * point[2] - Math.sin(this.pitch) * away;
    const near = -(Math.cos(this.pitch) * away + Math.sin(this.pitch) * point[2]);
    return { x: size / 2 + unit * across, y: size / 2 - unit * up, depth: Math.max(-1, Math.min(1, near / this.scale)) };
  }

  private paint({ context, size }: Pen): void {
    if (!this.vectors) return;
    const { coordinates, ranks } = this.vectors;
    const flat = this.flat(this.vectors);
    this.rings(context, size, flat);
    this.shown = coordinates.map((point) => this.project(point, size));
    const order = this.shown.map((_, i) => i).sort((a, b) => this.shown[a].depth - this.shown[b].depth || b - a);  // near and frequent ones last
    const many = coordinates.length > 60;
    const page = this.square.rgb("--page");
    const logs = Math.log(Math.max(2, ranks[ranks.length - 1]));
    for (const i of order) {
      const end = this.shown[i];
      const pure = this.ramp(1 - Math.log(ranks[i]) / logs);
      const color = mix(pure, page, flat ? 0 : 0.3 * (1 - end.depth));
      const chosen = i === this.pointed;
      context.strokeStyle = css(color, chosen ? 1 : many ? 0.55 : 0.85);
      context.fillStyle = css(color);
      context.lineWidth = chosen ? 3 : many ? 1.1 : 1.8;
      context.beginPath();
      context.moveTo(size / 2, size / 2);
      context.lineTo(end.x, end.y);
      context.stroke();
      context.beginPath();
      context.arc(end.x, end.y, chosen ? 6 : many ? 2.6 : 4, 0, 2 * Math.PI);
      context.fill();
      if (chosen) {
        context.strokeStyle = this.square.color("--ink");
        context.lineWidth = 1.5;
        context.stroke();
      }
    }
  }

  // Share 1: the most frequent.
  private ramp(share: number): Rgb {
    const at = Math.min(Math.max(share, 0), 1) * (kSteps - 1);
    const low = Math.min(Math.floor(at), kSteps - 2);
    return mix(this.square.rgb(`--seq-${low}`), this.square.rgb(`--seq-${low + 1}`), at - low);
  }

  // The circle of norm 1, or of a rounder length when 1 is outside; in three dimensions with the equator and a meridian of that sphere.
  private rings(context: CanvasRenderingContext2D, size: number, flat: boolean): void {
    const length = [1, 0.5, 0.2, 0.1, 0.05].find((one) => one <= this.scale) ?? 0.05;
    const radius = (length * (size / 2 - 8)) / this.scale;
    context.strokeStyle = this.square.color("--soft");
    context.lineWidth = 1;
    context.setLineDash([4, 4]);
    context.beginPath();
    context.arc(size / 2, size / 2, radius, 0, 2 * Math.PI);
    context.stroke();
    if (!flat) {
      context.globalAlpha = 0.5;
      for (const great of [(t: number) => [Math.cos(t), Math.sin(t), 0], (t: number) => [Math.cos(t), 0, Math.sin(t)], (t: number) => [0, Math.cos(t), Math.sin(t)]]) {
        context.beginPath();
        for (let k = 0; k <= 72; ++k) {
          const { x, y } = this.project(great((k * Math.PI) / 36).map((value) => value * length), size);
          if (k === 0) context.moveTo(x, y);
          else context.lineTo(x, y);
        }
        context.stroke();
      }
      context.globalAlpha = 1;
    }
    context.setLineDash([]);
    context.fillStyle = this.square.color("--soft");
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "right";
    context.fillText(`dashed: norm ${length}`, size - 4, size - 5);
  }
}
