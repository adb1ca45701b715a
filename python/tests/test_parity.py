# SPDX-License-Identifier: Apache-2.0
"""Every verb of the program gives the same numbers here: whole JSON objects are compared, not samples of them."""
import json

import numpy as np
import pytest

import superpose
from conftest import ROOT, without

TIMES = ("seconds", "steps_per_second", "started_at", "finished_at", "created_at", "predicted_seconds", "predicted_core_seconds")
SMALL = dict(features=60, dim=6, steps=300, batch=128, decay=-0.5, seed=3)


def flags(config):
    return [word for name, value in config.items()
            for word in ("--" + name.replace("_", "-"), str(value).lower() if isinstance(value, bool) else value)]


def schema_check(document, name):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(document, json.loads((ROOT / f"docs/schema/{name}.json").read_text()))


@pytest.mark.parametrize("more", [
    {}, {"law": "exponential:20", "density": 2.5}, {"decoder": "untied", "optimizer": "lion", "lr": 0.001},
    {"engine": "reference", "activation": "linear", "steps": 50}, {"lr": 100.0, "steps": 200, "optimizer": "sgd"},
    {"bias": False, "correlation": "together:2", "values": "constant:1"}])
def test_toy(program, more, tmp_path):
    config = {**SMALL, **more}
    theirs = program("toy", *flags(config), "--save", tmp_path / "theirs.safetensors")
    ours = superpose.toy(**config, progress=False)
    assert without(ours.to_dict(), *TIMES) == without(theirs, *TIMES)
    schema_check(ours.to_dict(), "toy")
    if ours.diverged:
        assert ours.loss is None
        with pytest.raises(superpose.Error) as caught:
            ours.save(tmp_path / "ours.safetensors")
        assert caught.value.kind == "numeric"
    else:
        ours.save(tmp_path / "ours.safetensors")
        assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()


def test_toy_defaults_are_the_program_s(program):
    from inspect import signature

    from superpose import _native

    ours = {name: p.default for name, p in signature(superpose.toy).parameters.items()}
    for name, default, _ in _native.toy_fields():
        assert ours.pop(name) == default, name
    assert set(ours) == {"threads", "snapshot", "snapshot_every", "keep_snapshot", "progress"}


