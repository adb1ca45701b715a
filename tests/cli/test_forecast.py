# SPDX-License-Identifier: Apache-2.0
"""superpose forecast from outside: closed forms on simulated tables, mixtures of laws, refusals, hostile files."""
import json
import math
import subprocess

import numpy as np
import pytest

from fitting import (BAD_FILE, IO, NUMERIC, ROOT, SUPERPOSE, USAGE, fit, grid, noisy, ordered, parsed, predict, run, table, values)

LLM = str(ROOT / "studies/published/fig8b_llm_losses.csv")


def forecast(*words, code=0):
    """superpose forecast ... --json, with what holds for every forecast checked."""
    done = run("forecast", *words, "--json")
    assert done.returncode == code, done.stderr
    out = parsed("forecast", done.stdout)
    if code:
        assert done.stderr.startswith("superpose: ") and done.stderr.count("\n") == 1 and out["because"] in done.stderr
    assert out["refused"] == (code == NUMERIC) == any(p["refused"] for p in out["points"] + out["compute"])
    assert sum(law["weight"] for law in out["laws"]) == pytest.approx(1, abs=0.01)
    assert [law["weight"] for law in out["laws"]] == sorted((law["weight"] for law in out["laws"]), reverse=True)
    for p in out["points"]:
        assert p["refused"] == (p["loss"] is None) and (not p["refused"] or p["because"])
        for name in ("ci95", "prediction95", "gain_per_doubling_ci95"):
            assert ordered(p[name])
        if p["refused"]:
            assert not p["laws"] and p["ci95"] is None and p["gain_per_doubling"] is None and p["rests_on"] is None
            continue
        assert p["rests_on"] == p["laws"][0]["law"] == max(p["laws"], key=lambda law: law["weight"])["law"]
        total = sum(law["weight"] for law in p["laws"])
        assert p["loss"] == pytest.approx(sum(law["weight"] * law["loss"] for law in p["laws"]) / total, rel=1e-12)
        if p["ci95"]:
            assert p["ci95"][0] <= p["loss"] <= p["ci95"][1]
            assert p["prediction95"][0] <= p["ci95"][0] and p["ci95"][1] <= p["prediction95"][1]
            assert p["gain_per_doubling_ci95"][0] <= p["gain_per_doubling"] <= p["gain_per_doubling_ci95"][1]
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("forecast")


def stored(folder, name, columns, *words):
    """A fit on a simulated table; its JSON file and what it says."""
    path = folder / f"{name}.json"
    return path, fit(table(folder / f"{name}.csv", columns), "--bootstrap", 0, "-o", path, *words)


@pytest.fixture(scope="module")
def width(folder):
    """Clearly not 1/m, so that this law has all the weight."""
    m = np.geomspace(128, 8192, 40)
    return stored(folder, "width", {"m": m, "loss": noisy(1.8 + 30 * m**-0.5, 1e-3, 1)}, "--law", "width")


CHINCHILLA = {"E": 1.7, "A": 400, "alpha": 0.34, "B": 1800, "beta": 0.37}


def chinchilla_columns():
    columns = grid(N=np.geomspace(4e7, 1e10, 7), D=np.geomspace(1e9, 4e11, 7))
    columns["loss"] = noisy(predict("chinchilla", CHINCHILLA, columns), 2e-3, 2)
    return columns


@pytest.fixture(scope="module")
def chinchilla(folder):
    return stored(folder, "chinchilla", chinchilla_columns(), "--law", "chinchilla")


SHAPE = {"E": 1.7, "c_m": 250, "a_m": 0.9, "c_l": 3, "a_l": 0.8, "c_D": 3000, "a_D": 0.4}


def shape_columns(noise=3e-3, seed=3):
    """Widths, depths and tokens crossed, as the Gemstones are."""
    columns = grid(m=(256, 512, 1024, 2048, 4096), l=(4, 8, 16, 32), D=(1e9, 4e9, 16e9, 64e9))
    columns["loss"] = noisy(predict("width-depth-data", SHAPE, columns), noise, seed)
    return columns


