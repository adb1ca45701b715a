// SPDX-License-Identifier: Apache-2.0
// What the page knows: the runs, and what sweeps do now. See superpose/serve/runs.h for the table's form.
export type Config = Record<string, unknown>;

export interface Run {
  id: number;
  status: string;
  kind: string;
  version: string;
  loss: number | null;
  phi_half: number | null;
  overlap_mean_square: number | null;
  seconds: number | null;
  started: number | null;
  finished: number | null;
  error: string;
  config: Config;
  text: string;  // what a search looks through, in small letters; made when first needed
}

interface Coded { values: unknown[]; at: number | number[] }

export interface Table {
  id: number[];
  status: Coded; version: Coded; kind: Coded; error: Coded;
  loss: (number | null)[]; phi_half: (number | null)[]; overlap_mean_square: (number | null)[];
  seconds: (number | null)[]; started: (number | null)[]; finished: (number | null)[];
  config: Record<string, Coded>;
}

export interface Working {
  run: number; config: Config; core: number; threads: number; step: number; steps: number; loss: number | null;
  fraction: number; seconds: number; steps_per_second: number | null; curve: [number, number][];
}

export interface Progress {
  total: number; done: number; skipped: number; failed: number; diverged: number; running: number; waiting: number;
  seconds: number; eta_seconds: number | null;
}

export interface LiveRecord {
  study: string; host: string; pid: number; started_at: string; updated_at: string; state: "live" | "ended" | "lost";
  version: string; workers: number; progress: Progress; running: Working[];
}

export interface Live {
  store: { name: string; path: string; state: "ok" | "missing" | "unreadable"; text: string; runs: number };
  records: LiveRecord[];
}

const valueAt = (coded: Coded, k: number): unknown => {
  const at = typeof coded.at === "number" ? coded.at : coded.at[k];
  return at < 0 ? undefined : coded.values[at];
};

export function decode(table: Table): Run[] {
  const fields = Object.entries(table.config);
  return table.id.map((id, k) => {
    const config: Config = {};
    for (const [name, coded] of fields) {
      const value = valueAt(coded, k);
      if (value !== undefined) config[name] = value;
    }
    return {
      id, config, text: "",
      status: String(valueAt(table.status, k)), version: String(valueAt(table.version, k)), kind: String(valueAt(table.kind, k)),
      error: String(valueAt(table.error, k) ?? ""), loss: table.loss[k], phi_half: table.phi_half[k],
      overlap_mean_square: table.overlap_mean_square[k], seconds: table.seconds[k], started: table.started[k], finished: table.finished[k],
    };
  });
}

// A record of a stranger's store may lack anything.
const number = (value: unknown, fallback = 0): number => (typeof value === "number" && Number.isFinite(value) ? value : fallback);

export function checked(live: Live): Live {
  for (const record of live.records) {
    const p = (record.progress ?? {}) as Partial<Progress>;
    record.progress = {
      total: number(p.total), done: number(p.done), skipped: number(p.skipped), failed: number(p.failed), diverged: number(p.diverged),
      running: number(p.running), waiting: number(p.waiting), seconds: number(p.seconds), eta_seconds: typeof p.eta_seconds === "number" ? p.eta_seconds : null,
    };
    record.workers = Math.min(Math.max(number(record.workers, 1), 0), 4096);
    record.study = String(record.study ?? "");
    record.running = (record.running ?? []).filter((one) => one && typeof one === "object").map((one) => ({
      ...one, run: number(one.run), core: number(one.core), threads: number(one.threads, 1), step: number(one.step), steps: number(one.steps),
      fraction: Math.min(Math.max(number(one.fraction), 0), 1), seconds: number(one.seconds), config: one.config ?? {},
      loss: typeof one.loss === "number" ? one.loss : null, steps_per_second: typeof one.steps_per_second === "number" ? one.steps_per_second : null,
      curve: Array.isArray(one.curve) ? one.curve.filter((point) => Array.isArray(point) && Number.isFinite(point[0]) && Number.isFinite(point[1])) : [],
    }));
  }
  return live;
}

export type State = "connecting" | "connected" | "reconnecting" | "refused";

export class Model {
  runs = new Map<number, Run>();
  live: Live | null = null;
  state: State = "connecting";
  stateText = "";
  serverNow = 0;   // ms, at the last sign of life
  runsVersion = 0; // grows with every change of runs
  private varyingNow: string[] = [];
  private varyingAt = -1;
  private readonly listeners: ((what: "runs" | "live" | "state") => void)[] = [];

  listen(act: (what: "runs" | "live" | "state") => void): void { this.listeners.push(act); }
  private tell(what: "runs" | "live" | "state"): void { for (const act of this.listeners) act(what); }

  replace(runs: Run[]): void {
    this.runs = new Map(runs.map((run) => [run.id, run]));
    ++this.runsVersion;
    this.tell("runs");
  }
  put(changed: Run[]): void {
    for (const run of changed) this.runs.set(run.id, { ...run, error: run.error ?? "", config: run.config ?? {}, text: "" });
    ++this.runsVersion;
    this.tell("runs");
  }
  setLive(live: Live): void { this.live = checked(live); this.tell("live"); }
  setState(state: State, text = ""): void {
    if (state === this.state && text === this.stateText) return;
    this.state = state;
    this.stateText = text;
    this.tell("state");
  }

  working(): Working[] { return (this.live?.records ?? []).flatMap((record) => record.running); }

  // The fields in which runs differ, the paper's parameters first.
  varying(): string[] {
    if (this.varyingAt !== this.runsVersion) {
      this.varyingAt = this.runsVersion;
      this.varyingNow = this.findVarying();
    }
    return this.varyingNow;
  }

  private findVarying(): string[] {
    const first = new Map<string, string>();
    const varies = new Set<string>();
    const seen = new Map<string, number>();
    for (const run of this.runs.values()) {
      for (const [name, value] of Object.entries(run.config)) {
        const text = typeof value === "object" ? JSON.stringify(value) : String(value);
        const known = first.get(name);
        if (known === undefined) first.set(name, text);
        else if (known !== text) varies.add(name);
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    }
    for (const [name, times] of seen) if (times < this.runs.size) varies.add(name);
    const order = ["decay", "law", "features", "dim", "density", "seed"];
    const rank = (name: string) => { const at = order.indexOf(name); return at < 0 ? order.length : at; };
    return [...first.keys()].filter((name) => varies.has(name)).sort((a, b) => rank(a) - rank(b));
  }
}
