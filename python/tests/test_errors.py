# SPDX-License-Identifier: Apache-2.0
"""Wrong input is one exception with a kind, a place and a way out; right input in an odd form is taken."""
import os
import pathlib
import pickle

import numpy as np
import pytest

import superpose

W = np.random.default_rng(0).normal(size=(30, 6))


def error_of(call, *arguments, **options):
    with pytest.raises(superpose.Error) as caught:
        call(*arguments, **options)
    return caught.value


@pytest.mark.parametrize("wrong, said", [
    (W.astype(np.int32), "dtype int32, expected float32 or float64; array.astype(numpy.float32)"),
    (W.astype(complex), "dtype complex128"), (W > 0, "dtype bool"), (W.astype(object), "dtype object"),
    (W.astype(">f8"), "foreign byte order"), (np.asfortranarray(W), "Fortran order, expected C order"),
    (W.T, "numpy.ascontiguousarray"), (W[:, ::2], "not contiguous"), (W[::2], "not contiguous"),
    (W[0], "shape (6,), expected 2 dimensions [n, m]"), (W[None], "shape (1, 30, 6)"), (np.float64(3), "dimensions"),
    (np.array([["a"]]), "dtype"), ([[1, 2], [3]], "not a matrix of numbers")])
@pytest.mark.parametrize("call", [superpose.geometry, superpose.inspect, superpose.measure.row_norms, superpose.measure.spectrum])
def test_arrays_that_cannot_be_looked_at(call, wrong, said):
    error = error_of(call, wrong)
    assert error.kind == "usage" and said.replace("array.astype", "") in str(error).replace("W.astype", "").replace("array.astype", "")


@pytest.mark.parametrize("right", [
    W, W.astype(np.float32), W.astype(np.float16), W.tolist(), memoryview(W), np.ascontiguousarray(W.T).T.copy()])
def test_arrays_that_can(right):
    expected = superpose.geometry(np.asarray(right, dtype=np.asarray(right).dtype))
    assert superpose.geometry(right).to_dict()["matrices"] == expected.to_dict()["matrices"]


def test_read_only_and_offset_views_are_taken():
    frozen = W.copy()
    frozen.flags.writeable = False
    assert superpose.geometry(frozen).mean_square_overlap == superpose.geometry(W).mean_square_overlap
    assert superpose.measure.row_norms(W[3:9]).tolist() == superpose.measure.row_norms(W)[3:9].tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(bad):
    broken = W.copy()
    broken[4, 2] = bad
    error = error_of(superpose.geometry, broken)
    assert error.kind in ("bad_file", "numeric") and "4" in str(error)


@pytest.mark.parametrize("empty", [np.zeros((0, 5)), np.zeros((5, 0)), np.zeros((1, 4)), np.zeros((4, 4))])
def test_degenerate_matrices_say_so(empty):
    try:
        found = superpose.geometry(empty)
    except superpose.Error as error:
        assert error.kind in ("unsupported", "numeric", "usage", "bad_file")
    else:
        assert found.mean_square_overlap is None and found.regime in ("cannot_tell", "none")


def test_what_is_no_matrix():
    for wrong in (3, None, object(), {1, 2}):
        assert error_of(superpose.inspect, wrong).kind == "usage"
    assert error_of(superpose.geometry, "a.npy").kind == "usage"
    assert error_of(superpose.inspect, {}).kind == "unsupported"
    assert error_of(superpose.inspect, {"a": "text"}).kind == "usage"
    assert error_of(superpose.inspect, {"ids": np.arange(4)}).kind == "unsupported"


@pytest.mark.parametrize("counts, said", [
    (np.ones(29), "29 values, expected 30"), (-np.ones(30), "expected a number >= 0"), (np.full(30, np.nan), ">= 0"),
    (np.ones((30, 1)), "one dimension"), (["a"] * 30, "expected numbers")])
def test_counts(counts, said):
    error = error_of(superpose.geometry, W, counts)
    assert error.kind == "usage" and said in str(error)


