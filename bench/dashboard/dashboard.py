#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboard with ten thousand runs: what the server needs for an answer, and what a reader waits for in the browser.

    dashboard.py [--runs 10000] [--quick] [--json FILE]
Copies a real run with jitter (make_store.py), serves the store, asks for the table and the page, and lets Chromium do
what a reader does (browser.mjs). Run it on an idle machine; it says what else was running. --quick: 500 runs."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAM = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))


def store_of(folder, runs):
    real = folder / "real.sqlite"
    subprocess.run([PROGRAM, "sweep", "quick", "steps=400", "dim=10,50", "seed=0", "--store", real], check=True, capture_output=True)
    big = folder / "runs.sqlite"
    subprocess.run([sys.executable, HERE / "make_store.py", real, big, "--runs", str(runs)], check=True)
    return big


def ask(url, gzip=True):
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"} if gzip else {})
    begin = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        data = answer.read()
    return 1000 * (time.perf_counter() - begin), len(data)


def ask_until(url):
    """On a busy machine the server may say "not yet"."""
    begin = time.perf_counter()
    while True:
        try:
            size = ask(url)[1]
            return 1000 * (time.perf_counter() - begin), size
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.perf_counter() - begin > 600:
                raise


def measure_server(url):
    first, packed = ask(url + "api/runs")
    again = [ask(url + "api/runs")[0] for _ in range(15)]
    page, page_bytes = ask_until(url + "api/page")
    return {
        "runs_first_ms": first, "runs_again_ms": statistics.median(again), "runs_bytes_gzip": packed, "runs_bytes": ask(url + "api/runs", gzip=False)[1],
        "run_ms": statistics.median([ask(url + "api/runs/1")[0] for _ in range(15)]), "live_ms": statistics.median([ask(url + "api/live")[0] for _ in range(15)]),
        "page_ms": page, "page_bytes_gzip": page_bytes,
    }  # fmt: skip


def measure(runs, repeats):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        store = store_of(folder, runs)
        begin = time.perf_counter()
        server = subprocess.Popen([PROGRAM, "serve", store, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True)
        try:
            url = json.loads(server.stdout.readline())["url"]
            out = {"runs": runs, "store_bytes": store.stat().st_size, "start_ms": 1000 * (time.perf_counter() - begin)}
            out["server"] = measure_server(url)
            done = subprocess.run(["node", HERE / "browser.mjs", url, str(repeats)], capture_output=True, text=True, timeout=600)
            if done.returncode != 0:
                sys.exit(done.stderr)
            out["browser"] = json.loads(done.stdout)
            rss = pathlib.Path(f"/proc/{server.pid}/status").read_text()
            out["server"]["peak_mb"] = int(rss.split("VmHWM:")[1].split()[0]) / 1000
        finally:
            server.terminate()
            begin = time.perf_counter()
            server.wait(10)
            out["stop_ms"] = 1000 * (time.perf_counter() - begin)
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    flags = parser.parse_args()
    if not shutil.which("node") or not (ROOT / "web/node_modules/playwright-core").is_dir():
        sys.exit("needs Node and web/node_modules: run web/build.sh once")
    load = os.getloadavg()[0]
    out = measure(500 if flags.quick else flags.runs, 3 if flags.quick else 7)
    out["load_before"] = load
    server, browser = out["server"], out["browser"]
    print(f"{out['runs']} runs, a store of {out['store_bytes'] / 1e6:.0f} MB; load before: {load:.1f} on {os.cpu_count()} cores")
    print(f"server   listens after {out['start_ms']:.0f} ms, ends after {out['stop_ms']:.0f} ms, peak {server['peak_mb']:.0f} MB")
    print(f"         /api/runs {server['runs_first_ms']:.0f} ms, then {server['runs_again_ms']:.1f} ms; {server['runs_bytes'] / 1e3:.0f} kB, {server['runs_bytes_gzip'] / 1e3:.0f} kB compressed")
    print(f"         /api/runs/1 {server['run_ms']:.1f} ms, /api/live {server['live_ms']:.1f} ms, /api/page {server['page_ms']:.0f} ms ({server['page_bytes_gzip'] / 1e3:.0f} kB)")
    print("browser  " + "  ".join(f"{name} {value:.0f} ({browser['worst'][name]:.0f})" for name, value in browser["median"].items()) + "   ms: median (worst)")
    print("of it on the page's main thread: " + "  ".join(f"{name} {value:.0f}" for name, value in browser["cpu"].items()) + "   ms of CPU: median")
    for error in browser["errors"]:
        print("console error:", error)
    if flags.json:
        flags.json.write_text(json.dumps(out, indent=1) + "\n")
    sys.exit(bool(browser["errors"]))


if __name__ == "__main__":
    main()
