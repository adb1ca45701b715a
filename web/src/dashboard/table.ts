// SPDX-License-Identifier: Apache-2.0
// The table of runs. Only the rows in sight are in the document, so ten thousand cost what thirty do.
import { byId, el, setText } from "./dom";
import { Filters } from "./filters";
import { clock, count, duration, short, symbolOf, valueText } from "./format";
import type { Model, Run } from "./model";
import { type Column, fieldValue, prepare, select, type Selection } from "./selection";

const kRow = 32;       // px, as in dashboard.css
const kMargin = 8;     // rows drawn beyond what is in sight
const kSearchPause = 60;

const number = (value: number | null, digits = 4): string => (value === null ? "—" : short(value, digits));

function columnsFor(runs: Run[], varying: string[], anyError: boolean): Column[] {
  const fields: Column[] = varying.map((field) => ({
    key: `f.${field}`, title: symbolOf(field), width: field === "law" ? 118 : Math.max(64, 22 + 8 * symbolOf(field).length), numeric: !runs.some((run) => typeof fieldValue(run, field) === "string"),
    value: (run) => fieldValue(run, field), text: (run) => valueText(run.config[field]),
  }));
  const results: Column[] = [
    { key: "loss", title: "loss", width: 84, numeric: true, value: (run) => run.loss, text: (run) => number(run.loss) },
    { key: "phi_half", title: "φ½", width: 70, numeric: true, value: (run) => run.phi_half, text: (run) => number(run.phi_half, 3) },
    { key: "overlap_mean_square", title: "overlap²", width: 86, numeric: true, value: (run) => run.overlap_mean_square, text: (run) => number(run.overlap_mean_square, 3) },
    { key: "seconds", title: "time", width: 96, numeric: true, value: (run) => run.seconds, text: (run) => duration(run.seconds) },
    { key: "finished", title: "finished", width: 150, numeric: true, value: (run) => run.finished, text: (run) => clock(run.finished) },
  ];
  return [
    { key: "id", title: "run", width: 66, numeric: true, value: (run) => run.id, text: (run) => String(run.id) },
    { key: "status", title: "status", width: 104, numeric: false, value: (run) => run.status, text: (run) => run.status },
    ...fields, ...results,
    ...(anyError ? [{ key: "error", title: "error", width: 320, numeric: false, value: (run: Run) => run.error || null, text: (run: Run) => run.error }] : []),
  ];
}

export class RunTable {
  private readonly head = el("tr", {});
  private readonly body = el("tbody", {});
  private readonly groups = el("colgroup", {});
  private readonly table = el("table", { class: "runs", "aria-label": "runs" }, this.groups, el("thead", {}, this.head), this.body);
  private readonly scroll = el("div", { class: "viewport", tabindex: "0", role: "region", "aria-label": "table of runs: arrow keys move, Enter opens a run" }, this.table);
  private readonly search = el("input", { type: "search", placeholder: "search: failed, dim=10 …", "aria-label": "search in runs", autocomplete: "off", spellcheck: "false" });
  private readonly shown = el("p", { class: "facts shown", role: "status" });
  private readonly reset = el("button", { type: "button", class: "quiet" }, "show all");
  private readonly filters: Filters;
  private columns: Column[] = [];
  private columnsKey = "";
  private rows: Run[] = [];
  private at = 0;           // the row that the keys move
  private drawn = "";
  private version = -1;

