#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store of many runs without computing them: copies of real ones, each with a configuration of its own and jitter on
its numbers. For measuring the dashboard; the numbers mean nothing.

    make_store.py FROM.sqlite TO.sqlite [--runs 10000] [--failed 0.01] [--seed 0]"""
import argparse
import datetime
import json
import pathlib
import random
import sqlite3

LAWS = [f"power:{alpha / 4:g}" for alpha in range(0, 8)]
DECAYS = [-1, -0.78, -0.56, -0.33, -0.11, 0.11, 0.33, 0.56, 0.78, 1]
DIMS = [10, 15, 25, 39, 63, 100]


def jittered(value, rng):
    if isinstance(value, bool) or not isinstance(value, float):
        return value
    return value * (1 + 0.05 * rng.gauss(0, 1))


def changed(result, rng):
    out = {name: jittered(value, rng) for name, value in result.items()}
    out["curve"] = [[step, jittered(loss, rng)] for step, loss in result.get("curve", [])]
    return out


def time_text(start, seconds):
    at = start + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def make(source, target, runs, failed, seed):
    rng = random.Random(seed)
    target.unlink(missing_ok=True)
    out = sqlite3.connect(target)
    with sqlite3.connect(source) as database:
        database.backup(out)
    real = out.execute("SELECT kind, config, result, version FROM runs WHERE status = 'ok'").fetchall()
    if not real:
        raise SystemExit(f"{source}: no finished run to copy")
    real = [(kind, json.loads(config), json.loads(result), version) for kind, config, result, version in real]
    out.execute("DELETE FROM runs")
    start = datetime.datetime(2030, 1, 1)
    rows = []
    for k in range(runs):
        kind, config, result, version = real[k % len(real)]
        config = dict(config, decay=DECAYS[k % 10], law=LAWS[k // 10 % 8], dim=DIMS[k // 80 % 6], seed=k // 480)
        bad = rng.random() < failed
        text = "" if bad else json.dumps(changed(result, rng))
        rows.append((f"{k:016x}", kind, json.dumps(config), "failed" if bad else "ok", text, "out of memory" if bad else "", version,
                     rng.uniform(5, 50), time_text(start, 10 * k), time_text(start, 10 * k + 30)))
    out.executemany("INSERT INTO runs (key, kind, config, status, result, error, version, seconds, started_at, finished_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    out.commit()
    out.execute("VACUUM")
    out.execute("PRAGMA journal_mode = WAL")
    out.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=10000)
    parser.add_argument("--failed", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    make(flags.source, flags.target, flags.runs, flags.failed, flags.seed)
