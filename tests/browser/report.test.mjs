// SPDX-License-Identifier: Apache-2.0
// The report page in a real browser: what it draws is what its data says, and what can be pressed works.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { accessible, addressIs, downloaded, laidOut, launch, missing, open, quiet, screens, settled, shot, themes } from "./browser.mjs";
import { decays, makePages, seeds, widths } from "./fixtures.mjs";

const skip = missing();

describe("report", { skip }, () => {
  let browser, pages, report;
  const figure = (id) => pages.data.figures.find((one) => one.id === id);
  const marks = (page, id, role) => page.locator(`#${id} .panels g[data-mark=dot][data-series^="${role}"] > *`);
  before(async () => {
    browser = await launch();
    pages = makePages();
    report = pages.at("report.html");
  });
  after(() => browser?.close());

  for (const screen of Object.keys(screens)) {
    for (const theme of themes) {
      test(`${screen}, ${theme}: loads quietly, is laid out, has no grave finding`, async () => {
        const page = await open(browser, report, { screen, theme });
        await laidOut(page);
        await shot(page, `report-${screen}-${theme}`);
        if (screen !== "wide") await accessible(page);
        quiet(page);
        await page.context().close();
      });
    }
  }

  test("every figure with data is drawn, and its marks are as many as its points", async () => {
    const page = await open(browser, report);
    for (const { id, kind, panels } of pages.data.figures) {
      if (!panels.some((panel) => panel.series.length > 0)) continue;
      assert.ok(await page.locator(`[data-figure="${id}"] .panels svg`).count() > 0, `${id} is drawn`);
      if (kind !== "xy") continue;
      const shown = panels.filter((panel) => panel.shown).flatMap((panel) => panel.series);
      const wanted = shown.filter((one) => one.role === "ours" && !["none", "bars", "rule", "shade", "ring"].includes(one.symbol)).flatMap((one) => one.points).filter((point) => point.y !== null).length;
      assert.equal(await page.locator(`[data-figure="${id}"] g[data-mark=dot][data-series^="ours"] > *`).count(), wanted, `marks of ${id}`);
    }
    const cells = figure("alpha-map").panels[0].series[0].points.filter((point) => typeof point.z === "number").length;
    assert.equal(cells, 2 * decays.length);
    quiet(page);
    await page.context().close();
  });

  test("pointing at a mark tells its numbers", async () => {
    const page = await open(browser, report);
    const mark = marks(page, "loss-vs-m", "ours").first();
    await (await settled(mark)).hover({ force: true });
    const tip = await page.locator('#loss-vs-m [aria-label=tip]').allTextContents();
    assert.match(tip.join(" "), /measured here.*width m.*loss.*run \d/s);
    await page.context().close();
  });

  test("log and linear: the switch redraws the axis, and is off where values are 0 or below", async () => {
    const page = await open(browser, report);
    const x = page.locator("#loss-vs-m").getByRole("button", { name: /logarithmic x axis/ });
    assert.equal(await x.getAttribute("aria-pressed"), "true");
    const places = () => marks(page, "loss-vs-m", "ours").evaluateAll((all) => all.map((one) => one.getAttribute("cx") ?? one.getAttribute("transform")));
    const logarithmic = await places();
    await x.focus();
    await page.keyboard.press("Enter");
    assert.equal(await x.getAttribute("aria-pressed"), "false");
    assert.notDeepEqual(await places(), logarithmic);
    await page.keyboard.press("Space");
    assert.deepEqual(await places(), logarithmic);
    assert.ok(await page.locator("#phi-vs-gamma").getByRole("button", { name: /logarithmic x axis/ }).isDisabled(), "γ has both signs");
    await page.context().close();
  });

  test("seeds as points: every run a mark, and no interval", async () => {
    const page = await open(browser, report);
    const means = await marks(page, "loss-vs-m", "ours").count();
    await page.locator("#loss-vs-m").getByRole("button", { name: /seeds as points/ }).click();
    assert.equal(await marks(page, "loss-vs-m", "ours").count(), seeds * means);
    assert.equal(await page.locator('#loss-vs-m g[data-mark=rule][stroke-opacity="0.8"] > *').count(), 0);
    await page.locator("#loss-vs-m").getByRole("button", { name: /mean with interval/ }).click();
    assert.equal(await marks(page, "loss-vs-m", "ours").count(), means);
    quiet(page);
    await page.context().close();
  });

  test("the bar chooses for all figures, the address keeps it, and a link shows the same run", async () => {
    const page = await open(browser, report);
    const bar = page.getByRole("region", { name: "choice of runs" });
    const choose = async (field, name) => bar.locator(`select[data-field=${field}]`).selectOption({ label: name });
    await choose("law", "1");
    await choose("decay", "−0.5556");
    await choose("m", "8");
    await choose("seed", "1");
    assert.match(await bar.textContent(), /1 run/);
    await addressIs(page, /#pick:alpha=1&gamma=-0.5556&m=8&seed=1$/);
    await page.locator("#loss-vs-m").scrollIntoViewIfNeeded();  // what is far from the screen is drawn when it comes near
    await page.waitForSelector("#loss-vs-m g[data-series=chosen]", { state: "attached" });
    assert.ok(await page.locator('#loss-vs-m g[data-series=chosen] > *').count() > 0, "the chosen point has a ring");
    assert.ok(await page.locator('#loss-vs-m g[data-mark=dot] [opacity="0.13"]').count() > 0, "the others fade");
    const id = await page.locator(".run-body").getAttribute("data-run");
    await bar.getByRole("link", { name: "see the run" }).click();
    await page.waitForFunction(() => location.hash.startsWith("#pick"));  // an anchor does not cost the choice
    assert.ok(await page.locator("#run").isVisible());
    const link = await page.evaluate(() => location.href);
    await page.context().close();
    const again = await open(browser, report, { hash: link.slice(link.indexOf("#")) });
    assert.equal(await again.locator(".run-body").getAttribute("data-run"), id);
    await again.getByRole("button", { name: "clear the choice" }).click();
    await again.locator("#loss-vs-m").scrollIntoViewIfNeeded();
    await again.waitForFunction(() => document.querySelectorAll('#loss-vs-m [opacity="0.13"]').length === 0);
    await addressIs(again, /report\.html$/);
    quiet(again);
    await again.context().close();
  });

  test("a click on a point or a cell chooses it", async () => {
    const page = await open(browser, report);
    const mark = marks(page, "loss-vs-m", "ours").nth(3);
    await (await settled(mark)).click({ force: true });
    await addressIs(page, /#pick:alpha=[12]&gamma=-?[\d.]+&m=\d+&E=1/);
    await page.getByRole("button", { name: "clear the choice" }).click();
    const cell = page.locator("#alpha-map .panel").first().locator('g[data-mark=cell][data-series=cells] > *').first();
    await (await settled(cell)).click({ force: true });
    await addressIs(page, /#pick:alpha=[12]&gamma=/);
    quiet(page);
    await page.context().close();
  });

  test("the explorer shows the run: curve, histograms, vectors, command", async () => {
    const page = await open(browser, report, { hash: "#pick:alpha=2&gamma=-1&m=12&E=1&seed=0" });
    const run = page.locator("#run");
    for (const id of ["run-curve", "run-norms", "run-overlaps"]) assert.equal(await run.locator(`#${id} .panels svg`).count(), 1, id);
    assert.ok(await run.locator("#run-curve circle").count() >= 20);
    for (const id of ["run-vectors", "run-gram"]) {
      const drawn = await run.locator(`#${id} canvas`).evaluate((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(data).size;
      });
      assert.ok(drawn > 4, `${id} is not blank`);
    }
    const text = await run.textContent();
    assert.match(text, /superpose toy --.*--dim 12 .*--features 60 .*--law power:2/);
    assert.match(text, /α = 2, γ = −1, m = 12, seed 0/);
    await run.locator("#run-curve").getByRole("button", { name: /logarithmic y axis/ }).click();
    quiet(page);
    await shot(page, "explorer-laptop-light");
    await page.context().close();
  });

  test("a choice that no run has offers the nearest run", async () => {
    const page = await open(browser, report, { hash: "#pick:alpha=1&gamma=0.25&m=9" });
    await page.locator("#run .box button").click();
    await addressIs(page, /gamma=0.3333&m=8/);
    await page.context().close();
  });

  test("exports: SVG that stands alone, PNG of twice the size, CSV with all points", async () => {
    const page = await open(browser, report, { theme: "dark" });
    for (const id of ["loss-vs-m", "alpha-map", "straightness"]) {
      const press = (kind) => () => page.locator(`[data-figure=${id}]`).getByRole("button", { name: new RegExp(`as ${kind}$`) }).click();
      const svg = await downloaded(page, press("SVG"));
      const text = svg.bytes.toString("utf8");
      assert.equal(svg.name, `${id}.svg`);
      assert.doesNotMatch(text, /var\(|currentColor|class=|<style|href/i, "colours are numbers, nothing refers outside");
      assert.match(text, /font-family="Helvetica/);
      const size = await page.evaluate((source) => {
        const parsed = new DOMParser().parseFromString(source, "image/svg+xml");
        const root = parsed.documentElement;
        return parsed.querySelector("parsererror") ? null : [Number(root.getAttribute("width")), Number(root.getAttribute("height"))];
      }, text);
      assert.ok(size && size[0] > 200 && size[1] > 100, "the SVG is well-formed");
      const png = await downloaded(page, press("PNG"));
      assert.equal(png.bytes.subarray(1, 4).toString(), "PNG");
      assert.ok(Math.abs(png.bytes.readUInt32BE(16) - 2 * size[0]) <= 2, "twice the width");
      const csv = (await downloaded(page, press("CSV"))).bytes.toString("utf8").trim().split("\r\n");
      const points = figure(id).panels.flatMap((panel) => panel.series).flatMap((series) => series.points);
      assert.equal(csv.length - 1, points.reduce((sum, point) => sum + 1 + (point.seeds?.length ?? 0), 0));
      assert.match(csv[0], /^panel,series,role,x,x2,y,z,/);
    }
    quiet(page);
    await page.context().close();
  });

  test("colours: the choice of dark stays, and a browser that keeps nothing does not complain", async () => {
    const page = await open(browser, report);
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByLabel("Colours").selectOption("dark");
    assert.notEqual(await ground(), light);
    await page.reload();
    await page.waitForSelector("html[data-drawn=yes]");
    assert.notEqual(await ground(), light);
    quiet(page);
    await page.context().close();
  });

  test("links within the page lead somewhere", async () => {
    const page = await open(browser, report);
    const targets = await page.locator('a[href^="#"]').evaluateAll((links) => links.map((link) => link.getAttribute("href").slice(1)));
    assert.ok(targets.length >= 5);
    for (const id of targets) assert.equal(await page.locator(`[id="${id}"]`).count(), 1, `#${id}`);
    await page.context().close();
  });

  test("on paper: controls are gone, every drawing is there", async () => {
    const page = await open(browser, report);
    const drawings = await page.locator(".panel svg").count();
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator(".tools:visible, .pick:visible, nav:visible").count(), 0);
    assert.equal(await page.locator(".panel svg:visible").count(), drawings);
    const pdf = await page.pdf({ format: "A4" });
    assert.ok(pdf.length > 50_000);
    await page.context().close();
  });

  test("figures are pages of keyboard: tools are reached with Tab, in the order they stand", async () => {
    const page = await open(browser, report);
    await page.locator("#loss-vs-m .tools select, #loss-vs-m .tools button").first().focus();
    const names = [];
    for (let i = 0; i < 5; ++i) {
      names.push(await page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent));
      await page.keyboard.press("Tab");
    }
    assert.match(names.join(" | "), /logarithmic x axis.*logarithmic y axis/);
    await page.context().close();
  });

  test("widths of the store are on the axis", () => {
    assert.deepEqual(widths, [...new Set(figure("loss-vs-m").panels[0].series.filter((one) => one.role === "ours")[0].points.map((point) => point.x))]);
  });
});
