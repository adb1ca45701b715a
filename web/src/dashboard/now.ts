// SPDX-License-Identifier: Apache-2.0
// What happens at this moment: a line per core, the loss curves as they come, what failed, what finished last.
import { drawCurve } from "./curve";
import { byId, el } from "./dom";
import { clock, count, duration, short } from "./format";
import { nameOf } from "./header";
import type { LiveRecord, Model, Run, Working } from "./model";

const kMostCurves = 24;
const kMostFailures = 100;
const kLatest = 8;

export class Now {
  private readonly cores = el("div", { class: "cores" });
  private readonly curves = el("div", { class: "curves" });
  private readonly latest = el("div", {});
  private readonly failures = el("div", {});
  private readonly cards = new Map<number, Card>();
  private failuresAt = "";
  private latestAt = -1;

  constructor(private readonly model: Model, private readonly open: (id: number) => void) {
    byId("view-now").append(
      el("section", { "aria-label": "cores" }, el("h2", {}, "Cores"), this.cores),
      el("section", { "aria-label": "running now" }, el("h2", {}, "Running now"), this.curves),
      el("div", { class: "two lists" },
        el("section", { "aria-label": "failures" }, el("h2", {}, "Failures"), this.failures),
        el("section", { "aria-label": "finished last" }, el("h2", {}, "Finished last"), this.latest)),
    );
  }

  draw(): void {
    const varying = this.model.varying();
    this.drawCores(varying);
    this.drawCurves(varying);
    if (this.latestAt !== this.model.runsVersion) {
      this.latestAt = this.model.runsVersion;
      this.drawLists(varying);
    }
  }

  private link(id: number): HTMLElement {
    const button = el("button", { type: "button", class: "link" }, `run ${id}`);
    button.addEventListener("click", () => this.open(id));
    return button;
  }

  private drawCores(varying: string[]): void {
    const records = (this.model.live?.records ?? []).filter((record) => record.state === "live");
    const rows = records.flatMap((record) => this.coresOf(record, varying, records.length > 1));
    if (rows.length === 0) {
      const store = this.model.live?.store.path ?? "STORE";
      this.cores.replaceChildren(el("p", { class: "soft" }, "No sweep is writing to this store. This page shows one as soon as it does: ", el("code", {}, `superpose sweep STUDY --store ${store}`)));
      return;
    }
    this.cores.replaceChildren(...rows);
  }

  private coresOf(record: LiveRecord, varying: string[], several: boolean): HTMLElement[] {
    const by = new Map(record.running.map((run) => [run.core, run]));
    const last = Math.max(record.workers - 1, ...by.keys());
    const rows: HTMLElement[] = several ? [el("h3", {}, `${record.study} on ${record.host}, process ${record.pid}`)] : [];
    // A run that was lent several cores stands on its own line; the lent ones say so.
    const lent = record.running.reduce((sum, run) => sum + run.threads - 1, 0);
    let idle = Math.max(0, record.workers - record.running.length - lent);
    let borrowed = lent;
    for (let core = 0; core <= last; ++core) {
      const run = by.get(core);
      if (run) rows.push(this.core(core, run, varying));
      else if (borrowed > 0) --borrowed, rows.push(quiet(core, "lent to another run"));
      else if (idle > 0) --idle, rows.push(quiet(core, "idle"));
    }
    return rows;
  }

  private core(core: number, run: Working, varying: string[]): HTMLElement {
    const fill = el("span", { class: "running" });
    fill.style.width = `${100 * run.fraction}%`;
    const left = run.fraction > 0.02 ? (run.seconds / run.fraction) * (1 - run.fraction) : null;
    return el("div", { class: "core" },
      el("span", { class: "who" }, `core ${core}${run.threads > 1 ? ` +${run.threads - 1}` : ""}`), this.link(run.run), el("span", { class: "what" }, nameOf(run.config, varying)),
      el("div", { class: "bar", role: "img", "aria-label": `${Math.round(100 * run.fraction)} percent` }, fill),
      el("span", { class: "num" }, `${Math.round(100 * run.fraction)} %`),
      el("span", { class: "num soft" }, `${run.steps_per_second === null ? "—" : `${short(run.steps_per_second)} steps/s`} · ${duration(left)} left`));
  }

