// SPDX-License-Identifier: Apache-2.0
// The dial's two sides: what study::Dial says at any step, and who computes it.
import type { Histogram, Picture } from "../views/picture";

// The fields of toy::Config that the page sets; the others keep their defaults.
export interface Config {
  features: number;
  dim: number;
  law: string;
  density: number;
  decay: number;
  steps: number;
  batch: number;
  lr: number;
  seed: number;
}

export interface Frame {
  schema: string;
  config: Config & Record<string, unknown>;  // as the engine resolved it
  step: number;
  steps: number;
  loss: number | null;  // mean over the last 100 steps at most
  eval_loss?: number | null;
  eval_loss_se?: number | null;
  diverged: boolean;
  done: boolean;
  decay: number;
  changes: [step: number, decay: number][];  // of γ, by hand
  curve: [step: number, loss: number][];
  seconds: number;
  n: number;
  m: number;
  // null once diverged
  norms: number[] | null;
  norm_ranks: number[] | null;
  norm_histogram: Histogram | null;
  phi_half: number | null;
  phi_one: number | null;
  rows_represented: number | null;
  overlap_mean_square: number | null;
  overlap_mean_square_all: number | null;
  random_mean_square: number;
  welch_bound_mean_square: number | null;
  picture: Picture | null;
}

// One dial at a time. Every promise may be rejected with an EngineError; after that only start() makes sense.
export interface DialEngine {
  start(config: Config): Promise<Frame>;
  advance(milliseconds: number): Promise<Frame>;   // trains for about that long
  advanceSteps(steps: number): Promise<Frame>;     // exactly so many, or up to the end
  setDecay(decay: number): Promise<Frame>;
  stop(): Promise<void>;
  readonly where: string;  // for people: "in this page (WebAssembly)"
}

export class EngineError extends Error {
  constructor(readonly kind: string, text: string) {
    super(text);
  }
}
