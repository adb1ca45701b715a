#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""superpose's passes over a token matrix beside the machine's floor and beside NumPy and PyTorch, in turns.

The floor of a pass is the time of its symmetric product at the measured rate of single precision products (the better
of OpenBLAS and our own kernel, on as many threads): n·m² operations for the Gram matrix, n²·m for all pairs."""
import argparse
import importlib.util
import json
import os
import pathlib
import signal
import statistics
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def call(command):
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    done = subprocess.run([str(x) for x in command], env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"geometry.py: {command[0]} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small matrix: shows that it works, measures nothing")
    parser.add_argument("--huge", action="store_true", help="also 152064 x 8192 in BF16: 2.5 GB on disk, an hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--program", default=ROOT / "build/release/bin/bench_geometry")
    parser.add_argument("--without", default="", help="numpy, torch: leave opponents out")
    parser.add_argument("--json", help="write all measurements there")
    args = parser.parse_args()
    opponents = [x for x in ("numpy", "torch") if x not in args.without and importlib.util.find_spec(x)]
    heads = [(4096, 512, "f32")] if args.quick else [(50257, 768, "f32")]
    if args.huge:
        heads.append((152064, 8192, "bf16"))
    everything = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder goes
    with tempfile.TemporaryDirectory(prefix="superpose-bench-") as folder:
        for n, m, dtype in heads:
            path = pathlib.Path(folder) / "head.safetensors"
            subprocess.run([sys.executable, HERE / "make_head.py", path, str(n), str(m), dtype], check=True)
            with open(path, "rb") as f:
                where = [args.threads, path, 8 + struct.unpack("<Q", f.read(8))[0], n, m, dtype]
            passes = ["pass", "centered", "pairs", "spectrum"] if m < 4096 else ["pass", "centered"]
            for which in passes:
                found = {}
                for _ in range(1 if args.quick else args.rounds):  # in turns
                    rate = call([args.program, "rate", args.threads])
                    found.setdefault("rate", []).append(max(rate["blas"], rate["own"]))
                    found.setdefault("superpose", []).append(call([args.program, which, *where]))
                    for name in opponents if which != "spectrum" else []:
                        found.setdefault(name, []).append(
                            call([sys.executable, HERE / "opponent.py", name, which, *where]))
                report(n, m, which, found, args.threads)
                everything.append({"n": n, "m": m, "pass": which, **found})
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(everything, indent=1))


def report(n, m, which, found, threads):
    operations = float(n) * n * m if which == "pairs" else float(n) * m * m
    floor = operations / statistics.median(found["rate"]) * threads  # CPU seconds, as all that follows
    print(f"{n} x {m} {which}: floor {floor:.2f} CPU s")
    ours = statistics.median(x["cpu_seconds"] for x in found["superpose"])
    for name, runs in found.items():
        if name == "rate":
            continue
        cpu = statistics.median(x["cpu_seconds"] for x in runs)
        wall = statistics.median(x["seconds"] for x in runs)
        peak = max(x["peak_bytes"] for x in runs) / 2**20
        print(f"  {name:10} {wall:8.2f} s  {cpu:8.2f} CPU s  {cpu / floor:5.2f} x floor  {cpu / ours:5.2f} x superpose"
              f"  {peak:7.0f} MiB")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
