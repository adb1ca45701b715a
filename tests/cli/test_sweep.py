# SPDX-License-Identifier: Apache-2.0
"""superpose sweep, ls and show from outside: tiny toy models, real signals, hostile files."""
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest

from conftest import ROOT

STUDY = """
name: tiny
defaults: {features: 40, steps: 20, batch: 32, density: 1}
grids:
  - {law: "power:{0,1}", decay: [-1, 0.5], dim: [4, 8]}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return path


def integrity(path):
    with sqlite3.connect(path) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


def test_a_sweep_runs_once_and_ls_and_show_tell_what_it_found(run, run_json, study, tmp_path):
    first = run_json("sweep", study, "--store", "runs.sqlite", "--jobs", 2)
    assert (first["study"], first["total"], first["done"], first["skipped"]) == ("tiny", 8, 8, 0)
    assert first["failed"] == 0 and not first["stopped"]
    again = run_json("sweep", study, "--store", "runs.sqlite")
    assert (again["total"], again["done"], again["skipped"]) == (8, 8, 8)

    listed = run_json("ls", "runs.sqlite")["runs"]
    assert sorted(r["id"] for r in listed) == list(range(1, 9))
    assert {r["status"] for r in listed} <= {"ok", "diverged"}
    assert all(isinstance(r["loss"], float) for r in listed if r["status"] == "ok")
    assert {(r["config"]["law"], r["config"]["decay"], r["config"]["dim"]) for r in listed} == {
        (law, decay, dim) for law in ("power:0", "power:1") for decay in (-1, 0.5) for dim in (4, 8)}
    assert all(r["config"]["features"] == 40 for r in listed)

    shown = run_json("show", "runs.sqlite", 3)["run"]
    assert shown["id"] == 3 and shown["loss"] == shown["result"]["loss"]
    assert {k: shown[k] for k in listed[2]} == listed[2]
    assert run_json("show", "runs.sqlite", shown["key"][:12])["run"]["id"] == 3

    table = run("ls", "runs.sqlite").stdout.splitlines()
    assert table[0].split()[:2] == ["id", "status"] and {"law", "decay", "dim", "loss"} <= set(table[0].split())
    assert "features" not in table[0], "a field that all runs share is no column"
    assert len(table) == 10 and table[-1].startswith("8 runs: ")
    text = run("show", "runs.sqlite", 3).stdout
    assert shown["key"] in text and "law" in text and "loss" in text
    assert [p.name for p in tmp_path.glob("runs.sqlite*")] == ["runs.sqlite"], "no -wal or -shm is left behind"


def test_dry_run_counts_and_creates_nothing(run, run_json, study, tmp_path):
    plan = run_json("sweep", study, "seed=range(5)", "--store", "runs.sqlite", "--dry-run", "--jobs", 4)
    assert (plan["runs"], plan["finished"], plan["remaining"]) == (40, 0, 40)
    assert 0 < plan["predicted_seconds"] <= plan["predicted_core_seconds"]
    assert plan["predicted_seconds"] >= plan["predicted_core_seconds"] / 4 * 0.999
    assert not list(tmp_path.glob("runs.sqlite*"))
    run("sweep", study, "--store", "runs.sqlite")
    plan = run_json("sweep", study, "seed=0,1", "--store", "runs.sqlite", "--dry-run")
    assert (plan["runs"], plan["finished"], plan["remaining"]) == (16, 8, 8)
    assert "16 runs" in run("sweep", study, "seed=0,1", "--store", "runs.sqlite", "--dry-run").stdout


def test_the_paper_study_is_the_papers_grids(run_json):
    paper = ROOT / "studies/paper.yaml"
    assert run_json("sweep", paper, "--dry-run")["runs"] == 1020 + 480
    assert run_json("sweep", paper, "dim=10,25", "decay=-1", "law=power:1", "density=1", "--dry-run")["runs"] == 2


@pytest.mark.parametrize("words, said", [
    (["dimm=5"], "dim"),
    (["dim10"], "key=value"),
    (["dim="], "dim"),
    (["dim=range(0)"], "range(0)"),
    (["dim=4", "dim=8"], "twice"),
    (["decay=linspace(1,2)"], "linspace(first,last,count)"),
    (["seed=range(1000)", "decay=linspace(0,1,1001)"], "more than 1000000 runs"),
    (["--dryrun"], "--dry-run"),
    (["--jobs", "-1"], "--jobs"),
])
def test_usage_errors_say_what_to_write(run, study, tmp_path, words, said):
    done = run("sweep", study, "--store", "runs.sqlite", *words, code=2)
    assert said in done.stderr and done.stdout == ""
    assert not (tmp_path / "runs.sqlite").exists()


@pytest.mark.parametrize("text, code, said", [
    ("name: x\ngrid: []\n", 2, "grids"),
    ("name: x\n", 2, "no grids"),
    ("a: [1, 2\n", 3, "study.yaml:"),
    ("grids:\n  - {dim: linspace(1,2,3)}\n", 2, "study.yaml:2: dim"),
    ("[" * 100000, 3, "nested"),
    ("x: &a [*a]", 2, "nested"),
    ("#" * 1100000, 3, "bytes"),
], ids=["grid", "none", "open", "commas", "deep", "cycle", "huge"])
def test_bad_study_files_are_named_with_their_line(run, tmp_path, text, code, said):
    (tmp_path / "study.yaml").write_text(text)
    assert said in run("sweep", "study.yaml", code=code).stderr


def test_stores_that_are_none(run, study, tmp_path):
    (tmp_path / "text.sqlite").write_text("no database " * 100)
    with sqlite3.connect(tmp_path / "foreign.sqlite") as connection:
        connection.execute("CREATE TABLE mine (x)")
    for name in ("text.sqlite", "foreign.sqlite"):
        for words in (["ls", name], ["show", name, 1], ["sweep", study, "--store", name],
                      ["sweep", study, "--store", name, "--dry-run"]):
            assert name in run(*words, code=3).stderr
    run("sweep", study, "--store", "runs.sqlite")
    with sqlite3.connect(tmp_path / "runs.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer" in run("ls", "runs.sqlite", code=5).stderr
    assert "mkdir -p" in run("sweep", study, "--store", "no/such/runs.sqlite", code=4).stderr
    assert "absent.sqlite" in run("ls", "absent.sqlite", code=4).stderr
    run("ls", tmp_path, code=4)


def test_show_says_which_runs_exist(run, study):
    run("sweep", study, "--store", "runs.sqlite")
    for word in ("9", "0", "1x", "zz", "99999999999999999999", "%", "' OR 1=1"):
        assert "1-8" in run("show", "runs.sqlite", word, code=2).stderr


def start(program, *words, cwd):
    return subprocess.Popen([program, *map(str, words)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def statuses(path):
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return [row[0] for row in connection.execute("SELECT status FROM runs")]
    except sqlite3.OperationalError:
        return []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_finished_and_the_next_start_goes_on(program, run, run_json, study, tmp_path, number):
    store = tmp_path / "runs.sqlite"
    run("sweep", study, "dim=4", "--store", store)
    sweep = start(program, "sweep", study, "dim=4,8", "steps=20,100000000", "--store", store, "--jobs", 2, cwd=tmp_path)
    wait_until(lambda: statuses(store).count("running") == 2)
    began = time.monotonic()
    sweep.send_signal(number)
    out, err = sweep.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert sweep.returncode == 128 + number, err
    assert "stopped" in out
    runs = run_json("ls", store)["runs"]
    assert sum(r["status"] == "ok" for r in runs) >= 4
    assert {r["status"] for r in runs} == {"ok", "interrupted"}
    assert run_json("sweep", study, "dim=4,8", "--store", store)["done"] == 8


def test_ctrl_c_in_the_middle_of_a_long_step_ends_within_seconds(program, run_json, tmp_path):
    """A million features: a single step takes about a second."""
    (tmp_path / "study.yaml").write_text(
        "grids:\n  - {features: 1000000, dim: 64, batch: 2048, density: 1, steps: 1000, law: 'power:1'}\n")
    if run_json("sweep", "study.yaml", "--dry-run")["memory_bytes"] < 4e9:
        pytest.skip("needs 4 GB of memory")
    sweep = start(program, "sweep", "study.yaml", "--store", "runs.sqlite", "--snapshot-every", "0", cwd=tmp_path)
    wait_until(lambda: statuses(tmp_path / "runs.sqlite") == ["running"])
    time.sleep(6)  # into the steps
    began = time.monotonic()
    sweep.send_signal(signal.SIGINT)
    sweep.communicate(timeout=60)
    assert sweep.returncode == 128 + signal.SIGINT
    assert time.monotonic() - began < 4, "two seconds on a machine that does nothing else"
    assert [r["status"] for r in run_json("ls", "runs.sqlite")["runs"]] == ["interrupted"]


def test_a_killed_sweep_goes_on_inside_its_runs(program, run, run_json, tmp_path):
    (tmp_path / "study.yaml").write_text(
        "grids:\n  - {features: 300, dim: 8, batch: 256, steps: 4000, law: 'power:1', decay: [-1, 0.5]}\n")
    run("sweep", "study.yaml", "--store", "whole.sqlite")
    words = ["sweep", "study.yaml", "--store", "runs.sqlite", "--jobs", 2, "--snapshot-every", "0.001"]
    folder = tmp_path / "runs.sqlite.snapshots"
    sweep = start(program, *words, cwd=tmp_path)
    wait_until(lambda: folder.exists() and len(list(folder.glob("*.safetensors"))) == 2)
    sweep.kill()
    sweep.communicate()
    damaged = sorted(folder.glob("*.safetensors"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    done = run(*words)
    assert "begins at step 0" in done.stderr and damaged.name in done.stderr
    assert not folder.exists(), "nothing is left of it"

    def results(store):
        shown = [run_json("show", store, r["id"])["run"] for r in run_json("ls", store)["runs"]]
        for r in shown:
            del r["result"]["seconds"], r["result"]["steps_per_second"]
        return {r["key"]: r["result"] for r in shown}

    assert results("runs.sqlite") == results("whole.sqlite")


def test_a_sweep_has_one_thread_per_run_and_blas_none(program, tmp_path):
    (tmp_path / "study.yaml").write_text(
        "grids:\n  - {features: 500, dim: 40, steps: 100000000, batch: 512, seed: range(3)}\n")
    sweep = start(program, "sweep", "study.yaml", "--store", "runs.sqlite", "--jobs", 3, cwd=tmp_path)
    wait_until(lambda: statuses(tmp_path / "runs.sqlite").count("running") == 3)

    def busy_threads():
        out = 0
        for task in pathlib.Path(f"/proc/{sweep.pid}/task").iterdir():
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            out += int(fields[11]) + int(fields[12]) > 3  # ticks of user and system time: a thread that has computed
        return out

    try:
        wait_until(lambda: busy_threads() >= 3)
        time.sleep(1)
        assert busy_threads() in (3, 4)  # the three runs, and the thread that looks after them may have ticked
    finally:
        sweep.kill()
        sweep.communicate()


def test_all_that_is_wrong_in_a_study_is_named_before_any_work(run, tmp_path):
    (tmp_path / "nan").write_text("3\nnan\n")
    (tmp_path / "study.yaml").write_text(f"""
