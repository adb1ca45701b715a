// SPDX-License-Identifier: Apache-2.0
// What a reader waits for, measured in the browser: node browser.mjs URL [REPEATS] prints JSON, all times in ms.
//   first_paint: something is on the screen; table: the rows are; then, from the event to the frame that shows its
//   effect: search (includes the pause that waits for more letters), sort, filter, scroll, open (a run with its curve)
// `cpu`: what the page's main thread computed for each, which other programs on the machine do not change.
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const [url, repeats = "7"] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

// In the page: runs act, then waits until look() says something else, and for the frame after.
async function timed(page, act, look) {
  return page.evaluate(async ([actText, lookText]) => {
    const actNow = eval(`(${actText})`);
    const lookNow = eval(`(${lookText})`);
    const before = lookNow();
    const begin = performance.now();
    actNow();
    for (;;) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      if (lookNow() !== before) break;
      if (performance.now() - begin > 20000) throw new Error(`nothing changed: ${actText}`);
    }
    await new Promise((resolve) => { const channel = new MessageChannel(); channel.port1.onmessage = resolve; requestAnimationFrame(() => channel.port2.postMessage(0)); });
    return performance.now() - begin;
  }, [act.toString(), look.toString()]);
}

const rows = () => [...document.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id).join();
const shown = () => document.querySelector(".shown").textContent;

async function once(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(String(error)));
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => 1000 * (await devtools.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
  await page.goto(`${url}#tab=runs`, { waitUntil: "commit" });
  await page.waitForSelector("tr[data-id]", { timeout: 60000 });
  const table = await page.evaluate(() => performance.now());
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  const first_paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  await page.waitForTimeout(500);
  const out = { first_paint, table, cpu: { table: await spent() } };
  const measure = async (name, act, look) => {
    const before = await spent();
    out[name] = await timed(page, act, look);
    out.cpu[name] = await spent() - before;
  };
  out.runs = await page.evaluate(() => document.querySelector("table.runs").getAttribute("aria-rowcount") - 1);
  await measure("search", () => { const box = document.querySelector("input[type=search]"); box.value = "dim=25 seed=1"; box.dispatchEvent(new Event("input")); }, shown);
  await measure("search_back", () => { const box = document.querySelector("input[type=search]"); box.value = ""; box.dispatchEvent(new Event("input")); }, shown);
  await measure("sort", () => document.querySelector("th[data-key=loss] button").click(), rows);
  await measure("sort_text", () => document.querySelector("th[data-key='f.law'] button").click(), rows);
  await measure("filter", () => document.querySelector("details[data-field=decay] input").click(), shown);
  await measure("unfilter", () => document.querySelector("details[data-field=decay] input").click(), shown);
  await measure("scroll", () => { document.querySelector(".viewport").scrollTop = 100000; }, rows);
  await measure("open", () => document.querySelector("tr[data-id] td").click(), () => document.querySelector(".detail .chart svg path") !== null);
  out.errors = errors;
  await context.close();
  return out;
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const all = [];
for (let k = 0; k < Number(repeats); ++k) all.push(await once(browser));
await browser.close();
const names = Object.keys(all[0]).filter((name) => typeof all[0][name] === "number" && name !== "runs");
const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const sorted = (name) => all.map((one) => one[name]).sort((a, b) => a - b);
console.log(JSON.stringify({
  repeats: all.length, runs: all[0].runs, errors: all.flatMap((one) => one.errors),
  median: Object.fromEntries(names.map((name) => [name, sorted(name)[Math.floor(all.length / 2)]])),
  cpu: Object.fromEntries(Object.keys(all[0].cpu).map((name) => [name, middle(all.map((one) => one.cpu[name]))])),
  worst: Object.fromEntries(names.map((name) => [name, sorted(name)[all.length - 1]])),
}));
