// SPDX-License-Identifier: Apache-2.0
// One run: its loss curve (as it comes while it runs), result, configuration, error, and how to have it again.
import { drawCurve } from "./curve";
import { el } from "./dom";
import { clock, count, duration, quoted, short, symbolOf, toyCommand, valueText } from "./format";
import type { Config, Model, Run, Working } from "./model";

interface Whole { id: number; key: string; kind: string; status: string; config: Config; error: string | null; version: string; result: Record<string, unknown> | null }

// What a reader looks for first; the rest is in `superpose show`.
const kResults: [string, string][] = [
  ["loss", "loss"], ["loss_std", "its spread over the last 100 steps"], ["eval_loss", "loss on fresh samples"], ["loss_unlearned", "of it, features not represented"], ["phi_half", "φ½: rows longer than ½"],
  ["phi_one", "φ₁: rows longer than 1"], ["overlap_mean_square", "mean square overlap, represented rows"], ["random_mean_square", "1/m"], ["welch_bound_mean_square", "Welch bound"],
  ["norm_mean", "mean norm"], ["diverged_at", "diverged at step"], ["steps_per_second", "steps/s"], ["instruction_set", "instruction set"],
];

export class Detail {
  readonly place = el("aside", { class: "detail", "aria-label": "the chosen run", tabindex: "-1", hidden: true });
  private readonly title = el("h2", {});
  private readonly chart = el("div", { class: "chart" });
  private readonly log = el("input", { type: "checkbox", checked: true });
  private readonly facts = el("p", { class: "facts" });
  private readonly rest = el("div", {});
  private id: number | null = null;
  private whole: Whole | null = null;
  private wholeOf = "";      // id and status that `whole` was asked for
  private store = "";        // its path, as the commands name it
  private drawn = "";
  private failed = "";

  constructor(private readonly model: Model, close: () => void) {
    const button = el("button", { type: "button", class: "quiet close" }, "close");
    button.addEventListener("click", close);
    this.place.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
    this.log.checked = true;
    this.log.addEventListener("change", () => this.draw());
    this.place.append(el("div", { class: "title" }, this.title, button), this.facts, el("label", { class: "axes" }, this.log, " log-log"), this.chart, this.rest);
    new ResizeObserver(() => this.draw()).observe(this.place);
  }

  show(id: number | null): void {
    this.place.hidden = id === null;
    if (id !== this.id) { this.whole = null; this.wholeOf = ""; this.failed = ""; this.drawn = ""; this.rest.replaceChildren(); }
    this.id = id;
    this.draw();
  }

  draw(): void {
    if (this.id === null) return;
    const run = this.model.runs.get(this.id);
    const working = this.model.working().find((one) => one.run === this.id);
    this.title.textContent = `Run ${this.id}`;
    if (!run) { this.facts.textContent = "There is no such run in this store."; this.chart.replaceChildren(); return; }
    const key = `${run.id} ${run.status} ${run.finished}`;
    if (this.wholeOf !== key) { this.wholeOf = key; void this.fetch(run.id, key); }
    const store = this.model.live?.store.path ?? "";
    if (this.whole && store !== this.store) { this.store = store; this.sayWhole(this.whole); }
    this.sayFacts(run, working);
    this.drawChart(run, working);
  }

  private sayFacts(run: Run, working?: Working): void {
    const status = el("span", { class: `status ${run.status}` }, run.status);
    const words = working ? `step ${count(working.step)} of ${count(working.steps)} · loss ${working.loss === null ? "—" : short(working.loss, 4)} · ${duration(working.seconds)} so far`
      : run.finished !== null ? `finished ${clock(run.finished)} after ${duration(run.seconds)}` : `started ${clock(run.started)}`;
    this.facts.replaceChildren(status, ` ${words}`);
  }

  private drawChart(run: Run, working?: Working): void {
    const curve = working && working.curve.length > 0 ? working.curve : curveOf(this.whole);
    const width = Math.floor(this.chart.clientWidth);
    if (width <= 0) return;
    const key = `${run.id} ${width} ${this.log.checked} ${curve.length} ${curve[curve.length - 1]?.join()} ${this.whole !== null} ${this.failed}`;
    if (key === this.drawn) return;
    this.drawn = key;
    if (curve.length > 0) {
      this.chart.replaceChildren(drawCurve(curve, { width, height: Math.min(300, Math.round(width * 0.62)), log: this.log.checked, steps: working?.steps, label: `loss of run ${run.id} over its steps` }));
    } else {
      this.chart.replaceChildren(el("p", { class: "soft" }, this.failed || (this.whole ? run.status === "running" ? "Its curve comes with the next sign of life." : "It has no loss curve." : "Loading …")));
    }
  }

  private async fetch(id: number, key: string): Promise<void> {
    try {
      const answer = await fetch(`/api/runs/${id}`);
      const body = await answer.json() as Whole | { error: { text: string } };
      if (this.wholeOf !== key || this.id !== id) return;
      if (!("id" in body)) throw new Error(body.error.text);
      this.whole = body;
      this.failed = "";
      this.sayWhole(this.whole);
    } catch (error) {
      if (this.wholeOf !== key || this.id !== id) return;
      this.failed = `Could not be read: ${error instanceof Error ? error.message : ""}`;
      window.setTimeout(() => { if (this.wholeOf === key) { this.wholeOf = ""; this.draw(); } }, 3000);
    }
    this.draw();
  }

  private sayWhole(whole: Whole): void {
    const store = quoted(this.model.live?.store.path ?? "STORE");
    const parts: HTMLElement[] = [];
    if (whole.error) parts.push(el("h3", {}, "Error"), el("pre", { class: "error" }, whole.error));
    if (whole.result) {
      const facts = kResults.filter(([name]) => whole.result?.[name] !== null && whole.result?.[name] !== undefined).map(([name, words]): [string, string] => [words, valueText(whole.result?.[name])]);
      parts.push(el("h3", {}, "Result"), list(facts));
    }
    parts.push(el("h3", {}, "Configuration"), list(Object.entries(whole.config).map(([field, value]) => [symbolOf(field) === field ? field : `${symbolOf(field)}  (${field})`, valueText(value)])));
    parts.push(el("h3", {}, "Again, by hand"), el("pre", {}, `superpose show ${store} ${whole.id}`));
    if (whole.kind === "toy") parts.push(el("pre", {}, toyCommand(whole.config)));
    parts.push(el("p", { class: "facts" }, `superpose ${whole.version} · key ${whole.key}`));
    this.rest.replaceChildren(...parts);
  }
}

function curveOf(whole: Whole | null): [number, number][] {
  const curve = whole?.result?.curve;
  return Array.isArray(curve) ? curve.filter((point) => Array.isArray(point) && Number.isFinite(point[0]) && Number.isFinite(point[1])) : [];
}

function list(facts: [string, string][]): HTMLElement {
  const out = el("dl", {});
  for (const [name, value] of facts) out.append(el("dt", {}, name), el("dd", { class: "num" }, value));
  return out;
}
