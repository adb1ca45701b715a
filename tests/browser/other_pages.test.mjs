// SPDX-License-Identifier: Apache-2.0
// The pages of a fit and of an inspection, and pages of hostile input, in a real browser.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { accessible, laidOut, launch, missing, open, quiet, screens, shot, superpose, themes } from "./browser.mjs";
import { makePages } from "./fixtures.mjs";

const skip = missing();

describe("other pages", { skip }, () => {
  let browser, pages;
  before(async () => {
    browser = await launch();
    pages = makePages();
    superpose("toy", "--features", 120, "--dim", 8, "--steps", 60, "--batch", 64, "--save", pages.at("w.safetensors"));
    superpose("inspect", pages.at("w.safetensors"), "-o", pages.at("inspect.html"));
  });
  after(() => browser?.close());

  for (const name of ["fit", "inspect"]) {
    for (const screen of Object.keys(screens)) {
      for (const theme of themes) {
        test(`${name}, ${screen}, ${theme}`, async () => {
          const page = await open(browser, pages.at(`${name}.html`), { screen, theme });
          assert.ok(await page.locator(".panel svg").count() > 0);
          await laidOut(page);
          await shot(page, `${name}-${screen}-${theme}`);
          if (screen === "phone" && theme === "light") await accessible(page);
          quiet(page);
          await page.context().close();
        });
      }
    }
  }

  test("a hostile fit on the report runs nothing", async () => {
    const evil = `<img src=x onerror="globalThis.caught=1"><script>globalThis.caught=1</script>"'>`;
    const fit = { schema: "superpose.fit/1", law: evil, formula: evil, config: { table: evil }, parameters: { [evil]: { value: 1, se: 1, ci95: [0, 2], identified: true } }, warnings: [evil], rows: [] };
    writeFileSync(pages.at("evil.json"), JSON.stringify(fit));
    superpose("report", pages.at("runs.sqlite"), pages.at("evil.json"), "-o", pages.at("evil.html"), "--title", evil);
    const page = await open(browser, pages.at("evil.html"), { hash: `#pick:alpha=${encodeURIComponent(evil)}&gamma=${encodeURIComponent(evil)}` });
    assert.equal(await page.evaluate(() => globalThis.caught), undefined);
    assert.equal(await page.locator("img").count(), 0);
    assert.equal(await page.title(), evil);
    quiet(page);
    await page.context().close();
  });

  test("an old browser is told what it lacks, and sees the figures", async () => {
    const context = await browser.newContext();
    await context.addInitScript(() => { delete globalThis.DecompressionStream; });
    const page = await context.newPage();
    await page.goto(`file://${pages.at("report.html")}`);
    await page.waitForSelector("html[data-explored=yes]");
    assert.match(await page.locator("#run").textContent(), /cannot unpack.*DecompressionStream/);
    assert.ok(await page.locator(".panel svg").count() > 10);
    await context.close();
  });
});