@pytest.fixture(scope="module")
def shape(folder):
    return stored(folder, "shape", shape_columns(), "--law", "width-depth-data")


# One law: closed forms.


def test_within_the_data_a_forecast_is_the_fitted_law(width):
    path, out = width
    v = values(out)
    assert out["identified"]
    m = [128, 500, 8192, 16384, 32768]
    got = forecast(path, "--m", ",".join(map(str, m)))
    assert [law["law"] for law in got["laws"]] == ["width"] and got["laws"][0]["weight"] == pytest.approx(1)
    for width, p in zip(m, got["points"], strict=True):
        assert p["m"] == width and p["group"] is None and p["inputs"] == {"m": width}
        assert p["loss"] == pytest.approx(v["L0"] + v["C"] * width ** -v["alpha"], rel=1e-8)
        assert p["gain_per_doubling"] == pytest.approx(v["C"] * (width ** -v["alpha"] - (2 * width) ** -v["alpha"]), rel=1e-6)
        assert p["extrapolation_factor"] == pytest.approx(max(1, width / 8192), rel=1e-12)
        low, high = p["ci95"]
        assert low <= 1.8 + 30 * width**-0.5 <= high, "the truth; the seed is fixed"
    widths = [p["ci95"][1] - p["ci95"][0] for p in got["points"]]
    assert widths[1] < widths[2] < widths[3] < widths[4], "the farther the wider"
    assert values(out) == values(json.loads(path.read_text())), "the file is not changed"


def test_the_intervals_are_those_of_resampling(width):
    """Case resampling of the same rows with another fitter, 1000 times; a spread of 1000 draws is known to 5 %."""
    from scipy import optimize
    path, out = width
    m, y = np.array(out["data"]["inputs"]["m"]), np.array(out["data"]["y"])
    rng = np.random.default_rng(0)
    start = [values(out)[name] for name in ("L0", "C", "alpha")]
    at = []
    for _ in range(1000):
        rows = rng.integers(0, len(m), len(m))
        (L0, C, alpha), *_ = optimize.leastsq(lambda p: p[0] + p[1] * m[rows] ** -p[2] - y[rows], start)
        at.append(L0 + C * 32768.0**-alpha)
    low, high = forecast(path, "--m", 32768, "--resamples", 1000)["points"][0]["ci95"]
    assert high - low == pytest.approx(np.quantile(at, 0.975) - np.quantile(at, 0.025), rel=0.25)


def test_a_new_model_scatters_more_than_the_law_is_uncertain(width):
    path, out = width
    p = forecast(path, "--m", 1000)["points"][0]
    noise = np.std(out["residuals"], ddof=3)
    assert (p["prediction95"][1] - p["prediction95"][0]) / 2 == pytest.approx(2.03 * noise, rel=0.2)


def test_where_the_gain_falls_under_the_threshold(width):
    path, out = width
    v = values(out)
    for threshold in (0.15, 0.06):
        stop = forecast(path, "--threshold", threshold)["stop"]
        expected = (v["C"] * (1 - 2 ** -v["alpha"]) / threshold) ** (1 / v["alpha"])
        assert stop["m"] == pytest.approx(expected, rel=1e-3) and stop["threshold"] == threshold
        assert stop["ci95"][0] <= stop["m"] <= stop["ci95"][1] and stop["because"] is None
    never = forecast(path, "--threshold", 1e-4)["stop"]
    assert never["m"] is None and never["because"]
    at_once = forecast(path, "--threshold", 10)["stop"]
    assert at_once["m"] == 128 and at_once["because"]


def test_the_same_seed_gives_the_same_forecast(shape):
    path, _ = shape
    args = (path, "--m", 6000, "--threshold", 0.01)
    assert forecast(*args) == forecast(*args)


