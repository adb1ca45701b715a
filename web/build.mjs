// SPDX-License-Identifier: Apache-2.0
// Bundles src/ into dist/ (or the folder named by the first argument), with the licences of what went in.
// The same sources and lock file give the same bytes.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "dist"));
process.chdir(here);
await mkdir(out, { recursive: true });

const { metafile } = await build({
  entryPoints: ["src/page.ts"],
  outfile: path.join(out, "page.js"),
  bundle: true, minify: true, format: "iife", target: "es2020", charset: "ascii", legalComments: "none", metafile: true, logLevel: "warning",
});
await build({ entryPoints: ["src/page.css"], outfile: path.join(out, "page.css"), minify: true, logLevel: "warning" });
await copyFile("src/page.html", path.join(out, "page.html"));

// Only packages whose code is in the bundle, not everything that was installed.
const used = new Set();
for (const { inputs } of Object.values(metafile.outputs)) {
  for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
    const inside = file.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (inside && bytesInOutput > 0) used.add(inside[1]);
  }
}
let notices = "page.js contains code of these packages.\n";
for (const name of [...used].sort()) {
  const folder = path.join("node_modules", name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name}: no licence file; its notice cannot be kept`);
  const text = (await readFile(path.join(folder, file), "utf8")).replace(/\r\n/g, "\n").trim();
  notices += `\n${"-".repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`;
}
await writeFile(path.join(out, "THIRD_PARTY.txt"), notices);
