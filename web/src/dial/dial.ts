// SPDX-License-Identifier: Apache-2.0
// "Turn the dial": a toy model in training, its pictures, and the hand on γ. The engine is somebody else's.
import { short } from "../palette";
import { GramView } from "../views/gram";
import { VectorsView } from "../views/vectors";
import { histogramChart, lossChart, normsChart, overlapChart, remember, type Seen } from "./charts";
import { Controls } from "./controls";
import { make } from "./dom";
import type { DialEngine, Frame } from "./engine";
import { command, defaults, type Settings, toConfig } from "./settings";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const kSlice = 55;          // ms of training between pictures: about 15 of them a second
const kCalmSlice = 600;     // where less motion is wanted
const kHurriedSlice = 200;  // where many runs are to end
const kChartEvery = 220;    // ms between drawings of the charts

export class Dial {
  readonly element: HTMLElement;
  private settings: Settings = { ...defaults };
  private readonly controls: Controls;
  private readonly vectors: VectorsView;
  private readonly gram: GramView;
  private readonly charts = { loss: make("div"), norms: make("div"), histogram: make("div"), overlap: make("div") };
  private readonly numbers = make("dl", { class: "readout" });
  private readonly said = make("p", { class: "soft", role: "status" });
  private readonly problem = make("p", { class: "problem", role: "alert" });
  private readonly made = make("div", { class: "made" });
  private logarithmic = true;
  private frame: Frame | null = null;
  private seen: Seen[] = [];
  private hurried = false;
  private wanted = false;       // training is to go on
  private looping = false;
  private run = 0;              // counts starts: what an older run still says is not shown
  private queue: Promise<unknown> = Promise.resolve();  // the engine does one thing at a time
  private chartsAt = 0;

