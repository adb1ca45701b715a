// SPDX-License-Identifier: Apache-2.0
// The form beside the pictures. It knows what is set, not what is computed.
import { short } from "../palette";
import { make, newId } from "./dom";
import { complaint, type Field, mainFields, moreFields, presets, type Settings } from "./settings";

export interface Wishes {
  changed(settings: Settings): void;  // something other than γ: training starts anew
  decay(value: number): void;
  train(): void;
  pause(): void;
  step(): void;
  reset(): void;
  refused(text: string): void;
}

const kWait = 250;  // ms after the last movement of a slider that needs a new start

type LawName = "power" | "exponential" | "linear" | "uniform";

export class Controls {
  readonly element: HTMLElement;
  private settings: Settings;
  private readonly inputs = new Map<Field["key"], HTMLInputElement>();
  private readonly law = make("select");
  private readonly exponent = make("input", { type: "range", min: "0", max: "2", step: "0.125" });
  private readonly exponentSays = make("output");
  private readonly scale = make("input", { type: "number", min: "0.1", max: "10000", step: "any" });
  private readonly decaySlider = make("input", { type: "range", min: "-1", max: "1", step: "0.05", "aria-describedby": "dial-decay-ends" });
  private readonly decaySays = make("output", { class: "gamma" });
  private readonly go = make("button", { type: "button", class: "primary" }, "Train");
  private readonly extra = make("p", { class: "soft extra" });
  private lawRows: Record<"power" | "exponential", HTMLElement>;
  private timer = 0;

  constructor(settings: Settings, private readonly wishes: Wishes) {
    this.settings = { ...settings };
    const exponentRow = this.row("exponent α", this.exponent, this.exponentSays, "how fast frequencies fall with rank: p ∝ rank^−α");
    const scaleRow = this.row("scale S", this.scale, "", "p ∝ e^(−(rank−1)/S)");
    this.lawRows = { power: exponentRow, exponential: scaleRow };
    for (const name of ["power", "exponential", "linear", "uniform"]) this.law.append(new Option(name === "power" ? "power law" : name, name));
    const more = make("details", {}, make("summary", {}, "more: steps, batch, rate, seed"), ...moreFields.map((field) => this.number(field)));
    this.element = make("form", { class: "dial-controls", "aria-label": "settings of the model" },
      this.presetChooser(), this.dialRow(), this.buttons(),
      ...mainFields.slice(0, 2).map((field) => this.number(field)), this.row("frequencies", this.law, "", "how often each feature occurs, by rank"),
      exponentRow, scaleRow, this.number(mainFields[2]), more, this.extra);
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.law.addEventListener("change", () => this.lawChanged());
    this.exponent.addEventListener("input", () => { this.exponentSays.textContent = this.exponent.value; this.lawChanged(kWait); });
    this.scale.addEventListener("change", () => this.lawChanged());
    this.set(settings);
  }

  // Shows these; tells nobody.
  set(settings: Settings): void {
    this.settings = { ...settings };
    for (const field of [...mainFields, ...moreFields]) this.inputs.get(field.key)!.value = String(settings[field.key]);
    const [name, argument] = settings.law.split(":");
    this.law.value = name;
    if (name === "power") this.exponent.value = argument ?? "1";
    if (name === "exponential") this.scale.value = argument ?? "10";
    this.exponentSays.textContent = this.exponent.value;
    this.showLaw(name as LawName);
    this.showDecay(settings.decay);
    const extra = Object.entries(settings.extra);
    this.extra.textContent = extra.length ? `Set by the tour as well: ${extra.map(([key, value]) => `${key} ${value}`).join(", ")}. A preset takes it back.` : "";
  }

  running(on: boolean, done: boolean): void {
    this.go.textContent = on ? "Pause" : done ? "Train again" : "Train";
    this.go.setAttribute("aria-pressed", String(on));
  }

  showDecay(value: number): void {
    this.settings.decay = value;
    this.decaySlider.value = String(value);
    this.decaySlider.setAttribute("aria-valuetext", `${short(value)}: ${value < 0 ? "rows are pulled to length 1, strong superposition" : value > 0 ? "rows are pushed to 0, weak superposition" : "off"}`);
    this.decaySays.textContent = `γ = ${short(value)}`;
  }

  private row(label: string, input: HTMLElement, says: HTMLElement | string, help: string): HTMLElement {
    const id = newId();
    input.id = id;
    input.title = help;
    return make("div", { class: "row" }, make("label", { for: id, title: help }, label), input, says);
  }

  private number(field: Field): HTMLElement {
    const input = make("input", { type: "number", min: String(field.min), max: String(field.max), step: field.whole ? "1" : "any", inputmode: "decimal" });
    this.inputs.set(field.key, input);
    input.addEventListener("change", () => {
      const value = input.value.trim() === "" ? NaN : Number(input.value);
      const wrong = complaint(field, value);
      input.setAttribute("aria-invalid", String(wrong !== ""));
      if (wrong) return this.wishes.refused(wrong);
      this.tell({ [field.key]: value });
    });
    return this.row(field.label, input, "", field.help);
  }

  private presetChooser(): HTMLElement {
    const select = make("select");
    select.append(new Option("choose…", ""));
    presets.forEach(({ name }, i) => select.append(new Option(name, String(i))));
    select.addEventListener("change", () => {
      const preset = presets[Number(select.value)];
      if (select.value === "" || !preset) return;
      this.set({ ...this.settings, law: "power:1", density: 1, steps: 2000, batch: 256, lr: 0.01, extra: {}, ...preset.settings });
      this.wishes.changed({ ...this.settings });
    });
    return this.row("start from", select, "", "settings that show something");
  }

  private dialRow(): HTMLElement {
    const id = newId();
    this.decaySlider.id = id;
    this.decaySlider.addEventListener("input", () => {
      const value = Number(this.decaySlider.value);
      this.showDecay(value);
      this.wishes.decay(value);
    });
    return make("div", { class: "the-dial" },
      make("div", { class: "row" }, make("label", { for: id }, "the dial: decay γ"), this.decaySays), this.decaySlider,
      make("div", { class: "dial-ends", id: "dial-decay-ends" }, make("span", {}, "strong: rows pulled to length 1"), make("span", {}, "weak: rows pushed to 0")));
  }

  private buttons(): HTMLElement {
    const button = (text: string, title: string, press: () => void) => {
      const out = make("button", { type: "button", title }, text);
      out.addEventListener("click", press);
      return out;
    };
    this.go.addEventListener("click", () => (this.go.getAttribute("aria-pressed") === "true" ? this.wishes.pause() : this.wishes.train()));
    return make("div", { class: "buttons" }, this.go, button("Step", "one training step", () => this.wishes.step()), button("Reset", "back to step 0", () => this.wishes.reset()));
  }

  private showLaw(name: LawName): void {
    this.lawRows.power.hidden = name !== "power";
    this.lawRows.exponential.hidden = name !== "exponential";
  }

  private lawChanged(wait = 0): void {
    const name = this.law.value as LawName;
    this.showLaw(name);
    if (name === "exponential" && !(Number(this.scale.value) > 0)) this.scale.value = "10";
    const law = name === "power" ? `power:${this.exponent.value}` : name === "exponential" ? `exponential:${Number(this.scale.value)}` : name;
    this.tell({ law }, wait);
  }

  private tell(change: Partial<Settings>, wait = 0): void {
    this.settings = { ...this.settings, ...change };
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.wishes.changed({ ...this.settings }), wait);
  }
}