  constructor(private readonly model: Model, private readonly selection: Selection, private readonly open: (id: number, byKey: boolean) => void, private readonly changed: () => void) {
    this.filters = new Filters(model, selection, () => this.refresh(true));
    this.search.value = selection.text;
    const place = el("div", { class: "list" }, el("div", { class: "tools" }, this.search, this.filters.place, this.reset), this.shown, this.scroll);
    byId("view-runs").append(place);
    let pause = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(pause);
      pause = window.setTimeout(() => { selection.text = this.search.value; this.refresh(true); }, kSearchPause);
    });
    this.reset.addEventListener("click", () => { this.filters.clear(); selection.text = this.search.value = ""; this.refresh(true); this.search.focus(); });
    this.scroll.addEventListener("scroll", () => this.drawRows(), { passive: true });
    new ResizeObserver(() => this.drawRows()).observe(this.scroll);
    this.scroll.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => {
      const row = (event.target as Element).closest<HTMLElement>("tr[data-id]");
      if (!row) return;
      this.at = Number(row.dataset.at);
      this.open(Number(row.dataset.id), false);
    });
  }

  // After the model changed; only when in sight.
  draw(): void {
    if (this.version !== this.model.runsVersion) this.refresh(false);
    this.drawRows();
  }

  private refresh(byHand: boolean): void {
    this.version = this.model.runsVersion;
    const varying = this.model.varying();
    if (!byHand) prepare([...this.model.runs.values()].filter((run) => !run.text));
    let anyError = false;
    for (const run of this.model.runs.values()) if (run.error) { anyError = true; break; }
    const key = `${varying.join()} ${anyError}`;
    if (key !== this.columnsKey) {
      this.columnsKey = key;
      this.columns = columnsFor([...this.model.runs.values()], varying, anyError);
      this.drawHead();
    }
    this.filters.draw(varying);
    const column = this.columns.find((one) => one.key === this.selection.sort) ?? this.columns[0];
    const held = this.rows[this.at]?.id;
    this.rows = select(this.model.runs.values(), this.selection, column);
    const place = this.rows.findIndex((run) => run.id === held);
    this.at = byHand || place < 0 ? 0 : place;
    if (byHand) { this.scroll.scrollTop = 0; this.changed(); }
    const all = this.model.runs.size;
    setText(this.shown, this.rows.length === all ? `${count(all)} ${all === 1 ? "run" : "runs"}` : `${count(this.rows.length)} of ${count(all)} runs`);
    this.reset.hidden = this.rows.length === all && !this.selection.text && this.selection.only.size === 0;
    this.table.setAttribute("aria-rowcount", String(this.rows.length + 1));
    this.drawn = "";
    this.drawRows();
  }

  private drawHead(): void {
    this.groups.replaceChildren(...this.columns.map(({ width }) => { const col = el("col"); col.style.width = `${width}px`; return col; }));
    this.table.style.width = `max(100%, ${this.columns.reduce((sum, { width }) => sum + width, 0)}px)`;
    this.head.replaceChildren(...this.columns.map((column) => {
      const button = el("button", { type: "button" }, column.title);
      button.addEventListener("click", () => {
        if (this.selection.sort === column.key) this.selection.down = !this.selection.down;
        else { this.selection.sort = column.key; this.selection.down = column.key === "finished" || column.key === "id"; }
        this.sayOrder();
        this.refresh(true);
      });
      return el("th", { scope: "col", "data-key": column.key, class: column.numeric ? "num" : "" }, button);
    }));
    this.sayOrder();
  }

  private sayOrder(): void {
    for (const th of this.head.querySelectorAll<HTMLElement>("th")) {
      if (th.dataset.key === this.selection.sort) th.setAttribute("aria-sort", this.selection.down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    }
  }

  private drawRows(): void {
    const height = this.scroll.clientHeight;
    if (height === 0) return;
    const top = Math.max(0, Math.floor(this.scroll.scrollTop / kRow) - kMargin);
    const end = Math.min(this.rows.length, Math.ceil((this.scroll.scrollTop + height) / kRow) + kMargin);
    const key = `${top} ${end} ${this.at} ${this.selection.run}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const rows: HTMLElement[] = [space(top)];
    for (let k = top; k < end; ++k) rows.push(this.row(this.rows[k], k));
    rows.push(space(this.rows.length - end));
    this.body.replaceChildren(...rows);
  }

  private row(run: Run, k: number): HTMLElement {
    const out = el("tr", { "data-id": String(run.id), "data-at": String(k), "aria-rowindex": String(k + 2), class: k === this.at ? "at" : "" });
    if (run.id === this.selection.run) out.setAttribute("aria-current", "true");
    for (const column of this.columns) {
      const text = column.text(run);
      const cell = el("td", { class: `${column.numeric ? "num" : ""} ${column.key === "status" ? `status ${run.status}` : ""}` }, text);
      if (column.key === "error" && text) cell.title = text;
      out.append(cell);
    }
    return out;
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.scroll) return;
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / kRow) - 2);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.rows.length, End: this.rows.length };
    if (event.key === "Enter" && this.rows[this.at]) { this.open(this.rows[this.at].id, true); event.preventDefault(); return; }
    const move = moves[event.key];
    if (move === undefined || this.rows.length === 0) return;
    event.preventDefault();
    this.at = Math.min(Math.max(this.at + move, 0), this.rows.length - 1);
    const head = kRow + 4;
    const y = this.at * kRow;
    if (y < this.scroll.scrollTop) this.scroll.scrollTop = y;
    else if (y + kRow + head > this.scroll.scrollTop + this.scroll.clientHeight) this.scroll.scrollTop = y + kRow + head - this.scroll.clientHeight;
    // An open run follows the keys.
    if (this.selection.run !== null) this.open(this.rows[this.at].id, false);
    this.drawRows();
  }

  focus(): void { this.scroll.focus(); }
  redraw(): void { this.drawn = ""; this.drawRows(); }
}

function space(rows: number): HTMLElement {
  const out = el("tr", { class: "space", "aria-hidden": "true" });
  out.style.height = `${rows * kRow}px`;
  return out;
}
