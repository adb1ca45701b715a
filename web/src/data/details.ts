// SPDX-License-Identifier: Apache-2.0
// The single runs inside the page; see details.h of superpose/report.
import type { Histogram, Picture } from "../views/picture";
import { inside, unpack } from "./read";
import type { At } from "./types";

export interface Run {
  id: string;  // "17" or "b:17"; empty: recorded, in no store
  at: At;
  seed: number;
  status: "ok" | "diverged";
  config: Record<string, unknown>;
  numbers: (number | null)[];  // of `fields`
  version: string;
  seconds: number | null;
  curve?: number[];            // step, loss, step, loss, ...
  norms?: Histogram;
  picture?: Picture;
}

export interface Details {
  base: Record<string, unknown>;  // of all configurations, but for what a run's own says
  fields: string[];
  runs: Run[];
  left_out: string[];
}

export async function readDetails(): Promise<Details | null> {
  const packed = inside("page-details");
  return packed === null ? null : unpack<Details>(packed);
}

export function numberOf(details: Details, run: Run, field: string): number | null {
  return run.numbers[details.fields.indexOf(field)] ?? null;
}

export function configOf(details: Details, run: Run): [string, unknown][] {
  return Object.entries({ ...details.base, ...run.config }).filter(([, value]) => value !== null);
}

// What trains this run again, as a shell reads it.
export function commandOf(details: Details, run: Run): string {
  const words = configOf(details, run)
    .filter(([, value]) => ["number", "string", "boolean"].includes(typeof value) && value !== "")
    .map(([key, value]) => {
      const text = String(value);
      return `--${key.replace(/_/g, "-")} ${/^[\w:.\-+/]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`}`;
    });
  return `superpose toy ${words.join(" ")}`;
}
