// SPDX-License-Identifier: Apache-2.0
// Pages of a store that was really swept, with a fit and a forecast: what the browser tests look at.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { root, superpose } from "./browser.mjs";

export const decays = [-1, -0.5556, 0.3333];
export const widths = [3, 5, 8, 12];
export const seeds = 2;

// A folder with runs.sqlite, report.html, fit.html, fit.json, forecast.json.
export function makePages() {
  const folder = mkdtempSync(path.join(tmpdir(), "superpose-browser-"));
  const at = (name) => path.join(folder, name);
  writeFileSync(at("tiny.yaml"), `name: tiny\nabout: for the browser\ndefaults: {features: 60, steps: 80, batch: 64, density: 1}\ngrids:\n  - {law: "power:{1,2}", dim: [${widths}], decay: [${decays}], seed: range(${seeds})}\n`);
  superpose("sweep", at("tiny.yaml"), "--store", at("runs.sqlite"));
  const table = path.join(root, "studies/published/fig8b_llm_losses.csv");
  const fit = ["fit", table, "--law", "width", "--x", "m", "--y", "loss", "--group", "family,dataset", "--cluster", "model", "--bootstrap", "100"];
  writeFileSync(at("fit.json"), superpose(...fit, "--json", "-o", at("fit.html")));
  writeFileSync(at("forecast.json"), superpose("forecast", at("fit.json"), "--m", "4096", "--json"));
  superpose("report", at("runs.sqlite"), at("fit.json"), at("forecast.json"), "-o", at("report.html"), "--title", "tiny <b>&amp;</b> 'quoted'");
  return { folder, at, data: dataOf(at("report.html")) };
}

// The JSON inside a page.
export function dataOf(file) {
  const text = readFileSync(file, "utf8");
  return JSON.parse(text.match(/<script type="application\/json" id="page-data">([^]*?)<\/script>/)[1]);
}
