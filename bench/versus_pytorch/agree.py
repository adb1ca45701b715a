#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Do superpose, dense.py and sparse.py compute the same thing? Exit code 1 if not.

1. dense.py and sparse.py on the same batches from the same weights: loss, both gradients, and the weights after five
   steps, at both signs of γ. The difference may be 1e-4 of the largest entry (float32 sums in another order).
2. sparse.py draws what dense.py draws: how often each of the ten most frequent features occurs, and the mean and mean
   square of the values, within 5 standard errors of p_i, 1 and 4/3 (24 comparisons: 1 false alarm in 70,000).
3. Final losses of a short schedule, m = 10, α = 1, γ = -1, several seeds each: every pair of means within 5.96 standard
   errors from the spread over seeds (with 3 seeds that is t with 6 degrees of freedom: 1 false alarm in 300).
"""
import argparse
import itertools
import json
import math
import pathlib
import statistics
import sys

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import measure
import protocol
from dense import Dense
from sparse import Sparse

MOST_DIFFERENT = 1e-4
STANDARD_ERRORS, T_LIMIT = 5, 5.96


def difference(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def same_steps(gamma, steps=5):
    """The largest relative difference between the two programs over some steps on the same batches."""
    config = protocol.Config(dim=20, gamma=gamma, batch=512, steps=100)
    torch.manual_seed(1)
    dense, sparse = Dense(config), Sparse(config)
    sparse.W, sparse.b = dense.W.detach().clone(), dense.b.detach().clone()
    worst = 0.0
    for step in range(steps):
        sample, feature, value = entries = sparse.draw()
        x = torch.zeros(config.batch, config.features)
        x[sample, feature] = value
        dense.draw, sparse.draw = lambda: x, lambda: entries
        losses = dense.step(step), sparse.step(step)
        del dense.draw, sparse.draw
        worst = max(worst, abs(losses[0] / losses[1] - 1))
        for a, b in ((dense.W.grad, sparse.gW), (dense.b.grad, sparse.gb), (dense.W, sparse.W), (dense.b, sparse.b)):
            worst = max(worst, difference(a.detach(), b))
    return worst


def same_data(batches=200):
    """The largest deviation, in standard errors, of either program's batches from p_i and the moments of the values."""
    config = protocol.Config(dim=10)
    worst = 0.0
    for program in (Dense(config), Sparse(config)):
        counts, values = torch.zeros(config.features), []
        for _ in range(batches if isinstance(program, Sparse) else batches // 10):
            drawn = program.draw()
            if isinstance(program, Dense):
                counts, drawn_values = counts + (drawn > 0).sum(0), drawn[drawn > 0]
            else:
                counts, drawn_values = counts + torch.bincount(drawn[1], minlength=config.features), drawn[2]
            values.append(drawn_values)
        v = torch.cat(values).double()
        trials = config.batch * (batches if isinstance(program, Sparse) else batches // 10)
        p = protocol.probabilities(config)[:10]
        deviations = (counts[:10] - trials * p) / (trials * p * (1 - p)).sqrt()
        mean = (v.mean() - 1) / math.sqrt(1 / 3 / len(v))
        square = (v.square().mean() - 4 / 3) / math.sqrt((16 / 5 - 16 / 9) / len(v))
        worst = max(worst, deviations.abs().max().item(), abs(mean.item()), abs(square.item()))
    return worst


def final_loss(name, program, steps, seed):
    if name == "superpose":
        return measure.toy(program, dim=10, law="power:1", decay=-1, steps=steps, seed=seed)["loss"]
    config = protocol.Config(dim=10, steps=steps)
    torch.manual_seed(seed)
    return protocol.timed({"dense": Dense, "sparse": Sparse}[name](config), 0, steps)[-1]


def same_losses(program, steps, seeds):
    """Losses per program and the largest distance between two means in standard errors. No two runs share a seed: dense.py
    and sparse.py would start from the same weights."""
    losses = {}
    for name in ("superpose", "dense", "sparse"):
        first = 100 * len(losses)
        losses[name] = [final_loss(name, program, steps, seed) for seed in range(first, first + seeds)]
        print(f"agree: final loss after {steps} steps, {name}: " + ", ".join(f"{x:.4g}" for x in losses[name]), flush=True)
    spread = math.sqrt(statistics.mean(statistics.variance(x) for x in losses.values()))
    means = [statistics.mean(x) for x in losses.values()]
    most = max(abs(a - b) for a, b in itertools.combinations(means, 2))
    return losses, most / (spread * math.sqrt(2 / seeds))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--superpose", metavar="PROGRAM", default=str(HERE.parents[1] / "build/release/bin/superpose"))
    parser.add_argument("--quick", action="store_true", help="schedules of 300 steps instead of 2000")
    parser.add_argument("--out", metavar="FILE", help="write the numbers there as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    steps = max(same_steps(gamma) for gamma in (-1.0, 0.5))
    data = same_data()
    losses, distance = same_losses(options.superpose, 300 if options.quick else 2000, seeds=3)
    checks = [
        ("dense.py and sparse.py, 5 steps on the same batches, largest relative difference", steps, MOST_DIFFERENT),
        ("batches of both against the law, largest deviation in standard errors", data, STANDARD_ERRORS),
        ("final losses of all three, largest distance in standard errors over seeds", distance, T_LIMIT),
    ]
    for what, value, limit in checks:
        print(f"agree: {what}: {value:.3g} (limit {limit:g}){'' if value <= limit else ' FAILED'}")
    if options.out:
        out = {"steps_difference": steps, "data_standard_errors": data, "loss_standard_errors": distance, "losses": losses}
        pathlib.Path(options.out).write_text(json.dumps(out))
    sys.exit(any(not value <= limit for _, value, limit in checks))


if __name__ == "__main__":
    main()
