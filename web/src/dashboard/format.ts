// SPDX-License-Identifier: Apache-2.0
import { short } from "../palette";

export { short };

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds) || seconds < 0) return "—";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds) % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${(seconds / 86400).toFixed(1)} days`;
}

// "12 345" with thin spaces.
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, value >= 10000 ? "\u2009" : "");
}

export function rate(perHour: number): string {
  if (!Number.isFinite(perHour) || perHour <= 0) return "—";
  return perHour >= 36000 ? `${short(perHour / 3600)} runs/s` : `${count(perHour)} runs/h`;
}

const two = (value: number) => String(value).padStart(2, "0");

// Local time; the day only when it is not today's.
export function clock(ms: number | null): string {
  if (ms === null) return "—";
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return at.toDateString() === new Date().toDateString() ? time : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

// Fields of a configuration as the paper writes them.
const symbols: Record<string, string> = { decay: "γ", dim: "m", features: "n", density: "E", law: "law" };
export const symbolOf = (field: string): string => symbols[field] ?? field.replace(/_/g, "-");

export function valueText(value: unknown): string {
  if (typeof value === "number") return short(value, 4);
  if (value === undefined || value === null) return "—";
  return typeof value === "string" ? value : JSON.stringify(value);
}

// What a shell takes for one word.
export const quoted = (text: string): string => (/^[A-Za-z0-9:._+/=-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

export function toyCommand(config: Record<string, unknown>): string {
  const words = ["superpose toy"];
  for (const [field, value] of Object.entries(config)) {
    if (typeof value === "object" || value === "") continue;
    words.push(`--${field.replace(/_/g, "-")} ${quoted(String(value))}`);
  }
  return words.join(" ");
}
