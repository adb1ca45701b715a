# SPDX-License-Identifier: Apache-2.0
"""What people do hand over: masked arrays, NumPy's scalars, tables of the wrong kind, names of any bytes, closed streams."""
import os
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest

import superpose
from test_errors import GOOD, W, error_of


def test_masked_entries_are_no_numbers():
    masked = np.ma.masked_greater(W, 1.5)
    assert masked.mask.any()
    for call in (superpose.geometry, superpose.measure.row_norms):
        assert "masked" in str(error_of(call, masked))
    assert "masked" in str(error_of(superpose.inspect, {"W": masked}))
    assert "masked" in str(error_of(superpose.geometry, W, np.ma.masked_equal(np.arange(30.0), 3)))
    assert "masked" in str(error_of(superpose.toy, law=np.ma.masked_equal([1.0, 2, 3], 2), dim=2, steps=1, batch=1))
    whole = np.ma.masked_greater(W, 1e9)
    assert superpose.geometry(whole).mean_square_overlap == superpose.geometry(W).mean_square_overlap


def test_frames_and_lying_arrays():
    pandas = pytest.importorskip("pandas")
    assert "to_numpy()" in str(error_of(superpose.geometry, pandas.DataFrame(W)))

    class Liar:
        __array_interface__ = {"shape": "wide"}

    class Refuser:
        __array_interface__ = property(lambda self: 1)

        def __array__(self, *_):
            raise RuntimeError("no")

    for wrong in (Liar(), Refuser()):
        assert error_of(superpose.geometry, wrong).kind == "usage"


@pytest.mark.parametrize("options", [{"sampled_pairs": 1}, {"sampled_pairs": 2**33}, {"bins": -1}, {"bins": 10**9}, {"seed": -1},
                                     {"max_exact_pairs": 1.5}, {"centered": "x"}])
def test_overlap_never_aborts(options):
    assert error_of(superpose.measure.overlap, W, **{"max_exact_pairs": 0, **options}).kind == "usage"


@pytest.mark.parametrize("call", [
    lambda: superpose.measure.welch_bound_mean_square(-1, 2), lambda: superpose.measure.represented_fraction([1.0], "a"),
    lambda: superpose.toy(threads="a"), lambda: superpose.toy(threads=2**40), lambda: superpose.toy(snapshot_every="a"),
    lambda: superpose.toy(snapshot_every=float("nan"), steps=1), lambda: superpose.sweep({"dim": 2}, jobs="a"),
    lambda: superpose.sweep(5), lambda: superpose.sweep(None), lambda: superpose.sweep({"law": None}),
    lambda: superpose.sweep({"dim": 2}, overrides=[5]), lambda: superpose.fit(GOOD, "width", group=5),
    lambda: superpose.fit(GOOD, "width", where=5), lambda: superpose.fit(GOOD, "width", fix="alpha=1"),
    lambda: superpose.fit(GOOD, None), lambda: superpose.serve("x", port="a"), lambda: superpose.toy(progress=5),
    lambda: superpose.inspect(W, threads=-3), lambda: superpose.inspect(W, neighbors=10**15), lambda: superpose.report("x", title=5),
    lambda: superpose.measure.nearest(W, [0.7], 1), lambda: superpose.measure.nearest(W, [99], 1),
    lambda: superpose.fit(GOOD, "width").forecast(m=100, vocab="a")])
def test_wrong_types_are_usage_errors_without_the_compiler_s_words(call):
    error = error_of(call)
    assert error.kind == "usage" and "Invoked with" not in str(error) and "py::" not in str(error)


def test_lists_within_lists():
    endless = []
    endless.append(endless)
    assert error_of(superpose.sweep, {"dim": endless}).kind == "usage"


def test_nearest_takes_what_counts():
    expected = superpose.measure.nearest(W, [0, 1], 2)
    assert superpose.measure.nearest(W, (np.int64(i) for i in range(2)), 2) == expected and len(expected) == 2


