# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of `superpose study`: the whole chain on a study of small models, and on the store of a real one."""
import json
import os
import pathlib
import re
import struct
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
SCHEMA = json.loads((ROOT / "docs/schema/study.json").read_text())
SMALL = """
name: small
about: models too small for the paper's claims
defaults: {features: 50, steps: 200, batch: 64}
grids:
  - {law: power:1, decay: [-0.5, 0.5], dim: [4, 8]}
"""


def run(*words, code=0, cwd=None):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=600, cwd=cwd)
    assert done.returncode == code, (done.returncode, done.stderr)
    return done


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.yaml").write_text(SMALL)
    done = run("study", "small.yaml", "--out", "out", "--json", cwd=folder)
    return folder, json.loads(done.stdout, parse_constant=no_constant)


def claim(result, name):
    return next(c for c in result["claims"] if c["id"] == name)


def test_json_validates_and_the_chain_left_its_files(small):
    folder, result = small
    jsonschema.Draft202012Validator(SCHEMA).validate(result)
    assert result["runs"]["total"] == 4 and result["runs"]["failed"] == 0
    assert (folder / "out/runs.sqlite").exists()
    page = (folder / "out/report.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert "NaN" not in re.sub(r"<script(?![^>]*json)[^>]*>.*?</script>", "", page, flags=re.S)


def test_the_page_needs_no_network(small):
    page = (small[0] / "out/report.html").read_text()
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?:https?:)?//[^"']*\.(?:js|css|woff2?|png|svg)""", page)
    assert "@import" not in page


def test_runs_of_another_protocol_decide_nothing(small):
    for c in small[1]["claims"]:
        if c["id"] in ("D7", "D10", "D13", "D13b", "D14b", "D15", "D17", "D21"):
            assert c["verdict"] == "cannot_tell" and c["measured"] is None
            assert "run studies/" in c["because"]


def test_language_model_rows_are_judged_from_the_built_in_tables(small):
    result = small[1]
    assert claim(result, "D26")["verdict"] == "confirmed"
    assert claim(result, "D26")["measured"] == pytest.approx(0.9087, abs=5e-4)
    assert claim(result, "D27")["verdict"] == "denied"
    low, high = claim(result, "D27b")["ci95"]
    assert low == pytest.approx(0.54, abs=0.05) and high == pytest.approx(1.08, abs=0.06)
    assert claim(result, "D24")["measured"] == pytest.approx(1.26, abs=0.01)


def test_verdicts_follow_the_stated_rule(small):
    for c in small[1]["claims"]:
        low, high = c["published"] if isinstance(c["published"], list) else (c["published"],) * 2
        low, high = low - c["tolerance"], high + c["tolerance"]
        if c["measured"] is None:
            expected = "cannot_tell"
        else:
            a, b = c["ci95"] or (c["measured"], c["measured"])
            expected = "denied" if b < low or a > high else "cannot_tell" if b - a > 2 * c["tolerance"] else "confirmed"
        assert c["verdict"] == expected, c


def test_a_second_run_computes_nothing_and_the_store_can_be_shared(small):
    folder, first = small
    again = json.loads(run("study", "small.yaml", "--out", "out2", "--store", "out/runs.sqlite", "--json", cwd=folder).stdout)
    assert again["runs"]["skipped"] == 4
    assert again["claims"] == first["claims"]
    assert (folder / "out2/report.html").exists() and not (folder / "out2/runs.sqlite").exists()


def test_text_output_is_a_readable_ledger(small):
    text = run("study", "small.yaml", "--out", "out", cwd=small[0]).stdout
    assert "confirmed" in text and "denied" in text and "cannot tell" in text
    assert "A denied claim is a finding" in text and "\033[" not in text
    assert "nan" not in text.lower().replace("finance", "")
    assert "report.html" in text


