// SPDX-License-Identifier: Apache-2.0
// The head of the page: what is shown, whether it is live, how far the sweeps are.
import { byId, el, setText } from "./dom";
import { count, duration, rate, valueText, symbolOf } from "./format";
import type { Config, LiveRecord, Model } from "./model";

interface Shown { css: string; text: string; hint: string }

// What the reader may believe of the page at this moment.
export function connectionOf(model: Model): Shown {
  if (model.state === "refused") return { css: "denied", text: "no access", hint: model.stateText };
  if (model.state === "connecting") return { css: "", text: "connecting", hint: "" };
  if (model.state === "reconnecting") {
    return { css: "denied", text: "reconnecting", hint: `The server does not answer; nothing is lost, the page goes on when it does. If it has ended: superpose serve ${model.live?.store.path ?? "STORE"}` };
  }
  const store = model.live?.store;
  if (store && store.state !== "ok") return { css: "denied", text: store.state === "missing" ? "store missing" : "store unreadable", hint: store.text };
  const records = model.live?.records ?? [];
  if (records.some((record) => record.state === "live")) return { css: "confirmed", text: "live", hint: "" };
  if (records.some((record) => record.state === "lost")) return { css: "denied", text: "sweep lost", hint: "The sweep has not been heard of for more than ten seconds: it was killed, or its machine stopped. The same command goes on where it was." };
  if (records.length > 0) return { css: "", text: "the sweep has ended", hint: "" };
  return { css: "", text: "no sweep is running", hint: "" };
}

export function drawHeader(model: Model): void {
  const shown = connectionOf(model);
  const badge = byId("connection");
  badge.className = `badge ${shown.css}`;
  setText(badge, shown.text);
  badge.title = shown.hint;
  const studies = [...new Set((model.live?.records ?? []).map((record) => record.study).filter((name) => name))];
  const name = model.live?.store.name ?? "";
  const title = studies.length ? `${studies.join(", ")}` : name || "superpose";
  setText(byId("title"), title);
  document.title = `${title} · superpose`;
  const parts: HTMLElement[] = (model.live?.records ?? []).map((record) => overall(record, (model.live?.records.length ?? 0) > 1));
  if (parts.length === 0) parts.push(counts(model));
  if (shown.hint) parts.unshift(el("p", { class: "hint" }, shown.hint));
  byId("overall").replaceChildren(...parts);
}

function bar(parts: [css: string, share: number, name: string][], label: string): HTMLElement {
  const track = el("div", { class: "bar", role: "img", "aria-label": label });
  for (const [css, share, name] of parts) {
    if (!(share > 0)) continue;
    const part = el("span", { class: css, title: name });
    part.style.width = `${100 * share}%`;
    track.append(part);
  }
  return track;
}

function overall(record: LiveRecord, several: boolean): HTMLElement {
  const p = record.progress;
  const total = Math.max(p.total, 1);
  const good = Math.max(0, p.done - p.skipped - p.failed);
  const percent = (100 * p.done) / total;
  const facts: string[] = [`${count(p.done)} of ${count(p.total)} runs`];
  if (record.state === "live") {
    const here = p.done - p.skipped;
    facts.push(here > 0 ? rate((here / Math.max(p.seconds, 0.001)) * 3600) : "first runs");
    if (p.done < p.total) facts.push(p.eta_seconds === null || p.eta_seconds < 0 ? "time left not known yet" : `about ${duration(p.eta_seconds)} left`);
  }
  facts.push(`${record.state === "live" ? "running for" : "ran for"} ${duration(p.seconds)}`);
  facts.push(`${record.workers} ${record.workers === 1 ? "core" : "cores"}`);
  if (p.skipped) facts.push(`${count(p.skipped)} were there already`);
  if (p.diverged) facts.push(`${count(p.diverged)} diverged`);
  if (p.waiting) facts.push(`${count(p.waiting)} elsewhere`);
  const line = el("p", { class: "facts" }, el("strong", {}, `${percent.toFixed(percent < 10 ? 1 : 0)} %`), ` ${facts.join(" · ")}`);
  if (p.failed) line.append(" · ", el("span", { class: "bad" }, `${count(p.failed)} failed`));
  const who = several ? el("p", { class: "facts" }, `${record.study} on ${record.host}, process ${record.pid}: ${record.state}`) : null;
  return el("div", { class: "overall" }, who, bar([
    ["skipped", p.skipped / total, `${p.skipped} were there already`], ["done", good / total, `${good} done`], ["failed", p.failed / total, `${p.failed} failed`],
    ["running", record.running.reduce((sum, run) => sum + run.fraction, 0) / total, `${record.running.length} running`],
  ], `${percent.toFixed(0)} percent done`), line);
}

// Without a sweep: what the store holds.
function counts(model: Model): HTMLElement {
  const by = new Map<string, number>();
  for (const run of model.runs.values()) by.set(run.status, (by.get(run.status) ?? 0) + 1);
  const total = Math.max(model.runs.size, 1);
  const order: [string, string][] = [["ok", "done"], ["diverged", "diverged"], ["failed", "failed"], ["running", "running"], ["interrupted", "lost"]];
  const known = order.filter(([status]) => by.has(status));
  return el("div", { class: "overall" },
    bar(known.map(([status, css]) => [css, (by.get(status) ?? 0) / total, `${by.get(status)} ${status}`]), "runs by status"),
    el("p", { class: "facts" }, model.runs.size === 0 ? "no runs yet" : `${count(model.runs.size)} runs: ${known.map(([status]) => `${count(by.get(status) ?? 0)} ${status}`).join(" · ")}`));
}

// "γ −1 · m 10 · seed 0": what tells this run from the others.
export function nameOf(config: Config, varying: string[]): string {
  const fields = [...new Set(["decay", ...varying, "dim"])].filter((field) => config[field] !== undefined).slice(0, 5);
  return fields.map((field) => `${symbolOf(field)} ${valueText(config[field])}`).join(" · ");
}
