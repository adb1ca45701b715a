// SPDX-License-Identifier: Apache-2.0
// Writes a page of its own with the dial and its engine, as the report carries them: for looking at it, and for tests.
//   node web/wasm/page.mjs OUT.html [DIST [ENGINE.wasm]]
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const web = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [out, dist = path.join(web, "dist"), engine = path.join(dist, "engine.wasm")] = process.argv.slice(2);
if (!out) throw new Error("usage: node web/wasm/page.mjs OUT.html [DIST [ENGINE.wasm]]");
const text = (name) => readFile(path.join(dist, name), "utf8");
const packed = gzipSync(await readFile(engine), { level: 9 }).toString("base64");
const parts = {
  CSS: await text("page.css"),
  ENGINE: `<script type="application/octet-stream;base64" id="engine-wasm" data-encoding="gzip">${packed}</script>`,
  JS: await text("dial.js"),
};
await writeFile(out, (await text("dial.html")).replace(/\{\{(CSS|ENGINE|JS)\}\}/g, (_, name) => parts[name]));
