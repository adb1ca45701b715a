#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package beside NumPy, SciPy and PyTorch scripts that do the same jobs, taking turns in one run.

toy      n = 1000, m = 50, batch 2048, density 1, one thread each: superpose.toy (the whole call over its whole schedule)
         beside dense.py, what the paper's programs do, and sparse.py, written to be fast (bench/versus_pytorch)
head     50,257 x 768 float32: norms and exact mean square overlap; effective rank; superpose.geometry, which measures
         much more. Beside NumPy in blocks of rows (bench/geometry/opponent.py), on as many threads
fit      resamples of the 240-row Chinchilla fit, one core each, beside SciPy (bench/fit)
call     what a call costs: superpose.measure.row_norms beside numpy.linalg.norm of a 10 x 10 matrix
memory   what the geometry of a 400 MiB matrix adds to the peak memory of its process

Each turn is a process of its own; imports are not timed. Ratios are the other's time over superpose's, geometric mean of
the turns (least to most). That both compute the same is checked beside the times: exit code 1 if not."""
import argparse
import contextlib
import importlib.util
import json
import math
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "versus_pytorch")]
import measure
from versus_pytorch import UNCOUNTED, Worker

FULL = {"rounds": 3, "steps": 20000, "dense_steps": 60, "batches": 200, "head": (50257, 768), "resamples": 4000,
        "scipy": 100, "memory": (131072, 800)}
QUICK = {"rounds": 1, "steps": 500, "dense_steps": 10, "batches": 20, "head": (4096, 256), "resamples": 200, "scipy": 10,
         "memory": (65536, 400)}
DIM = 50
STANDARD_ERRORS = 4.5  # of the loss on other batches: 1 false alarm in 100,000


def log(text):
    print(f"python: {text}", file=sys.stderr, flush=True)


def environment(threads, package):
    """As many threads for OpenBLAS, and its own choice of kernels."""
    path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return measure.single_thread() | dict.fromkeys(names, str(threads)) | {"PYTHONPATH": path}


class Turns:
    """Runs jobs, each in a process of its own, and keeps what they say by name."""

    def __init__(self, package, threads):
        self.package, self.threads, self.found = package, threads, {}

    def run(self, name, words, cores=None):
        env = environment(len(cores) if cores else self.threads, self.package)
        pinned = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        words = [sys.executable, *(str(word) for word in words)]
        done = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, preexec_fn=pinned)
        if done.returncode:
            sys.exit(f"python: {' '.join(words)} ended with {done.returncode}")
        answer = json.loads(done.stdout.splitlines()[-1])
        self.found.setdefault(name, []).append(answer)
        return answer

    def job(self, name, side, job, cores=None, **words):
        return self.run(name, [HERE / "job.py", side, job, json.dumps(words)], cores)


def ratio(theirs, ours, key="seconds"):
    """Geometric mean of the turns' ratios, least and most."""
    each = [a[key] / b[key] for a, b in zip(theirs, ours)]
    return {"geometric_mean": statistics.geometric_mean(each), "least": min(each), "most": max(each)}


def digits(a, b):
    """To how many significant digits two numbers agree."""
    return 16.0 if a == b else max(0.0, -math.log10(abs(a / b - 1)))


def median(runs, key="seconds"):
    return statistics.median(run[key] for run in runs)


def toys(turns, scale, core, folder):
    weights = folder / "weights.npz"
    point, steps = (DIM, 1.0, -1.0), scale["steps"]
    cores = {core}
    ours, dense_turns, sparse_turns = [], [], []
    with contextlib.ExitStack() as stack:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)  # the workers inherit it
        dense, sparse = (stack.enter_context(Worker(script, point, steps, None)) for script in ("dense.py", "sparse.py"))
        os.sched_setaffinity(0, before)
        dense.run(UNCOUNTED)
        for k in range(scale["rounds"]):
            log(f"toy, turn {k + 1} of {scale['rounds']}")
            words = {"features": 1000, "dim": DIM, "batch": 2048, "steps": steps, "seed": k}
            ours.append(turns.job("toy", "superpose", "toy", cores, save=str(weights), **words))
            dense_turns.append({"seconds": dense.run(scale["dense_steps"]) / scale["dense_steps"]})
            part = steps // scale["rounds"]
            sparse_turns.append({"seconds": sparse.run(part) / part})
    per_step = [{"seconds": run["seconds"] / steps} for run in ours]
    same = turns.job("toy_agree", "numpy", "agree", cores, weights=str(weights), batches=scale["batches"], dim=DIM)
    last = ours[-1]
    apart = abs(same["loss"] - last["eval_loss"]) / math.hypot(same["se"], last["eval_loss_se"])
    return {"superpose_ms": 1e3 * median(per_step), "training_ms": 1e3 * median(ours, "training_seconds") / steps,
            "dense_ms": 1e3 * median(dense_turns), "sparse_ms": 1e3 * statistics.mean(t["seconds"] for t in sparse_turns),
            "dense": ratio(dense_turns, per_step), "sparse": ratio(sparse_turns, per_step),
            "eval_loss": last["eval_loss"], "eval_loss_se": last["eval_loss_se"], "torch_loss": same["loss"],
            "torch_loss_se": same["se"], "standard_errors": apart, "torch": same["torch"], "agrees": apart <= STANDARD_ERRORS}


