# SPDX-License-Identifier: Apache-2.0
"""superpose fit from outside: the published joint fit, an independent fitter, exit codes, hostile tables."""
import json
import math
import os
import pathlib
import subprocess
import time

import jsonschema
import numpy as np
import pytest
from scipy import optimize, stats

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPERPOSE = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
PUBLISHED = ROOT / "studies/published"
LLM = str(PUBLISHED / "fig8b_llm_losses.csv")
SCHEMA = json.loads((ROOT / "docs/schema/fit.json").read_text())

USAGE, BAD_FILE, IO, UNSUPPORTED, NUMERIC = 2, 3, 4, 5, 6


def run(*args):
    return subprocess.run([SUPERPOSE, "fit", *map(str, args)], capture_output=True, text=True, timeout=120)


def refuse_constant(name):
    raise AssertionError(f"{name} in JSON")


def fit(*args):
    done = run(*args, "--json")
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout, parse_constant=refuse_constant)
    jsonschema.validate(out, SCHEMA)
    assert out["rows"] == len(out["residuals"])
    assert out["identified"] == all(p["identified"] for p in out["parameters"].values())
    for p in out["parameters"].values():
        assert p["ci95"] is None or p["ci95"][0] <= p["ci95"][1]
    return out


def table(tmp_path, columns, name="t.csv"):
    path = tmp_path / name
    rows = zip(*columns.values())
    path.write_text(",".join(columns) + "\n" + "".join(",".join(str(v) for v in row) + "\n" for row in rows))
    return path


def read_published(name):
    lines = [line for line in (PUBLISHED / name).read_text().splitlines() if not line.startswith("#")]
    header, *rows = [line.split(",") for line in lines]
    return {key: [row[i] for row in rows] for i, key in enumerate(header)}


def test_reproduces_the_published_joint_fit():
    out = fit(LLM, "--law", "width", "--x", "m", "--y", "loss", "--group", "family,dataset")
    p = out["parameters"]
    assert p["alpha"]["value"] == pytest.approx(0.910, abs=0.01)
    assert p["C"]["value"] == pytest.approx(476, abs=15)
    constants = read_published("fig8b_fit_constants.csv")
    for family, dataset, B in zip(constants["family"], constants["dataset"], constants["B"]):
        assert p[f"L0.{family}/{dataset}"]["value"] == pytest.approx(float(B), abs=0.02)
    assert p["alpha"]["se"] == pytest.approx(0.060, abs=0.001)
    assert 2 * out["objective"] / 108 == pytest.approx(0.0051976512, rel=0.02)


def test_resampling_models_gives_the_honest_interval_quickly():
    started = time.monotonic()
    args = (LLM, "--law", "width", "--group", "family,dataset", "--cluster", "model", "--bootstrap", 1000)
    out = fit(*args)
    assert time.monotonic() - started < 5
    low, high = out["parameters"]["alpha"]["ci95"]
    assert low == pytest.approx(0.54, abs=0.06) and high == pytest.approx(1.08, abs=0.06)
    assert out["bootstrap"]["units"] == 27 and "model" in out["interval_method"]
    assert fit(*args) == out, "the same seed gives the same answer"
    assert fit(*args, "--seed", 1)["parameters"]["alpha"]["ci95"] != [low, high]


def test_agrees_with_an_independent_fitter():
    """scipy's Levenberg-Marquardt on all 18 parameters at once, finite-difference Jacobian."""
    data = read_published("fig8b_llm_losses.csv")
    m, loss = (np.array(data[c], float) for c in ("m", "loss"))
    names = [f"{f}/{d}" for f, d in zip(data["family"], data["dataset"])]
    groups = list(dict.fromkeys(names))
    which = np.array([groups.index(n) for n in names])

    def residual(p):
        return loss - p[0] * (m / 1000) ** -p[1] - p[2:][which]

    start = np.concatenate([[1, 1], np.full(len(groups), 2.0)])
    found = optimize.least_squares(residual, start, method="lm", xtol=1e-15, ftol=1e-15)
    covariance = np.linalg.inv(found.jac.T @ found.jac) * 2 * found.cost / (len(m) - len(start))
    ours = fit(LLM, "--law", "width", "--group", "family,dataset", "--bootstrap", 0)
    assert ours["objective"] <= found.cost * (1 + 1e-12)
    assert ours["parameters"]["alpha"]["value"] == pytest.approx(found.x[1], abs=1e-6)
    assert ours["parameters"]["alpha"]["se"] == pytest.approx(math.sqrt(covariance[1, 1]), rel=1e-4)
    for i, group in enumerate(groups):
        assert ours["parameters"]["L0." + group]["value"] == pytest.approx(found.x[2 + i], abs=1e-6)
        assert ours["parameters"]["L0." + group]["se"] == pytest.approx(math.sqrt(covariance[2 + i, 2 + i]), rel=1e-4)
    low, high = ours["parameters"]["alpha"]["ci95"]
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 90) * ours["parameters"]["alpha"]["se"], rel=1e-9)


