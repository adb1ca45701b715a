#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""superpose beside PyTorch: the same training, one core each, taking turns in one run.

Twelve points (n = 1000, batch 2048, density 1), all at density 1: m = 10, 39, 100 x data exponent 0.5, 1, 2 at γ = -1,
and m = 39, exponent 1, at γ = -0.33, 0.11, 1. Against two programs of ours: dense.py (dense batches and autograd, as the
paper's) and sparse.py (written to be fast). Ratios are PyTorch's time per step over superpose's.

What is timed: superpose over its whole schedule, each round again with another seed (median of the rounds); dense.py over
some steps in each round after a few that are not counted (median; its cost does not depend on the step); sparse.py over
its whole schedule once, a part of it in each round (mean).
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
import measure
FEATURES, BATCH = 1000, 2048
POINTS = [(m, alpha, -1.0) for m in (10, 39, 100) for alpha in (0.5, 1.0, 2.0)]
POINTS += [(39, 1.0, gamma) for gamma in (-0.33, 0.11, 1.0)]
SAME = 0.97  # sgemm rates closer than this are noise
UNCOUNTED = 5  # steps of dense.py before the clock starts
UNDISTURBED = 0.95  # share of its core that each program should have had
GOAL_MEAN, GOAL_LEAST = 40, 15


def log(text):
    print(f"versus_pytorch: {text}", file=sys.stderr, flush=True)


class Worker:
    """dense.py or sparse.py as a process that waits until it is told to run some steps."""

    def __init__(self, script, point, steps, core_type):
        m, alpha, gamma = point
        words = [sys.executable, str(HERE / script), f"--dim={m}", f"--alpha={alpha}", f"--gamma={gamma}"]
        words += [f"--steps={steps}", f"--features={FEATURES}", f"--batch={BATCH}", "--serve"]
        pipe = subprocess.PIPE
        self.cpu_share = 1.0
        self.process = subprocess.Popen(words, env=measure.single_thread(core_type), stdin=pipe, stdout=pipe, text=True)

    def run(self, steps):
        """Seconds that the next `steps` steps took. The least share of the core that it had is kept in cpu_share."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[1]} stopped with exit code {self.process.wait()}")
        answer = json.loads(line)
        self.cpu_share = min(self.cpu_share, answer["cpu_share"])
        return answer["seconds"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def superpose(program, point, steps, seed):
    m, alpha, gamma = point
    return measure.toy(program, features=FEATURES, batch=BATCH, dim=m, law=f"power:{alpha}", decay=gamma, steps=steps, seed=seed)


def measure_point(program, point, options, best_core):
    """All programs in turn, `rounds` times."""
    runs, default, best, sparse_seconds = [], [], [], 0.0
    parts = [options.steps * k // options.rounds for k in range(options.rounds + 1)]
    with contextlib.ExitStack() as stack:
        start = lambda script, core: stack.enter_context(Worker(script, point, options.steps, core))
        dense = start("dense.py", None)
        dense_best, sparse = dense if best_core is None else start("dense.py", best_core), start("sparse.py", best_core)
        for worker in {dense, dense_best}:
            worker.run(UNCOUNTED)
        for k in range(options.rounds):
            runs.append(superpose(program, point, options.steps, seed=k))
            default.append(dense.run(options.dense_steps) / options.dense_steps)
            sparse_seconds += sparse.run(parts[k + 1] - parts[k])
            if dense_best is not dense:
                best.append(dense_best.run(options.dense_steps) / options.dense_steps)
        shares = [run["cpu_share"] for run in runs] + [worker.cpu_share for worker in (dense, dense_best, sparse)]
    best = best or default
    ours = [run["seconds"] / options.steps for run in runs]
    m, alpha, gamma = point
    out = {"dim": m, "alpha": alpha, "gamma": gamma, "superpose_ms": 1e3 * statistics.median(ours)}
    out["dense_default_ms"] = 1e3 * statistics.median(default)
    out["dense_best_ms"] = 1e3 * statistics.median(best)
    out["sparse_best_ms"] = 1e3 * sparse_seconds / options.steps
    out["least_cpu_share"] = min(shares)
    for other in ("dense_default", "dense_best", "sparse_best"):
        out[f"ratio_{other}"] = out[f"{other}_ms"] / out["superpose_ms"]
    out["superpose_rounds_ms"] = [1e3 * s for s in ours]
    out["dense_default_rounds_ms"] = [1e3 * s for s in default]
    out["dense_best_rounds_ms"] = [1e3 * s for s in best]
    out["gram_ms"] = measure.profile_ms(runs[ours.index(sorted(ours)[len(ours) // 2])], "gram")
    out["expected_active"] = expected_active(alpha)
    return out


def expected_active(alpha, density=1.0):
    """Features that occur in a batch, on average."""
    weights = [i**-alpha for i in range(1, FEATURES + 1)]
    return sum(1 - (1 - density * w / sum(weights)) ** BATCH for w in weights)


def add_shares(point, peak):
    """GFLOP/s of the Gram rows, and of the whole step if it did the dense program's arithmetic; and their shares of peak."""
    m = point["dim"]
    gram = point["gram_ms"]
    point["gram_gflops"] = 2e-6 * point["expected_active"] * FEATURES * m / gram if gram else None
    point["dense_equivalent_gflops"] = 6e-6 * BATCH * FEATURES * m / point["superpose_ms"]
    point["gram_share_of_peak"] = point["gram_gflops"] / peak if gram else None
    point["dense_equivalent_share_of_peak"] = point["dense_equivalent_gflops"] / peak


def summary(points):
    out = {}
    for other in ("dense_default", "dense_best", "sparse_best"):
        ratios = [p[f"ratio_{other}"] for p in points]
        out[other] = {"geometric_mean": statistics.geometric_mean(ratios), "least": min(ratios), "most": max(ratios)}
    return out


def share(value):
    return "     -" if value is None else f"{100 * value:5.0f}%"


def report(result):
    print(f"{result['machine']['cpu']}; PyTorch {result['torch']['version']}, {result['torch']['blas']}, vector code "
          f"{result['torch']['vector_code']}; superpose {result['machine']['superpose']}; one core")
    print("sgemm through that BLAS, GFLOP/s: " + ", ".join(
        f"{core}{' (' + rate['core'] + ')' if core == 'default' else ''} {rate['best']:.0f}" for core, rate in result["sgemm"].items()))
    best = result["best_core_type"]
    choice = f"OPENBLAS_CORETYPE={best}" if best else "OpenBLAS' own choice, so dense and dense* are one"
    print(f"peak = {result['peak_gflops']:.0f} GFLOP/s; PyTorch at its best: {choice}\n")
    print("                          ms per step                     superpose is faster, times      share of peak sgemm")
    print("  m   alpha  gamma | superpose  dense  dense*  sparse* |  dense  dense*  sparse* | Gram rows  as if dense")
    for p in result["points"]:
        print(f"{p['dim']:3} {p['alpha']:7.1f} {p['gamma']:6.2f} | {p['superpose_ms']:9.3f} {p['dense_default_ms']:6.1f} "
              f"{p['dense_best_ms']:7.1f} {p['sparse_best_ms']:8.2f} | {p['ratio_dense_default']:6.1f} "
              f"{p['ratio_dense_best']:7.1f} {p['ratio_sparse_best']:8.2f} | {share(p['gram_share_of_peak']):>9}  "
              f"{share(p['dense_equivalent_share_of_peak']):>11}")
    total = result["summary"]
    for name, key in (("geometric mean", "geometric_mean"), ("least", "least")):
        print(f"{name:>18} | {'':33} | {total['dense_default'][key]:6.1f} {total['dense_best'][key]:7.1f} "
              f"{total['sparse_best'][key]:8.2f} |")
    print(f"* with the fastest OpenBLAS kernels. All points at density 1, n = {FEATURES}, batch {BATCH}. Scripts: "
          "bench/versus_pytorch/dense.py, sparse.py")
    if result["quick"]:
        print("--quick: a short schedule, whose first steps are the dearest for superpose: not the measurement.")
    elif len(result["points"]) == len(POINTS):
        fair = total["dense_best"]
        met = fair["geometric_mean"] >= GOAL_MEAN and fair["least"] >= GOAL_LEAST
        print(f"goal (dense*): geometric mean >= {GOAL_MEAN}, no point < {GOAL_LEAST}: {'met' if met else 'not met'}")
    least = min(p["least_cpu_share"] for p in result["points"])
    if least < UNDISTURBED:
        print(f"The machine was not idle: one of the programs had its core for {100 * least:.0f} % of the time only.")


def agree(program, core, quick, folder):
    """The three programs compute the same thing: agree.py says how it is judged."""
    words = [sys.executable, str(HERE / "agree.py"), "--superpose", program, "--out", str(folder / "agree.json")]
    log("do the three programs agree?")
    done = subprocess.run(words + (["--quick"] if quick else []), env=measure.single_thread(core), stdout=sys.stderr)
    if done.returncode != 0:
        sys.exit("versus_pytorch: the programs do not compute the same thing: their times are not compared")
    return json.loads((folder / "agree.json").read_text())


def sgemm_rates():
    """GFLOP/s of PyTorch's BLAS for each core type that this CPU can run; the default one is under None."""
    rates = {}
    for core in [None, *measure.core_types()]:
        words = [sys.executable, str(HERE / "peak.py")]
        rates[core] = json.loads(subprocess.run(words, env=measure.single_thread(core), stdout=subprocess.PIPE, check=True).stdout)
    return rates


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500-step schedules, 1 round: does it work? Not the measurement")
    parser.add_argument("--steps", type=int, help="steps of a schedule (default 20000)")
    parser.add_argument("--rounds", type=int, help="turns of each program (default 3)")
    parser.add_argument("--dense-steps", type=int, help="counted steps of dense.py in a round (default 100)")
    parser.add_argument("--points", help="which of the twelve, from 0, such as 0,4,8 (default: all)")
    parser.add_argument("--no-agree", action="store_true", help="do not check first that the programs agree")
    parser.add_argument("--core", type=int, help="the CPU core to run on (default: the last one this process may use)")
    parser.add_argument("--json", metavar="FILE", help="write the result there as JSON too")
    parser.add_argument("--superpose", metavar="PROGRAM", default=str(ROOT / "build/release/bin/superpose"))
    options = parser.parse_args()
    for name, full, quick in (("steps", 20000, 500), ("rounds", 3, 1), ("dense_steps", 100, 20)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if options.steps < options.rounds:
        parser.error("--steps must be at least --rounds")
    try:
        chosen = range(len(POINTS)) if options.points is None else [int(word) for word in options.points.split(",")]
        options.points = [POINTS[k] for k in chosen if k >= 0]
    except (ValueError, IndexError):
        parser.error(f"--points {options.points}: expected numbers from 0 to {len(POINTS) - 1}, separated by commas")
    if not pathlib.Path(options.superpose).exists():
        parser.error(f"{options.superpose} does not exist: ./run build, or --superpose PROGRAM")
    return options


def main():
    options = arguments()
    machine = measure.machine(options.superpose)
    machine["pinned_to_core"] = measure.pin(options.core)
    rates = sgemm_rates()
    best = max(rates, key=lambda core: rates[core]["best"])
    if rates[None]["best"] > SAME * rates[best]["best"]:
        best = None  # OpenBLAS' own choice is as good: dense and dense* are one measurement
    result = {"schema": "superpose.bench.versus_pytorch/1", "quick": options.quick, "machine": machine}
    result |= {"torch": rates[None]["torch"], "sgemm": {core or "default": rate for core, rate in rates.items()}, "best_core_type": best, "peak_gflops": max(rate["best"] for rate in rates.values())}
    result |= {"features": FEATURES, "batch": BATCH, "density": 1, "steps": options.steps, "rounds": options.rounds}
    with tempfile.TemporaryDirectory() as folder:
        result["agreement"] = None if options.no_agree else agree(options.superpose, best, options.quick, pathlib.Path(folder))
    result["points"] = []
    for k, point in enumerate(options.points):
        log("{}/{}: m = {}, α = {}, γ = {}".format(k + 1, len(options.points), *point))
        result["points"].append(measure_point(options.superpose, point, options, best))
        add_shares(result["points"][-1], result["peak_gflops"])
        log("superpose {superpose_ms:.3f} ms, dense {dense_best_ms:.1f}, sparse {sparse_best_ms:.2f}".format(**result["points"][-1]))
    result["summary"] = summary(result["points"])
    machine["load_after"] = os.getloadavg()[0]
    report(result)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