@pytest.mark.parametrize("table", [
    {"m": OrderedDict(enumerate(GOOD["m"])), "loss": GOOD["loss"]}, {"m": GOOD["m"], "loss": set(GOOD["loss"])}])
def test_columns_have_an_order(table):
    assert "expected a list" in str(error_of(superpose.fit, table, "width"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("odd") / "runs.sqlite"
    superpose.sweep({"features": 20, "dim": [2, 4], "steps": 30, "batch": 16}, store=path, progress=False)
    return superpose.open_store(path)


def test_values_in_sql(store):
    one = store.sql("select id from runs where id = ?", [np.int64(2)])
    assert list(one["id"]) == [2]
    assert list(store.sql("select id from runs where id = :id", {"id": np.int64(1)})["id"]) == [1]
    assert "AS" in str(error_of(store.sql, "select 1 as a, 2 as a"))
    assert error_of(store.sql, "select ?", "2").kind == "usage"
    steps = store.sql("select json_extract(value, '$[0]') as step from runs, json_each(result, '$.curve') where runs.id = 1")
    assert list(steps["step"])[-1] == 30
    assert store.run(np.int64(2)).id == 2
    for wrong in (None, 1.5, True, 2**70):
        assert error_of(store.run, wrong).kind == "usage"


def test_a_query_that_runs_forever_can_be_interrupted(store):
    endless = "with recursive t(x) as (select 1 union all select x + 1 from t) select count(*) from t"
    code = f"import superpose\nprint('ready', flush=True)\nsuperpose.open_store({store.path!r}).sql({endless!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(2)
    _, said = process.communicate(timeout=20)
    assert process.returncode != 0 and "KeyboardInterrupt" in said


def test_tables_of_our_own(store):
    runs = store.load()
    assert superpose.fit(runs, "power", x="dim", y="loss", progress=False).params["alpha"] > 0


def test_overrides_of_any_kind(tmp_path):
    grid = {"features": 20, "steps": 5, "batch": 8}
    path = tmp_path / "runs.sqlite"
    dry = superpose.sweep(grid, overrides={"bias": [True, False], "dim": range(2, 4)}, store=path, dry_run=True)
    assert dry["runs"] == 4
    counted = superpose.sweep({**grid, "features": 0, "dim": 2}, overrides={"law": [3, 2, 1]}, store=path, progress=False)
    assert len(counted) == 1 and counted[0].config["features"] == 3


def test_which_row_is_which_count():
    counts = [1, 0, 5, 3, 5]
    result = superpose.toy(law=counts, dim=2, steps=5, batch=8, progress=False)
    assert result.order.tolist() == [2, 4, 3, 0] and len(result.W) == 4
    p = np.asarray(counts, dtype=float)[result.order]
    assert np.allclose(result.probability, p / p.sum())
    assert superpose.toy(features=2, law=counts, dim=2, steps=5, batch=8, progress=False).order.tolist() == [2, 4]
    assert superpose.toy(dim=2, steps=5, batch=8, features=10, progress=False).order is None


def test_counts_come_along_and_need_no_home(tmp_path):
    code = ("import superpose, pickle, sys, pathlib\n"
            "r = superpose.toy(law=[1, 2, 4], dim=2, steps=5, batch=8)\n"
            "pathlib.Path(sys.argv[1]).write_bytes(pickle.dumps(r))\n"
            "pathlib.Path(r.config['law'][5:]).unlink()\n"
            "r.save(sys.argv[2]); print(r.probability.round(3).tolist())")
    environment = {**os.environ, "HOME": "/dev/null", "TMPDIR": str(tmp_path)}
    environment.pop("XDG_CACHE_HOME", None)
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "r.pickle", tmp_path / "w.safetensors"], env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[0.571, 0.286, 0.143]\n"
    assert superpose.inspect(tmp_path / "w.safetensors").n == 3
    assert error_of(superpose.toy, law=[0, 0]).kind == "usage"


def test_a_turned_dial_is_on_record(tmp_path):
    session = superpose.ToySession(features=20, dim=5, steps=100, batch=32)
    session.advance(40)
    session.decay = 1.0
    session.advance(2**62)
    result = session.result()
    assert result.decay_changes == [[40, 1.0]] and result.config["decay_changes"] == [[40, 1.0]]
    assert "1 from step 40" in repr(result) and "done" in repr(session)
    result.save(tmp_path / "w.safetensors")
    assert b"decay_changes" in (tmp_path / "w.safetensors").read_bytes()
    alone = superpose.toy(features=20, dim=5, steps=100, batch=32, progress=False)
    assert alone.decay_changes == [] and alone != result


def test_models_are_equal_by_what_they_are():
    one, two = (superpose.toy(features=20, dim=5, steps=20, batch=32, progress=False) for _ in range(2))
    assert one == two
    two.W = two.W + 1
    assert one != two


def test_a_diverged_run_has_no_geometry():
    wild = superpose.toy(features=20, dim=5, steps=200, batch=32, lr=100.0, optimizer="sgd", progress=False)
    assert wild.diverged and "diverged" in repr(wild)
    for call in (wild.geometry, wild.feature_losses, lambda: wild.save("never.safetensors")):
        assert error_of(call).kind == "numeric"
    assert not os.path.exists("never.safetensors")


def test_comparisons_that_failed_say_so(tmp_path):
    assert error_of(superpose.compare, ["nope.npy", "nope2.npy"]).kind == "io"
    np.save(tmp_path / "a.npy", W)
    some = superpose.compare([tmp_path / "a.npy", tmp_path / "nope.npy"])
    assert len(some.models) == 1 and len(some.errors) == 1 and "1 paths" in repr(some) and "nope.npy" in some._repr_html_()
    table = {"model": ["a", "b", "c"], "m": [64, 256, 1024], "mean_sq_overlap": [1 / 64, 1 / 256, 1 / 1024]}
    found = superpose.compare(table)
    assert found.fits[0]["exponent"] == pytest.approx(1) and len(found.models) == 3
    with pytest.raises(TypeError):
        superpose.compare("x.csv", foo=1)


def test_paths_of_any_bytes(tmp_path):
    for call in (superpose.inspect, superpose.open_store, superpose.sweep, superpose.Fit.load):
        assert error_of(call, f"{tmp_path}/a\0b").kind in ("usage", "io")
    assert "character 0" in str(error_of(superpose.fit, "published/fig8b_llm_losses.csv\0x", "width"))
    odd = os.fsdecode(bytes(tmp_path) + b"/a\x80b.npy")
    np.save(odd, W)
    assert superpose.inspect(odd).n == 30
    assert error_of(superpose.inspect, {"a\udc80": W}).kind == "usage"
    assert error_of(superpose.toy, law="a\udc80").kind == "usage"
    assert error_of(superpose.report, tmp_path / "x", title="\udc80").kind == "usage"


def test_containers():
    found = superpose.fit(GOOD, "width", progress=False)
    assert "alpha" in found and list(found) == list(found.params) and len(found) == len(found.params)
    geometry = superpose.geometry(W)
    assert geometry[np.int64(0)] == geometry.matrices[0] and "norm" in list(geometry[0])


def test_a_fit_s_file_that_is_none(tmp_path):
    (tmp_path / "f.json").write_text('{"schema": "superpose.fit/1"}')
    assert error_of(superpose.Fit.load, tmp_path / "f.json").kind == "bad_file"


@pytest.mark.parametrize("close", ["sys.stderr = None", "sys.stderr.close()", "import os; os.close(2)"])
def test_work_is_worth_more_than_its_bar(close):
    code = (f"import superpose, superpose._progress as p, sys\np._DELAY = 0.0\n{close}\n"
            "print(superpose.toy(features=200, dim=20, steps=2000, batch=256, progress=True).status)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "ok\n"