def test_power_and_time_can_be_forecast(folder):
    m = np.geomspace(8, 1024, 20)
    path, out = stored(folder, "power", {"m": m, "loss": noisy(4 * m**-0.9, 0.01, 5)}, "--law", "power")
    p = forecast(path, "--m", 2048)["points"][0]
    view = next(law for law in p["laws"] if law["law"] == "power")
    assert view["loss"] == pytest.approx(values(out)["C"] * 2048 ** -values(out)["alpha"], rel=1e-8)
    t = np.geomspace(100, 1e5, 40)
    path, out = stored(folder, "time", {"t": t, "loss": noisy(2.1 + 90 * t**-0.6, 1e-3, 6)}, "--law", "time")
    p = forecast(path, "--t", 2e5)["points"][0]
    assert p["t"] == 2e5 and next(law for law in p["laws"] if law["law"] == "time")["loss"] == pytest.approx(
        values(out)["L0"] + values(out)["c"] * 2e5 ** -values(out)["beta"], rel=1e-8)


def test_a_formula_can_be_forecast(folder):
    columns = shape_columns()
    path, out = stored(folder, "formula", columns, "--law", "E + c_m*m^-a_m + c_l*l^-a_l + c_D*D^-a_D", "--objective", "log-ls")
    assert out["identified"]
    p = forecast(path, "--m", 3000, "--l", 20, "--D", 2e10)["points"][0]
    view = next(law for law in p["laws"] if law["law"] == "expression")
    assert view["loss"] == pytest.approx(predict("width-depth-data", values(out), {"m": 3000, "l": 20, "D": 2e10}), rel=1e-8)


# The split of compute, Hoffmann et al. 2022, Eq. 4.


def closed_form_split(v, compute):
    sum_ = v["alpha"] + v["beta"]
    G = (v["alpha"] * v["A"] / (v["beta"] * v["B"])) ** (1 / sum_)
    return G * (compute / 6) ** (v["beta"] / sum_), (compute / 6) ** (v["alpha"] / sum_) / G


def test_the_compute_optimal_split(chinchilla):
    path, out = chinchilla
    v = values(out)
    got = forecast(path, "--compute", "1e20,1e21")
    assert got["points"] == []
    for compute, split in zip((1e20, 1e21), got["compute"], strict=True):
        N, D = closed_form_split(v, compute)
        assert (split["N"], split["D"]) == pytest.approx((N, D), rel=1e-7) and 6 * split["N"] * split["D"] == pytest.approx(compute, rel=1e-12)
        assert split["loss"] == pytest.approx(predict("chinchilla", v, {"N": N, "D": D}), rel=1e-9)
        assert split["tokens_per_parameter"] == pytest.approx(D / N, rel=1e-7)
        for off in (0.9, 1.1):
            assert predict("chinchilla", v, {"N": N * off, "D": D / off}) > split["loss"]
        for name in ("N", "D", "loss", "tokens_per_parameter"):
            low, high = split[f"{name}_ci95"]
            assert low <= split[name] <= high
        true_N, true_D = closed_form_split(CHINCHILLA, compute)
        assert split["N_ci95"][0] <= true_N <= split["N_ci95"][1] and split["D_ci95"][0] <= true_D <= split["D_ci95"][1]
    low, high = got["exponent_N_ci95"]
    assert low <= v["beta"] / (v["alpha"] + v["beta"]) <= high
    assert got["exponent_D_ci95"] == pytest.approx([1 - high, 1 - low], rel=1e-9)
    far = forecast(path, "--compute", 1e27, code=NUMERIC)["compute"][0]
    assert far["refused"] and far["N"] is None and far["extrapolation_factor"] > 4
    forced = forecast(path, "--compute", 1e27, "--force")
    assert forced["forced"] and forced["compute"][0]["N"] == pytest.approx(closed_form_split(v, 1e27)[0], rel=1e-6)


