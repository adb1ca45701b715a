# SPDX-License-Identifier: Apache-2.0
"""What both PyTorch programs share: frequencies, initial weights, learning rate, flags, and how they are timed.

The protocol is that of "Superposition Yields Robust Neural Scaling" (arXiv 2505.10465): n features, feature i is present
with probability p_i ∝ i^-α (Σ p_i = E), its value uniform in (0, 2); W [n, m] starts as N(0,1)/√m, b [n] as N(0,1).
"""
import argparse
import dataclasses
import json
import math
import sys
import time

import torch

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
PEAK_RATE, FLOOR, WARMUP = 0.01, 0.05, 0.1  # learning rate: peak, its last value and its warm-up as shares


@dataclasses.dataclass
class Config:
    dim: int
    alpha: float = 1.0  # data exponent
    gamma: float = -1.0  # the dial: below 0 rows are pulled to length 1, above 0 they shrink
    features: int = 1000
    density: float = 1.0  # expected active features per sample
    batch: int = 2048
    steps: int = 20000  # of the whole schedule
    seed: int = 0


def probabilities(config):
    """[n] in double; refuses a density that would make some p_i exceed 1 (the benchmark has none)."""
    p = torch.arange(1, config.features + 1, dtype=torch.float64) ** -config.alpha
    p *= config.density / p.sum()
    if p[0] >= 1:
        sys.exit(f"density {config.density}: the first feature would have probability {p[0]:.3g} (must be below 1)")
    return p


def initial(config):
    """W [n, m], b [n]."""
    n, m = config.features, config.dim
    return torch.randn(n, m) / math.sqrt(m), torch.randn(n)


def learning_rate(step, config):
    """Linear warm-up, then a cosine from the peak to 5 % of it; step counts from 0."""
    t, warm = step + 1, round(WARMUP * config.steps)
    if t < warm:
        return PEAK_RATE * t / warm
    low = FLOOR * PEAK_RATE
    return low + (PEAK_RATE - low) * 0.5 * (1 + math.cos(math.pi * (t - warm) / (config.steps - warm)))


def timed(program, first, count):
    """Runs `count` steps from step `first` on. Returns seconds, the share of them in which this process really ran, and the
    mean loss (summed over features) of the last 100 steps."""
    last = []
    start, cpu_start = time.perf_counter(), time.process_time()
    for step in range(first, first + count):
        last.append(program.step(step))
    seconds = time.perf_counter() - start
    share = min(1.0, (time.process_time() - cpu_start) / max(seconds, 1e-9))
    tail = last[-100:]
    return seconds, share, sum(tail) / max(1, len(tail))


def main(program_type, doc):
    """The command line of both programs. With --serve each line of stdin is a number of steps to run next, answered by a
    line of JSON on stdout; so several programs can take turns on one core. Otherwise the whole schedule is run."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in dataclasses.fields(Config):
        required = field.default is dataclasses.MISSING
        parser.add_argument(
            f"--{field.name}",
            type=field.type,
            required=required,
            default=None if required else field.default,
            help=None if required else f"default {field.default}",
        )
    parser.add_argument("--serve", action="store_true", help="numbers of steps on stdin, seconds as JSON on stdout")
    words = vars(parser.parse_args())
    serve = words.pop("serve")
    config = Config(**words)
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # moments of silent rows drift into denormal numbers, which are slow
    program = program_type(config)
    done = 0
    for count in map(int, sys.stdin) if serve else [config.steps]:
        seconds, share, loss = timed(program, done, count)
        done += count
        print(json.dumps({"steps": count, "seconds": seconds, "cpu_share": share, "loss": loss}), flush=True)
