// SPDX-License-Identifier: Apache-2.0
// A square canvas that is sharp on any screen, keeps its size while it is redrawn, and is drawn again when its place or the theme changes.
export type Rgb = [red: number, green: number, blue: number];

export interface Pen {
  context: CanvasRenderingContext2D;  // in CSS pixels
  size: number;                       // side of the square, CSS pixels
}

export class SquareCanvas {
  readonly canvas: HTMLCanvasElement;
  private readonly note: HTMLElement;
  private readonly colors = new Map<string, string>();
  private asked = 0;
  private size = 0;

  // keys: what the arrow keys do, for those who hear the page.
  constructor(place: HTMLElement, label: string, keys: string, private readonly paint: (pen: Pen) => void) {
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    this.canvas.setAttribute("aria-description", keys);
    this.canvas.title = keys;
    Object.assign(this.canvas.style, { display: "block", width: "100%", aspectRatio: "1", touchAction: "pan-y" });
    this.note = document.createElement("p");
    Object.assign(this.note.style, { margin: "0.2rem 0 0", minHeight: "3em", lineHeight: "1.5", fontSize: "0.82rem", color: "var(--soft)" });
    place.replaceChildren(this.canvas, this.note);
    new ResizeObserver(() => this.redraw()).observe(this.canvas);
    const forget = () => { this.colors.clear(); this.redraw(); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forget);
    new MutationObserver(forget).observe(document.documentElement, { attributes: true, attributeFilter: ["class", "style", "data-theme"] });
  }

  // The line below the picture; two lines of it are always there, so that nothing moves.
  say(text: string): void {
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  describe(text: string): void {
    this.canvas.setAttribute("aria-label", text);
  }

  // Once per frame at most, however often it is asked; not while the page is hidden.
  redraw(): void {
    if (this.asked === 0) this.asked = requestAnimationFrame(() => { this.asked = 0; this.draw(); });
  }

  private draw(): void {
    this.size = this.canvas.clientWidth;
    const context = this.canvas.getContext("2d");
    if (!context || this.size <= 0) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    const pixels = Math.round(this.size * ratio);
    if (this.canvas.width !== pixels) this.canvas.width = this.canvas.height = pixels;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.size, this.size);
    this.paint({ context, size: this.size });
  }

  // Where the pointer is, in CSS pixels from the top left of the canvas.
  at(event: MouseEvent): [number, number] {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  // A custom property of the page's style sheet, as it is in the present theme.
  color(name: string): string {
    let value = this.colors.get(name);
    if (value === undefined) {
      value = getComputedStyle(this.canvas).getPropertyValue(name).trim() || "#888";
      this.colors.set(name, value);
    }
    return value;
  }

  rgb(name: string): Rgb {
    let hex = this.color(name).replace("#", "");
    if (hex.length === 3) hex = [...hex].map((digit) => digit + digit).join("");
    return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Rgb;
  }
}

export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return a.map((value, i) => Math.round(value + (b[i] - value) * share)) as Rgb;
}

export const css = ([red, green, blue]: Rgb, alpha = 1): string => `rgba(${red}, ${green}, ${blue}, ${alpha})`;