  constructor(place: HTMLElement, private readonly engine: DialEngine) {
    this.controls = new Controls(this.settings, {
      changed: (settings) => void this.set(settings, this.wanted),
      decay: (value) => void this.turn(value),
      train: () => void this.train(),
      pause: () => this.pause(),
      step: () => void this.step(),
      reset: () => void this.set(this.settings, false),
      refused: (text) => this.complain(text),
    });
    const vectorsAt = make("div");
    const gramAt = make("div");
    this.element = make("div", { class: "dial" }, make("div", { class: "dial-side" }, this.controls.element, this.problem, this.said), this.views(vectorsAt, gramAt));
    place.append(this.element);
    this.vectors = new VectorsView(vectorsAt, "Rows of W");
    this.gram = new GramView(gramAt, "Products of rows");
    new ResizeObserver(() => this.drawCharts()).observe(this.charts.loss);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.draw(true); });
    void this.set(this.settings, false);
  }

  // Other settings: a new run at step 0, which trains if it is to.
  async set(change: Partial<Settings>, train: boolean): Promise<void> {
    this.settings = { ...this.settings, ...change };
    this.controls.set(this.settings);
    this.wanted = train;
    this.frame = null;
    const run = ++this.run;
    await this.ask(run, () => this.engine.start(toConfig(this.settings)), () => { this.seen = []; });
    if (train && run === this.run) await this.loop();
  }

  async train(): Promise<void> {
    if (this.frame?.done || this.frame?.diverged || !this.frame) return this.set({}, true);
    this.wanted = true;
    await this.loop();
  }

  pause(): void {
    this.wanted = false;
    if (!this.looping) this.showRunning();  // else the loop does, once the slice under way is done
  }

  async step(): Promise<void> {
    this.pause();
    if (!this.frame) await this.set({}, false);
    await this.ask(this.run, () => this.engine.advanceSteps(1));
  }

  // Before the first step γ belongs to the settings, later it is turned by hand.
  async turn(value: number): Promise<void> {
    this.controls.showDecay(value);
    if (!this.frame || this.frame.step === 0 || this.frame.done) {
      this.settings.decay = value;
      if (this.frame?.done) return this.say("This run is over: “Train again” starts one with this γ.");
      return this.set({}, this.wanted);
    }
    await this.ask(this.run, () => this.engine.setDecay(value));
  }

  // Trains a run of its own to the end, shown as it goes. Null: somebody did something else meanwhile.
  async finish(change: Partial<Settings>): Promise<Frame | null> {
    const before = this.run;
    this.hurried = true;
    await this.set(change, true);
    this.hurried = false;
    return this.run === before + 1 && this.frame?.done ? this.frame : null;
  }

  // Turns γ once the present run has got to that step; not if it ended, was replaced, or `wanted` says no.
  async turnAt(step: number, gamma: number, wanted: () => boolean): Promise<void> {
    const run = this.run;
    while (run === this.run && wanted() && !this.frame?.done) {
      if (this.frame && this.frame.step >= step) {
        if (this.frame.changes.length === 0) await this.turn(gamma);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get where(): string {
    return this.engine.where;
  }

  private async loop(): Promise<void> {
    const run = this.run;
    this.showRunning();
    while (this.looping) await new Promise((resolve) => setTimeout(resolve, 5));  // the one before sees that it is over
    this.looping = true;
    try {
      while (this.wanted && run === this.run && this.frame && !this.frame.done && !this.frame.diverged) {
        if (!(await this.ask(run, () => this.engine.advance(calm.matches ? kCalmSlice : this.hurried ? kHurriedSlice : kSlice)))) break;
        await this.breathe();
      }
    } finally {
      this.looping = false;
    }
    if (run !== this.run) return;
    if (this.frame?.done || this.frame?.diverged) this.wanted = false;
    this.showRunning();
    this.draw(true);
  }

  private breathe(): Promise<void> {
    return new Promise((resolve) => (document.hidden ? setTimeout(resolve, 0) : requestAnimationFrame(() => resolve())));
  }

  // One thing at a time, in order. False: it failed, or the run is not the present one any more.
  private ask(run: number, what: () => Promise<Frame>, first?: () => void): Promise<boolean> {
    const asked = this.queue.then(async () => {
      if (run !== this.run) return false;
      try {
        const frame = await what();
        if (run !== this.run) return false;
        first?.();
        this.complain("");
        this.take(frame);
        return true;
      } catch (error) {
        if (run !== this.run) return false;
        this.frame = null;
        this.wanted = false;
        this.showRunning();
        this.complain((error as Error).message);
        return false;
      }
    });
    this.queue = asked;
    return asked;
  }

  private take(frame: Frame): void {
    this.frame = frame;
    this.seen = remember(this.seen, frame);
    this.draw(frame.step === 0 || frame.done || !this.wanted);
  }

  private say(text: string): void {
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  private complain(text: string): void {
    if (this.problem.textContent !== text) this.problem.textContent = text;
  }

  private showRunning(): void {
    this.controls.running(this.wanted, this.frame?.done ?? false);
    this.element.dataset.running = String(this.wanted);
    const frame = this.frame;
    if (!frame) return;
    this.say(frame.diverged ? "The loss exploded: the run diverged. A smaller learning rate helps."
      : frame.done ? `Done: ${frame.steps.toLocaleString("en")} steps, computed ${this.engine.where}.`
      : this.wanted ? `Training ${this.engine.where}. Turn the dial while it runs.` : frame.step > 0 ? "Paused." : `Ready: computed ${this.engine.where}.`);
  }

  private draw(all: boolean): void {
    const frame = this.frame;
    if (!frame || document.hidden) return;
    if (frame.picture) {
      this.vectors.show(frame.picture.vectors);
      this.gram.show(frame.picture.gram);
    }
    this.element.dataset.step = String(frame.step);
    this.fillNumbers(frame);
    if (all || performance.now() - this.chartsAt > kChartEvery) this.drawCharts();
    if (!this.wanted || frame.done || frame.step === 0) this.showRunning();
  }

  private drawCharts(): void {
    const frame = this.frame;
    if (!frame) return;
    this.chartsAt = performance.now();
    const width = Math.floor(this.charts.loss.clientWidth);
    if (width <= 0) return;
    this.charts.loss.replaceChildren(lossChart(frame, this.logarithmic, width));
    this.charts.norms.replaceChildren(normsChart(frame, width));
    this.charts.histogram.replaceChildren(histogramChart(frame, width));
    this.charts.overlap.replaceChildren(overlapChart(frame, this.seen, width));
    this.tellCommand(frame);
  }

  private views(vectorsAt: HTMLElement, gramAt: HTMLElement): HTMLElement {
    const box = (title: string, at: HTMLElement, css = "", extra: (Node | string)[] = []) => make("figure", { class: `view ${css}` }, make("figcaption", {}, make("h3", {}, title), ...extra), at);
    const key = (color: string, text: string) => make("span", { class: "key-entry" }, make("span", { class: "glyph", style: `color: var(${color})`, "aria-hidden": "true" }, "—"), text);
    for (const chart of Object.values(this.charts)) chart.className = "dial-chart";
    return make("div", { class: "dial-main" },
      this.numbers,
      make("div", { class: "dial-views" },
        box("Features as vectors", vectorsAt), box("Who overlaps with whom", gramAt),
        box("Loss", this.charts.loss, "", [this.axesChoice()]),
        box("Overlap", this.charts.overlap, "", [make("small", {}, key("--cat-0", "represented rows"), key("--cat-4", "all rows"))]),
        box("Length of each row", this.charts.norms), box("Lengths, counted", this.charts.histogram)),
      this.made);
  }

  private axesChoice(): HTMLElement {
    const select = make("select", { "aria-label": "axes of the loss curve" });
    select.append(new Option("log–log", "log"), new Option("linear", "linear"));
    select.addEventListener("change", () => {
      this.logarithmic = select.value === "log";
      this.drawCharts();
    });
    return select;
  }

  private fillNumbers(frame: Frame): void {
    const overlap = frame.overlap_mean_square;
    const rate = frame.seconds > 0 ? frame.step / frame.seconds : 0;
    const entries: [string, string][] = [
      ["step", `${frame.step.toLocaleString("en")} of ${frame.steps.toLocaleString("en")}`],
      [frame.eval_loss != null ? "loss (fresh data)" : "loss", frame.eval_loss != null ? `${short(frame.eval_loss)} ± ${short(frame.eval_loss_se ?? 0, 1)}` : frame.loss === null ? "—" : short(frame.loss)],
      ["represented, φ½", frame.phi_half === null ? "—" : `${short(100 * frame.phi_half)} % (${frame.rows_represented} of ${frame.n})`],
      ["overlap, mean cos²", overlap === null ? "—" : `${short(overlap)} = ${short(overlap * frame.m)} / m`],
      ["speed", rate > 0 ? `${short(rate, 2)} steps/s` : "—"],
    ];
    if (this.numbers.childElementCount !== entries.length) this.numbers.replaceChildren(...entries.map(() => make("div", {}, make("dt"), make("dd"))));
    entries.forEach(([name, value], i) => {
      const [term, text] = this.numbers.children[i].children;
      if (term.textContent !== name) term.textContent = name;
      if (text.textContent !== value) text.textContent = value;
    });
  }

  private tellCommand(frame: Frame): void {
    const same = "The engine and the seed are those of the program; between instruction sets the last digits of floats differ, so long runs agree closely, not to the bit.";
    const turns = frame.changes.map(([step, decay]) => `γ = ${short(decay)} from step ${step.toLocaleString("en")}`).join("; ");
    const text = turns
      ? `γ was turned by hand (${turns}), which no command of the program does. Without the hand, this run is:`
      : "The same run by the program:";
    const line = command({ ...this.settings, decay: frame.config.decay });  // that of this run, wherever the slider stands by now
    if (this.made.dataset.text === text + line) return;
    this.made.dataset.text = text + line;
    this.made.replaceChildren(make("p", {}, text), make("pre", { tabindex: "0", "aria-label": "command" }, line), make("p", { class: "soft" }, same));
  }
}
