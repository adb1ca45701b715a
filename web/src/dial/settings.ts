// SPDX-License-Identifier: Apache-2.0
// What can be set, how it is written as a command, and where to start.
import type { Config } from "./engine";

export interface Settings extends Config {
  extra: Record<string, string>;  // other fields of the configuration, as the tour needs them
}

export const defaults: Settings = {
  features: 40, dim: 3, law: "power:1", density: 1, decay: -1, steps: 2000, batch: 256, lr: 0.01, seed: 0, extra: {},
};

export interface Preset {
  name: string;
  settings: Partial<Settings>;
}

export const presets: Preset[] = [
  { name: "a pentagon: 5 features in a plane", settings: { features: 5, dim: 2, law: "uniform", decay: -1, steps: 2000 } },
  { name: "weak: 40 features in space, γ = 0.5", settings: { features: 40, dim: 3, decay: 0.5 } },
  { name: "strong: 40 features in space, γ = −1", settings: { features: 40, dim: 3, decay: -1 } },
  { name: "strong: 200 features in 20 dimensions", settings: { features: 200, dim: 20, decay: -1 } },
  { name: "weak: 200 features in 20 dimensions", settings: { features: 200, dim: 20, decay: 0.5 } },
  { name: "even frequencies: α = 0", settings: { features: 100, dim: 10, law: "power:0", decay: -1 } },
  { name: "a steep law: α = 2", settings: { features: 200, dim: 20, law: "power:2", decay: -1 } },
  { name: "one of the paper's: n = 1000, m = 10, 20,000 steps (minutes)", settings: { features: 1000, dim: 10, decay: -1, steps: 20000, batch: 2048 } },
];

export interface Field {
  key: "features" | "dim" | "density" | "steps" | "batch" | "lr" | "seed";
  label: string;
  help: string;
  min: number;
  max: number;
  whole: boolean;
}

export const mainFields: Field[] = [
  { key: "features", label: "features n", help: "how many features the data has", min: 1, max: 10000, whole: true },
  { key: "dim", label: "dimensions m", help: "width of the bottleneck they share", min: 1, max: 500, whole: true },
  { key: "density", label: "density E", help: "features active in one sample, on average", min: 0.001, max: 10000, whole: false },
];

export const moreFields: Field[] = [
  { key: "steps", label: "steps", help: "of the whole training; the learning rate follows a cosine over them", min: 1, max: 100000, whole: true },
  { key: "batch", label: "batch", help: "samples per step", min: 1, max: 8192, whole: true },
  { key: "lr", label: "learning rate", help: "at its peak", min: 1e-6, max: 10, whole: false },
  { key: "seed", label: "seed", help: "of the first weights and of the data", min: 0, max: 1e9, whole: true },
];

// What is wrong with a value, or nothing.
export function complaint(field: Field, value: number): string {
  if (!Number.isFinite(value)) return `${field.label}: a number is expected`;
  if (value < field.min || value > field.max) return `${field.label} = ${value}: expected ${field.min} to ${field.max}`;
  return field.whole && value !== Math.floor(value) ? `${field.label} = ${value}: a whole number is expected` : "";
}

// As the engine takes it; texts that are numbers or truth values there become those.
export function toConfig({ extra, ...config }: Settings): Config {
  const parsed = Object.fromEntries(Object.entries(extra).map(([key, value]) => [key, value === "true" ? true : value === "false" ? false : value !== "" && Number.isFinite(Number(value)) ? Number(value) : value]));
  return { ...config, ...parsed };
}

export function command(settings: Settings): string {
  const { features, dim, law, density, decay, steps, batch, lr, seed, extra } = settings;
  const flags = { features, dim, law, density, decay, steps, batch, lr, seed, ...extra };
  return `superpose toy ${Object.entries(flags).map(([key, value]) => `--${key.replace(/_/g, "-")} ${value}`).join(" ")}`;
}