def test_the_split_is_in_flops_whatever_the_units_of_the_fit(folder, chinchilla):
    plain = forecast(chinchilla[0], "--compute", 1e21)["compute"][0]
    path, _ = stored(folder, "units", chinchilla_columns(), "--law", "chinchilla", "--unit", "N=1e6,D=1e9")
    scaled = forecast(path, "--compute", 1e21)["compute"][0]
    assert scaled["loss"] == pytest.approx(plain["loss"], rel=1e-6)
    assert scaled["tokens_per_parameter"] == pytest.approx(plain["tokens_per_parameter"], rel=1e-4)


# Several laws.


def test_laws_are_averaged_by_their_akaike_weights(folder):
    """1/m is true: the law and its variant with alpha = 1 share the weight."""
    m = np.geomspace(128, 8192, 40)
    path, out = stored(folder, "inverse", {"m": m, "loss": noisy(1.8 + 250 / m, 3e-3, 8)}, "--law", "width")
    got = forecast(path, "--m", 16384)
    laws = {law["law"]: law for law in got["laws"]}
    assert {"width", "width with alpha = 1"} <= laws.keys()
    rival = next(c for c in out["compared_to"] if c["law"] == "width with alpha = 1")
    ratio = laws["width with alpha = 1"]["weight"] / laws["width"]["weight"]
    assert ratio == pytest.approx(math.exp(-rival["delta_aicc"] / 2), rel=1e-6)
    views = {law["law"]: law for law in got["points"][0]["laws"]}
    held = fit(folder / "inverse.csv", "--law", "width", "--fix", "alpha=1", "--bootstrap", 0)
    assert views["width with alpha = 1"]["loss"] == pytest.approx(values(held)["L0"] + values(held)["C"] / 16384, rel=1e-8)
    assert views["width"]["loss"] == pytest.approx(values(out)["L0"] + values(out)["C"] * 16384 ** -values(out)["alpha"], rel=1e-8)


def test_rows_of_one_cluster_count_for_less(folder):
    m = np.repeat(np.geomspace(128, 8192, 10), 4)
    columns = {"m": m, "loss": noisy(1.8 + 250 * m**-1.1, 3e-3, 8), "run": np.repeat(np.arange(10), 4)}
    path, out = stored(folder, "clusters", columns, "--law", "width", "--cluster", "run")
    laws = {law["law"]: law["weight"] for law in forecast(path, "--m", 16384)["laws"]}
    rival = next(c for c in out["compared_to"] if c["law"] == "width with alpha = 1")
    assert laws["width with alpha = 1"] / laws["width"] == pytest.approx(math.exp(-rival["delta_aicc"] / 8), rel=1e-6)


def test_width_alone_and_width_with_depth_side_by_side(folder, shape):
    """Asked of width alone, the answer rests on the law that sees the depth; asked of that, width alone is shown."""
    path, out = stored(folder, "alone", shape_columns(), "--law", "width", "--objective", "log-ls")
    p = forecast(path, "--m", 4096, "--l", 32, "--D", 64e9)["points"][0]
    views = {law["law"]: law for law in p["laws"]}
    assert p["rests_on"].startswith("width-depth-data") and "width" in views
    v = values(shape[1])
    assert views["width-depth-data"]["loss"] == pytest.approx(predict("width-depth-data", v, {"m": 4096, "l": 32, "D": 64e9}), rel=1e-6)
    v = values(out)
    assert views["width"]["loss"] == pytest.approx(v["L0"] + v["C"] * 4096 ** -v["alpha"], rel=1e-7)
    laws = {law["law"] for law in forecast(shape[0], "--m", 4096, "--l", 32)["points"][0]["laws"]}
    assert any(law.startswith("width-depth-data") for law in laws)
    assert laws & {"width", "width-data"}, "the view of a law without depth is missing"