def test_power_is_linregress(tmp_path):
    m, loss = [8, 16, 32, 64, 128, 256], [1.29, 0.94, 0.56, 0.19, 0.11, 0.046]
    out = fit(table(tmp_path, {"m": m, "loss": loss}), "--law", "power")
    line = stats.linregress(np.log(m), np.log(loss))
    assert out["parameters"]["alpha"]["value"] == pytest.approx(-line.slope, abs=1e-12)
    assert out["parameters"]["alpha"]["se"] == pytest.approx(line.stderr, rel=1e-10)
    assert out["parameters"]["C"]["value"] == pytest.approx(math.exp(line.intercept), rel=1e-12)
    assert out["r2"] == pytest.approx(line.rvalue**2, abs=1e-12)
    half = stats.t.ppf(0.975, 4) * line.stderr
    assert out["parameters"]["alpha"]["ci95"] == pytest.approx([-line.slope - half, -line.slope + half], rel=1e-9)
    windowed = fit(table(tmp_path, {"m": m, "loss": loss}), "--law", "power", "--min-x", 16, "--max-x", 128)
    assert windowed["window"] == [16, 128] and windowed["rows"] == 4 and windowed["rows_read"] == 6
    assert windowed["parameters"]["alpha"]["value"] == pytest.approx(-stats.linregress(np.log(m[1:5]), np.log(loss[1:5])).slope)


@pytest.mark.skipif("SUPERPOSE_TEST_DATA" not in os.environ, reason="SUPERPOSE_TEST_DATA is not set")
@pytest.mark.parametrize("k, rows", [(5, 240), (40, 203)])
def test_drop_highest_keeps_the_known_numbers_of_chinchilla_points(k, rows):
    path = pathlib.Path(os.environ["SUPERPOSE_TEST_DATA"]) / "scaling/chinchilla_width_depth.csv"
    out = fit(path, "--law", "width", "--x", "d_model", "--drop-highest", k, "--bootstrap", 0)
    assert (out["rows_read"], out["rows"]) == (245, rows)


def test_unidentified_tables_say_so_in_words(tmp_path):
    rng = np.random.default_rng(0)
    widths = [64, 128, 256, 512, 1024, 2048, 4096]
    noise = {"m": widths * 2, "loss": [round(2 + 0.1 * v, 6) for v in rng.normal(size=14)]}
    two = {"m": [512, 2048] * 3, "loss": [3.0, 2.5, 3.1, 2.4, 3.05, 2.45]}
    narrow = {"m": list(range(1000, 1010)), "loss": [round(2 + 400 / m + 0.01 * v, 6) for m, v in zip(range(1000, 1010), rng.normal(size=10))]}
    for name, columns in {"noise": noise, "two": two, "narrow": narrow}.items():
        path = table(tmp_path, columns, name + ".csv")
        for extra in ([], ["--bootstrap", 0]):
            out = fit(path, "--law", "width", *extra)
            assert out["identified"] is False, (name, extra)
            assert out["parameters"]["alpha"]["identified"] is False, (name, extra)
            assert any("not identified" in w or "nothing is identified" in w for w in out["warnings"])
        text = run(path, "--law", "width")
        assert text.returncode == 0 and "identified by this table: NO" in text.stdout and "nan" not in text.stdout.lower()


def test_fixed_parameters_are_held(tmp_path):
    out = fit(LLM, "--law", "width", "--group", "family,dataset", "--fix", "alpha=1", "--bootstrap", 0)
    assert out["parameters"]["alpha"] == {"value": 1, "se": None, "ci95": None, "bootstrap_sd": None, "identified": True, "held": True}
    assert out["config"]["fix"] == {"alpha": 1}
    # One parameter less: the objective rises from the free optimum, and is that of the reference value at alpha = 1.
    assert 2 * out["objective"] / 108 == pytest.approx(0.00537, abs=5e-6)
    both = fit("--fix", "alpha=1", "--fix", "L0.opt/c4=2.3", LLM, "--law=width", "--group=family,dataset", "--bootstrap=0")
    assert both["parameters"]["L0.opt/c4"]["value"] == 2.3
    done = run(LLM, "--law", "width", "--fix", "alhpa=1")
    assert done.returncode == USAGE and "did you mean alpha" in done.stderr


GOOD = "m,loss\n64,3\n128,2.5\n256,2.2\n512,2.1\n1024,2.03\n"