grids:
  - {{features: 40, dim: [0, 4], batch: [-1, 32], density: [1, 50]}}
  - {{law: "file:{tmp_path}/nan", dim: 3}}
  - {{features: 100000000, dim: 65536}}
  - {{features: 40, dimm: 3}}
""")
    said = run("sweep", "study.yaml", "--store", "runs.sqlite", code=2).stderr
    for part in ("10 of 11 configurations cannot run", "dim = 0", "batch = -1", "density = 50", "line 2", "GB of memory",
                 "unknown field dimm (did you mean dim?)"):
        assert part in said, (part, said)
    assert not (tmp_path / "runs.sqlite").exists()


def test_dry_run_says_which_cores_and_how_much_memory(run, run_json, study):
    plan = run_json("sweep", study, "--dry-run")
    assert plan["cores"] == plan["config"]["jobs"] >= 1 and "the machine has" in plan["cores_because"]
    assert 1e4 < plan["predicted_run_bytes"] < 1e8 < plan["memory_bytes"]
    assert run_json("sweep", study, "--dry-run", "--jobs", 3)["cores_because"].startswith("3 cores: --jobs")
    text = run("sweep", study, "--dry-run").stdout
    assert "the machine has" in text and "GB" in text
    if len(os.sched_getaffinity(0)) > 1:
        one = {min(os.sched_getaffinity(0))}
        narrow = run_json("sweep", study, "--dry-run", preexec_fn=lambda: os.sched_setaffinity(0, one))
        assert narrow["cores"] == 1 and "affinity mask allows 1" in narrow["cores_because"]


def test_kill_9_of_two_sweeps_on_one_store(program, run_json, study, tmp_path):
    store = tmp_path / "runs.sqlite"
    words = ["sweep", study, "seed=range(10)", "--store", store, "--jobs", 1]
    sweeps = [start(program, *words, cwd=tmp_path) for _ in range(2)]
    wait_until(lambda: len(statuses(store)) > 3)
    for sweep in sweeps:
        sweep.kill()
        sweep.communicate()
    before = {r["id"]: r["finished_at"] for r in run_json("ls", store)["runs"] if r["status"] == "ok"}
    assert "running" not in {r["status"] for r in run_json("ls", store)["runs"]}, "the dead hold nothing"
    end = run_json(*words)
    # A record whose process was killed while it wrote it may only come to light when the next writer opens the store.
    assert end["done"] == 80 and len(before) <= end["skipped"] <= len(before) + 2
    after = {r["id"]: r["finished_at"] for r in run_json("ls", store)["runs"]}
    assert len(after) == 80 and before.items() <= after.items(), "what was finished was not touched"
    assert integrity(store) == "ok"


def test_ls_while_a_sweep_writes(program, run_json, study, tmp_path):
    store = tmp_path / "runs.sqlite"
    sweep = start(program, "sweep", study, "seed=range(20)", "--store", store, cwd=tmp_path)
    wait_until(lambda: len(statuses(store)) > 0)
    while sweep.poll() is None:
        assert {r["status"] for r in run_json("ls", store)["runs"]} <= {"ok", "diverged", "running"}
    assert sweep.returncode == 0


def test_a_full_disk_is_an_io_error_and_the_next_start_goes_on(run, run_json, study, tmp_path):
    resource = pytest.importorskip("resource")

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    # restore_signals=False keeps SIGXFSZ ignored, so that the write fails instead of ending the process.
    run("sweep", study, "seed=range(30)", "--store", "runs.sqlite", code=4, preexec_fn=small_files,
        restore_signals=False)
    assert run_json("sweep", study, "seed=range(30)", "--store", "runs.sqlite")["done"] == 240
    assert integrity(tmp_path / "runs.sqlite") == "ok"


def test_ls_on_a_read_only_folder(program, run, study, tmp_path):
    run("sweep", study, "--store", "runs.sqlite")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copy(program, folder / "superpose")
        shutil.copy(tmp_path / "runs.sqlite", folder / "runs.sqlite")
        (folder / "runs.sqlite").chmod(0o444)
        folder.chmod(0o555)
        # To root nothing is read-only.
        other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        words = [folder / "superpose", "ls", folder / "runs.sqlite"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, **other)
        except PermissionError:
            pytest.skip("no second user to run as")
        finally:
            folder.chmod(0o755)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith("8 runs: ")


def test_help_has_an_example_that_works(run):
    for verb in ("sweep", "ls", "show"):
        assert f"superpose {verb} " in run(verb, "--help").stdout
    run("sweep", "quick", "dim=10,25", "seed=range(3)", "--store", "runs.sqlite", "--dry-run")
