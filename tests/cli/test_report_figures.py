# SPDX-License-Identifier: Apache-2.0
"""`superpose report --figures`: the page's figures as files for a paper, from a store that was really swept."""
import csv
import json
import re
import struct
import xml.etree.ElementTree

import pytest


@pytest.fixture
def store(run, tmp_path):
    """Twelve tiny runs: two decays, three widths, two seeds."""
    (tmp_path / "tiny.yaml").write_text(
        "name: tiny\nabout: for the figures\n"
        "defaults: {features: 40, steps: 60, batch: 64, law: 'power:1', density: 1}\n"
        "grids:\n  - {dim: [3, 5, 8], decay: [-0.5556, 0.3333], seed: range(2)}\n"
    )
    run("sweep", "tiny.yaml", "--store", "runs.sqlite")
    return "runs.sqlite"


def test_every_format_of_every_figure(run_json, store, tmp_path):
    answer = run_json("report", store, "--figures", "new/figures", "--format", "svg,pdf,png,csv")
    assert answer["out"] is None and answer["bytes"] is None
    assert not (tmp_path / "report.html").exists()
    assert answer["config"]["formats"] == ["svg", "pdf", "png", "csv"]
    files = {(file["figure"], file["format"]): file for file in answer["files"]}
    drawn = {figure for figure, _ in files}
    assert {"loss-vs-m", "phi-map", "alpha-map", "llm-overlap"} <= drawn <= {f["id"] for f in answer["figures"]}
    assert len(files) == 4 * len(drawn)
    assert sorted(p.name for p in (tmp_path / "new/figures").iterdir()) == sorted(f"{f}.{e}" for f, e in files)
    for (figure, kind), file in files.items():
        data = (tmp_path / file["path"]).read_bytes()
        assert len(data) == file["bytes"]
        if kind == "svg":
            root = xml.etree.ElementTree.fromstring(data)
            assert root.tag.endswith("svg")
            width, height = float(root.get("width")[:-2]), float(root.get("height")[:-2])
            assert root.get("width").endswith("pt") and width in (3.25 * 72, 5.5 * 72)
            png = (tmp_path / files[figure, "png"]["path"]).read_bytes()
            assert png.startswith(b"\x89PNG\r\n\x1a\n") and png.endswith(b"IEND\xaeB`\x82")
            assert struct.unpack(">II", png[16:24]) == (width / 72 * 300, pytest.approx(height / 72 * 300, abs=1e-3))
        if kind == "pdf":
            assert data.startswith(b"%PDF-1.") and data.rstrip().endswith(b"%%EOF")
            assert len(re.findall(rb"/Type\s*/Page\b", data)) == 1, "one page"
            assert b"/Image" not in data, "vectors only"


def test_csv_has_the_numbers_of_the_page(run, run_json, store, tmp_path):
    run("report", store, "-o", "page.html", "--figures", "figures", "--format", "csv")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="page-data">(.*?)</script>', page, re.S).group(1))
    compared = 0
    for figure in data["figures"]:
        path = tmp_path / "figures" / f"{figure['id']}.csv"
        wanted = [
            (panel["title"], series["key"], series["role"], point)
            for panel in figure["panels"] for series in panel["series"] for point in series["points"]
        ]  # fmt: skip
        if not path.exists():
            assert not wanted or figure["id"] in ("ledger", "coverage")  # of the page only
            continue
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if not row["seed"]]  # those with a seed stand behind a point
        assert len(rows) == len(wanted)
        for row, (panel, key, role, point) in zip(rows, wanted):
            assert (row["panel"], row["series"], row["role"]) == (panel, key, role)
            low, high = point.get("ci", (None, None))
            for name, value in (("x", point["x"]), ("y", point["y"]), ("z", point.get("z")), ("lo", low), ("hi", high)):
                assert (row[name] == "") == (value is None), (figure["id"], name)
                if value is not None:
                    assert float(row[name]) == pytest.approx(value, rel=1e-4)
                    compared += 1
            assert row["runs"] == point.get("runs", "")
    assert compared > 500
    ours = [row for row in csv.DictReader((tmp_path / "figures/loss-vs-m.csv").open(encoding="utf-8")) if row["role"] == "ours" and not row["seed"]]
    assert len(ours) == 6 and all(row["runs"] for row in ours)


def test_figures_without_data_of_ours_are_said(run, store, tmp_path):
    said = run("report", store, "--figures", "figures").stdout
    assert "llm-overlap: no run of ours in it, only what is published, fits of that, and theory." in said
    assert "loss-vs-m:" not in said
    assert re.search(r"^Figures: \d+ files in figures \(\d+ kB\)\.$", said, re.M)
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".svg", ".pdf"}
    text = (tmp_path / "figures/llm-overlap.svg").read_text(encoding="utf-8")
    assert "hollow: published" in text and "measured here" not in text
    assert "filled: measured here" in (tmp_path / "figures/loss-vs-m.svg").read_text(encoding="utf-8")


def test_the_same_store_gives_the_same_bytes(run, store, tmp_path):
    for folder in ("one", "two"):
        run("report", store, "--figures", folder, "--format", "svg,pdf")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_errors_name_what_is_known_and_write_nothing(run, store, tmp_path):
    wrong = run("report", store, "--figures", "figures", "--format", "svg,eps", code=2)
    assert "eps" in wrong.stderr and "svg, pdf, png, csv" in wrong.stderr
    assert not (tmp_path / "figures").exists()
    (tmp_path / "file").write_text("not a folder")
    assert "file" in run("report", store, "--figures", "file", code=4).stderr
    assert (tmp_path / "file").read_text() == "not a folder"
    assert "--figures" in run("report", store, "--figures", "", code=2).stderr
    assert "--figures" in run("report", store, "--format", "svg", code=2).stderr
    assert not (tmp_path / "report.html").exists()
