# SPDX-License-Identifier: Apache-2.0
"""What the tests of `fit` and `forecast` share: running them, tables with a known law, and the objectives in NumPy."""
import functools
import json
import os
import pathlib
import subprocess

import jsonschema
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPERPOSE = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
USAGE, BAD_FILE, IO, UNSUPPORTED, NUMERIC = 2, 3, 4, 5, 6


def scaling(name):
    """A public table that has no licence, so that the project can't hold it. Skips without SUPERPOSE_TEST_DATA."""
    if "SUPERPOSE_TEST_DATA" not in os.environ:
        pytest.skip("SUPERPOSE_TEST_DATA is not set")
    path = pathlib.Path(os.environ["SUPERPOSE_TEST_DATA"]) / "scaling" / name
    if not path.exists():
        pytest.skip(f"{path} is missing: public data that is not part of the project")
    return path


def run(verb, *words, timeout=120, **options):
    return subprocess.run([SUPERPOSE, verb, *map(str, words)], capture_output=True, text=True, timeout=timeout, **options)


@functools.cache
def validator(verb):
    return jsonschema.Draft202012Validator(json.loads((ROOT / f"docs/schema/{verb}.json").read_text()))


def refuse_constant(name):
    raise AssertionError(f"{name} in JSON")


def parsed(verb, text):
    out = json.loads(text, parse_constant=refuse_constant)
    validator(verb).validate(out)
    return out


def ordered(interval):
    """Ends that nothing bounds are null."""
    return interval is None or None in interval or interval[0] <= interval[1]


def fit(*words):
    """superpose fit ... --json, with what holds for every fit checked."""
    done = run("fit", *words, "--json")
    assert done.returncode == 0, done.stderr
    out = parsed("fit", done.stdout)
    assert out["rows"] == len(out["residuals"]) == len(out["predicted"]) <= out["rows_read"]
    assert out["identified"] == all(p["identified"] for p in out["parameters"].values())
    assert out["identified"] or any("identified" in w for w in out["warnings"]), "a fit that fails says why"
    method = {"t": "asymptotic", "profile": "profile"}.get(out["interval_method"], "bootstrap")
    for name, p in out["parameters"].items():
        assert all(map(ordered, [p["ci95"], *p["intervals"].values()])), name
        if p["held"]:
            assert p["identified"] and p["se"] is None and p["ci95"] is None, name
        elif p["identified"]:
            assert p["value"] is not None and None not in p["ci95"], name
        if out["interval_method"] != "none" and p["intervals"][method]:
            assert p["ci95"] == p["intervals"][method], name
    for law in out["compared_to"]:
        if law["delta_aicc"] is not None:
            assert law["delta_aicc"] == pytest.approx(law["aicc"] - out["aicc"], abs=1e-9 * (1 + abs(out["aicc"])))
    return out


def values(out):
    return {name: p["value"] for name, p in out["parameters"].items()}


def table(path, columns):
    """Every digit of the numbers."""
    rows = zip(*columns.values())
    path.write_text(",".join(columns) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def grid(**inputs):
    """All combinations of the values of each input, as columns."""
    mesh = np.meshgrid(*inputs.values(), indexing="ij")
    return {name: column.ravel().astype(float) for name, column in zip(inputs, mesh)}


def noisy(loss, size, seed):
    """Relative noise of that standard deviation."""
    return loss * np.exp(size * np.random.default_rng(seed).normal(size=len(loss)))


def huber(r, delta=1e-3):
    size = np.abs(r)
    return np.where(size <= delta, r * r / 2, delta * (size - delta / 2))


# name -> the objective, a sum over the rows
OBJECTIVES = {
    "ls": lambda y, p: np.sum((y - p) ** 2) / 2,
    "log-ls": lambda y, p: np.sum(np.log(y / p) ** 2) / 2,
    "huber": lambda y, p: np.sum(huber(y - p)),
    "log-huber": lambda y, p: np.sum(huber(np.log(y / p))),
    "absolute": lambda y, p: np.sum(np.abs(y - p)),
    "log-absolute": lambda y, p: np.sum(np.abs(np.log(y / p))),
}

# law -> name of the floor, (coefficient, exponent, input) of each falling part
LAWS = {
    "width": ("L0", [("C", "alpha", "m")]),
    "width-depth": ("E", [("c_m", "a_m", "m"), ("c_l", "a_l", "l")]),
    "width-data": ("E", [("c_m", "a_m", "m"), ("c_D", "a_D", "D")]),
    "width-depth-data": ("E", [("c_m", "a_m", "m"), ("c_l", "a_l", "l"), ("c_D", "a_D", "D")]),
    "chinchilla": ("E", [("A", "alpha", "N"), ("B", "beta", "D")]),
    "time": ("L0", [("c", "beta", "t")]),
}


def predict(law, parameters, inputs):
    floor, terms = LAWS[law]
    return parameters[floor] + sum(parameters[c] * np.asarray(inputs[x], float) ** -parameters[a] for c, a, x in terms)
