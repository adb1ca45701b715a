// SPDX-License-Identifier: Apache-2.0
// Bundles src/ into dist/ (or the folder named by the first argument) with Vite: one classic script per entry, its style
// sheet and its HTML, and the licences of what went in. The same sources and lock file give the same bytes.
import { build, transformWithEsbuild } from "vite";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "dist"));
process.chdir(here);
await mkdir(out, { recursive: true });

// A page: its script is `<name>.js` in dist/, beside `<name>.css` (page.css is for all pages) and `<name>.html`.
const entries = [
  { name: "page", script: "src/page.ts", styles: ["src/page.css", "src/dial/dial.css"] },
  { name: "dial", script: "src/dial/main.ts" },
  { name: "dashboard", script: "src/dashboard/main.ts", styles: ["src/dashboard/dashboard.css"] },
];

// Scripts stand inside HTML: ASCII, and never the end of a script element.
async function bundle({ name, script }) {
  const [result] = [await build({
    configFile: false, envFile: false, publicDir: false, logLevel: "warn", root: here,
    esbuild: { charset: "ascii", legalComments: "none" },
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false, target: "es2020", minify: "esbuild", sourcemap: false, cssCodeSplit: false,
      lib: { entry: script, formats: ["iife"], name: `superpose_${name}`, fileName: () => `${name}.js` },
      rollupOptions: { output: { extend: true } },
    },
  })].flat();
  const chunks = result.output.filter((file) => file.type === "chunk");
  if (chunks.length !== 1) throw new Error(`${script}: ${chunks.length} chunks; a page needs one script`);
  const code = chunks[0].code.replace(/<\/(script)/gi, "<\\/$1");
  await writeFile(path.join(out, `${name}.js`), code);
  const used = new Set();
  for (const [file, { renderedLength }] of Object.entries(chunks[0].modules)) {
    const inside = file.replaceAll("\\", "/").match(/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/);
    if (inside && renderedLength > 0) used.add(inside[1]);
  }
  return used;
}

// A reader's choice of dark has the colours that the system's has.
function withChosenDark(css) {
  const dark = css.match(/@media screen and \(prefers-color-scheme: dark\) \{\s*:root:not\(\[data-theme="light"\]\) (\{[^}]*\})\s*\}/);
  return dark ? css.replace(dark[0], `${dark[0]}\n@media screen { :root[data-theme="dark"] ${dark[1]} }`) : css;
}

async function beside({ name, script, styles = [] }) {
  const source = path.join(path.dirname(script), name);
  if (styles.length > 0) {
    const text = (await Promise.all(styles.map((file) => readFile(file, "utf8")))).join("\n");
    const { code } = await transformWithEsbuild(withChosenDark(text), `${name}.css`, { loader: "css", minify: true, sourcemap: false });
    await writeFile(path.join(out, `${name}.css`), code);
  }
  if (existsSync(`${source}.html`)) await writeFile(path.join(out, `${name}.html`), await readFile(`${source}.html`));
}

async function notice(name) {
  const folder = path.join("node_modules", name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name}: no licence file; its notice cannot be kept`);
  const text = (await readFile(path.join(folder, file), "utf8")).replace(/\r\n/g, "\n").trim();
  return `\n${"-".repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`;
}

// Only packages whose code is in a bundle, not everything that was installed.
const used = new Set();
for (const entry of entries) {
  for (const name of await bundle(entry)) used.add(name);
  await beside(entry);
}
let notices = `${entries.map(({ name }) => `${name}.js`).join(", ")} contain code of these packages.\n`;
for (const name of [...used].sort()) notices += await notice(name);
const engine = "wasm/NOTICES.txt";  // of the WebAssembly engine, where it is built
if (existsSync(engine)) notices += `\n${"-".repeat(80)}\n${(await readFile(engine, "utf8")).trim()}\n`;
await writeFile(path.join(out, "THIRD_PARTY.txt"), notices);
