// SPDX-License-Identifier: Apache-2.0
// A figure in its place: controls, legend, panels; drawn again when width, choice or scales change.
import { element } from "../dom";
import type { Figure, Panel, Point, Words } from "../data/types";
import { saveButtons } from "../export/save";
import { type Choice, concerns, kNobody, type Selection } from "../select/selection";
import { chooser, chosen } from "./chooser";
import { legend, rowsLegend } from "./legend";
import { drawMap, drawRamp } from "./map";
import { drawRows } from "./rows";
import { scaled, type Scales } from "./scales";
import { scaleButtons, seedsButton } from "./switches";
import { drawXy, plainLook, type Row } from "./xy";

const kGap = 16;
const kPanelWidth = { xy: 300, map: 330, rows: 280 };
const kWidest = 560;
const kAhead = "600px";  // how far from the screen a figure is kept up to date

function columnsFor(width: number, count: number, least: number): number {
  const fit = Math.max(1, Math.floor((width + kGap) / (least + kGap)));
  if (count <= fit) return count;
  return count === 4 && fit === 3 ? 2 : fit;
}

function describe(figure: Figure, panel: Panel): string {
  const what = figure.kind === "rows" ? panel.x.label : `${panel.y.label} against ${panel.x.label}`;
  return `${figure.title}${panel.title ? `, ${panel.title}` : ""}: ${what}. The numbers are in the table below the figure.`;
}

// What a pointed-at mark holds: a point of a map, a row of a plot, or a row of rows.
type Pointed = (Point & Partial<Row>) | { point: Point } | null | undefined;

export class MountedFigure {
  private readonly panelsAt = element("div", "panels");
  private readonly legendAt = element("div", "keys");
  private readonly select: HTMLSelectElement | null;
  private readonly scales: Scales = { x: null, y: null };
  private seeds = false;
  private drawnAt = 0;
  private near = true;
  private stale = false;

  constructor(readonly figure: Figure, readonly place: HTMLElement, private readonly words?: Words, private readonly selection?: Selection) {
    this.select = chooser(figure, () => this.draw(true));
    const tools = element("div", "tools");
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", `tools of ${figure.title}`);
    if (this.select) {
      const label = element("label", "chooser", "Panels: ");
      label.append(this.select);
      tools.append(label);
    }
    if (figure.kind === "xy") tools.append(...scaleButtons(figure, this.scales, () => this.draw(true)));
    const seeds = seedsButton(figure, (on) => { this.seeds = on; this.draw(true); });
    if (seeds) tools.append(seeds);
    tools.append(saveButtons(figure, place));
    place.replaceChildren(tools, this.legendAt, this.panelsAt);
    this.draw();
    // On paper the style sheet scales what the screen had.
    new ResizeObserver(() => { if (!matchMedia("print").matches) this.draw(); }).observe(place);
    if (selection) {
      new IntersectionObserver(([entry]) => { this.near = entry.isIntersecting; if (this.near && this.stale) this.draw(true); }, { rootMargin: kAhead }).observe(place);
      selection.listen(() => { if (this.near) this.draw(true); else this.stale = true; });
      addEventListener("beforeprint", () => { if (this.stale) this.draw(true); });
    }
  }

  private draw(force = false): void {
    const { figure } = this;
    const width = Math.floor(this.place.clientWidth);
    if (width <= 0 || (!force && width === this.drawnAt)) return;
    this.drawnAt = width;
    this.stale = false;
    const panels = chosen(figure, this.select?.value ?? "overview").filter((panel) => panel.series.length > 0 || figure.kind === "map");
    const columns = columnsFor(width, panels.length, kPanelWidth[figure.kind]);
    const widest = figure.kind === "map" ? 560 : panels.length === 1 ? (figure.kind === "rows" ? 760 : 640) : kWidest;
    const each = Math.min(Math.floor((width - kGap * (columns - 1)) / columns), widest);
    this.panelsAt.style.gridTemplateColumns = `repeat(${columns}, ${each}px)`;
    this.panelsAt.dataset.count = String(panels.length === 1 ? 1 : panels.length === 3 || panels.length > 4 ? 3 : 2);
    this.panelsAt.replaceChildren(...panels.map((panel) => this.box(panel, each)));
    const domain = figure.color?.domain ?? [0, 1];
    this.legendAt.replaceChildren(...(figure.kind === "map" ? [drawRamp(figure.color?.label ?? "", domain)] : figure.kind === "rows" ? rowsLegend(panels) : [legend(panels)]));
  }

  private choice(): Choice {
    return this.selection && concerns(this.selection.choice, this.figure) ? this.selection.choice : kNobody;
  }

  private box(panel: Panel, width: number): HTMLElement {
    const { figure } = this;
    const box = element("div", "panel");
    if (panel.title) box.append(element("h4", "", panel.title));
    const label = describe(figure, panel);
    const look = { words: this.words ?? plainLook.words, choice: this.choice(), seeds: this.seeds };
    const drawing = figure.kind === "map" ? drawMap(panel, figure.color?.domain ?? [0, 1], width, label, look.choice)
      : figure.kind === "rows" ? drawRows(panel, width, label, look.choice)
      : drawXy(scaled(panel, this.scales), width, label, look);
    drawing.setAttribute("role", "img");
    // What a group of marks is, for tests and scripts. Those who hear the page get the picture's label and the table: names
    // on groups without a role would only confuse.
    for (const group of drawing.querySelectorAll<SVGElement>("g[aria-label]:not([aria-label=tip])")) {
      group.dataset.mark = group.getAttribute("aria-label") ?? "";
      group.dataset.series = group.getAttribute("aria-description") ?? "";
      group.removeAttribute("aria-label");
      group.removeAttribute("aria-description");
    }
    drawing.addEventListener("click", () => this.pick((drawing as unknown as { value?: Pointed }).value));
    box.append(drawing);
    return box;
  }

  private pick(pointed: Pointed): void {
    if (!this.selection || !pointed) return;
    const point = "point" in pointed ? pointed.point : pointed;
    if (point.at) this.selection.pick(point.at, "seed" in pointed ? pointed.seed ?? null : null);
  }
}
