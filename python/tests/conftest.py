# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def program():
    """What `superpose WORDS --json` prints, as an object; skipped where the program is not there."""
    path = os.environ.get("SUPERPOSE") or shutil.which("superpose")
    if not path or not pathlib.Path(path).exists():
        pytest.skip("SUPERPOSE does not name the program, and there is no superpose on PATH")

    def run(*words, code=0):
        done = subprocess.run([path, *map(str, words), "--json"], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    return run


@pytest.fixture(scope="session")
def data():
    folder = os.environ.get("SUPERPOSE_TEST_DATA")
    if not folder:
        pytest.skip("SUPERPOSE_TEST_DATA is not set: no real model files")
    return pathlib.Path(folder)


def without(value, *names):
    """A JSON value without the fields of these names, wherever they are."""
    if isinstance(value, dict):
        return {k: without(v, *names) for k, v in value.items() if k not in names}
    if isinstance(value, list):
        return [without(v, *names) for v in value]
    return value
