// SPDX-License-Identifier: Apache-2.0
// The engine in WebAssembly beside the program: the same configurations, the same seed. Needs Node and web/node_modules.
//   SUPERPOSE=build/release/bin/superpose node web/wasm/test.mjs [ENGINE.wasm]
// Bits differ between instruction sets; the losses of the first 100 steps may not, beyond 1e-4 of themselves, nor the
// last loss beyond its own noise.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { tmpdir } from "node:os";
import { mkdtemp, rm } from "node:fs/promises";
import { build } from "vite";

const here = path.dirname(fileURLToPath(import.meta.url));
const program = process.env.SUPERPOSE ?? path.join(here, "../../build/release/bin/superpose");
const module = await WebAssembly.compile(await readFile(process.argv[2] ?? path.join(here, "../dist/engine.wasm")));

const folder = await mkdtemp(path.join(tmpdir(), "superpose-"));
await build({
  configFile: false, logLevel: "error", root: path.join(here, ".."),
  build: { outDir: folder, target: "es2020", minify: false, lib: { entry: "src/dial/instance.ts", formats: ["es"], fileName: "instance" } },
});
const { Instance } = await import(pathToFileURL(path.join(folder, "instance.js")).href).catch(() => import(pathToFileURL(path.join(folder, "instance.mjs")).href));
await rm(folder, { recursive: true, force: true });

const common = { density: 1, steps: 500, batch: 128, lr: 0.01, seed: 3 };
const cases = [
  { features: 40, dim: 3, law: "power:1", decay: -1, ...common },
  { features: 100, dim: 10, law: "power:0.5", decay: 0.5, ...common },
  { features: 200, dim: 20, law: "exponential:30", decay: -0.5, ...common, density: 3 },
  { features: 33, dim: 5, law: "linear", decay: 0, ...common, values: "halfnormal:1", importance: "geometric:0.9", decoder: "untied" },
  { features: 20, dim: 3, law: "power:1", decay: 0.1, ...common, engine: "reference", activation: "linear" },
];

const close = (a, b, tolerance, what) => assert.ok(Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b)), `${what}: ${a} in WebAssembly, ${b} from the program`);

for (const config of cases) {
  const flags = Object.entries(config).flatMap(([key, value]) => [`--${key.replace(/_/g, "-")}`, String(value)]);
  const cli = JSON.parse(execFileSync(program, ["toy", ...flags, "--json"], { stdio: ["ignore", "pipe", "ignore"] }));
  const expected = cli.result ?? cli;
  const one = new Instance(module);
  const first = JSON.parse(one.begin(config));
  assert.equal(first.step, 0);
  assert.equal(first.loss, null);
  // In two pieces: where one looks changes nothing.
  one.advanceSteps(137);
  const frame = JSON.parse(one.advanceSteps(config.steps));
  const name = `n = ${config.features}, ${config.law}, ${config.engine ?? "fast"}`;
  assert.equal(frame.step, config.steps);
  assert.equal(frame.done, true);
  assert.equal(frame.curve.length, expected.curve.length, name);
  let worst = 0;
  frame.curve.forEach(([step, loss], k) => {
    assert.equal(step, expected.curve[k][0]);
    if (step <= 100) close(loss, expected.curve[k][1], 1e-4, `${name}: loss of step ${step}`);
    worst = Math.max(worst, Math.abs(loss / expected.curve[k][1] - 1));
  });
  assert.ok(Math.abs(frame.loss - expected.loss) < expected.loss_std, `${name}: last loss`);
  assert.ok(Math.abs(frame.eval_loss - expected.eval_loss) < 3 * expected.eval_loss_se, `${name}: loss on fresh data`);
  assert.ok(Math.abs(frame.phi_half - expected.phi_half) * config.features < 2, `${name}: represented rows`);
  const { vectors, gram } = frame.picture;
  assert.equal(vectors.ranks.length, Math.min(config.features, 200));
  close(gram.values[0], vectors.norms[0] ** 2, 2e-3, `${name}: first cell of the Gram matrix`);
  console.log(`${name}: largest relative difference of the curve ${worst.toExponential(1)}`);
}

// γ turned by hand is told, and changes what follows.
const turned = new Instance(module);
turned.begin(cases[0]);
turned.advanceSteps(100);
const before = JSON.parse(turned.setDecay(0.5));
assert.deepEqual(before.changes, [[100, 0.5]]);
const after = JSON.parse(turned.advanceSteps(400));
assert.ok(after.rows_represented < 20, "γ = 0.5 from step 100 leaves few of 40 rows");

// Errors come out as texts, and a new instance works after them.
for (const [config, kind, text] of [
  [{ features: 10, dim: 2, law: "powr:1" }, "usage", /did you mean power/],
  [{ features: 10, dim: 2, law: "file:/etc/passwd" }, "usage", /reads no files/],
  [{ features: 1e6, dim: 500 }, "usage", /a dial turns models up to|memory/],
  [{ features: 10, dim: 2, law: "power: 1" }, "usage", /power:X/],
  [{ features: 10, dim: 2, law: "power:0x1" }, "usage", /power:X/],
  [{ features: 10, dim: 2, law: "power:1e999" }, "usage", /power:X/],
]) {
  assert.throws(() => new Instance(module).begin(config), (error) => error.kind === kind && text.test(error.message), JSON.stringify(config));
}
assert.throws(() => { const one = new Instance(module); one.begin(cases[0]); one.setDecay(NaN); }, /decay/);
console.log("ok");