def test_inputs_that_nobody_gave_are_derived_and_said(shape):
    path, out = shape
    got = forecast(path, "--m", 4096)
    inputs = got["points"][0]["inputs"]
    data = out["data"]["inputs"]
    slope, level = np.polyfit(np.log(data["m"]), np.log(data["l"]), 1)
    assert inputs["l"] == pytest.approx(math.exp(level + slope * math.log(4096)), rel=1e-9)
    assert inputs["D"] == 64e9
    assert any("l follows m" in note for note in got["notes"]) and any("D is" in note for note in got["notes"])
    given = forecast(path, "--m", "2048,4096", "--l", "16,32", "--D", 3e10)
    assert [(p["m"], p["inputs"]["l"], p["inputs"]["D"]) for p in given["points"]] == [(2048, 16, 3e10), (4096, 32, 3e10)]
    assert given["notes"] == [] and given["config"]["inputs"] == {"m": [2048, 4096], "l": [16, 32], "D": [3e10]}


def test_a_forecast_takes_inputs_in_the_units_of_the_fit(folder, shape):
    plain = forecast(shape[0], "--m", 4096, "--l", 32, "--D", 3e10)["points"][0]
    path, _ = stored(folder, "shape_units", shape_columns(), "--law", "width-depth-data", "--unit", "D=1e9")
    scaled = forecast(path, "--m", 4096, "--l", 32, "--D", 30)["points"][0]
    assert scaled["loss"] == pytest.approx(plain["loss"], rel=1e-6)


# The published fit of 27 language models.


@pytest.fixture(scope="module")
def llm(folder):
    path = folder / "llm.json"
    return path, fit(LLM, "--law", "width", "--group", "family,dataset", "--cluster", "model", "--bootstrap", 200, "-o", path)


def test_groups_have_floors_of_their_own(llm):
    path, out = llm
    everyone = forecast(path, "--m", 4096)["points"]
    assert [p["group"] for p in everyone] == list(dict.fromkeys(out["data"]["group"])) and len(everyone) == 16
    one = forecast(path, "--m", "4096,8192", "--group", "opt/pile", "--group", "gpt2/c4")["points"]
    assert [(p["m"], p["group"]) for p in one] == [(4096, "opt/pile"), (4096, "gpt2/c4"), (8192, "opt/pile"), (8192, "gpt2/c4")]
    v = values(out)
    for p in one:
        view = next(law for law in p["laws"] if law["law"] == "width")
        assert view["loss"] == pytest.approx(v[f"L0.{p['group']}"] + v["C"] * p["m"] ** -v["alpha"], rel=1e-8)


def test_the_law_ends_where_the_width_reaches_the_vocabulary(llm):
    path, _ = llm
    out = forecast(path, "--m", "4096,8192", "--group", "opt/pile", "--vocab", 8192, code=NUMERIC)
    below, at = out["points"]
    assert not below["refused"] and at["refused"] and "vocabulary" in at["because"] and out["config"]["vocab"] == 8192
    forced = forecast(path, "--m", 8192, "--group", "opt/pile", "--vocab", 8192, "--force")
    assert "vocabulary" in forced["points"][0]["because"]
    stop = forecast(path, "--threshold", 0.02, "--vocab", 10000, "--group", "opt/pile")["stop"]
    assert stop["m"] is None or stop["m"] < 10000


# Refusals.


def test_too_far_beyond_the_data_is_refused(width):
    path, _ = width
    out = forecast(path, "--m", "8192,32768,32769", code=NUMERIC)
    assert [p["refused"] for p in out["points"]] == [False, False, True]
    assert "--max-factor 4" in out["points"][2]["because"]
    forecast(path, "--m", 31, code=NUMERIC)  # below the smallest width counts too
    forecast(path, "--m", 32)
    assert not forecast(path, "--m", 80000, "--max-factor", 10)["refused"]
    forced = forecast(path, "--m", 80000, "--force")
    p = forced["points"][0]
    assert forced["forced"] and not p["refused"] and "beyond the fitted data" in p["because"] and p["loss"]
    assert "FORCED" in run("forecast", path, "--m", 80000, "--force").stdout
    text = run("forecast", path, "--m", 80000)
    assert text.returncode == NUMERIC and "refused" in text.stdout and "--force" in text.stdout and text.stderr.count("\n") == 1