def test_toy_from_an_array_of_counts_is_toy_from_a_file(program, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    counts = np.random.default_rng(0).integers(0, 1000, 80)
    np.savetxt(tmp_path / "counts.txt", counts, fmt="%d")
    config = {k: v for k, v in SMALL.items() if k != "features"}
    theirs = program("toy", *flags(config), "--law", f"file:{tmp_path}/counts.txt")
    ours = superpose.toy(**config, law=counts, progress=False)
    assert ours.config["law_data"] == theirs["config"]["law_data"]
    assert without(ours.measures, *TIMES) == without({k: theirs[k] for k in ours.measures}, *TIMES)
    ours.save(tmp_path / "w.safetensors")
    assert superpose.inspect(tmp_path / "w.safetensors").n == (counts > 0).sum()


def test_a_session_ends_with_the_same_bits():
    whole = superpose.toy(**SMALL, progress=False)
    session = superpose.ToySession(**SMALL)
    while not session.done:
        session.advance(77)
    last = session.result()
    assert np.array_equal(whole.W, last.W) and np.array_equal(whole.b, last.b)
    assert without(whole.measures, *TIMES) == without(last.measures, *TIMES)


def test_turning_the_dial_changes_the_model():
    session = superpose.ToySession(**SMALL)
    session.advance(100)
    before = session.result()
    assert before.eval_loss is None and session.decay == SMALL["decay"]
    session.decay = 0.9
    session.advance(1000)
    assert session.decay == 0.9 and session.done
    assert not np.array_equal(session.result().W, superpose.toy(**SMALL, progress=False).W)
    with pytest.raises(superpose.Error):
        session.decay = float("nan")


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    W = np.random.default_rng(1).normal(size=(400, 32)).astype(np.float32) + np.float32(0.3)
    W[7] = 0
    W[9] = W[8]
    path = tmp_path_factory.mktemp("matrix") / "array.npy"
    np.save(path, W)
    return W, path


INSPECTION = ("path", "paths", "bytes")  # where it was, and how it was read


@pytest.mark.parametrize("more, words", [
    ({}, []), ({"quick": True}, ["--quick"]), ({"token": [3, "8"], "neighbors": 2, "crowded": 3},
                                               ["--token", "3", "--token", "8", "--neighbors", "2", "--crowded", "3"]),
    ({"centered": True, "seed": 5, "max_exact_pairs": 100, "sample_pairs": 5000},
     ["--centered", "--seed", "5", "--max-exact-pairs", "100", "--sample-pairs", "5000"])])
def test_inspect_a_file_and_the_array_in_it(program, matrix, more, words):
    W, path = matrix
    theirs = program("inspect", path, *words)
    of_file, of_array = superpose.inspect(path, **more), superpose.inspect(W, **more)
    assert of_file.to_dict() == theirs
    assert without(of_array.to_dict(), *INSPECTION) == without(theirs, *INSPECTION)
    schema_check(of_array.to_dict(), "inspect")


def test_counts_from_an_array_or_a_file(program, matrix, tmp_path):
    W, path = matrix
    counts = np.arange(400) % 50
    table = tmp_path / "counts.tsv"
    table.write_text("".join(f"{k} {c}\n" for k, c in enumerate(counts)))
    theirs = program("inspect", path, "--counts", table, "--top", "10,100")
    ours = superpose.geometry(W, counts=counts, top=[10, 100])
    names = (*INSPECTION, "counts", "counts_file")
    assert without(ours.to_dict(), *names) == without(theirs, *names)
    assert ours.matrices[0]["frequency"]["seen_rows"] == (counts > 0).sum()
    schema_check(ours.to_dict(), "inspect")


def test_measures_agree_with_numpy(matrix):
    W, _ = matrix
    norms = np.linalg.norm(W.astype(float), axis=1)
    assert np.allclose(superpose.measure.row_norms(W), norms, rtol=1e-14)
    units = W[norms > 0].astype(float) / norms[norms > 0, None]
    cosines = np.abs(units @ units.T)[np.triu_indices(len(units), 1)]
    found = superpose.measure.overlap(W, bins=10, nearest=True)
    assert found["rows"] == 399 and found["mean_square"] == pytest.approx(np.mean(cosines**2), rel=1e-12)
    assert found["mean_abs"] == pytest.approx(cosines.mean(), rel=1e-12) and found["max_pair"] == (8, 9)
    assert found["histogram"].sum() == len(cosines)
    assert found["nearest_row"][8] == 9 and found["nearest_row"][7] == -1
    values = superpose.measure.spectrum(W)["singular_values"]
    assert np.allclose(values, np.linalg.svd(W.astype(float), compute_uv=False), rtol=1e-12)
    assert superpose.measure.duplicate_rows(W) == [[8, 9]]
    crowding = superpose.measure.crowding(W)
    assert np.isnan(crowding[7]) and crowding[8] == pytest.approx((np.sum((units @ units[7]) ** 2) - 1) / 398, rel=1e-6)
    D = superpose.measure.feature_dimensionality(W)
    square = (units @ W.astype(float).T) ** 2
    assert np.allclose(D[norms > 0], norms[norms > 0] ** 2 / square.sum(axis=1), rtol=1e-6) and D[7] == 0


def test_what_is_in_memory_has_no_stray_files(matrix):
    W, _ = matrix
    found = superpose.inspect({"lm_head.weight": W}, progress=False)
    assert not any("not part of the model" in warning for warning in found.warnings)
    assert superpose.inspect(W, counts=np.arange(1, len(W) + 1), top=np.int64(5), token=np.int64(3), progress=False)


def test_state_dict_is_the_file(program, tmp_path, matrix):
    W, _ = matrix
    rng = np.random.default_rng(2)
    head = rng.normal(size=(400, 32)).astype(np.float16)
    state = {"model.embed_tokens.weight": W, "lm_head.weight": head, "model.norm.weight": np.ones(32, np.float32),
             "position_ids": np.arange(5)}
    header, blob = {}, b""
    for name, array in state.items():
        dtype = {"float32": "F32", "float16": "F16", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(blob), len(blob) + array.nbytes]}
        blob += array.tobytes()
    text = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + blob)
    theirs = program("inspect", tmp_path / "model.safetensors")
    ours = superpose.inspect(state)
    assert [m.tensor for m in ours] == ["lm_head.weight", "model.embed_tokens.weight"]
    names = (*INSPECTION, "warnings")
    assert without(ours.to_dict(), *names) == without(theirs, *names)
    assert ours["lm_head.weight"]["dtype"] == "F16"


