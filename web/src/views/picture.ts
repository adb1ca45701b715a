// SPDX-License-Identifier: Apache-2.0
// The picture of a W, as `result.picture` of a toy run and the dial's frame hold it.
export interface Vectors {
  ranks: number[];          // feature rank, 1 = most frequent
  coordinates: number[][];  // [x, y] or [x, y, z] of each
  norms: number[];          // |W_i| of each: of the whole row, so not less than the length shown
  kept: number;             // share of the squared norms of these rows that the shown axes hold
  method: string;           // "W itself" | "principal directions"
}

export interface Histogram {
  min: number;
  max: number;
  counts: number[];
}

export interface Gram {
  size: number;      // k, of the most frequent features
  values: number[];  // [k·k], W_i·W_j, row by row
}

export interface Picture {
  vectors: Vectors;
  overlap_histogram: Histogram | null;  // |cos| of pairs of represented rows; null with fewer than two
  gram: Gram;
}
