// SPDX-License-Identifier: Apache-2.0
// A figure's numbers as a table and as CSV: what a reader without the picture gets.
import { short } from "../palette";
import type { Figure } from "../data/types";

const kMostRows = 400;
// As superpose/report/figure_csv.h.
const columns = ["panel", "series", "role", "x", "x2", "y", "z", "lo", "hi", "alpha_or_law", "decay", "dim", "density", "seed", "runs", "note"];

type Cells = (string | number)[];

export function rowsOf(figure: Figure): Cells[] {
  const rows: Cells[] = [];
  for (const panel of figure.panels) {
    for (const series of panel.series) {
      for (const point of series.points) {
        const head = [panel.title, series.key, series.role, point.x, point.x2 ?? ""];
        const at = (point.at ?? [null, null, null, null]).map((value) => value ?? "");
        rows.push([...head, point.y ?? "", point.z ?? "", point.ci?.[0] ?? "", point.ci?.[1] ?? "", ...at, "", point.runs ?? "", point.note ?? ""]);
        const isMap = typeof point.z === "number";
        for (const [seed, value] of point.seeds ?? []) rows.push([...head, isMap ? point.y ?? "" : value, isMap ? value : "", "", "", ...at, seed, "", ""]);
      }
    }
  }
  return rows;
}

// RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe.
export function csvOf(figure: Figure): string {
  const cell = (value: string | number) => {
    const text = typeof value === "string" && /^[=+@\-\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [columns, ...rowsOf(figure)].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function fillNumbers(place: HTMLElement, figure: Figure): void {
  const rows = rowsOf(figure);
  const used = columns.map((_, c) => rows.some((row) => row[c] !== ""));
  const table = document.createElement("table");
  table.className = "data";
  const caption = table.createCaption();
  caption.textContent = `The ${rows.length} numbers of the figure${rows.length > kMostRows ? `; the first ${kMostRows} are shown, the file has all` : ""}`;
  const head = table.createTHead().insertRow();
  columns.forEach((name, c) => {
    if (!used[c]) return;
    const th = document.createElement("th");
    th.scope = "col";
    th.textContent = name;
    head.append(th);
  });
  const body = table.createTBody();
  for (const row of rows.slice(0, kMostRows)) {
    const line = body.insertRow();
    row.forEach((value, c) => { if (used[c]) line.insertCell().textContent = typeof value === "number" ? short(value, 5) : value; });
  }
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `numbers of ${figure.title}`);
  scroll.append(table);
  place.replaceChildren(scroll);
}
