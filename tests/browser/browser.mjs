// SPDX-License-Identifier: Apache-2.0
// A real browser for the tests: Debian's Chromium through playwright-core. What each function proves stands above it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const program = process.env.SUPERPOSE ?? path.join(root, "build/release/bin/superpose");
const web = path.join(root, "web");
const shots = path.join(root, "build/screenshots");

export const screens = { phone: { width: 390, height: 844 }, laptop: { width: 1280, height: 800 }, wide: { width: 1920, height: 1080 } };
export const themes = ["light", "dark"];

function browserPath() {
  const names = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  return names.find((name) => name && existsSync(name));
}

// Why there can be no browser here; in CI that is a failure, elsewhere the tests are skipped.
export function missing() {
  const what = !existsSync(path.join(web, "node_modules/playwright-core")) ? "web/node_modules (run web/build.sh once)" : !browserPath() ? "Chromium" : "";
  if (what && process.env.CI) throw new Error(`CI tests the pages in a browser, and lacks ${what}`);
  if (what) console.log(`SKIPPED: no ${what}`);
  return what ? `no ${what}` : false;
}

export function superpose(...words) {
  return execFileSync(program, words.map(String), { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 300_000, maxBuffer: 1 << 28 });
}

export async function launch() {
  const { chromium } = createRequire(path.join(web, "package.json"))("playwright-core");
  return chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"] });
}

// A page that has drawn all it has. Everything it says on the console or asks of the network is in `said`; test that it
// is empty with quiet().
export async function open(browser, file, { screen = "laptop", theme = "light", hash = "" } = {}) {
  const context = await browser.newContext({ viewport: screens[screen], colorScheme: theme, acceptDownloads: true, reducedMotion: "reduce" });
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) said.push(`${message.type()}: ${message.text()}`); });
  page.on("pageerror", (error) => said.push(`exception: ${error.message}`));
  page.on("request", (request) => { if (!/^(file|data|blob):/.test(request.url())) said.push(`request: ${request.url()}`); });
  const url = file.startsWith("http") ? file : pathToFileURL(file).href;
  await page.goto(url + hash);
  await page.waitForSelector("html[data-drawn=yes]", { timeout: 60_000 });
  if (await page.$("#run")) await page.waitForSelector("html[data-explored=yes]", { timeout: 60_000 });
  return Object.assign(page, { said });
}

// What is asked until it answers with something true.
export async function until(what, seconds = 60) {
  for (const end = Date.now() + 1000 * seconds; ; await pause(50)) {
    const found = await what();
    if (found) return found;
    if (Date.now() > end) assert.fail(`it did not happen in ${seconds} s: ${what}`);
  }
}

// The address the browser tells of comes a moment after the press that changed it.
export async function addressIs(page, wanted) {
  await page.waitForURL(wanted, { waitUntil: "commit", timeout: 20_000 }).catch(() => assert.match(page.url(), wanted));
}

// Brings a mark to the middle of the screen and waits until it stays where it is: a figure that comes near the screen
// may draw itself anew, and what stood there before is then no part of the page any more.
export async function settled(mark) {
  let before = "";
  await until(async () => {
    const place = await mark.evaluate((one) => new Promise((done) => {
      one.scrollIntoView({ block: "center", behavior: "instant" });
      const frames = (left) => left > 0 ? requestAnimationFrame(() => frames(left - 1)) : done(one.isConnected ? JSON.stringify(one.getBoundingClientRect()) : "");
      frames(3);
    }));
    const same = place !== "" && place === before;
    before = place;
    return same;
  });
  return mark;
}

export const quiet = (page) => assert.deepEqual(page.said, [], "the page loads nothing and nothing on the console complains");

// No finding of axe-core that it calls serious or critical.
export async function accessible(page) {
  await page.evaluate(readFileSync(path.join(web, "node_modules/axe-core/axe.min.js"), "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(grave.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`), []);
}

// Nothing is wider than the screen; every chart has a size; no two pieces of text of one drawing cover each other by more
// than a fifth of the smaller. Independent of which fonts are installed, other than a comparison of pixels.
export async function laidOut(page) {
  const { overflow, flat, covered } = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const hidden = (element) => element.closest("details:not([open])") || element.closest("[hidden]") || element.closest(".scroll");
    const overflow = [...document.querySelectorAll("body *")]
      .filter((element) => !hidden(element) && !element.closest("svg") && element.getBoundingClientRect().right > width + 1)
      .map((element) => `${element.tagName}.${element.className} ends at ${Math.round(element.getBoundingClientRect().right)} of ${width}`);
    const drawings = [...document.querySelectorAll(".panel svg")].filter((svg) => !hidden(svg));
    const flat = drawings.filter((svg) => svg.clientWidth < 150 || svg.clientHeight < 80 || svg.querySelectorAll("path, circle, rect, line").length < 3)
      .map((svg) => svg.getAttribute("aria-label"));
    const covered = [];
    for (const svg of drawings) {
      const texts = [...svg.querySelectorAll("text, tspan")].filter((text) => !text.querySelector("tspan") && text.textContent.trim() && !text.closest("[aria-label=tip]"));
      const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
      boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, two]) => {
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        const least = Math.min(one.width * one.height, two.width * two.height);
        if (across > 0 && down > 0 && across * down > 0.2 * least) covered.push(`"${a}" and "${b}" in ${svg.getAttribute("aria-label").slice(0, 60)}`);
      }));
    }
    return { overflow, flat, covered };
  });
  assert.deepEqual(overflow.slice(0, 5), [], "nothing is wider than the screen");
  assert.deepEqual(flat, [], "every chart has a size and marks");
  assert.deepEqual(covered.slice(0, 8), [], "no text covers another");
}

// A picture for people in build/screenshots; and that it is not blank or of one colour: the standard deviation of its
// brightness, over all pixels, is that of a page with text and drawings.
export async function shot(page, name) {
  mkdirSync(shots, { recursive: true });
  const bytes = await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
  const blank = await page.context().newPage();
  const deviation = await blank.evaluate(async (data) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const canvas = new OffscreenCanvas(Math.min(image.width, 800), Math.min(image.height, 4000));
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0, square = 0;
    for (let i = 0; i < pixels.length; i += 4) { const light = (pixels[i] + pixels[i + 1] + pixels[i + 2]) / 3; sum += light; square += light * light; }
    const n = pixels.length / 4;
    return Math.sqrt(square / n - (sum / n) ** 2);
  }, bytes.toString("base64"));
  await blank.close();
  assert.ok(deviation > 8, `${name}: brightness varies by ${deviation.toFixed(1)} of 255 only: a blank page?`);
  return bytes;
}

// What the reader would find in the downloads folder after `act`.
export async function downloaded(page, act) {
  const [file] = await Promise.all([page.waitForEvent("download", { timeout: 20_000 }), act()]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}