@pytest.mark.parametrize("text, args, code, fragment", [
    (GOOD, ["--law", "widht"], USAGE, "did you mean width?"),
    (GOOD, ["--law", "chinchilla"], UNSUPPORTED, "power (y = C/x^alpha)"),
    (GOOD, ["--law", "width-depth-data"], UNSUPPORTED, "not in this version"),
    (GOOD, [], USAGE, "--law"),
    (GOOD, ["--law", "width", "--x", "mm"], USAGE, "no column mm (did you mean m?)"),
    (GOOD, ["--law", "width", "--y", "los"], USAGE, "did you mean loss?"),
    (GOOD, ["--law", "width", "--cluster", "model"], USAGE, "no column model"),
    (GOOD, ["--law", "width", "--group", "m,famly"], USAGE, "no column famly"),
    (GOOD, ["--law", "width", "--bootstap", "3"], USAGE, "--bootstrap"),
    (GOOD, ["--law", "width", "--bootstrap", "-1"], USAGE, "bootstrap = -1"),
    (GOOD, ["--law", "width", "--bootstrap", "2000000000"], USAGE, "do not fit in memory"),
    (GOOD, ["--law", "width", "--seed", "-1"], USAGE, "seed"),
    (GOOD, ["--law", "width", "--fix", "alpha"], USAGE, "NAME=NUMBER"),
    (GOOD, ["--law", "width", "--fix", "alpha=nan"], USAGE, "NAME=NUMBER"),
    (GOOD, ["--law", "width", "--fix", "alpha=-1"], USAGE, "above 0"),
    (GOOD, ["--law", "width", "--fix", "alpha=1", "--fix", "alpha=2"], USAGE, "twice"),
    (GOOD, ["--law", "power", "--group", "m"], USAGE, "no parameter per group"),
    (GOOD, ["--law", "width", "--min-x", "5000"], USAGE, "no row is left"),
    (GOOD, ["--law", "width", "--min-x", "nan"], USAGE, ""),
    (GOOD, ["--law", "width", "--drop-highest", "6"], USAGE, "only 5 rows"),
    ("", ["--law", "width"], BAD_FILE, "no header line"),
    ("m,loss\n", ["--law", "width"], BAD_FILE, "no rows"),
    ("m,loss\n64,3\n128\n", ["--law", "width"], BAD_FILE, "line 3: 1 fields, the header has 2"),
    ("# c\nm,loss\n64,3\n128,abc\n", ["--law", "width"], BAD_FILE, "line 4: column loss: 'abc'"),
    ("m,loss\n64,nan\n", ["--law", "width"], BAD_FILE, "'nan' is not a finite number"),
    ("m,loss\n64,\n", ["--law", "width"], BAD_FILE, "'' is not a finite number"),
    ("m,loss\n64,1e999\n", ["--law", "width"], BAD_FILE, "not a finite number"),
    ("m,m\n64,1\n", ["--law", "width"], BAD_FILE, "named twice"),
    ("m,loss\n64,3\n128,-2\n256,1\n", ["--law", "power"], NUMERIC, "y = -2"),
    ("m,loss\n64,3\n0,2\n256,1\n", ["--law", "width"], NUMERIC, "m = 0"),
    ("m,loss\n64,3\n64,2\n64,2.5\n", ["--law", "width"], NUMERIC, "every row has 64"),
    ("m,loss\n64,3\n64,2\n64,2.5\n", ["--law", "power"], NUMERIC, "every row has 64"),
    ("m,loss\n64,3\n", ["--law", "power"], NUMERIC, "every row has 64"),
    ("m,loss,g\n64,3,a\n128,2,b\n", ["--law", "width", "--group", "g"], NUMERIC, "no group has two different m"),
])
def test_a_bad_table_or_request_gets_a_clear_answer(tmp_path, text, args, code, fragment):
    path = tmp_path / "t.csv"
    path.write_text(text)
    done = run(path, *args)
    assert done.returncode == code, done.stderr
    assert done.stdout == "" and done.stderr.startswith("superpose: ") and done.stderr.count("\n") == 1
    assert fragment in done.stderr
    if code == BAD_FILE:
        assert str(path) in done.stderr


def test_missing_files_are_io_and_binary_ones_bad():
    assert run("/no/such/table.csv", "--law", "width").returncode == IO
    assert run(ROOT, "--law", "width").returncode == IO
    assert run(SUPERPOSE, "--law", "width").returncode == BAD_FILE


def test_a_million_rows_are_quick(tmp_path):
    rng = np.random.default_rng(1)
    m = np.exp(rng.uniform(4, 9, 10**6))
    np.savetxt(tmp_path / "big.csv", np.c_[m, 3 / (m / 100) ** 0.8 + 2 + rng.normal(0, 0.1, 10**6)], "%.8g", ",", header="m,loss", comments="")
    started = time.monotonic()
    done = run(tmp_path / "big.csv", "--law", "width", "--json")
    out = json.loads(done.stdout, parse_constant=refuse_constant)  # not validated: a million residuals take minutes
    assert time.monotonic() - started < 60
    # Five standard errors: a false alarm once in 2 million seeds; the seed is fixed.
    assert abs(out["parameters"]["alpha"]["value"] - 0.8) < 5 * out["parameters"]["alpha"]["se"]
    assert out["identified"]


def test_the_example_of_the_help_works_as_pasted():
    text = subprocess.run([SUPERPOSE, "fit", "--help"], capture_output=True, text=True).stdout
    example = text.split("Example:\n")[1].splitlines()[0].split()
    done = subprocess.run([SUPERPOSE, *example[1:]], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "alpha" in done.stdout and "backtest" in done.stdout