def heads(turns, scale, folder):
    n, m = scale["head"]
    path = folder / "head.safetensors"
    subprocess.run([sys.executable, HERE.parent / "geometry/make_head.py", path, str(n), str(m), "f32"], check=True)
    with open(path, "rb") as file:
        offset = 8 + struct.unpack("<Q", file.read(8))[0]
    ours = {"file": str(path), "offset": offset, "n": n, "m": m, "threads": turns.threads}
    theirs = [turns.threads, path, offset, n, m, "f32"]
    opponent = HERE.parent / "geometry/opponent.py"
    for k in range(scale["rounds"]):
        log(f"head, turn {k + 1} of {scale['rounds']}")
        turns.job("head", "superpose", "head", **ours)
        turns.run("head_numpy", [opponent, "numpy", "pass", *theirs])
        turns.run("head_torch", [opponent, "torch", "pass", *theirs])
        turns.job("spectrum", "superpose", "spectrum", **ours)
        turns.run("spectrum_numpy", [opponent, "numpy", "spectrum", *theirs])
        turns.run("svd_numpy", [opponent, "numpy", "svd", *theirs])
        turns.job("geometry", "superpose", "geometry", **ours)
    found = turns.found
    out = {"n": n, "m": m}
    for name, mine, other in (("pass_numpy", "head", "head_numpy"), ("pass_torch", "head", "head_torch"),
                              ("spectrum_numpy", "spectrum", "spectrum_numpy"), ("spectrum_svd", "spectrum", "svd_numpy")):
        out[name] = {"superpose_s": median(found[mine]), "other_s": median(found[other]),
                     "superpose_mib": max(r["peak_bytes"] for r in found[mine]) / 2**20,
                     "other_mib": max(r["peak_bytes"] for r in found[other]) / 2**20,
                     "ratio": ratio(found[other], found[mine]),
                     "cpu_ratio": ratio(found[other], found[mine], "cpu_seconds")}
    both = [{"seconds": a["seconds"] + b["seconds"], "cpu_seconds": a["cpu_seconds"] + b["cpu_seconds"]}
            for a, b in zip(found["head_numpy"], found["svd_numpy"])]
    out["geometry_numpy"] = {"superpose_s": median(found["geometry"]), "other_s": median(both),
                             "superpose_mib": max(r["peak_bytes"] for r in found["geometry"]) / 2**20,
                             "other_mib": max(r["peak_bytes"] for r in found["svd_numpy"]) / 2**20,
                             "ratio": ratio(both, found["geometry"]), "cpu_ratio": ratio(both, found["geometry"], "cpu_seconds")}
    last = {name: runs[-1] for name, runs in found.items()}
    out["digits"] = {
        "mean square overlap": digits(last["head"]["mean_square"], last["head_numpy"]["mean_square"]),
        "mean norm": digits(last["head"]["norm_mean"], last["head_numpy"]["norm_mean"]),
        "effective rank": digits(last["spectrum"]["effective_rank"], last["svd_numpy"]["effective_rank"]),
        "participation ratio": digits(last["spectrum"]["participation_ratio"], last["svd_numpy"]["participation_ratio"])}
    out["agrees"] = min(out["digits"].values()) >= 4  # sums in float32 on NumPy's side
    return out