def test_files(tmp_path):
    assert error_of(superpose.inspect, tmp_path / "nothing.safetensors").kind == "io"
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 100)
    error = error_of(superpose.inspect, broken)
    assert error.kind == "bad_file" and str(broken) in str(error)
    assert error_of(superpose.open_store, broken).kind == "bad_file"
    assert error_of(superpose.open_store, tmp_path / "no.sqlite").kind == "io"
    assert error_of(superpose.Fit.load, broken).kind == "bad_file"
    assert error_of(superpose.forecast, tmp_path / "no.json", m=1).kind == "io"
    assert error_of(superpose.sweep, tmp_path / "no.yaml", store=tmp_path / "s.sqlite").kind in ("io", "usage")
    assert error_of(superpose.report, tmp_path / "no.sqlite", tmp_path / "r.html").kind == "io"
    assert error_of(superpose.toy, features=10, dim=2, steps=1, batch=1, snapshot=tmp_path / "no" / "s").kind == "io"
    fine = superpose.toy(features=10, dim=2, steps=1, batch=1)
    assert error_of(fine.save, tmp_path / "no" / "w.safetensors").kind == "io"
    assert error_of(superpose.compare, []).kind == "usage"
    assert error_of(superpose.compare, [tmp_path / "a.csv", tmp_path / "b.csv"]).kind == "usage"


def test_all_that_is_wrong_with_a_configuration_is_named_at_once():
    text = str(error_of(superpose.toy, dim=0, batch=-1, law="pwer:1"))
    assert "dim = 0" in text and "batch = -1" in text and "power" in text


@pytest.mark.parametrize("wrong", [{"dim": "many"}, {"dim": 2.5}, {"dim": 2**70}, {"lr": None}, {"bias": "yes"}, {"law": [-1, 2]},
                                   {"law": []}, {"threads": -1}, {"seed": -1}, {"decoder": "unty"}])
def test_configurations(wrong):
    with pytest.raises((superpose.Error, TypeError)) as caught:
        superpose.toy(**{"features": 10, "dim": 2, "steps": 1, "batch": 1, **wrong})
    assert not isinstance(caught.value, superpose.Error) or caught.value.kind == "usage"


def test_unknown_options_are_type_errors():
    for call in (lambda: superpose.toy(dimm=3), lambda: superpose.geometry(W, tensors="a"), lambda: superpose.ToySession(dimm=3),
                 lambda: superpose.compare(["a"], tensors="b"), lambda: superpose.fit({"m": [1], "loss": [1]}, "width", grop="x")):
        with pytest.raises(TypeError):
            call()


GOOD = {"m": [64, 128, 256, 512, 1024], "loss": [3.02, 2.49, 2.26, 2.12, 2.07]}


@pytest.mark.parametrize("table, said", [
    ({}, "no rows"), ([], "no rows"), ({"m": [], "loss": []}, "no rows"), ({"m": [1, 2], "loss": [1]}, "different lengths"),
    ({"m": np.ones((2, 2)), "loss": [1, 2]}, "one dimension"), ({"m": "abc", "loss": [1, 2, 3]}, "expected a list"),
    ([{"m": 1, "loss": 2}, 7], "row 1"), (7, "expected a DataFrame"), ({"m": [1, 2, 3], "loss": [1, 2, float("inf")]}, "finite"),
    ({"m": [1, 2, 3], "loss": [1, object(), 2]}, "row 1"), ({"m": [1, 2, 3], "los": [1, 2, 3]}, "loss")])
def test_tables(table, said):
    error = error_of(superpose.fit, table, "width")
    assert error.kind in ("usage", "bad_file") and said in str(error)


@pytest.mark.parametrize("options, said", [
    ({"law": "widht"}, "width"), ({"law": "E + A*q^-a"}, ""), ({"objective": "l2"}, "objective"), ({"interval": "wald"}, "auto, profile"),
    ({"where": "m>"}, "where"), ({"where": "m>1e9"}, "no row"), ({"group": "family"}, "family"), ({"m": "width"}, "width"),
    ({"columns": {"q": "m"}}, "no input"), ({"columns": {"m": "m"}, "m": "m"}, "twice"), ({"fix": {"beta": 1}}, "beta"),
    ({"bootstrap": -5}, ""), ({"bootstrap": "many"}, "bootstrap"), ({"bootstrap": True}, "bootstrap"), ({"drop_highest": -1}, "drop_highest"), ({"seed": -1}, "seed"), ({"unit": {"m": 0}}, ""),
    ({"fix": {"alpha": "one"}}, "fix")])
