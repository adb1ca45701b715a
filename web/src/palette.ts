// SPDX-License-Identifier: Apache-2.0
// Colours are custom properties of page.css, so that light, dark and print need no redrawing.
import type { Series } from "./data/types";

const steps: Record<string, number> = { neg: 5, pos: 5, seq: 7, cat: 5 };

export function colorOf(series: Series): string {
  const [palette, index, count] = series.hue;
  if (palette === "bad") return "var(--bad)";
  const n = steps[palette];
  if (!n) return index === 0 ? "var(--ink)" : "var(--soft)";
  if (palette === "cat") return `var(--cat-${index % n})`;
  const at = count <= 1 ? (palette === "seq" ? n - 1 : 1) : Math.round((index / (count - 1)) * (n - 1));
  return `var(--${palette}-${at})`;
}

// "1.06", "0.0636", "1e-4"; a true minus sign.
export function short(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "—";
  const plain = Number(value.toPrecision(digits));
  const size = Math.abs(plain);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? plain.toExponential() : String(plain);
  return text.replace(/-/g, "−");
}
