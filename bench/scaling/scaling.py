#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How the time of a step and the memory of `superpose toy` grow with n, m, B and E, one at a time around a centre
(n = 1000, m = 50, B = 2048, E = 1, law power:1, γ = -1), on one thread.

Two times per setting. "First": the mean of the first 50 steps, in which most outputs are positive. "Trained": what one
step costs once few outputs are positive, (t(2S) - t(S))/S of two runs of 2S and S steps with the same warm-up in steps,
S = 1000. Where 3S first steps would take longer than --budget seconds there is no second time. Times are
CPU time: the program's own clock times the share of the wall time in which it ran. Memory is the peak of the
whole process. Slopes are fitted to log-log values over the larger half of each axis.

    scaling.py                           measures, writes scaling.csv and draws docs/img/scaling.svg
    scaling.py --draw-only --csv FILE    draws a table measured before
"""
import argparse
import csv
import math
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
import measure

CENTRE = {"features": 1000, "dim": 50, "batch": 2048, "density": 1.0}
AXES = {
    "features": [100, 300, 1000, 3000, 10_000, 30_000, 100_000],
    "dim": [8, 16, 32, 64, 128, 256, 512, 1024],
    "batch": [128, 256, 512, 1024, 2048, 4096, 8192, 16_384],
    "density": [0.1, 0.3, 1, 3, 10, 30],
}
QUICK_AXES = {"features": [300, 1000, 3000], "dim": [16, 64, 256], "batch": [512, 2048, 8192], "density": [0.3, 1, 3]}
TITLES = {"features": "n, features", "dim": "m, width", "batch": "B, batch", "density": "E, active features per sample"}
FIRST_STEPS = 50
COLUMNS = ["axis", *CENTRE, "density_realised", "first_ms", "trained_ms", "peak_bytes"]


def log(text):
    print(f"scaling: {text}", file=sys.stderr, flush=True)


def seconds_of(program, setting, steps, warm_steps):
    run = measure.toy(program, law="power:1", decay=-1, steps=steps, warmup=warm_steps / steps, **setting)
    return run["seconds"] * run["cpu_share"], run


def measure_setting(options, axis, value):
    setting = CENTRE | {axis: value}
    trained_steps = options.trained_steps
    seconds, run = seconds_of(options.superpose, setting, FIRST_STEPS, FIRST_STEPS)
    row = {"axis": axis, **setting, "density_realised": run["density_realised"], "first_ms": 1e3 * seconds / FIRST_STEPS}
    row |= {"trained_ms": None, "peak_bytes": run["peak_bytes"]}
    if 3 * trained_steps * seconds / FIRST_STEPS <= options.budget:
        warm = trained_steps // 10
        short, _ = seconds_of(options.superpose, setting, trained_steps, warm)
        long, run = seconds_of(options.superpose, setting, 2 * trained_steps, warm)
        row["trained_ms"] = max(0.0, 1e3 * (long - short) / trained_steps) or None
        row["peak_bytes"] = run["peak_bytes"]
    return row


def slope(x, y):
    """Of ln y on ln x by least squares over the larger half of the points, at least three; None if there are fewer."""
    pairs = [(math.log(a), math.log(b)) for a, b in zip(x, y) if b]
    pairs = pairs[-max(3, (len(pairs) + 1) // 2) :]
    if len(pairs) < 3:
        return None
    mean_x, mean_y = (sum(values) / len(pairs) for values in zip(*pairs))
    return sum((a - mean_x) * (b - mean_y) for a, b in pairs) / sum((a - mean_x) ** 2 for a, _ in pairs)


def write_csv(rows, path, machine):
    with open(path, "w", newline="") as file:
        file.write(f"# {machine['cpu']}, superpose {machine['superpose']}, one thread; load {machine['load_before']:.1f} before\n")
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def read_csv(path):
    with open(path, newline="") as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        return [{k: v if k == "axis" else float(v) if v else None for k, v in row.items()} for row in lines]


def series(rows, axis, what, unit=1.0):
    """x, y of one line of the figure, by x, without what was not measured."""
    x = "density_realised" if axis == "density" else axis
    return sorted((row[x], row[what] * unit) for row in rows if row["axis"] == axis and row[what])


def draw(rows, path):
    import matplotlib  # here, not above: what this process holds in memory hides what superpose needs (measure.toy)

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import ticker

    plt.rcParams.update({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "superpose", "axes.spines.top": False})
    plt.rcParams.update({"axes.spines.right": False, "font.family": "sans-serif"})
    figure, panels = plt.subplots(2, 4, figsize=(11, 5), sharex="col", sharey="row", constrained_layout=True)
    lines = [("first_ms", 1, "#e08214", "first steps"), ("trained_ms", 1, "#1b5e9b", "trained"), ("peak_bytes", 2**-20, "#444444", "")]
    figure.suptitle("superpose toy, one thread: one axis at a time around n = 1000, m = 50, B = 2048, E = 1 (dotted)", fontsize=10)
    for column, axis in enumerate(AXES):
        notes = {0: [], 1: []}
        for what, unit, colour, name in lines:
            points = series(rows, axis, what, unit)
            if not points:
                continue
            row = int(what == "peak_bytes")
            x, y = zip(*points)
            panels[row, column].loglog(x, y, "o-", color=colour, markersize=4, linewidth=1.3)
            if (fitted := slope(x, y)) is not None:
                notes[row].append((f"{name} slope {fitted:.2f}".strip(), colour))
        for row in (0, 1):
            panel = panels[row, column]
            panel.grid(True, color="#e4e4e4", linewidth=0.6)
            centre = CENTRE[axis]
            panel.axvline(centre, color="#bbbbbb", linewidth=0.8, linestyle=":", zorder=0)
            for k, (text, colour) in enumerate(reversed(notes[row])):
                panel.text(0.04, 0.97 - 0.09 * k, text, transform=panel.transAxes, color=colour, va="top")
        panels[1, column].set_xlabel(TITLES[axis])
        panels[1, column].xaxis.set_major_locator(ticker.LogLocator(numticks=6))
    panels[0, 0].set_ylabel("ms per step")
    panels[1, 0].set_ylabel("peak memory, MiB")
    for panel in panels.flat:
        for side in (panel.xaxis, panel.yaxis):
            side.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.15g}"))
            side.set_minor_formatter(ticker.NullFormatter())
    for panel in panels[:, 0]:
        panel.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 3) if panel is panels[0, 0] else (1, 2, 5)))
        low, high = panel.get_ylim()
        panel.set_ylim(low, high * (high / low) ** 0.15)  # room for the slopes above the lines
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)


def report(rows):
    show = lambda value, width, digits=3: " " * (width - 1) + "-" if value is None else f"{value:{width}.{digits}f}"
    print("       n     m      B      E | first ms  trained ms  peak MiB")
    for row in rows:
        memory = row["peak_bytes"] and row["peak_bytes"] / 2**20
        print(f"{row['features']:8.0f} {row['dim']:5.0f} {row['batch']:6.0f} {row['density_realised']:6.2f} | "
              f"{show(row['first_ms'], 8)} {show(row['trained_ms'], 11)} {show(memory, 9, 1)}")
    print("\nlog-log slopes over the larger half of each axis: first steps, trained, memory")
    for axis in AXES:
        slopes = [slope(*zip(*points)) if (points := series(rows, axis, what)) else None for what in COLUMNS[-3:]]
        print(f"{TITLES[axis]:>32}: " + "  ".join(show(value, 5, 2) for value in slopes))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three values per axis, S = 200: does it work? Not the measurement")
    parser.add_argument("--budget", type=float, default=300, help="seconds a setting may take at most (default 300)")
    parser.add_argument("--huge", action="store_true", help="n = 1,000,000 too (needs some 2 GB; first steps only)")
    parser.add_argument("--core", type=int, help="the CPU core to run on (default: the last one this process may use)")
    parser.add_argument("--csv", type=pathlib.Path, help="default: bench/scaling/scaling.csv (with --quick: beside the build)")
    parser.add_argument("--figure", type=pathlib.Path, help="SVG or PNG; default: docs/img/scaling.svg (with --quick: beside the build)")
    parser.add_argument("--draw-only", action="store_true", help="draw the table that is there")
    parser.add_argument("--superpose", metavar="PROGRAM", default=str(ROOT / "build/release/bin/superpose"))
    options = parser.parse_args()
    options.trained_steps = 200 if options.quick else 1000
    options.csv = options.csv or (ROOT / "build" if options.quick else HERE) / "scaling.csv"
    options.figure = options.figure or (ROOT / "build" if options.quick else ROOT / "docs/img") / "scaling.svg"
    if options.draw_only and not options.csv.exists():
        parser.error(f"{options.csv} does not exist: nothing to draw")
    if not options.draw_only and not pathlib.Path(options.superpose).exists():
        parser.error(f"{options.superpose} does not exist: ./run build, or --superpose PROGRAM")
    return options


def main():
    options = arguments()
    if not options.draw_only:
        machine = measure.machine(options.superpose)
        measure.pin(options.core)
        axes = QUICK_AXES if options.quick else AXES
        settings = [(axis, value) for axis, values in axes.items() for value in values]
        settings += [("features", 1_000_000)] if options.huge else []
        rows = []
        for k, (axis, value) in enumerate(settings):
            log(f"{k + 1}/{len(settings)}: {TITLES[axis].split(',')[0]} = {value:g}")
            rows.append(measure_setting(options, axis, value))
            write_csv(rows, options.csv, machine)  # each time: a stopped run keeps what it has
    rows = read_csv(options.csv)
    report(rows)
    draw(rows, options.figure)
    print(f"\n{os.path.relpath(options.csv)}  {os.path.relpath(options.figure)}")


if __name__ == "__main__":
    main()