def test_real_model_folders(program, data):
    folders = sorted(p for p in (data / "tiny-hf").iterdir() if p.is_dir())
    assert len(folders) >= 5
    for folder in folders:
        assert superpose.inspect(folder).to_dict() == program("inspect", folder), folder.name
    theirs = program("inspect", *folders, "--compare")
    ours = superpose.compare(folders)
    assert ours.to_dict() == theirs and len(ours.models) == len(folders)


def test_torch_module(data):
    torch = pytest.importorskip("torch")

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.wte = torch.nn.Embedding(300, 16)
            self.lm_head = torch.nn.Linear(16, 300, bias=False)
            self.lm_head.weight = self.wte.weight

    module = Tied()
    W = module.wte.weight.detach().numpy()
    assert superpose.inspect(module).mean_square_overlap == superpose.geometry(W).mean_square_overlap
    assert superpose.geometry(module.wte.weight).mean_square_overlap == superpose.geometry(W).mean_square_overlap
    half = superpose.inspect({"wte.weight": module.wte.weight.detach().to(torch.bfloat16)})
    assert half[0]["dtype"] == "BF16"


FIG8B = "published/fig8b_llm_losses.csv"
FITS = [
    (FIG8B, "width", dict(group="family,dataset", cluster="model", bootstrap=60),
     ["--group", "family,dataset", "--cluster", "model", "--bootstrap", "60"]),
    (FIG8B, "E + A*m^-a", dict(where=["dataset=='pile'", "m>=1024"], seed=4),
     ["--where", "dataset=='pile'", "--where", "m>=1024", "--seed", "4"]),
    (FIG8B, "width", dict(where="dataset=='c4'", fix={"alpha": 1}, interval="t", max_x=8000),
     ["--where", "dataset=='c4'", "--fix", "alpha=1", "--interval", "t", "--max-x", "8000"]),
    (FIG8B, "power", dict(m="m", objective="huber", delta=0.01, bootstrap=20, drop_highest=2),
     ["--m", "m", "--objective", "huber", "--delta", "0.01", "--bootstrap", "20", "--drop-highest", "2"]),
]


@pytest.mark.parametrize("table, law, more, words", FITS)
def test_fit(program, table, law, more, words, tmp_path):
    theirs = program("fit", table, "--law", law, *words)
    ours = superpose.fit(table, law, **more, progress=False)
    assert ours.to_dict() == theirs
    schema_check(ours.to_dict(), "fit")
    frame = superpose.read_table(table)
    columns = {name: list(frame[name]) for name in frame}
    rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
    path = tmp_path / "fit.json"
    ours.save(path)
    for same in (frame, columns, rows, {k: np.asarray(v) for k, v in columns.items()}):
        assert without(superpose.fit(same, law, **more, progress=False).to_dict(), "table") == without(theirs, "table")
    assert superpose.Fit.load(path).to_dict() == theirs


def test_read_table_knows_integers(tmp_path):
    (tmp_path / "t.csv").write_text("m,loss,few,name\n8,2.0,1,a\n16,1,,b\n99999999999999999999,3,2,7\n")
    columns = {name: list(values) for name, values in superpose.read_table(tmp_path / "t.csv").items()}
    assert columns["m"] == [8.0, 16.0, 1e20] and columns["loss"] == [2.0, 1.0, 3.0] and columns["name"] == ["a", "b", "7"]
    (tmp_path / "t.csv").write_text("m,few\n8,1\n-16,\n")
    columns = {name: list(values) for name, values in superpose.read_table(tmp_path / "t.csv").items()}
    assert columns["m"] == [8, -16] and all(isinstance(value, (int, np.integer)) for value in columns["m"])
    assert columns["few"][0] == 1 and columns["few"][1] != columns["few"][1] or columns["few"][1] is None