  private drawCurves(varying: string[]): void {
    const working = this.model.working();
    const shown = working.slice(0, kMostCurves);
    const ids = new Set(shown.map((run) => run.run));
    for (const [id, card] of this.cards) if (!ids.has(id)) { card.place.remove(); this.cards.delete(id); }
    for (const run of shown) {
      let card = this.cards.get(run.run);
      if (!card) {
        card = new Card(this.link(run.run));
        this.cards.set(run.run, card);
        this.curves.append(card.place);
      }
      card.draw(run, nameOf(run.config, varying));
    }
    const rest = this.curves.querySelector(".rest");
    rest?.remove();
    if (working.length > shown.length) this.curves.append(el("p", { class: "soft rest" }, `and ${working.length - shown.length} more`));
    if (working.length === 0) this.curves.append(el("p", { class: "soft rest" }, "Nothing."));
  }

  private drawLists(varying: string[]): void {
    const runs = [...this.model.runs.values()];
    const failed = runs.filter((run) => run.status === "failed").sort((a, b) => (b.finished ?? 0) - (a.finished ?? 0));
    const key = failed.map((run) => run.id).join();
    if (key !== this.failuresAt || !this.failures.hasChildNodes()) {
      this.failuresAt = key;
      const list = el("ul", { class: "plain failures" });
      for (const run of failed.slice(0, kMostFailures)) list.append(el("li", {}, this.link(run.id), ` ${nameOf(run.config, varying)}`, el("small", { class: "bad" }, run.error)));
      this.failures.replaceChildren(failed.length ? list : el("p", { class: "soft" }, "None."));
      if (failed.length > kMostFailures) this.failures.append(el("p", { class: "soft" }, `and ${count(failed.length - kMostFailures)} more; see Runs, status failed`));
    }
    const finished = runs.filter((run) => run.finished !== null && run.status !== "failed").sort((a, b) => (b.finished ?? 0) - (a.finished ?? 0)).slice(0, kLatest);
    const list = el("ul", { class: "plain latest" });
    for (const run of finished) list.append(el("li", {}, this.link(run.id), ` ${nameOf(run.config, varying)}`, el("small", {}, outcome(run))));
    this.latest.replaceChildren(finished.length ? list : el("p", { class: "soft" }, "None yet."));
  }
}

const outcome = (run: Run): string =>
  `${run.status === "ok" ? `loss ${run.loss === null ? "—" : short(run.loss, 4)}` : run.status} · ${duration(run.seconds)} · ${clock(run.finished)}`;

const quiet = (core: number, text: string): HTMLElement => el("div", { class: "core soft" }, el("span", { class: "who" }, `core ${core}`), el("span", {}, text));

// A loss curve as it comes.
class Card {
  readonly place: HTMLElement;
  private readonly name = el("span", { class: "what" });
  private readonly chart = el("div", { class: "chart" });
  private readonly facts = el("p", { class: "facts" });
  private drawn = "";

  constructor(link: HTMLElement) {
    this.place = el("article", { class: "card" }, el("p", { class: "name" }, link, " ", this.name), this.chart, this.facts);
  }

  draw(run: Working, name: string): void {
    this.name.textContent = name;
    this.facts.textContent = `loss ${run.loss === null ? "—" : short(run.loss, 4)} · step ${count(run.step)} of ${count(run.steps)}`;
    const width = Math.max(160, Math.floor(this.chart.clientWidth) || 240);
    const key = `${width} ${run.curve.length} ${run.curve[run.curve.length - 1]?.join()}`;
    if (key === this.drawn) return;
    this.drawn = key;
    this.chart.replaceChildren(drawCurve(run.curve, { width, height: 110, log: true, small: true, steps: run.steps, label: `loss of run ${run.run} over its steps` }));
  }
}