def test_fits(options, said):
    error = error_of(superpose.fit, GOOD, options.pop("law", "width"), **options)
    assert error.kind == "usage" and said in str(error)


def test_flags_are_called_as_python_calls_them():
    found = superpose.fit(GOOD, "width", progress=False)
    error = error_of(superpose.forecast, found)
    assert "--" not in str(error) and "m" in str(error)
    for options in ({"m": -1}, {"m": "wide"}, {"m": 100, "x": 100}, {"m": 100, "group": "a"}, {"m": 100, "max_factor": 0.5},
                    {"m": 100, "resamples": -1}, {"m": 100, "vocab": -2}, {"compute": [1e20]}, {"m": 100, "D": [1, 2, 3]}):
        assert error_of(superpose.forecast, found, **options).kind == "usage", options
    assert error_of(superpose.forecast, {"schema": "superpose.fit/1"}, m=1).kind == "bad_file"
    assert error_of(superpose.forecast, 7, m=1).kind == "usage"


def test_numeric():
    assert error_of(superpose.fit, {"m": [100, 100], "loss": [2, 2.1]}, "width").kind == "numeric"


def test_the_error_itself():
    error = error_of(superpose.inspect, "no-such-file")
    assert isinstance(error, Exception) and str(error) == error.text and "no-such-file" in error.text
    again = pickle.loads(pickle.dumps(error))
    assert (again.kind, str(again)) == (error.kind, str(error)) and type(again) is superpose.Error


def test_paths_of_all_kinds(tmp_path):
    np.save(tmp_path / "ä b.npy", W)
    path = tmp_path / "ä b.npy"
    for form in (path, str(path), os.fspath(path), pathlib.PurePath(path)):
        assert superpose.inspect(form).n == 30


@pytest.mark.parametrize("name", ["frame", "categories", "nullable"])
def test_pandas(name):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(GOOD)
    frame.index = [f"row {k}" for k in range(5)]
    frame["family"] = ["a", "a", "b", "b", "b"]
    if name == "categories":
        frame["family"] = frame["family"].astype("category")
    if name == "nullable":
        frame = frame.convert_dtypes()
        frame["note"] = pandas.array([None, 1, 2, 3, 4], dtype="Int64")
    found = superpose.fit(frame, "width", where="family!='c'", progress=False)
    assert found.params == superpose.fit(GOOD, "width", progress=False).params


def test_missing_values_are_empty_cells():
    table = {"m": [*GOOD["m"], 2048], "loss": [*GOOD["loss"], None], "note": [None, np.nan, 1, 2, 3, 4]}
    error = error_of(superpose.fit, table, "width")
    assert error.kind == "bad_file" and "loss" in str(error)
    found = superpose.fit(table, "width", where="m<2000", progress=False)
    assert found.params == superpose.fit(GOOD, "width", progress=False).params


def test_progress():
    seen = []
    superpose.toy(features=100, dim=10, steps=3000, batch=512, progress=lambda fraction, text: seen.append((fraction, text)))
    assert seen and all(0 <= f <= 1 for f, _ in seen) and "loss" in seen[-1][1]
    assert [f for f, _ in seen] == sorted(f for f, _ in seen)

    class Stop(Exception):
        pass

    def stop(fraction, text):
        raise Stop

    with pytest.raises(Stop):
        superpose.toy(features=200, dim=20, steps=10**6, batch=512, progress=stop)


def test_bars(capsys, monkeypatch):
    import superpose._progress as progress

    monkeypatch.setattr(progress, "_DELAY", 0.0)
    for tqdm in (progress._tqdm, lambda: None):
        monkeypatch.setattr(progress, "_tqdm", tqdm)
        monkeypatch.setattr(progress.time, "monotonic", iter(np.arange(0, 10000, 0.5)).__next__)
        with progress.bar(True, "toy") as callback:
            callback(0.25, "step 1/4")
            callback(0.5, "step 2/4")
        shown = capsys.readouterr()
        assert "50" in shown.err and "step 2/4" in shown.err and shown.out == ""
    with progress.bar(False, "toy") as callback:
        assert callback is None
    with progress.bar(None, "toy") as callback:
        assert callback is None  # neither a terminal nor a notebook