def fits(turns, scale, core):
    for k in range(scale["rounds"]):
        log(f"fit, turn {k + 1} of {scale['rounds']}")
        mine = turns.job("fit", "superpose", "fit", {core}, resamples=scale["resamples"])
        turns.job("fit_all", "superpose", "fit", resamples=scale["resamples"])
        turns.job("fit_scipy", "numpy", "fit", {core}, resamples=scale["scipy"], start=mine["params"])
    ours, alone, theirs = turns.found["fit"], turns.found["fit_all"], turns.found["fit_scipy"]
    mine, other = ours[-1], theirs[-1]
    whole = [{"seconds": run["per_resample"] * scale["resamples"]} for run in theirs]
    # A standard deviation from k draws of a heavy-tailed estimate is good to some 1/sqrt(k).
    spread = max(abs(mine["sd"][name] / other["sd"][name] - 1) for name in mine["sd"])
    same = {"objective": digits(mine["objective"], other["objective"])}
    same |= {name: digits(mine["params"][name], other["params"][name]) for name in ("A", "B", "E", "alpha", "beta")}
    return {"resamples": scale["resamples"], "superpose_s": median(ours), "all_cores_s": median(alone),
            "superpose_ms": 1e3 * median(ours, "per_resample"), "all_cores_ms": 1e3 * median(alone, "per_resample"),
            "scipy_ms": 1e3 * median(theirs, "per_resample"), "ratio": ratio(theirs, ours, "per_resample"),
            "whole": ratio(whole, ours), "whole_all_cores": ratio(whole, alone), "digits": same,
            "sd": {"superpose": mine["sd"], "scipy": other["sd"], "largest_difference": spread},
            "agrees": same["objective"] >= 6 and spread <= 4 / math.sqrt(scale["scipy"])}


def calls(turns, scale):
    for _ in range(scale["rounds"]):
        turns.job("call", "superpose", "call")
        turns.job("call_numpy", "numpy", "call")
    ours, theirs = turns.found["call"], turns.found["call_numpy"]
    return {"superpose_us": median(ours, "us"), "numpy_us": median(theirs, "us"), "ratio": ratio(theirs, ours, "us"),
            "version": ours[-1]["version"], "numpy": theirs[-1]["version"],
            "agrees": all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(ours[-1]["norms"], theirs[-1]["norms"]))}


def memories(turns, scale):
    n, m = scale["memory"]
    ours = turns.job("memory", "superpose", "memory", n=n, m=m)
    theirs = turns.job("memory_numpy", "numpy", "memory", n=n, m=m)
    mib = 2**20
    return {"matrix_mib": ours["matrix_bytes"] / mib, "superpose_mib": ours["grown"] / mib, "numpy_mib": theirs["grown"] / mib,
            "digits": digits(ours["mean_square"], theirs["mean_square"]), "copied": ours["grown"] > ours["matrix_bytes"] / 2,
            "agrees": digits(ours["mean_square"], theirs["mean_square"]) >= 4}


def times(r):
    return f"{r['geometric_mean']:8.2f} ({r['least']:.2f} to {r['most']:.2f})"


