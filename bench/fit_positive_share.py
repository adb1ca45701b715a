# SPDX-License-Identifier: Apache-2.0
"""The table of positive_share() in superpose/toy/cost.cc from what bench_positive_share printed:
    for ...; do bench_positive_share power:1 -1 39; done > shares.csv; python3 bench/fit_positive_share.py shares.csv
Geometric means over the runs, by the sum of the rates of the bias (peak 0.01), and how far single runs lie from them."""
import csv
import math
import sys

GRID = [0, 0.1, 0.4, 1, 2, 4, 8, 16, 32, 64, 85, 110]


def travelled(steps, warmup=0.1, peak=0.01, floor=0.05):
    """Sum of the rates before each step: linear warm-up, then half a cosine down to the floor."""
    warm, total, out = warmup * steps, 0.0, []
    for t in range(steps):
        out.append(total)
        if t + 1 < warm:
            total += peak * (t + 1) / warm
        else:
            done = (t + 1 - warm) / max(1, steps - warm)
            total += peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))
    return out


def main():
    runs, sums = {}, {}
    for row in csv.reader(open(sys.argv[1])):
        if len(row) < 10:
            continue
        steps = int(row[3])
        if steps not in sums:
            sums[steps] = travelled(steps)
        runs.setdefault(tuple(row[:7]), []).append((sums[steps][int(row[7])], max(float(row[9]), 1e-4)))
    runs = {k: v for k, v in runs.items() if len(v) > 15}
    for name, keep in [("decay <= 0", lambda d: d <= 0), ("decay > 0", lambda d: d > 0)]:
        chosen = [v for k, v in runs.items() if keep(float(k[1]))]
        print(name, len(chosen), "runs")
        if not chosen:
            continue
        for u in GRID:
            logs = []
            for points in chosen:
                low = max((p for p in points if p[0] <= u), default=points[0])
                high = min((p for p in points if p[0] >= u), default=points[-1])
                w = (u - low[0]) / (high[0] - low[0]) if high[0] > low[0] else 0
                logs.append((1 - w) * math.log(low[1]) + w * math.log(high[1]))
            mean = sum(logs) / len(logs)
            print(f"  {{{u}, {math.exp(mean):.3f}}},   // {math.exp(min(logs)):.4f} to {math.exp(max(logs)):.4f}")


main()