def test_fit_accessors_say_what_the_json_says():
    found = superpose.fit(FIG8B, "width", group=["family", "dataset"], cluster="model", bootstrap=60, progress=False)
    assert 0.85 < found.params["alpha"] < 0.95 and found["alpha"].se > 0.04
    low, high = found.interval("alpha")
    assert low < found.params["alpha"] < high and found.interval("alpha", "profile") != (low, high)
    assert found.identified and found.backtest()["rows_used"] < len(found.residuals) == 108
    assert "alpha" in found.summary() and list(found.to_frame()["parameter"])[:2] == ["C", "alpha"]
    assert found.inverse_width["verdict"] in ("confirmed", "denied", "cannot_tell")
    for wrong in ("beta", ""):
        with pytest.raises(superpose.Error):
            found.interval(wrong)


def test_what_the_data_cannot_tell_is_said():
    x = np.geomspace(100, 200, 6)
    table = {"m": x, "loss": 2 + 5 / x + np.random.default_rng(0).normal(size=6) * 0.1}
    found = superpose.fit(table, "width", progress=False)
    assert not found.identified and found.warnings
    refused = found.forecast(m=400, progress=False)
    assert refused.refused and "identified" in refused.because and refused.points[0]["loss"] is None
    forced = found.forecast(m=400, force=True, progress=False)
    assert not forced.refused and forced.to_dict()["forced"]


def test_predict_is_the_law(program):
    found = superpose.fit(FIG8B, "width", group="family,dataset", bootstrap=0, progress=False)
    p = found.params
    m = np.array([512.0, 1024, 9216])
    law = p["C"] / m ** p["alpha"] + p["L0.opt/pile"]
    assert np.allclose(found.predict(m=m, group="opt/pile"), law, rtol=1e-12)
    assert found.predict(m=512, group="opt/pile") == pytest.approx(law[0], rel=1e-12)
    value, low, high = found.predict(m=m, group="opt/pile", interval=True)
    assert np.all(low < value) and np.all(value < high)
    # The same band as the page draws.
    curve = next(c for c in found.to_dict()["curves"] if c["group"] == "opt/pile")
    _, low, high = found.predict(m=curve["x"], group="opt/pile", interval=True)
    assert np.allclose(low, curve["low"], rtol=1e-9) and np.allclose(high, curve["high"], rtol=1e-9)
    formula = superpose.fit(FIG8B, "E + A*m^-a", where="dataset=='pile'", progress=False)
    q = formula.params
    assert np.allclose(formula.predict(m=m), q["E"] + q["A"] * m ** -q["a"], rtol=1e-10)
    for wrong in ({}, {"m": 1, "D": 2}, {"m": -1}, {"m": [1, 2], "group": ["opt/pile"] * 3}, {"m": 1, "group": "opt/pail"}):
        with pytest.raises(superpose.Error) as caught:
            found.predict(**wrong)
        assert caught.value.kind == "usage"


@pytest.mark.parametrize("more, words, code", [
    (dict(m=[4096, 8192], group="opt/pile", vocab=50272, threshold=0.02),
     ["--m", "4096,8192", "--group", "opt/pile", "--vocab", "50272", "--threshold", "0.02"], 0),
    (dict(m=[1e6], max_factor=2), ["--m", "1e6", "--max-factor", "2"], 6),
    (dict(m=[1e6], max_factor=2, force=True, resamples=20), ["--m", "1e6", "--max-factor", "2", "--force", "--resamples", "20"], 0)])
def test_forecast(program, tmp_path, more, words, code):
    found = superpose.fit(FIG8B, "width", group="family,dataset", cluster="model", bootstrap=30, progress=False)
    found.save(tmp_path / "fit.json")
    theirs = program("forecast", tmp_path / "fit.json", *words, code=code)
    for ours in (superpose.forecast(found, **more), superpose.forecast(tmp_path / "fit.json", **more), found.forecast(**more)):
        assert without(ours.to_dict(), "fit") == without(theirs, "fit")
        assert ours.refused == (code == 6)
    schema_check(ours.to_dict(), "forecast")


GRID = {"features": 40, "dim": [2, 4, 8], "decay": [-1, 0.5], "steps": 120, "batch": 64}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "ours.sqlite"
    return superpose.sweep(GRID, store=path, progress=False), path