def report(out):
    at = out["machine"]
    print(f"{at['cpu']}, {at['cores']} cores, load {at['load_before']:.1f} before; superpose {out['call']['version']}, "
          f"NumPy {out['call']['numpy']}, SciPy {at['scipy']}, PyTorch {out['toy']['torch']}, BLAS {at['blas']}")
    print("ratio: the other's time over superpose's, geometric mean of the turns (least to most); below 1 superpose is slower\n")
    t = out["toy"]
    print(f"toy, m = {DIM}, ms per step, one thread: superpose.toy {t['superpose_ms']:.3f} (training alone {t['training_ms']:.3f})")
    print(f"  dense PyTorch    {t['dense_ms']:9.2f}  {times(t['dense'])}")
    print(f"  sparse PyTorch   {t['sparse_ms']:9.2f}  {times(t['sparse'])}")
    print(f"  loss of the trained weights {t['eval_loss']:.6g} ± {t['eval_loss_se']:.2g}, by PyTorch on its own batches "
          f"{t['torch_loss']:.6g} ± {t['torch_loss_se']:.2g}: {t['standard_errors']:.1f} standard errors apart")
    h = out["head"]
    print(f"\n{h['n']} x {h['m']} float32, {at['threads']} threads   superpose s, MiB     other s, MiB     ratio, wall"
          "                ratio, CPU")
    for name, label in (("pass_numpy", "norms, mean square; NumPy"), ("pass_torch", "the same; PyTorch"),
                        ("spectrum_numpy", "rank; NumPy, WᵀW"), ("spectrum_svd", "rank; NumPy, svd"),
                        ("geometry_numpy", "geometry(W); NumPy, pass + svd")):
        r = h[name]
        print(f"  {label:32} {r['superpose_s']:7.2f} {r['superpose_mib']:6.0f}   {r['other_s']:8.2f} {r['other_mib']:6.0f}   "
              f"{times(r['ratio'])}   {times(r['cpu_ratio'])}")
    print("  digits that agree: " + ", ".join(f"{name} {d:.1f}" for name, d in h["digits"].items()))
    f = out["fit"]
    print(f"\nfit, ms per resample, one core: superpose.fit {f['superpose_ms']:.3f} (on all cores {f['all_cores_ms']:.3f}), "
          f"SciPy {f['scipy_ms']:.2f}")
    print(f"  per resample {times(f['ratio'])}; the whole call of {f['resamples']} resamples ({f['superpose_s']:.2f} s) "
          f"{times(f['whole'])}; on all cores ({f['all_cores_s']:.2f} s) {times(f['whole_all_cores'])}")
    print("  digits that agree: " + ", ".join(f"{name} {d:.1f}" for name, d in f["digits"].items()) +
          f"; s.d. of the resamples within {100 * f['sd']['largest_difference']:.0f} %")
    c, g = out["call"], out["memory"]
    print(f"\ncall, 10 x 10: row_norms {c['superpose_us']:.2f} µs, numpy.linalg.norm {c['numpy_us']:.2f} µs, ratio {times(c['ratio'])}")
    print(f"memory, {g['matrix_mib']:.0f} MiB matrix: geometry(W, quick=True) adds {g['superpose_mib']:.0f} MiB, NumPy "
          f"{g['numpy_mib']:.0f} MiB: {'a COPY was made' if g['copied'] else 'no copy'}; {g['digits']:.1f} digits agree")
    if out["quick"]:
        print("\n--quick: shows that it works; not the measurement.")


def blas(package):
    """What NumPy's OpenBLAS says of itself."""
    code = ("import ctypes, numpy.linalg; lib = ctypes.CDLL('libblas.so.3'); f = lib.openblas_get_config; "
            "f.restype = ctypes.c_char_p; print(f().decode())")
    done = subprocess.run([sys.executable, "-c", code], env=environment(1, package), capture_output=True, text=True)
    return " ".join(done.stdout.split()) if done.returncode == 0 else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small jobs, one turn: shows that it works, measures nothing")
    parser.add_argument("--rounds", type=int, help="turns (default 3)")
    parser.add_argument("--package", default=ROOT / "build/release/python", help="folder with the package superpose")
    parser.add_argument("--json", metavar="FILE", help="write the result there as JSON too")
    args = parser.parse_args()
    scale = dict(QUICK if args.quick else FULL)
    scale["rounds"] = max(1, args.rounds or scale["rounds"])
    if missing := [name for name in ("numpy", "scipy", "torch") if not importlib.util.find_spec(name)]:
        sys.exit(f"python: missing: {', '.join(missing)}")
    allowed = os.sched_getaffinity(0)
    core, threads = max(allowed), len(allowed)
    turns = Turns(pathlib.Path(args.package).resolve(), threads)
    import scipy
    out = {"quick": args.quick, "machine": {"cpu": measure.cpu_flags()[0], "cores": os.cpu_count(), "threads": threads,
                                            "load_before": os.getloadavg()[0], "scipy": scipy.__version__,
                                            "blas": blas(turns.package)}}
    with tempfile.TemporaryDirectory(prefix="superpose-bench-") as name:
        folder = pathlib.Path(name)
        out["call"] = calls(turns, scale)
        out["memory"] = memories(turns, scale)
        out["fit"] = fits(turns, scale, core)
        out["head"] = heads(turns, scale, folder)
        out["toy"] = toys(turns, scale, core, folder)
    out["turns"] = turns.found
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(out, indent=1) + "\n")
    report(out)
    failed = [name for name in ("toy", "head", "fit", "call", "memory") if not out[name]["agrees"]]
    if failed:
        print(f"\nThe two sides do not compute the same: {', '.join(failed)}")
    return 1 if failed or out["memory"]["copied"] else 0


if __name__ == "__main__":
    sys.exit(main())
