// SPDX-License-Identifier: Apache-2.0
// "This very run": what the store knows of the one run that is chosen.
import { commandOf, configOf, type Details, numberOf, type Run } from "../data/details";
import { element } from "../dom";
import { MountedFigure } from "../figures/mount";
import { short } from "../palette";
import { runsOf } from "../select/bar";
import { type Choice, isEmpty, type Selection } from "../select/selection";
import { GramView } from "../views/gram";
import { VectorsView } from "../views/vectors";
import { curveFigure, normsFigure, overlapsFigure } from "./figures";

const kMostListed = 200;

const facts: [string, string][] = [
  ["loss", "loss (Σ squared error)"], ["eval_loss", "loss on fresh samples"], ["phi_half", "represented, φ½"], ["phi_one", "strong, φ₁"], ["norm_mean", "mean norm"],
  ["overlap_mean_square", "mean square overlap"], ["overlap_mean_square_strong", "… of strong rows"], ["overlap_mean_square_all", "… of all rows"],
  ["welch_bound_mean_square", "Welch's bound"], ["features_resolved", "resolved features"],
];

export function nameOf(run: Run): string {
  const [law, decay, m, density] = run.at;
  const parts = [
    typeof law === "number" ? `α = ${short(law, 4)}` : `law ${law ?? "?"}`, `γ = ${short(decay ?? NaN, 3)}`, `m = ${short(m ?? NaN, 6)}`,
    ...(density !== null && Math.abs(density - 1) > 1e-9 ? [`E = ${short(density, 4)}`] : []), `seed ${run.seed}`,
  ];
  return parts.join(", ");
}

function rank(run: Run): number {
  return (run.picture ? 4 : 0) + (run.curve ? 2 : 0) + (run.id ? 1 : 0);
}

export class Explorer {
  private shown: Run | null = null;
  private readonly head = element("div", "run-head");
  private readonly body = element("div", "run-body");

  constructor(place: HTMLElement, private readonly details: Details, private readonly selection: Selection) {
    place.replaceChildren(this.head, this.body);
    selection.listen(() => this.follow());
    this.follow();
  }

  // The chosen run, or the best-known one while nothing is chosen.
  private follow(): void {
    const { choice } = this.selection;
    const open = isEmpty(choice) && choice.seed === null;
    const found = (open ? this.details.runs : runsOf(this.details.runs, choice)).slice().sort((a, b) => rank(b) - rank(a));
    this.head.replaceChildren(...this.heading(found, open, choice));
    const run = found[0] ?? null;
    if (run !== this.shown) this.show(run);
  }

  private heading(found: Run[], open: boolean, choice: Choice): HTMLElement[] {
    if (found.length === 0) {
      const box = element("p", "box", `No run of this page has that choice${choice.seed === null ? "" : " and seed"}. The bar marks with "(none)" what does not go together; nearest: `);
      const near = this.nearest(choice);
      if (near) {
        const link = element("button", "", nameOf(near)) as HTMLButtonElement;
        link.type = "button";
        link.addEventListener("click", () => this.selection.pick(near.at, near.seed));
        box.append(link);
      }
      return [box];
    }
    const label = element("label", "chooser", open ? "For example: " : found.length === 1 ? "The run: " : `One of ${found.length} runs of that choice: `);
    const select = document.createElement("select");
    found.slice(0, kMostListed).forEach((run, i) => select.append(new Option(`${run.id ? `run ${run.id}: ` : "recorded: "}${nameOf(run)}`, String(i))));
    select.addEventListener("change", () => this.show(found[Number(select.value)]));
    label.append(select);
    return [label];
  }

  private nearest(choice: Choice): Run | null {
    const wanted = [choice.law, choice.decay, choice.m, choice.density];
    const far = (run: Run) => wanted.reduce<number>((sum, value, i) => {
      const own = run.at[i];
      if (value === null || own === null) return sum;
      if (typeof value !== "number" || typeof own !== "number") return sum + (value === own ? 0 : 10);
      return sum + (i === 2 ? Math.abs(Math.log(own / value)) : Math.abs(own - value));
    }, choice.seed === null || run.seed === choice.seed ? 0 : 0.1);
    return this.details.runs.reduce<Run | null>((best, run) => (best === null || far(run) < far(best) ? run : best), null);
  }