def test_checkpoints_are_inspected_and_bad_ones_do_not_stop_the_study(small, tmp_path):
    folder = small[0]
    run("toy", "--features", "50", "--dim", "5", "--steps", "100", "--batch", "64", "--save", tmp_path / "w.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 40)
    done = run("study", "small.yaml", "--out", tmp_path / "out", "--checkpoint", tmp_path / "w.safetensors", "--checkpoint",
               tmp_path / "bad.safetensors", "--json", cwd=folder, code=6)
    result = json.loads(done.stdout)
    assert len(result["failures"]) == 1 and "bad.safetensors" in result["failures"][0]
    assert "w.safetensors" in (tmp_path / "out/report.html").read_text()


def test_words_may_be_overrides_and_checkpoints_in_any_order(small, tmp_path):
    run("toy", "--features", "50", "--dim", "5", "--steps", "100", "--batch", "64", "--save", tmp_path / "w.safetensors")
    done = run("study", "small.yaml", "--checkpoint", tmp_path / "w.safetensors", "dim=4", tmp_path / "w.safetensors", "--out",
               tmp_path / "out", "--json", cwd=small[0])
    result = json.loads(done.stdout)
    assert result["runs"]["total"] == 2 and result["config"]["overrides"] == ["dim=4"]
    assert len(result["config"]["checkpoints"]) == 2 and result["config"]["jobs"] >= 1
    page = (tmp_path / "out/report.html").read_text()
    assert str(tmp_path) not in page, "the page names files, not where they lie"
    done = run("study", "small.yaml", "--checkpoint", tmp_path / "absent", cwd=small[0], code=4)
    assert "absent: no such checkpoint" in done.stderr
    run("study", "small.yaml", tmp_path / "absent", cwd=small[0], code=4)


def test_a_collapsed_head_confirms_nothing(small, tmp_path):
    header = json.dumps({"lm_head.weight": {"dtype": "F32", "shape": [400, 8], "data_offsets": [0, 400 * 8 * 4]}}).encode()
    body = struct.pack("<8f", 1, 2, 3, 4, 5, 6, 7, 8) * 400
    (tmp_path / "same.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + body)
    result = json.loads(run("study", "small.yaml", tmp_path / "same.safetensors", "--out", tmp_path / "out", "--json",
                            cwd=small[0]).stdout)
    assert claim(result, "D25")["verdict"] == "cannot_tell"


def test_a_results_table_is_judged_and_drawn_where_the_store_has_no_run(small, tmp_path):
    # A table as if the paper's widths had been run at two seeds: losses 1/m and 2/m.
    config = {"features": 1000, "density": 1, "steps": 20000, "batch": 2048, "lr": 0.01, "lr_bias": 0.01, "warmup": 0.1,
              "lr_floor": 0.05, "loss_scale": 1, "engine": "fast", "law": "power:1", "decay": -0.5555555555555556}
    rows = [f"{m},{seed},ok,{(seed + 1) / m},0.1.0" for seed in (0, 1) for m in (10, 15, 25, 39, 63, 100)]
    table = tmp_path / "grid.csv"
    table.write_text("# superpose results, format 1, numerics 1\n# config: " + json.dumps(config) +
                     "\ndim,seed,status,loss,version\n" + "\n".join(rows) + "\n")
    done = run("study", "small.yaml", "--out", tmp_path / "out", "--results", table, "--json", cwd=small[0])
    result = json.loads(done.stdout, parse_constant=no_constant)
    jsonschema.Draft202012Validator(SCHEMA).validate(result)
    row = claim(result, "D13b")
    assert row["recorded"] and row["measured"] == pytest.approx(1) and row["because"].startswith("with recorded runs of superpose 0.1.0")
    assert "over 2 seeds" in row["because"]
    assert result["recorded"] == 12 and not claim(result, "D15")["recorded"]
    page = (tmp_path / "out/report.html").read_text()
    assert "12 recorded runs, made by superpose 0.1.0" in page
    run("study", "small.yaml", "--out", tmp_path / "out", "--results", tmp_path / "absent.csv", code=4, cwd=small[0])
    table.write_text("dim,loss\n1,2\n")
    assert "line 1" in run("study", "small.yaml", "--out", tmp_path / "out", "--results", table, code=3, cwd=small[0]).stderr
    run("study", "small.yaml", "--out", tmp_path / "out", "--results", "builtin", cwd=small[0])


def test_ls_writes_a_table_that_report_reads(small, tmp_path):
    text = run("ls", small[0] / "out/runs.sqlite", "--csv").stdout
    assert text.startswith("# superpose results, format 1") and "nan" not in text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) == 5 and "features_resolved" in lines[0]  # a header and four runs
    (tmp_path / "t.csv").write_text(text)
    other = tmp_path / "other.sqlite"
    run("sweep", small[0] / "small.yaml", "dim=3", "--store", other)
    page = json.loads(run("report", other, "--results", tmp_path / "t.csv", "-o", tmp_path / "p.html", "--json").stdout)
    assert any("recorded run" in sentence for sentence in page["summary"]["sentences"])
    run("ls", small[0] / "out/runs.sqlite", "--csv", "--json", code=2)


def test_wrong_use(tmp_path):
    assert "end-of-law, paper, quick" in run("study", "nosuch", code=4, cwd=tmp_path).stderr
    assert "did you mean dim" in run("study", "quick", "dimm=3", code=2, cwd=tmp_path).stderr
    (tmp_path / "bad.yaml").write_text("grids: [1, 2\n")
    run("study", "bad.yaml", code=3, cwd=tmp_path)
    (tmp_path / "file").write_text("")
    run("study", "quick", "--out", "file/x", code=4, cwd=tmp_path)


def test_a_study_is_judged_by_the_rows_it_names(tmp_path):
    text = SMALL.replace("grids:", "claims: [D26, TM1]\ngrids:")
    (tmp_path / "own.yaml").write_text(text)
    result = json.loads(run("study", "own.yaml", "dim=4", "--json", cwd=tmp_path).stdout)
    assert [c["id"] for c in result["claims"]] == ["D26", "TM1"]
    assert claim(result, "TM1")["verdict"] == "cannot_tell" and "toy-models" in claim(result, "TM1")["because"]
    (tmp_path / "own.yaml").write_text(text.replace("TM1", "TN1"))
    assert "TN1" in run("study", "own.yaml", code=2, cwd=tmp_path).stderr
    (tmp_path / "own.yaml").write_text(text.replace("[D26, TM1]", "all"))
    run("study", "own.yaml", code=2, cwd=tmp_path)


def test_the_paper_ledger_has_no_rows_of_other_studies(small):
    assert not [c["id"] for c in small[1]["claims"] if c["id"].startswith("TM")]


def test_toy_models_finds_antipodal_and_orthogonal_pairs(tmp_path):
    result = json.loads(run("study", "toy-models", "features=4", "dim=2", "seed=range(8)", "density=0.2", "init_scale=0.8165",
                            "engine=reference", "importance=uniform", "activation=relu", "--json", cwd=tmp_path).stdout)
    assert claim(result, "TM4")["verdict"] == "confirmed", claim(result, "TM4")
    assert claim(result, "TM5")["verdict"] == "confirmed", claim(result, "TM5")
    assert claim(result, "TM1")["verdict"] == "cannot_tell"


def test_built_in_studies_have_the_paper_grids(tmp_path):
    quick = json.loads(run("sweep", "quick", "--dry-run", "--json", cwd=tmp_path).stdout)
    paper = json.loads(run("sweep", "paper", "--dry-run", "--json", cwd=tmp_path).stdout)
    assert 24 <= quick["runs"] <= 40
    (tmp_path / "quick").mkdir()  # a folder of that name does not hide the study
    assert json.loads(run("sweep", "quick", "--dry-run", "--json", cwd=tmp_path).stdout)["runs"] == quick["runs"]
    assert paper["runs"] == 17 * 10 * 6 + 8 * 10 * 6
    assert quick["predicted_seconds"] > 0
    assert json.loads(run("sweep", "end-of-law", "--dry-run", "--json", cwd=tmp_path).stdout)["runs"] == 2 * 2 * 10
    assert json.loads(run("sweep", "ablation", "--dry-run", "--json", cwd=tmp_path).stdout)["runs"] == 3 * 2 * 2
    # The quick study's runs are the paper's: nothing is computed twice.
    both = json.loads(run("sweep", "paper", "decay=-0.5555555555555556", "law=power:1", "density=1", "--dry-run", "--json",
                          cwd=tmp_path).stdout)
    assert both["runs"] == 6
