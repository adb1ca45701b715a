# SPDX-License-Identifier: Apache-2.0
"""The package's types: mypy --strict, and pyright where web/node_modules has it."""
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_mypy_strict(tmp_path):
    if not importlib.util.find_spec("mypy"):
        pytest.skip("no mypy (Debian: apt-get install mypy)")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", ROOT / "pyproject.toml",
                           "--cache-dir", tmp_path, ROOT / "python/superpose"],
                          cwd=ROOT / "python", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_pyright():
    node, pyright = shutil.which("node") or shutil.which("nodejs"), ROOT / "web/node_modules/pyright/index.js"
    if not node or not pyright.exists():
        pytest.skip("no pyright (npm ci in web/)")
    done = subprocess.run([node, pyright, "--project", ROOT / "pyproject.toml",
                           "--pythonpath", sys.executable],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