  private show(run: Run | null): void {
    this.shown = run;
    this.body.replaceChildren();
    if (!run) return;
    this.body.dataset.run = run.id;
    this.body.append(this.numbers(run));
    const figures = element("div", "run-figures");
    this.body.append(figures);
    const absent: string[] = [];
    this.draw(figures, curveFigure(run), "loss curve", absent);
    this.draw(figures, normsFigure(run), "histogram of norms", absent);
    if (run.picture) {
      this.draw(figures, overlapsFigure(run.picture, run.at[2]), "histogram of overlaps (fewer than two rows are represented)", absent);
      this.pictures(figures, run);
    } else {
      absent.push("picture of its feature vectors and overlaps");
    }
    if (absent.length > 0) this.body.append(this.absence(run, absent));
    this.body.append(this.how(run));
  }

  private numbers(run: Run): HTMLElement {
    const list = element("dl", "run-facts");
    const add = (name: string, value: string) => {
      const pair = element("div", "");
      pair.append(element("dt", "", name), element("dd", "", value));
      list.append(pair);
    };
    add("status", run.status === "diverged" ? `diverged at step ${numberOf(this.details, run, "diverged_at") ?? "?"}` : run.id ? "finished" : "recorded: of a results table, not of a store");
    for (const [field, name] of facts) {
      const value = numberOf(this.details, run, field);
      if (value !== null) add(name, short(value, 4));
    }
    if (run.seconds !== null) add("time", `${short(run.seconds, 3)} s`);
    return list;
  }

  private draw(into: HTMLElement, figure: ReturnType<typeof curveFigure>, name: string, absent: string[]): void {
    if (!figure) {
      absent.push(name);
      return;
    }
    const box = element("figure", "");
    box.id = figure.id;
    box.setAttribute("aria-label", figure.title);
    const chart = element("div", "chart");
    box.append(element("h3", "", figure.title), chart, element("figcaption", "facts", figure.caption));
    into.append(box);
    new MountedFigure(figure, chart);
  }

  private pictures(into: HTMLElement, run: Run): void {
    const { vectors, gram } = run.picture!;
    const box = (id: string, title: string, caption: string) => {
      const figure = element("figure", "view");
      figure.id = id;
      figure.setAttribute("aria-label", title);
      const place = element("div", "canvas");
      figure.append(element("h3", "", title), place, element("figcaption", "facts", caption));
      into.append(figure);
      return place;
    };
    new VectorsView(box("run-vectors", "Feature vectors", "Rows of W as arrows; drag or use the arrow keys to turn them."), "Feature vectors").show(vectors);
    new GramView(box("run-gram", "W Wᵀ", "On the diagonal the squared norms, beside it how features interfere."), "W Wᵀ of the most frequent features").show(gram);
  }

  private absence(run: Run, absent: string[]): HTMLElement {
    const left = this.details.left_out.length > 0 && run.id ? " This page has no room for those of every run; " : " This run was kept without; ";
    const box = element("div", "box");
    const text = element("p", "", `Not here: ${absent.join(", ")}.${run.id ? `${left}` : " A results table keeps numbers only; "}this makes ${absent.length > 1 ? "them" : "it"}:`);
    const line = element("pre", "");
    line.append(element("code", "", `${commandOf(this.details, run)} --json`));
    box.append(text, line);
    return box;
  }

  private how(run: Run): HTMLElement {
    const out = element("details", "how");
    const list = element("dl", "");
    const add = (name: string, value: HTMLElement | string) => {
      const dd = element("dd", "");
      dd.append(value);
      list.append(element("dt", "", name), dd);
    };
    const line = element("pre", "");
    line.append(element("code", "", commandOf(this.details, run)));
    add("Command", line);
    if (run.id) add("Run", element("code", "", `superpose show STORE ${run.id.replace(/^\w+:/, "")}`));
    add("Computed by", `superpose ${run.version}`);
    add("Configuration", configOf(this.details, run).map(([key, value]) => `${key} = ${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join(", "));
    out.append(element("summary", "", "How was this made"), list);
    return out;
  }
}