def test_sweep_ls_show(program, swept, tmp_path):
    runs, path = swept
    study = tmp_path / "grid.yaml"
    study.write_text("name: grid\ngrids:\n  - {features: 40, dim: [2, 4, 8], decay: [-1, 0.5], steps: 120, batch: 64}\n")
    theirs = program("sweep", study, "--store", tmp_path / "theirs.sqlite")
    names = ("store", "study", "overrides", "config", *TIMES)
    assert without(runs.outcome, *names) == {k: v for k, v in without(theirs, *names).items() if k in runs.outcome}
    assert [(r.config["dim"], r.config["decay"]) for r in runs] == [(d, g) for d in (2, 4, 8) for g in (-1, 0.5)]
    listed = {r["key"]: r for r in program("ls", path)["runs"]}
    elsewhere = {r["key"]: r for r in program("ls", tmp_path / "theirs.sqlite")["runs"]}
    assert set(listed) == set(elsewhere) == {run.key for run in runs}
    for run in runs:
        shown = program("show", path, run.id)["run"]
        assert run.to_dict() == shown
        assert without(shown["result"], *TIMES) == without(program("show", tmp_path / "theirs.sqlite", run.key)["run"]["result"], *TIMES)
        alone = superpose.toy(**{k: v for k, v in run.config.items() if k != "law_data"}, progress=False)
        assert without(alone.measures, *TIMES) == without(run.result, *TIMES)


def test_a_sweep_is_not_repeated_and_takes_overrides(swept, program):
    runs, path = swept
    again = superpose.sweep(GRID, store=path, progress=False)
    assert again.outcome["skipped"] == 6 and again == runs
    dry = superpose.sweep(GRID, overrides={"seed": [0, 1]}, store=path, dry_run=True)
    assert (dry["runs"], dry["finished"]) == (12, 6)
    some = superpose.sweep("quick", overrides=["dim=10", "features=50", "steps=20"], store=path, dry_run=True)
    theirs = program("sweep", "quick", "dim=10", "features=50", "steps=20", "--store", path, "--dry-run")
    assert some["runs"] == theirs["runs"]
    with pytest.raises(superpose.Error) as caught:
        superpose.sweep({"dim": 4, "dcay": 1}, store=path)
    assert caught.value.kind == "usage" and "decay" in str(caught.value)


def test_store(swept, program):
    runs, path = swept
    store = superpose.open_store(path)
    frame = store.runs()
    assert list(frame["id"]) == sorted(run.id for run in runs) and len(store) == 6
    assert {"dim", "decay", "loss", "phi_half", "seconds", "status"} <= set(frame)
    assert {run["id"]: run["loss"] for run in program("ls", path)["runs"]} == dict(zip(frame["id"], frame["loss"]))
    assert store.run(runs[0].id) == runs[0] and store.run(runs[0].key) == runs[0] and store.run(runs[0].key[:8]) == runs[0]
    assert len(runs.where(dim=4)) == 2 and len(store.load().where(dim=4, decay=-1)) == 1
    counted = store.sql("select status, count(*) as n from runs group by status")
    assert list(counted["status"]) == ["ok"] and list(counted["n"]) == [6]
    before = path.read_bytes()
    for bad in ("delete from runs", "attach 'x.sqlite' as x", "pragma journal_mode=delete", "select * from nothing",
                "update runs set status = 'failed'", "create table t (a)", "vacuum into 'y.sqlite'", "", "select 1; select 2"):
        with pytest.raises(superpose.Error) as caught:
            store.sql(bad)
        assert caught.value.kind == "usage", bad
    assert path.read_bytes() == before and not list(path.parent.glob("?.sqlite"))
    for unknown in (99, "ffffffff", "f"):
        with pytest.raises(superpose.Error):
            store.run(unknown)


