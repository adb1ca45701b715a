// SPDX-License-Identifier: Apache-2.0
// What page_data() of superpose/report writes; see figure.h there.

// Which runs a point is about: α or the name of another law, γ, m, E. null: not bound to one.
export type At = [law: number | string | null, decay: number | null, m: number | null, density: number | null];

export interface Point {
  x: number;
  y: number | null;
  z?: number | null;
  x2?: number;
  ci?: [number, number];
  runs?: string;
  note?: string;
  at?: At;
  seeds?: [seed: number, value: number][];  // behind y (z in a map), where it is a mean
}

export type Role = "ours" | "fit" | "published" | "theory";

// What a tooltip calls each role.
export type Words = Record<Role, string>;

export interface Series {
  key: string;
  role: Role;
  hue: [palette: string, index: number, count: number];
  label?: string;
  symbol: string;
  line?: boolean;
  band?: boolean;
  diverged?: boolean;
  points: Point[];
}

export interface Axis {
  label: string;
  log: boolean;
  ticks?: number[];
  domain?: [number, number];
}

export interface Panel {
  title: string;
  group: string;
  shown: boolean;
  x: Axis;
  y: Axis;
  series: Series[];
  reference?: [number, number];
}

export interface Figure {
  id: string;
  title: string;
  kind: "xy" | "map" | "rows";
  caption: string;
  words?: Words;
  color?: { label: string; domain: [number, number] | null };
  panels: Panel[];
}

export interface PageData {
  title: string;
  words?: Words;
  figures: Figure[];
}
