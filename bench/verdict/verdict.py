#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How often is the verdict of `inspect` wrong? Over matrices whose regime is known:

  toys      trained here with `superpose toy` at decays, widths, data exponents and seeds where the number of represented
            rows decides the regime by the paper's own words: strong when phi_1/2 >= 0.95 at decay <= -1/3 (n >> m), weak or
            none when decay >= 1/3 and phi_1/2 <= 0.3
  untrained the same toys after 1 step, and Gaussian, uniform and orthogonal heads of real shapes: must not be called strong
  structured Gaussian rows with a spread spectrum and norms, with and without a common direction: must be called strong
  heads     those of data/weights (SUPERPOSE_TEST_DATA) with what their README expects

  bench/verdict/verdict.py [--quick] [--json FILE]
A verdict is wrong when it names another regime; cannot_tell where one is known is counted apart: it is no error, but no answer.
"""
import argparse
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
STRONG, NOT_STRONG, WEAK = ("strong",), ("cannot_tell", "none", "weak"), ("weak", "none")


def superpose(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def judged(path, *words):
    m = superpose("inspect", path, "--json", "--crowded", 0, *words)["matrices"][0]
    return m["verdict"], m["because"]


def toys(quick, folder):
    dims = (20, 50) if quick else (10, 25, 50, 100)
    alphas = (1.0,) if quick else (0.0, 1.0, 1.5)
    seeds = range(1 if quick else 3)
    for dim, alpha, seed, decay in itertools.product(dims, alphas, seeds, (-1, -0.5556, 0.3333, 1)):
        path = folder / "toy.safetensors"
        run = superpose("toy", "--features", 1000, "--dim", dim, "--law", f"power:{alpha}", "--decay", decay, "--steps",
                        2000 if quick else 4000, "--seed", seed, "--save", path, "--json")
        phi = run["phi_half"]
        label = f"toy m={dim} alpha={alpha} decay={decay} seed={seed} phi={phi:.3f}"
        if decay < 0 and phi >= 0.95:
            yield "toy, strong", label, path, (), STRONG
        elif decay > 0 and phi <= 0.3:
            yield "toy, weak", label, path, (), WEAK


def untrained(quick, folder):
    for dim, seed in itertools.product((20, 50), range(2 if quick else 10)):
        path = folder / "toy.safetensors"
        superpose("toy", "--features", 1000, "--dim", dim, "--steps", 1, "--warmup", 0, "--lr", 1e-9, "--seed", seed, "--save",
                  path, "--json")
        yield "toy, untrained", f"toy untrained m={dim} seed={seed}", path, (), NOT_STRONG
    for (n, m), seed in itertools.product(((512, 64), (4000, 128), (30000, 384)), range(1 if quick else 4)):
        rng = np.random.default_rng(seed)
        for name, W in (("Gaussian", 0.02 * rng.standard_normal((n, m))), ("uniform", rng.uniform(-1, 1, (n, m)))):
            path = folder / "w.npy"
            np.save(path, W.astype("f4"))
            yield "head, untrained", f"{name} {n}x{m} seed={seed}", path, (), NOT_STRONG


def structured(quick, folder):
    for (n, m), seed, shift in itertools.product(((2000, 64), (20000, 256)), range(1 if quick else 4), (0, 0.5)):
        rng = np.random.default_rng(100 + seed)
        scale = np.exp(-1.5 * np.arange(m) / m) * (1.3 - 0.6 * np.arange(n)[:, None] / n)
        W = rng.standard_normal((n, m)) * scale
        path = folder / "w.npy"
        np.save(path, (W + shift * np.abs(W).mean()).astype("f4"))
        yield "head, structured", f"structured {n}x{m} shift={shift} seed={seed}", path, (), STRONG


def heads():
    root = os.environ.get("SUPERPOSE_TEST_DATA")
    if not root:
        print("SUPERPOSE_TEST_DATA is not set: the heads of data/weights are left out", file=sys.stderr)
        return
    w = pathlib.Path(root) / "weights"
    counts = ("--counts", w / "stories260K_token_counts_200stories.tsv")
    expected = (
        (w / "stories260K.bin", (), ("cannot_tell",)), (w / "stories260K.bin", counts, STRONG),
        (w / "llama2xs_model.bin", (), ("cannot_tell",)), (w / "npy/zhpoem_v1_head.npy", (), ("cannot_tell",)),
        (w / "mlegk_2218297_model.safetensors", (), ("cannot_tell",)), (w / "mlegk_5f42dbf_model.safetensors", (), ("cannot_tell",)),
        (w / "npy/rwkv_4v0_head.npy", (), ("cannot_tell",)), (w / "npy/slm4096_head.npy", (), ("none", "cannot_tell")),
        (w / "npy/gru02M_head.npy", (), ("none", "cannot_tell")), (w / "npy/cs224n_05000_out.npy", (), ("cannot_tell",)),
        (w / "npy/ko_w2v_10_syn1neg.npy", (), ("none", "cannot_tell")),
        (w / "npy/textgenrnn_default_head.npy", (), ("cannot_tell",)),
    )
    for path, words, want in expected:
        yield "real heads", path.name + (" with counts" if words else ""), path, words, want


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten")
    parser.add_argument("--json", help="write every case to this file")
    options = parser.parse_args()
    totals, cases = {}, []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for group, label, path, words, want in itertools.chain(toys(options.quick, folder), untrained(options.quick, folder),
                                                               structured(options.quick, folder), heads()):
            verdict, because = judged(path, *words)
            kind = "right" if verdict in want else "no answer" if verdict == "cannot_tell" else "wrong"
            totals.setdefault(group, {"right": 0, "no answer": 0, "wrong": 0})[kind] += 1
            cases.append({"group": group, "case": label, "verdict": verdict, "wanted": want, "outcome": kind, "because": because})
            if kind != "right":
                print(f"{kind}: {label}: {verdict}: {because}", file=sys.stderr)
    print("| matrices | cases | right | no answer | wrong |\n|---|---|---|---|---|")
    for group, t in totals.items():
        print(f"| {group} | {sum(t.values())} | {t['right']} | {t['no answer']} | {t['wrong']} |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(cases, indent=1))


if __name__ == "__main__":
    main()