def test_runs_are_written(swept, tmp_path):
    runs, path = swept
    runs.write(tmp_path / "runs.csv")
    runs.write(tmp_path / "runs.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert lines == runs.to_dicts()
    table = superpose.read_table(tmp_path / "runs.csv")
    assert list(table["loss"]) == [run.loss for run in runs]
    fitted = superpose.fit(runs.where(decay=-1).to_frame(), "power", x="dim", y="loss", progress=False)
    assert fitted.params["alpha"] > 0
    with pytest.raises(superpose.Error):
        runs.write(tmp_path / "runs.xls")
    store = superpose.open_store(path)
    store.write_results(tmp_path / "results.csv")
    recorded = superpose.read_results(tmp_path / "results.csv")
    assert sorted(r.loss for r in recorded) == pytest.approx(sorted(r.loss for r in runs), rel=1e-5)  # six digits


def widths_drawn(runs):
    return {point["x"] for figure in runs.figures if figure["id"] == "loss-vs-m" for panel in figure["panels"]
            for series in panel["series"] if series["role"] == "ours" for point in series["points"]}


def test_report(program, swept, tmp_path):
    runs, path = swept
    fitted = superpose.fit(FIG8B, "width", group="family,dataset", bootstrap=0, progress=False)
    fitted.save(tmp_path / "fit.json")
    theirs = program("report", path, tmp_path / "fit.json", "-o", tmp_path / "theirs.html", "--figures", tmp_path / "f", "--format",
                     "svg,csv")
    ours = superpose.report([superpose.open_store(path), tmp_path / "fit.json"], tmp_path / "ours.html", figures=tmp_path / "g",
                            formats=["svg", "csv"], data=tmp_path / "d", progress=False)
    assert (tmp_path / "ours.html").read_bytes() == (tmp_path / "theirs.html").read_bytes()
    assert ours.sentences == theirs["summary"]["sentences"]
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == sorted(p.name for p in (tmp_path / "g").iterdir())
    assert (tmp_path / "d/runs.jsonl").read_text().count("\n") == 6
    assert ours.files and all(f["bytes"] > 0 for f in ours.files)
    mixed = superpose.report([runs, fitted, fitted.forecast(m=4096, resamples=10), superpose.geometry(np.eye(40, 8))],
                             tmp_path / "mixed.html", progress=False)
    assert mixed.path and len(mixed.figures) > len(runs.figures)
    narrow = runs.where(dim=4)
    superpose.report(narrow, None, data=tmp_path / "narrow", progress=False)
    assert (tmp_path / "narrow/runs.jsonl").read_text().count("\n") == len(narrow) == 2
    assert widths_drawn(narrow) == widths_drawn(runs.where(dim=(4, 5))) == {4} and widths_drawn(runs.where(dim=[2, 8])) == {2, 8}
    parts = superpose.report([narrow, runs.where(dim=np.array([8]))], None, progress=False)
    assert widths_drawn(parts) == {4, 8}
    assert widths_drawn(superpose.report([superpose.open_store(path), narrow], None, progress=False)) == {2, 4, 8}
    wide = superpose.sweep({**GRID, "dim": 9}, store=path, progress=False)  # the store has others, too
    superpose.report(wide[:1], None, data=tmp_path / "wide", progress=False)
    assert [json.loads(line)["config"]["dim"] for line in (tmp_path / "wide/runs.jsonl").read_text().splitlines()] == [9]
    assert widths_drawn(wide) == {9} and widths_drawn(runs) == {2, 4, 8}
    other = superpose.sweep({**GRID, "dim": 4, "seed": 7}, store=tmp_path / "other.sqlite", progress=False)
    assert widths_drawn(superpose.report([wide, other.store], None, progress=False)) == {4, 9}
    fitted.save(tmp_path / "fit.html")
    superpose.geometry(np.eye(40, 8)).save(tmp_path / "geometry.html")
    assert (tmp_path / "fit.html").stat().st_size > 50_000 < (tmp_path / "geometry.html").stat().st_size


def test_study(program, tmp_path):
    words = ["features=40", "steps=60", "batch=64", "dim=4,8"]
    theirs = program("study", "quick", *words, "--out", tmp_path / "theirs")
    ours = superpose.study("quick", overrides=words, out=tmp_path / "ours", progress=False)
    names = ("out", "store", "report", *TIMES)
    assert without(ours.to_dict(), *names) == without(theirs, *names)
    schema_check(ours.to_dict(), "study")
    assert (tmp_path / "ours/report.html").exists() and len(ours.open()) == ours.to_dict()["runs"]["done"]


def test_serve(swept):
    import urllib.request

    with superpose.serve(swept[1]) as server:
        with urllib.request.urlopen(server.url + "api/runs", timeout=10) as answer:
            assert answer.status == 200 and b"decay" in answer.read()
    with pytest.raises(OSError):
        urllib.request.urlopen(server.url, timeout=2)


def test_the_program_itself():
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "superpose", "--version"], capture_output=True, text=True)
    assert done.stdout == f"superpose {superpose.__version__}\n" and done.returncode == 0
    wrong = subprocess.run([sys.executable, "-m", "superpose", "toy", "--dm", "3"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "--dim" in wrong.stderr
