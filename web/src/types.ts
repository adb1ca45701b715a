// SPDX-License-Identifier: Apache-2.0
// What page_data() of superpose/report writes; see figure.h there.
export interface Point {
  x: number;
  y: number | null;
  z?: number | null;
  x2?: number;
  ci?: [number, number];
  runs?: string;
  note?: string;
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
}

export interface Figure {
  id: string;
  title: string;
  kind: "xy" | "map" | "rows";
  caption: string;
  color?: { label: string; domain: [number, number] | null };
  panels: Panel[];
}

export interface PageData {
  title: string;
  words?: Words;
  figures: Figure[];
}
