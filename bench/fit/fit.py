#!/usr/bin/env python3
"""The Chinchilla fit and its bootstrap beside SciPy, side by side in one run.

Both minimise the same objective (sum of Huber(1e-3) of the logarithms) on the same resampled tables of 240 rows, from the
full-data optimum: SciPy with L-BFGS-B and an analytic gradient in (ln A, ln B, ln E, alpha, beta), vectorised over the rows,
as the published replication does it; superpose as `superpose fit` does it. SciPy runs fewer resamples; what is compared
is time per resample. The spread of the parameters is compared too, so that a fast wrong answer would show.

Usage: fit.py [TABLE.csv] [--resamples N] [--scipy N] [--json FILE]
TABLE needs columns N, D, loss (default: a table simulated like the published one)."""
import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from scipy.optimize import minimize

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPERPOSE = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
DELTA = 1e-3


def simulated(rng):
    rows = []
    for b in range(10):
        C = 6e18 * 10 ** (b * 2.7 / 9)
        for _ in range(24):
            N = 0.09 * C**0.5 * 10 ** (1.2 * (rng.uniform() - 0.5))
            D = C / (6 * N)
            rows.append((N, D, (1.82 + 480 * N**-0.35 + 2100 * D**-0.37) * np.exp(0.006 * rng.standard_t(3))))
    return np.array(rows)


def objective(p, ln_N, ln_D, ln_L, w):
    a, b, e, alpha, beta = p
    x = np.stack([a - alpha * ln_N, b - beta * ln_D, np.full_like(ln_N, e)])
    top = x.max(0)
    share = np.exp(x - top)
    total = share.sum(0)
    share /= total
    r = ln_L - top - np.log(total)
    psi = np.clip(r, -DELTA, DELTA)
    inside = np.abs(r) <= DELTA
    value = np.where(inside, r * r / 2, DELTA * (np.abs(r) - DELTA / 2))
    wp = w * psi
    gradient = np.array([-(wp * share[0]).sum(), -(wp * share[1]).sum(), -(wp * share[2]).sum(),
                         (wp * share[0] * ln_N).sum(), (wp * share[1] * ln_D).sum()])
    return (w * value).sum(), gradient


def scipy_fit(start, columns, w):
    found = minimize(objective, start, args=(*columns, w), jac=True, method="L-BFGS-B",
                     options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-9})
    return found.x, found.fun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--resamples", type=int, default=4000)
    parser.add_argument("--scipy", type=int, default=200)
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.table:
        with open(args.table) as file:
            rows = list(csv.DictReader(file))
        table = np.array([[float(r["N"]), float(r["D"]), float(r["loss"])] for r in rows])
    else:
        table = simulated(np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "t.csv"
        np.savetxt(path, table, "%.17g", ",", header="N,D,loss", comments="")
        command = [SUPERPOSE, "fit", path, "--law", "chinchilla", "--json", "--bootstrap"]

        def ours(n):
            started = time.perf_counter()
            out = json.loads(subprocess.run([*command, str(n)], capture_output=True, text=True, check=True).stdout)
            return out, time.perf_counter() - started

        _, without = ours(0)
        out, seconds = ours(args.resamples)
    p = out["parameters"]
    columns = np.log(table).T
    start = np.array([np.log(p["A"]["value"]), np.log(p["B"]["value"]), np.log(p["E"]["value"]), p["alpha"]["value"], p["beta"]["value"]])
    full, value = scipy_fit(start, columns, np.ones(len(table)))
    rng = np.random.default_rng(1)
    draws = []
    started = time.perf_counter()
    for _ in range(args.scipy):
        w = np.bincount(rng.integers(0, len(table), len(table)), minlength=len(table)).astype(float)
        draws.append(scipy_fit(full, columns, w)[0])
    theirs = time.perf_counter() - started
    draws = np.array(draws)
    per_ours, per_theirs = (seconds - without) / args.resamples, theirs / args.scipy
    result = {
        "rows": len(table), "resamples": args.resamples, "seconds": seconds, "seconds_without_bootstrap": without,
        "scipy_resamples": args.scipy, "scipy_seconds": theirs, "ratio_per_resample": per_theirs / per_ours,
        "ratio_of_the_whole_command": per_theirs * args.resamples / seconds, "cores": os.cpu_count(),
        "objective": out["objective"], "scipy_objective": value,
        "sd": {"E": p["E"]["bootstrap_sd"], "alpha": p["alpha"]["bootstrap_sd"], "beta": p["beta"]["bootstrap_sd"]},
        "scipy_sd": {"E": float(np.exp(draws[:, 2]).std(ddof=1)), "alpha": float(draws[:, 3].std(ddof=1)), "beta": float(draws[:, 4].std(ddof=1))},
    }
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    print(f"{len(table)} rows, objective {out['objective']:.9g} (SciPy from there: {value:.9g})")
    print(f"superpose: {args.resamples} resamples in {seconds:.2f} s on {os.cpu_count()} cores ({without:.2f} s of it not resampling), {1e3 * per_ours:.3f} ms each")
    print(f"SciPy:     {args.scipy} resamples in {theirs:.2f} s on one core, {1e3 * per_theirs:.2f} ms each")
    print(f"ratio {per_theirs / per_ours:.0f} per resample, {result['ratio_of_the_whole_command']:.0f} for the whole command")
    for name, sd in result["sd"].items():
        print(f"sd({name}): {sd:.4f}, SciPy {result['scipy_sd'][name]:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
