# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests of the verbs share. SUPERPOSE = the program (default: the release build of this checkout),
SUPERPOSE_TEST_DATA = the folder of published and sample data (tests that need it are skipped without)."""
import json
import os
import pathlib
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def program():
    path = pathlib.Path(os.environ.get("SUPERPOSE", ROOT / "build/release/bin/superpose")).resolve()
    if not path.exists():
        pytest.fail(f"{path} does not exist: build it, or set SUPERPOSE")
    return str(path)


@pytest.fixture
def run(program, tmp_path):
    """run("ls", "runs.sqlite", code=3): runs the program in an empty folder and checks its exit code."""

    def call(*words, code=0, **options):
        options.setdefault("cwd", tmp_path)
        options.setdefault("timeout", 120)
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, **options)
        assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    return call


def strict_json(text):
    """Parses; a NaN or Infinity, which Python would let pass, is refused."""

    def refuse(word):
        raise ValueError(f"{word} in JSON output")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def run_json(run):
    """run_json("ls", "runs.sqlite"): the JSON object that --json prints, checked against docs/schema/<verb>.json."""

    def call(*words, **options):
        out = strict_json(run(*words, "--json", **options).stdout)
        schema = json.loads((ROOT / "docs/schema" / f"{words[0]}.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(out)
        return out

    return call


@pytest.fixture(scope="session")
def test_data():
    if "SUPERPOSE_TEST_DATA" not in os.environ:
        pytest.skip("SUPERPOSE_TEST_DATA is not set")
    return pathlib.Path(os.environ["SUPERPOSE_TEST_DATA"])