def test_every_input_counts_for_the_distance(shape):
    path, _ = shape
    for words in (["--l", 200], ["--D", 1e12], ["--D", 1e8], ["--m", 20000]):
        asked = words if "--m" in words else ["--m", 1024, *words]
        out = forecast(path, *asked, code=NUMERIC)
        assert out["points"][0]["extrapolation_factor"] > 4


def test_an_unidentified_law_is_not_extrapolated(folder):
    rng = np.random.default_rng(0)
    m = np.array([64, 128, 256, 512, 1024, 2048, 4096] * 2)
    path, out = stored(folder, "noise", {"m": m, "loss": 2 + 0.1 * rng.normal(size=14)}, "--law", "width")
    assert not out["identified"]
    got = forecast(path, "--m", "512,8192", code=NUMERIC)
    assert [p["refused"] for p in got["points"]] == [False, True]
    assert "does not identify the law" in got["because"]
    assert forecast(path, "--m", 8192, "--force")["forced"]


# Bad files and requests.


@pytest.mark.parametrize("words, code, fragment", [
    ([], USAGE, "at which m?"),
    (["--m", "-4096"], USAGE, "above 0"),
    (["--m", "0"], USAGE, "above 0"),
    (["--m", "nan"], USAGE, "above 0"),
    (["--m", "inf"], USAGE, ""),
    (["--m", "wide"], USAGE, "--m"),
    (["--m", "4096", "--group", "opt/pil"], USAGE, "no group opt/pil"),
    (["--m", "4096", "--D", "1e9"], USAGE, "has no D"),
    (["--m", "4096", "--vocab", "0"], USAGE, "--vocab"),
    (["--m", "4096", "--threshold", "-1"], USAGE, "--threshold"),
    (["--m", "4096", "--max-factor", "0.5"], USAGE, "--max-factor"),
    (["--m", "4096", "--resamples", "-1"], USAGE, "--resamples"),
    (["--compute", "1e21"], USAGE, "chinchilla"),
    (["--m", "4096", "--wdth", "3"], USAGE, "--wdth"),
])
def test_a_bad_request_gets_a_clear_answer(llm, words, code, fragment):
    done = run("forecast", llm[0], *words)
    assert done.returncode == code, done.stderr
    assert done.stdout == "" and done.stderr.startswith("superpose: ") and done.stderr.count("\n") == 1
    assert fragment in done.stderr


def test_two_lists_must_have_one_length(shape):
    done = run("forecast", shape[0], "--m", "1024,2048,4096", "--l", "8,16")
    assert done.returncode == USAGE and "2 values of l for 3 of m" in done.stderr


def test_what_is_no_fit_is_refused(folder, width):
    (folder / "empty.json").write_text("")
    (folder / "list.json").write_text("[1, 2]")
    (folder / "deep.json").write_text("[" * 100000)
    (folder / "other.json").write_text(json.dumps({"schema": "superpose.sweep/1"}))
    for path, code in [(folder / "no.json", IO), (folder / "empty.json", BAD_FILE), (folder / "list.json", BAD_FILE),
                       (folder / "deep.json", BAD_FILE), (folder / "other.json", BAD_FILE), (folder / "width.csv", BAD_FILE),
                       (SUPERPOSE, BAD_FILE)]:
        done = run("forecast", path, "--m", 4096)
        assert done.returncode == code, (path, done.stderr)
        assert done.stdout == "" and done.stderr.startswith("superpose: ") and done.stderr.count("\n") == 1
        assert str(path) in done.stderr


REMOVED = object()


