# SPDX-License-Identifier: Apache-2.0
"""`superpose report` of several files and of large stores: what is merged, what is left out, how large a page gets."""
import base64
import csv
import gzip
import json
import os
import pathlib
import re
import subprocess

import pytest
from synthetic import fill

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
MOST = 3_000_000


def superpose(*words, code=0):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=600)
    assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def inside(text, element):
    found = re.search(rf'<script type="[^"]*" id="{element}">(.*?)</script>', text, re.S)
    return found and found.group(1)


def unpacked(text):
    return json.loads(gzip.decompress(base64.b64decode(text)))


def data_of(page):
    text = page.read_text(encoding="utf-8")
    plain = inside(text, "page-data")
    return json.loads(plain) if plain else unpacked(inside(text, "page-data-packed"))


def details_of(page):
    return unpacked(inside(page.read_text(encoding="utf-8"), "page-details"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("pages")
    (out / "tiny.yaml").write_text(
        "name: tiny\nabout: for the page\ndefaults: {features: 40, steps: 60, batch: 64, law: 'power:1', density: 1}\n"
        "grids:\n  - {dim: [3, 5, 8], decay: [-0.5556, 0.3333], seed: [0, 1]}\n"
    )
    superpose("sweep", out / "tiny.yaml", "--store", out / "one.sqlite")
    superpose("sweep", out / "tiny.yaml", "seed=1,2", "--store", out / "two.sqlite")
    return out


def test_two_stores_are_one_page_and_ids_say_whose_a_run_is(folder):
    page = folder / "both.html"
    answer = json.loads(superpose("report", folder / "one.sqlite", folder / "two.sqlite", "-o", page, "--json").stdout)
    assert answer["summary"]["runs"]["ok"] == 18, "seed 1 is in both and counts once"
    assert answer["config"]["files"] == [str(folder / "one.sqlite"), str(folder / "two.sqlite")]
    data = data_of(page)
    assert [(store["letter"], store["name"], store["runs"], store["repeated"]) for store in data["stores"]] == [
        ("a", "one.sqlite", 12, 0), ("b", "two.sqlite", 12, 6)]  # fmt: skip
    ids = {run["id"] for run in details_of(page)["runs"]}
    assert len(ids) == 18 and {name.split(":")[0] for name in ids} == {"a", "b"}
    text = page.read_text(encoding="utf-8")
    assert "<b>a</b> = one.sqlite (12 runs)" in text
    loss = next(figure for figure in data["figures"] if figure["id"] == "loss-vs-m")
    point = next(series for series in loss["panels"][0]["series"] if series["role"] == "ours")["points"][0]
    assert len(point["seeds"]) == 3 and point["at"][1] in (-0.5556, 0.3333)
    assert re.fullmatch(r"a:\d+(–\d+)?(, a:\d+)*, b:\d+", point["runs"])


def test_one_store_keeps_its_ids(folder):
    page = folder / "one.html"
    superpose("report", folder / "one.sqlite", "-o", page)
    assert {run["id"] for run in details_of(page)["runs"]} == {str(k) for k in range(1, 13)}


def test_json_of_fit_forecast_and_inspect_joins_the_page(folder):
    table = ROOT / "studies/published/fig8b_llm_losses.csv"
    words = ["--law", "width", "--x", "m", "--y", "loss", "--group", "family,dataset", "--cluster", "model", "--bootstrap", 100]
    (folder / "fit.json").write_text(superpose("fit", table, *words, "--json").stdout)
    (folder / "forecast.json").write_text(superpose("forecast", folder / "fit.json", "--m", "4096", "--json").stdout)
    superpose("toy", "--features", 80, "--dim", 6, "--steps", 40, "--batch", 32, "--save", folder / "w.safetensors")
    (folder / "inspect.json").write_text(superpose("inspect", folder / "w.safetensors", "--json").stdout)
    page = folder / "joined.html"
    superpose("report", folder / "fit.json", folder / "one.sqlite", folder / "inspect.json", folder / "forecast.json", "-o", page)
    data, text = data_of(page), page.read_text(encoding="utf-8")
    assert {"fit1-law", "fit1-residuals", "coverage"} <= {figure["id"] for figure in data["figures"]}
    assert all(f'data-figure="{figure["id"]}"' in text for figure in data["figures"]), "every figure has its place"
    assert data["checkpoints"][0]["m"] == 6
    assert 'id="fits"' in text and "fig8b_llm_losses.csv" in text and "Times beyond the data" in text


@pytest.mark.parametrize(
    "content, said",
    [
        (b"hello", "neither SQLite nor a JSON object"),
        (b"{}", "schema missing"),
        (b'{"schema": "superpose.toy/1"}', "schema 'superpose.toy/1'"),
        (b'{"schema": "superpose.fit/1"', "odd.json"),
        (b"", "neither SQLite nor a JSON object"),
    ],
)
def test_any_other_file_is_refused_with_what_was_expected(folder, content, said):
    odd, out = folder / "odd.json", folder / "odd.html"
    odd.write_bytes(content)
    stderr = superpose("report", folder / "one.sqlite", odd, "-o", out, code=3).stderr
    assert said in stderr and "odd.json" in stderr
    if b"fit/1" not in content:
        assert "inspect, fit or forecast" in stderr
    assert not out.exists()


def test_data_writes_everything_beside_the_page(folder):
    out = folder / "full"
    superpose("report", folder / "one.sqlite", folder / "two.sqlite", "-o", folder / "p.html", "--data", out)
    runs = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    assert len(runs) == 18 and all(run["result"]["curve"] and run["config"]["features"] == 40 for run in runs)
    shown = json.loads(superpose("show", folder / "one.sqlite", 1, "--json").stdout)
    first = next(run for run in runs if run["id"] == "a:1")
    assert first["result"]["loss"] == shown["run"]["result"]["loss"], "nothing is rounded"
    curves = list(csv.DictReader((out / "curves.csv").open()))
    assert len(curves) == sum(len(run["result"]["curve"]) for run in runs)
    figures = {path.stem for path in (out / "figures").iterdir()}
    assert figures == {figure["id"] for figure in data_of(folder / "p.html")["figures"]}
    loss = list(csv.DictReader((out / "figures/loss-vs-m.csv").open()))
    assert len([row for row in loss if row["seed"]]) == 18 and any(row["lo"] for row in loss)
    (folder / "file").write_text("")
    assert "file" in superpose("report", folder / "one.sqlite", "-o", folder / "p.html", "--data", folder / "file", code=4).stderr


def test_the_recorded_grid_makes_a_page_of_less_than_3_mb(folder):
    page = folder / "recorded.html"
    superpose("report", folder / "one.sqlite", "--results", "builtin", "-o", page)
    assert page.stat().st_size < MOST
    runs = details_of(page)["runs"]
    assert len(runs) > 300 and any(run["id"] == "" for run in runs), "recorded runs are in the explorer, without an id"


@pytest.mark.parametrize("count", [1500, 10_000])
def test_a_large_store_makes_a_page_of_less_than_3_mb_that_says_what_it_lacks(folder, count):
    store, page = folder / f"large{count}.sqlite", folder / f"large{count}.html"
    fill(folder / "one.sqlite", store, count)
    superpose("report", store, "-o", page)
    assert page.stat().st_size < MOST
    details, text = details_of(page), page.read_text(encoding="utf-8")
    runs = details["runs"]
    assert len(runs) == count, "the numbers of every run are there"
    pictures = [run for run in runs if "picture" in run]
    curves = [run for run in runs if "curve" in run]
    assert len(pictures) < count, "10 MB of pictures do not fit"
    for sentence in details["left_out"]:
        assert sentence in text
    assert f"for {len(pictures)} of the {count} runs" in " ".join(details["left_out"])
    if count == 1500:
        assert len(curves) == count and len(pictures) > 300
        assert len({(*map(str, run["at"][:2]),) for run in pictures}) > 100, "pictures are spread over the grid"
    else:
        assert len(curves) > 500 and (len(curves) == count or not pictures), "curves go last"
        loss = next(figure for figure in data_of(page)["figures"] if figure["id"] == "loss-vs-m")
        assert any(len(point.get("seeds", [])) >= 6 for series in loss["panels"][0]["series"] for point in series["points"])
    store.unlink()

