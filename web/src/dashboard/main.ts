// SPDX-License-Identifier: Apache-2.0
// The live dashboard: one model, one connection that keeps it, and views that draw what is in sight.
import { Connection } from "./connection";
import { openDial } from "./dial";
import { Detail } from "./detail";
import { byId, eachFrame, setText } from "./dom";
import { Figures } from "./figures";
import { count } from "./format";
import { drawHeader } from "./header";
import { Model } from "./model";
import { Now } from "./now";
import { readHash, writeHash } from "./selection";
import { mountTheme } from "../theme";
import { RunTable } from "./table";

const tabs = ["now", "runs", "figures", "dial"];

function start(): void {
  mountTheme(document.querySelector("body > header"));
  const model = new Model();
  const selection = readHash(location.hash);
  if (!tabs.includes(selection.tab)) selection.tab = "now";

  const remember = () => writeHash(selection);
  const openRun = (id: number | null, focus: boolean) => {
    selection.run = id;
    detail.show(id);
    byId("view-runs").classList.toggle("open", id !== null);
    table.redraw();
    remember();
    if (focus) detail.place.focus();
  };
  const now = new Now(model, (id) => { showTab("runs"); openRun(id, true); });
  const table = new RunTable(model, selection, (id, byKey) => openRun(id, byKey || matchMedia("(max-width: 900px)").matches), remember);
  const detail = new Detail(model, () => { openRun(null, false); table.focus(); });
  byId("view-runs").append(detail.place);
  const figures = new Figures(model);

  const draw = eachFrame(() => {
    drawHeader(model);
    setText(byId("count"), model.runs.size ? count(model.runs.size) : "");
    if (selection.tab === "now") now.draw();
    if (selection.tab === "runs") { table.draw(); detail.draw(); }
    if (selection.tab === "figures") figures.draw();
    document.documentElement.dataset.drawn = model.state === "connected" ? "yes" : "no";
  });

  function showTab(name: string, focus = false): void {
    selection.tab = name;
    for (const tab of tabs) {
      const button = byId(`tab-${tab}`);
      const chosen = tab === name;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      byId(`view-${tab}`).hidden = !chosen;
      if (chosen && focus) button.focus();
    }
    if (name === "dial") openDial();
    remember();
    draw();
  }

  for (const tab of tabs) byId(`tab-${tab}`).addEventListener("click", () => showTab(tab));
  document.querySelector("[role=tablist]")?.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[(event as KeyboardEvent).key];
    if (step) showTab(tabs[(tabs.indexOf(selection.tab) + step + tabs.length) % tabs.length], true);
  });
  model.listen(draw);
  setInterval(() => { if (selection.tab === "figures") draw(); }, 1000);
  showTab(selection.tab);
  if (selection.run !== null) openRun(selection.run, false);
  addEventListener("hashchange", () => { if (location.hash.includes("tab=")) location.reload(); });  // a view pasted over this one
  void new Connection(model).load();
}

start();