def put(path, value):
    """A change of the JSON of a fit: another value at that place, or what the function makes of the one that is there."""
    def change(fit_json):
        *parents, last = path.split(".")
        for name in parents:
            fit_json = fit_json[name]
        if callable(value):
            value(fit_json[last])
        elif value is REMOVED:
            del fit_json[last]
        else:
            fit_json[last] = value

    change.name = f"{path}-{'removed' if value is REMOVED else 'cells' if callable(value) else str(value)[:24]}"
    return change


@pytest.mark.parametrize("change", [
    put("schema", "superpose.fit"), put("schema", 3), put("config", REMOVED), put("law", REMOVED), put("law", "widht"), put("law", 3),
    put("law", "expression"), put("law", "width-depth"), put("data", REMOVED), put("data", None), put("data", []),
    put("data.inputs", []), put("data.inputs.m", lambda m: m.pop()), put("data.inputs.m", lambda m: m.insert(0, 1)),
    put("data.inputs.m", lambda m: m.__setitem__(0, "64")), put("data.inputs.m", lambda m: m.__setitem__(0, None)),
    put("data.inputs.m", lambda m: m.__setitem__(0, -64)), put("data.inputs.m", []), put("data.inputs.m", 3),
    put("data.y", lambda y: y.pop()), put("data.y", lambda y: y.__setitem__(0, True)), put("data.y", {}),
    put("data.group", ["a"]), put("data.group", [1] * 40), put("data.cluster", ["a"] * 39), put("data.weight", ["1"] * 40),
    put("data.weight", [1.0] * 39), put("data.weight", [-1.0] * 40), put("data.others", []), put("data.others", {"l": [1]}),
    put("config.objective", "lsq"), put("config.objective", None), put("config.delta", "small"), put("config.delta", -1),
    put("config.seed", None), put("config.seed", 1e300), put("config.fix", []),
    put("config.fix", {"alpha": "1"}), put("config.fix", {"beta": 1}), put("identified", "yes"), put("warnings", 3),
], ids=lambda change: change.name)
def test_a_corrupted_fit_is_a_bad_file(folder, width, change):
    broken = json.loads(width[0].read_text())
    change(broken)
    path = folder / "broken.json"
    path.write_text(json.dumps(broken))
    done = run("forecast", path, "--m", 4096, "--resamples", 0)
    assert done.returncode == BAD_FILE, (done.returncode, done.stderr)
    assert done.stdout == "" and done.stderr.startswith("superpose: ") and done.stderr.count("\n") == 1
    assert str(path) in done.stderr


def test_a_table_too_large_to_be_kept_is_said(folder):
    m = np.geomspace(64, 8192, 20001)
    path = folder / "large.json"
    done = run("fit", table(folder / "large.csv", {"m": m, "loss": noisy(2 + 100 / m, 0.01, 0)}), "--law", "width", "--bootstrap", 0, "-o", path)
    assert done.returncode == 0, done.stderr
    assert json.loads(path.read_text())["data"] is None
    done = run("forecast", path, "--m", 4096)
    assert done.returncode == BAD_FILE and "20000 rows" in done.stderr


def test_the_report_names_everything_a_reader_needs(llm):
    text = run("forecast", llm[0], "--m", "4096,12000", "--threshold", 0.02, "--group", "opt/pile").stdout
    for word in ("law width: ", "95% interval", "a new model", "gain of doubling", "rests on", "law by law", "less than 0.02", "within", "1.3 x"):
        assert word in text, word
    assert "nan" not in text.lower()


def test_the_example_of_the_help_works_as_pasted(tmp_path):
    text = subprocess.run([SUPERPOSE, "forecast", "--help"], capture_output=True, text=True).stdout
    lines = [line.strip().replace("superpose", SUPERPOSE, 1) for line in text.split("Example:\n")[1].splitlines()[:2]]
    done = subprocess.run("\n".join(["set -e", *lines]), shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "opt/pile" in done.stdout and "gains less than 0.02" in done.stdout
