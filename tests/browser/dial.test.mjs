// SPDX-License-Identifier: Apache-2.0
// The dial in a real browser, on a page of its own (web/wasm/page.mjs) with the content security policy of the report.
//   node --test tests/browser/dial.test.mjs
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { addressIs, launch, missing, root, until } from "./browser.mjs";

const skip = missing();
const folder = mkdtempSync(path.join(tmpdir(), "superpose-dial-"));
const file = path.join(folder, "dial.html");
let browser;

before(async () => {
  if (skip) return;
  execFileSync("node", [path.join(root, "web/wasm/page.mjs"), file]);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(hash = "", options = {}, prepare) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  if (prepare) await page.addInitScript(prepare);
  await page.goto(pathToFileURL(file).href + hash);
  await page.waitForSelector(".dial[data-step='0']");
  return Object.assign(page, { said });
}
const step = (page) => page.locator(".dial").getAttribute("data-step").then(Number);
const status = (page) => page.locator(".dial-side [role=status]").innerText();
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

test("trains, pauses, steps, is turned, and says how it was made", { skip }, async () => {
  const page = await open();
  await page.locator("summary").click();
  await page.getByLabel("steps", { exact: true }).fill("100000");
  await page.getByLabel("steps", { exact: true }).press("Enter");
  await press(page, "Train");
  await until(async () => (await step(page)) > 100);
  const slider = page.getByLabel("the dial: decay γ");
  await slider.focus();
  await page.keyboard.press("End");
  await until(async () => (await page.locator(".made").innerText()).includes("turned by hand"));
  await press(page, "Pause");
  await until(async () => (await status(page)) === "Paused.");
  const at = await step(page);
  await press(page, "Step");
  await until(async () => (await step(page)) === at + 1);
  assert.match(await page.locator(".made").innerText(), /γ = 1 from step .*--decay -1 --steps 100000/s);
  await press(page, "Reset");
  await until(async () => (await step(page)) === 0);
  assert.match(await page.locator(".made").innerText(), /The same run by the program/);
  assert.deepEqual(page.said, []);
  await page.close();
});

test("its numbers are the program's", { skip }, async () => {
  const page = await open("#tour-4");
  await press(page, "Show me");
  await until(async () => (await status(page)).startsWith("Done"));
  const shown = (await page.locator(".readout").innerText()).replace(/\s+/g, " ");
  const program = process.env.SUPERPOSE ?? path.join(root, "build/release/bin/superpose");
  const [, ...flags] = (await page.locator(".made pre").innerText()).trim().split(/\s+/);
  const answer = JSON.parse(execFileSync(program, [...flags, "--json"], { stdio: ["ignore", "pipe", "ignore"] }));
  const result = answer.result ?? answer;
  assert.ok(shown.includes(`(${result.rows_represented} of 40)`), shown);
  assert.ok(Math.abs(Number(shown.match(/loss \(fresh data\) ([\d.]+)/)[1]) - result.eval_loss) < 3 * result.eval_loss_se, shown);
  await page.close();
});

test("without workers it trains on the page's own thread, which stays responsive", { skip }, async () => {
  const page = await open("", {}, () => { window.Worker = class { constructor() { throw new Error("no workers here"); } }; });
  await press(page, "Train");
  await until(async () => (await step(page)) > 20);
  const longest = await page.evaluate(() => new Promise((resolve) => {
    let most = 0, last = performance.now();
    const timer = setInterval(() => { const now = performance.now(); most = Math.max(most, now - last); last = now; }, 5);
    setTimeout(() => { clearInterval(timer); resolve(most); }, 1000);
  }));
  await until(async () => (await status(page)).startsWith("Done"));
  assert.match(await status(page), /own thread/);
  assert.ok(longest < 1500, `the page stood still for ${longest} ms`);
  await page.close();
});

test("refuses what it can't do, in words, and goes on", { skip }, async () => {
  const page = await open();
  const width = page.getByLabel("dimensions m");
  await width.fill("0");
  await width.press("Enter");
  assert.match(await page.locator("[role=alert]").innerText(), /dimensions m = 0: expected 1 to/);
  await width.fill("500");
  await width.press("Enter");
  await page.getByLabel("features n").fill("10000");
  await page.getByLabel("features n").press("Enter");
  await until(async () => /use fewer|memory/.test(await page.locator("[role=alert]").innerText()));
  await width.fill("2");
  await width.press("Enter");
  await page.getByLabel("features n").fill("6");
  await page.getByLabel("features n").press("Enter");
  await until(async () => (await page.locator(".readout").innerText()).includes("of 6)"));
  assert.equal(await page.locator("[role=alert]").innerText(), "");
  await page.close();
});

test("the tour: ten steps by keyboard, deep links, back, end", { skip }, async () => {
  const page = await open("#tour-3");
  const tour = page.getByRole("region", { name: "guided tour" });
  assert.match(await tour.innerText(), /Weak superposition.*3 of 10/s);
  await tour.getByRole("button", { name: "Next" }).focus();
  for (let k = 4; k <= 10; ++k) {
    await page.keyboard.press("ArrowRight");
    assert.match(await tour.innerText(), new RegExp(`${k} of 10`));
    await addressIs(page, new RegExp(`#tour-${k}$`));
  }
  await page.keyboard.press("ArrowLeft");
  assert.match(await tour.innerText(), /9 of 10/);
  await page.keyboard.press("Escape");
  await tour.getByRole("button", { name: "Start the guided tour" }).waitFor();
  await page.evaluate(() => { location.hash = "#tour-2"; });
  await until(async () => /2 of 10/.test(await tour.innerText()));
  assert.deepEqual(page.said, []);
  await page.close();
});

for (const [colorScheme, width, hash] of [["light", 1280, ""], ["dark", 390, "#tour-8"]]) {
  test(`accessible, and no wider than its screen: ${colorScheme}, ${width} px ${hash}`, { skip }, async () => {
    const page = await open(hash, { colorScheme, viewport: { width, height: 844 }, bypassCSP: true });
    await page.addScriptTag({ content: readFileSync(path.join(root, "web/node_modules/axe-core/axe.min.js"), "utf8") });
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => [id, nodes[0].html]), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.close();
  });
}
