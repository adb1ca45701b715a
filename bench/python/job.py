#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One job of the comparison, in a process of its own; prints its seconds and its numbers as JSON. Called by python.py:

    job.py superpose|numpy JOB [JSON]     JOB: toy, head, spectrum, geometry, fit (superpose)
                                               fit, agree (NumPy, SciPy, PyTorch)
                                               call, memory (both)"""
import json
import math
import pathlib
import resource
import sys
import time
import timeit

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent


class Clock:
    """Seconds on the clock and of all threads, of a with block."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu

    def to_dict(self):
        return {"seconds": self.wall, "cpu_seconds": self.cpu}


def matrix(file, offset, n, m):
    return np.memmap(file, dtype=np.float32, mode="r", offset=offset, shape=(n, m))


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def chinchilla():
    """The table of bench/fit, [240, 3]: N, D, loss."""
    return chinchilla_reference().simulated(np.random.default_rng(0))


def chinchilla_reference():
    sys.path.insert(0, str(BENCH / "fit"))
    import fit

    return fit


# superpose


def toy(save=None, **config):
    """A whole call: the steps, the evaluation and the geometry after them."""
    import superpose

    with Clock() as clock:
        result = superpose.toy(threads=1, progress=False, **config)
    if save:
        np.savez(save, W=result.W, b=result.b)
    return {**clock.to_dict(), "training_seconds": result.seconds, "loss": result.loss, "eval_loss": result.eval_loss,
            "eval_loss_se": result.eval_loss_se}


def head(threads, **where):
    """Norms and the exact mean square overlap."""
    import superpose

    W = matrix(**where)
    with Clock() as clock:
        found = superpose.inspect(W, quick=True, threads=threads, progress=False)
    return {**clock.to_dict(), "mean_square": found.mean_square_overlap, "norm_mean": found.norm["mean"],
            "peak_bytes": peak_bytes()}


def spectrum(threads, **where):
    """threads is for the opponent: superpose.measure takes all cores of the process."""
    import superpose

    W = matrix(**where)
    with Clock() as clock:
        found = superpose.measure.spectrum(W)
    return {**clock.to_dict(), "effective_rank": found["effective_rank"],
            "participation_ratio": found["participation_ratio"], "peak_bytes": peak_bytes()}


def geometry(threads, **where):
    import superpose

    W = matrix(**where)
    with Clock() as clock:
        found = superpose.geometry(W, threads=threads, progress=False)
    return {**clock.to_dict(), "mean_square": found.mean_square_overlap, "norm_mean": found.norm["mean"],
            "effective_rank": found.effective_rank, "peak_bytes": peak_bytes()}


def fit(resamples):
    import superpose

    rows = chinchilla()
    table = {"N": rows[:, 0], "D": rows[:, 1], "loss": rows[:, 2]}
    with Clock() as without:
        superpose.fit(table, "chinchilla", bootstrap=0, progress=False)
    with Clock() as clock:
        found = superpose.fit(table, "chinchilla", bootstrap=resamples, progress=False)
    report = found.to_dict()["parameters"]
    return {**clock.to_dict(), "per_resample": (clock.wall - without.wall) / resamples,
            "cpu_per_resample": (clock.cpu - without.cpu) / resamples, "objective": found.objective, "params": found.params,
            "sd": {name: report[name]["bootstrap_sd"] for name in ("E", "alpha", "beta")}}


# NumPy, SciPy, PyTorch (the passes over the head are bench/geometry/opponent.py, the steps bench/versus_pytorch/dense.py)


def scipy_fit(resamples, start):
    reference = chinchilla_reference()
    rows = chinchilla()
    columns = np.log(rows).T
    p = start
    first = np.array([math.log(p["A"]), math.log(p["B"]), math.log(p["E"]), p["alpha"], p["beta"]])
    full, value = reference.scipy_fit(first, columns, np.ones(len(rows)))
    random, draws = np.random.default_rng(1), []
    with Clock() as clock:
        for _ in range(resamples):
            weights = np.bincount(random.integers(0, len(rows), len(rows)), minlength=len(rows)).astype(float)
            draws.append(reference.scipy_fit(full, columns, weights)[0])
    draws = np.array(draws)
    params = {"A": math.exp(full[0]), "B": math.exp(full[1]), "E": math.exp(full[2]), "alpha": full[3], "beta": full[4]}
    sd = {"E": np.exp(draws[:, 2]).std(ddof=1), "alpha": draws[:, 3].std(ddof=1), "beta": draws[:, 4].std(ddof=1)}
    return {**clock.to_dict(), "per_resample": clock.wall / resamples, "cpu_per_resample": clock.cpu / resamples,
            "objective": value, "params": params, "sd": sd}


def agree(weights, batches, dim):
    """The loss of superpose's trained weights as the dense PyTorch program computes it, on its own batches."""
    sys.path.insert(0, str(BENCH / "versus_pytorch"))
    import dense
    import protocol
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(12345)
    program = dense.Dense(protocol.Config(dim=dim))
    trained = np.load(weights)
    with torch.no_grad():
        program.W.copy_(torch.from_numpy(trained["W"]))
        program.b.copy_(torch.from_numpy(trained["b"]))
    losses = np.array([program.gradient(program.draw()) for _ in range(batches)]) * program.config.features
    return {"loss": losses.mean(), "se": losses.std(ddof=1) / math.sqrt(batches), "torch": torch.__version__}


# Both


def call_superpose():
    import superpose

    W = np.random.default_rng(0).standard_normal((10, 10)).astype(np.float32)
    return {"us": per_call(lambda: superpose.measure.row_norms(W)), "norms": superpose.measure.row_norms(W).tolist(),
            "version": superpose.__version__}


def call_numpy():
    W = np.random.default_rng(0).standard_normal((10, 10)).astype(np.float32)
    return {"us": per_call(lambda: np.linalg.norm(W, axis=1)),
            "norms": np.linalg.norm(W.astype(np.float64), axis=1).tolist(), "version": np.__version__}


def per_call(function):
    count = 20000
    function()
    return 1e6 * min(timeit.repeat(function, number=count, repeat=5)) / count


def memory_superpose(n, m):
    return grown(n, m, superpose_quick)


def superpose_quick(W):
    import superpose

    return superpose.geometry(W, quick=True, progress=False).mean_square_overlap


def memory_numpy(n, m):
    def mean_square(W):
        U = W / np.linalg.norm(W, axis=1, keepdims=True)
        G = (U.T @ U).astype(np.float64)
        return ((G * G).sum() - n) / (n * (n - 1))

    return grown(n, m, mean_square)


def grown(n, m, mean_square):
    """Peak memory of a call above what the process had with the matrix in it."""
    mean_square(np.random.default_rng(1).standard_normal((64, 16), dtype=np.float32))  # what is loaded once
    W = np.random.default_rng(0).standard_normal((n, m), dtype=np.float32)
    before = peak_bytes()
    value = float(mean_square(W))
    return {"matrix_bytes": W.nbytes, "before": before, "grown": peak_bytes() - before, "mean_square": value}


JOBS = {"superpose": {"toy": toy, "head": head, "spectrum": spectrum, "geometry": geometry, "fit": fit,
                      "call": call_superpose, "memory": memory_superpose},
        "numpy": {"fit": scipy_fit, "agree": agree, "call": call_numpy, "memory": memory_numpy}}


def main(side, name, words="{}"):
    print(json.dumps(JOBS[side][name](**json.loads(words)), default=float))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in JOBS or sys.argv[2] not in JOBS[sys.argv[1]]:
        sys.exit(__doc__)
    main(*sys.argv[1:])
