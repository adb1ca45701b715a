# SPDX-License-Identifier: Apache-2.0
"""The engine in WebAssembly: the committed one is that of the sources, and computes what the program computes."""
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT

WEB = ROOT / "web"
TOOLS = ["clang++-14", "wasm-ld-14"]
HEADERS = [pathlib.Path("/usr/include/wasm32-wasi/stdio.h"), pathlib.Path("/usr/include/wasm32-wasi/c++/v1/vector")]


def absent(what):
    if os.environ.get("CI"):
        pytest.fail(f"CI lacks {what}")
    pytest.skip(f"no {what}")


def test_the_committed_engine_is_current(tmp_path):
    if not all(map(shutil.which, TOOLS)) or not all(path.exists() for path in HEADERS):
        absent("clang 14 for wasm32-wasi")
    subprocess.run(["sh", WEB / "wasm/build.sh", tmp_path / "engine.wasm"], check=True, timeout=900)
    made = (tmp_path / "engine.wasm").read_bytes()
    assert len(made) < 1_000_000
    assert made == (WEB / "dist/engine.wasm").read_bytes(), "web/dist/engine.wasm is old: run web/wasm/build.sh"


def test_it_computes_what_the_program_computes(program):
    if not shutil.which("node") or not (WEB / "node_modules/vite").exists():
        absent("Node with web/node_modules (run web/build.sh once)")
    done = subprocess.run(["node", WEB / "wasm/test.mjs"], env={**os.environ, "SUPERPOSE": program}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stdout + done.stderr
