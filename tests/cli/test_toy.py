# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of `superpose toy` and of what all verbs share: unknown flags, exit codes, help that works as pasted."""
import json
import os
import pathlib
import shlex
import signal
import struct
import subprocess
import sys
import time

import jsonschema
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
SCHEMA = json.loads((ROOT / "docs/schema/toy.json").read_text())
SMALL = ["--features", "60", "--dim", "8", "--steps", "300", "--batch", "128"]
VERBS = ["toy", "sweep", "inspect", "fit", "study", "report", "ls", "show"]


def run(*words, code=0, cwd=None):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300, cwd=cwd)
    assert done.returncode == code, (done.returncode, done.stderr)
    return done


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def toy(*words):
    out = json.loads(run("toy", *words, "--json").stdout, parse_constant=no_constant)
    jsonschema.Draft202012Validator(SCHEMA).validate(out)
    return out


def load_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + length])
    body = raw[8 + length:]
    tensors = {}
    for name, info in header.items():
        if name != "__metadata__":
            begin, end = info["data_offsets"]
            assert info["dtype"] == "F32"
            tensors[name] = np.frombuffer(body[begin:end], "<f4").reshape(info["shape"])
    return tensors, header["__metadata__"]


def test_json_has_every_field_and_the_saved_weights_agree_with_it(tmp_path):
    path = tmp_path / "w.safetensors"
    out = toy(*SMALL, "--law", "power:1.0", "--decay", "-1", "--seed", "3", "--save", path, "--profile")
    tensors, metadata = load_safetensors(path)
    W, b = tensors["W"].astype(float), tensors["b"]
    assert W.shape == (60, 8) and b.shape == (60,)
    assert json.loads(metadata["superpose.config"]) == out["config"]
    norms = np.linalg.norm(W, axis=1)
    assert out["phi_half"] == pytest.approx(np.mean(norms > 0.5))
    assert out["phi_one"] == pytest.approx(np.mean(norms > 1))
    assert out["norm_mean"] == pytest.approx(norms.mean(), rel=1e-6)
    assert out["norm_quantiles"] == pytest.approx(np.quantile(norms, [.01, .05, .25, .5, .75, .95, .99]), rel=1e-5)
    assert sum(out["norm_histogram"]["counts"]) == 60

    def mean_square(keep):
        U = W[keep] / norms[keep, None]
        C = (U @ U.T) ** 2
        k = len(U)
        return (C.sum() - k) / (k * (k - 1)) if k > 1 else None

    for field, keep in [("overlap_mean_square", norms > 0.5), ("overlap_mean_square_all", norms > 0),
                        ("overlap_mean_square_strong", norms > 1)]:
        expected = mean_square(keep)
        assert out[field] is None if expected is None else out[field] == pytest.approx(expected, rel=1e-6)
    p = 1 / np.arange(1, 61)
    p /= p.sum()
    assert out["loss_unlearned"] == pytest.approx(4 / 3 * p[norms <= 0.5].sum(), abs=1e-9)
    assert out["welch_bound_mean_square"] == pytest.approx((60 - 8) / (8 * 59))
    assert out["density_realised"] == pytest.approx(1)
    assert out["config"]["law"] == "power:1"
    # The loss by an independent program: fresh data, dense.
    rng = np.random.default_rng(0)
    x = (rng.random((40000, 60)) < p) * rng.uniform(0, 2, (40000, 60))
    loss = ((np.maximum(x @ W @ W.T + b, 0) - x) ** 2).sum(axis=1)
    # Features one by one: the sum is the loss, and the losses kept are those of the same simulation.
    assert abs(out["feature_loss_sum"] - loss.mean()) < 5 * (loss.std() / 200 + out["feature_loss_sum_se"])
    each = (np.maximum(x @ W @ W.T + b, 0) - x) ** 2
    kept = out["emergence"]
    assert kept["ranks"] == list(range(1, 61))  # all of a small model
    for i in (0, 1, 5, 20):  # a few per cent each; five standard errors of the simulation on top
        assert abs(kept["loss"][i] - each[:, i].mean()) < 5 * each[:, i].std() / 200 + 0.25 * kept["loss"][i]
    ignored = 4 / 3 * p - p**2
    resolved = np.array(kept["loss"]) < ignored / 2
    assert abs(resolved.sum() - out["features_resolved"]) <= 1  # losses are kept with four digits
    assert sum(kept["resolved"]) == 60 and sum(kept["resolved"][::2]) == out["features_resolved"]
    assert kept["norm"] == pytest.approx(norms, rel=6e-3)
    # eval_loss has 100 batches of 128; five standard errors of both, a false alarm in about 10^6 (the seeds are fixed).
    assert abs(loss.mean() - out["eval_loss"]) < 5 * (loss.std() / 200 + out["eval_loss_se"])


def test_engines_agree_and_seeds_differ():
    fast = toy(*SMALL, "--seed", "1")
    slow = toy(*SMALL, "--seed", "1", "--engine", "reference")
    other = toy(*SMALL, "--seed", "2")
    assert fast["curve"][0][1] == pytest.approx(slow["curve"][0][1], rel=1e-4)
    assert fast["loss"] == pytest.approx(slow["loss"], rel=0.05)  # float and double part company slowly
    assert fast["loss"] != other["loss"]


def test_same_seed_is_bit_identical_for_any_threads(tmp_path):
    words = ["toy", "--features", "2000", "--dim", "10", "--steps", "50", "--batch", "256"]
    for threads in (1, 2, 3):
        run(*words, "--threads", threads, "--save", tmp_path / f"{threads}.safetensors")
    first = (tmp_path / "1.safetensors").read_bytes()
    assert first == (tmp_path / "2.safetensors").read_bytes() == (tmp_path / "3.safetensors").read_bytes()


def dense_loss(x, tensors, importance=1.0, activation=lambda z: np.maximum(z, 0)):
    W = tensors["W"].astype(float)
    y = activation(x @ W @ tensors.get("W_dec", tensors["W"]).astype(float).T + tensors["b"])
    return (importance * (y - x) ** 2).sum(axis=1)


@pytest.mark.parametrize("words, draw, importance, activation", [
    (["--values", "uniform:-1:1"], lambda g, u: u * g.uniform(-1, 1, u.shape), 1.0, None),
    (["--values", "constant:2"], lambda g, u: 2.0 * u, 1.0, None),
    (["--values", "exponential", "--decoder", "untied"], lambda g, u: u * g.exponential(1, u.shape), 1.0, None),
    (["--values", "halfnormal:0.5", "--bias", "false"], lambda g, u: u * abs(g.normal(0, 0.5, u.shape)), 1.0, None),
    (["--importance", "geometric:0.9", "--decoder", "untied"], lambda g, u: u * g.uniform(0, 2, u.shape), 0.9 ** np.arange(12), None),
    (["--activation", "linear", "--engine", "reference"], lambda g, u: u * g.uniform(0, 2, u.shape), 1.0, lambda z: z),
])
def test_extensions_have_the_loss_that_an_independent_program_finds(tmp_path, words, draw, importance, activation):
    out = toy("--features", 12, "--dim", 4, "--steps", 400, "--batch", 128, "--density", 4, "--law", "uniform", *words, "--save",
              tmp_path / "w")
    tensors, _ = load_safetensors(tmp_path / "w")
    assert ("W_dec" in tensors) == ("untied" in words)
    assert np.allclose(out["weights"], tensors["W"]) and np.allclose(out["biases"], tensors["b"])
    assert out["frobenius_square"] == pytest.approx((tensors["W"].astype(float) ** 2).sum())
    if "--bias" in words:
        assert not tensors["b"].any()
    g = np.random.default_rng(1)
    x = draw(g, (g.random((40000, 12)) < 4 / 12).astype(float))
    loss = dense_loss(x, tensors, importance, activation or (lambda z: np.maximum(z, 0)))
    # Five standard errors of both, a false alarm in about 10^6 (the seeds are fixed).
    assert abs(loss.mean() - out["eval_loss"]) < 5 * (loss.std() / 200 + out["eval_loss_se"])


@pytest.mark.parametrize("words", [["--optimizer", "sgd", "--momentum", "0.5", "--lr", "0.1"], ["--optimizer", "lion", "--lr", "0.003"],
                                   ["--schedule", "wsd"], ["--schedule", "constant"], ["--schedule", "linear"]])
def test_every_optimiser_and_schedule_learns(words):
    out = toy("--features", 4, "--dim", 8, "--law", "uniform", "--decay", "0", "--steps", "1500", "--batch", "128", *words)
    assert out["status"] == "ok" and out["loss"] < 0.1 * out["curve"][0][1], out["loss"]


def test_groups_of_features(tmp_path):
    # Mutually exclusive features fit a sample into one dimension each way: two antipodal pairs lose (nearly) nothing.
    words = ["--features", 4, "--dim", 2, "--law", "uniform", "--density", 1, "--decay", 0, "--steps", 1500, "--batch", 128]
    losses = [toy(*words, "--correlation", "exclusive:2", "--seed", s)["eval_loss"] for s in range(4)]
    together = min(toy(*words, "--correlation", "together:2", "--seed", s)["eval_loss"] for s in range(4))
    assert min(losses) < 0.01 < together
    assert "lower the density" in run("toy", "--correlation", "exclusive:2", "--density", 900, code=2).stderr


def test_divergence_is_a_result(tmp_path):
    out = toy(*SMALL, "--lr", "1e12", "--save", tmp_path / "w")
    assert out["status"] == "diverged" and out["loss"] is None and out["diverged_at"] >= 0
    assert out["random_mean_square"] == 1 / 8 and out["phi_half"] is None
    assert not (tmp_path / "w").exists()
    text = run("toy", *SMALL, "--lr", "1e12").stdout
    assert "diverged" in text and "nan" not in text.lower()


def test_law_from_a_file_of_counts(tmp_path):
    counts = tmp_path / "counts.tsv"
    counts.write_text("token\tcount\n5\t3\n6\t0\n7\t90\n8\t7\n")
    out = toy("--law", f"file:{counts}", "--dim", "2", "--steps", "20", "--batch", "16")
    assert out["config"]["features"] == 3 and out["zeros_dropped"] == 1
    assert len(out["config"]["law_data"]) == 16
    run("toy", "--law", f"file:{counts}", "--features", "9", code=2)
    run("toy", "--law", "file:/no/such/file", code=4)
    counts.write_text("a\t-1\nb\t-2\n")
    assert "line 1" in run("toy", "--law", f"file:{counts}", code=3).stderr


def test_real_token_counts():
    root = os.environ.get("SUPERPOSE_TEST_DATA")
    if not root:
        pytest.skip("SUPERPOSE_TEST_DATA is not set")
    path = pathlib.Path(root) / "corpora/tokfreq_gpt2_tinystories_val.tsv"
    out = toy("--law", f"file:{path}", "--features", "500", "--dim", "10", "--steps", "50", "--batch", "64")
    assert out["config"]["features"] == 500 and out["status"] == "ok"


@pytest.mark.parametrize("words, part", [
    (["--dimm", "3"], "did you mean --dim?"),
    (["--dim", "0", "--batch", "-3"], "batch = -3"),
    (["--density", "2000"], "density"),
    (["--law", "powr:1"], "did you mean power"),
    (["--engine", "quick"], "engine = quick"),
    (["--dim", "x"], "--dim"),
    (["stray"], "stray"),
    (["--decay", "nan"], "decay"),
    (["--seed", "9223372036854775808"], "--seed"),
    (["--features", "0x10"], "--features"),
    (["--values", "unifrm:0:1"], "did you mean uniform"),
    (["--importance", "geometric:0"], "geometric:R with R > 0"),
    (["--activation", "linear"], "--engine reference"),
    (["--momentum", "0.5"], "optimizer = sgd"),
    (["--bias", "maybe"], "--bias"),
    (["--schedule", "step"], "cosine, constant, linear or wsd"),
])
def test_wrong_use_is_exit_2_and_says_what(words, part):
    done = run("toy", *words, code=2)
    assert part in done.stderr and done.stdout == ""


def test_integers_are_decimal():
    out = toy("--features", "010", "--dim", "2", "--steps", "1e1", "--batch", "8")
    assert out["config"]["features"] == 10 and out["config"]["steps"] == 10


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in run("toy", "--law", f"file:{tmp_path / 'pipe'}", code=4).stderr


def test_underscores_are_accepted_in_flags():
    assert toy(*SMALL, "--lr_bias", "0.02", "--loss_scale=2")["config"]["lr_bias"] == 0.02


def test_an_unwritable_file_is_exit_4(tmp_path):
    done = run("toy", "--steps", "1000000", "--save", tmp_path / "no" / "folder.safetensors", code=4)  # before the training
    assert "no folder" in done.stderr
    run("toy", *SMALL, "--save", tmp_path, code=4)


def without_times(out):
    return {k: v for k, v in out.items() if k not in ("seconds", "steps_per_second")}


@pytest.mark.parametrize("engine, threads", [("fast", 1), ("fast", 2), ("reference", 1)])
def test_a_killed_run_goes_on_from_its_snapshot_and_ends_bit_identical(tmp_path, engine, threads):
    words = ["--features", "1500" if engine == "fast" else "300", "--dim", "12", "--batch", "128",
             "--steps", "3000" if engine == "fast" else "600", "--engine", engine]
    whole = toy(*words, "--save", tmp_path / "whole")
    snapshot = tmp_path / "run.snapshot"
    resumable = ["toy", *words, "--threads", threads, "--snapshot", snapshot, "--snapshot-every", "0",
                 "--save", tmp_path / "resumed", "--json"]
    for kill in range(3):  # kill -9, wherever it is
        process = subprocess.Popen([PROGRAM, *map(str, resumable)], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        before = snapshot.stat().st_mtime_ns if snapshot.exists() else None
        while not (snapshot.exists() and snapshot.stat().st_mtime_ns != before):
            assert process.poll() is None and time.monotonic() < end, "ended before it could be killed"
            time.sleep(0.01)
        time.sleep(0.1 * kill)
        process.kill()
        process.wait()
    stopped = subprocess.Popen([PROGRAM, *map(str, resumable)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)
    stopped.send_signal(signal.SIGTERM)
    out, err = stopped.communicate(timeout=60)
    if stopped.returncode != 0:  # it may have been quicker
        assert stopped.returncode == 128 + signal.SIGTERM and "goes on from" in err, err
        out = run(*resumable).stdout
    assert without_times(json.loads(out)) == without_times(whole)
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert not snapshot.exists(), "removed at the end"


def test_a_snapshot_that_is_none_or_of_another_run_is_refused_and_left_alone(tmp_path):
    snapshot = tmp_path / "run.snapshot"
    run("toy", *SMALL, "--snapshot", snapshot, "--snapshot-every", "0", "--keep-snapshot")
    good = snapshot.read_bytes()
    assert "seed is 0, not 1" in run("toy", *SMALL, "--seed", "1", "--snapshot", snapshot, code=3).stderr
    for bad in (good[:-1], good[:100], b"", good[:-9] + bytes([good[-9] ^ 1]) + good[-8:], b"my precious notes"):
        snapshot.write_bytes(bad)
        assert "run.snapshot" in run("toy", *SMALL, "--snapshot", snapshot, code=3).stderr
        assert snapshot.read_bytes() == bad
    snapshot.write_bytes(good)
    again = toy(*SMALL, "--snapshot", snapshot)
    assert without_times(again) == without_times(toy(*SMALL))
    assert "no folder" in run("toy", *SMALL, "--snapshot", tmp_path / "no" / "x", code=4).stderr


def test_pipes_are_not_replaced_and_links_are_followed(tmp_path):
    pipe, target, link = tmp_path / "pipe", tmp_path / "target", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(target)
    for flag in ("--save", "--snapshot"):
        assert "not a regular file" in run("toy", *SMALL, flag, pipe, code=4).stderr
    assert pipe.is_fifo()
    run("toy", *SMALL, "--save", link)
    assert link.is_symlink() and load_safetensors(target)[0]["W"].shape == (60, 8)
    both = run("toy", *SMALL, "--save", target, "--snapshot", link, code=2).stderr
    assert "two files are needed" in both


def test_the_instruction_set_can_be_chosen_and_a_wrong_one_is_refused(monkeypatch):
    monkeypatch.setenv("SUPERPOSE_ISA", "avx1024")
    refused = run("toy", *SMALL, code=2).stderr
    assert "SUPERPOSE_ISA=avx1024" in refused and "expected one of" in refused
    known = [word.strip(",") for word in refused.split("expected one of")[1].split()]
    outcomes = []
    for name in known:
        monkeypatch.setenv("SUPERPOSE_ISA", name)
        first, second = (toy("--features", 60, "--dim", 8, "--steps", 20, "--batch", 128) for _ in range(2))
        assert first["instruction_set"] == name
        assert first["loss"] == second["loss"] and first["eval_loss"] == second["eval_loss"]
        outcomes.append(first["loss"])
    # 20 steps apart only rounding separates them; what it grows to over thousands is another matter.
    assert outcomes == pytest.approx([outcomes[0]] * len(outcomes), rel=1e-4)


def test_a_short_run_is_evaluated_on_as_many_batches_and_a_long_one_says_how_long():
    short = run("toy", "--features", 60, "--dim", 8, "--steps", 7)
    assert "last 7 training batches" in short.stdout and "over 7 fresh batches" in short.stdout
    assert "on one core" not in short.stderr
    said = run("toy", "--features", 20000, "--dim", 1000, "--steps", 50, "--batch", 4, "--density", 0.1).stderr
    assert "on one core" in said and "GB of memory" in said


def test_all_problems_are_named_before_any_work(tmp_path):
    (tmp_path / "counts").write_text("5\nnan\n")
    said = run("toy", "--dim", "0", "--batch", "-3", "--density", "-1", "--decay", "inf", "--lr", "0",
               "--law", f"file:{tmp_path / 'counts'}", code=2).stderr
    for part in ("dim = 0", "batch = -3", "density = -1", "decay = inf", "lr = 0", "line 2", "nan"):
        assert part in said, (part, said)


@pytest.mark.parametrize("text, said", [("3\nnan\n", "line 2"), ("3\n-1\n", "line 2"), ("0\n0\n", "no positive count"),
                                        ("", "no positive count"), ("3\ninf\n", "line 2")])
def test_a_law_file_that_cannot_be_is_refused(tmp_path, text, said):
    (tmp_path / "counts").write_text(text)
    assert said in run("toy", "--law", f"file:{tmp_path / 'counts'}", "--dim", "2", code=3).stderr


def test_more_memory_than_there_is_is_refused_at_once_with_the_numbers():
    began = time.monotonic()
    said = run("toy", "--features", "100000000", "--dim", "65536", "--law", "uniform", code=2).stderr
    assert "GB of memory" in said and "features = 100000000" in said
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("words", [
    ["--features", "200000", "--dim", "64"], ["--features", "20000", "--dim", "256"],
    ["--features", "20000", "--dim", "30", "--engine", "reference"]], ids=["long", "wide", "reference"])
def test_memory_is_what_was_predicted(tmp_path, words):
    """Within a quarter, against the peak that the kernel counted."""
    (tmp_path / "study.yaml").write_text("grids:\n  - {steps: 3, batch: 256, " + ", ".join(
        f"{k[2:]}: {v}" for k, v in zip(words[::2], words[1::2])) + "}\n")
    plan = json.loads(run("sweep", tmp_path / "study.yaml", "--dry-run", "--json", cwd=tmp_path).stdout)
    done = subprocess.run([sys.executable, "-c", "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
                           "stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                           PROGRAM, "toy", *words, "--steps", "3", "--batch", "256", "--threads", "1"],
                          capture_output=True, text=True, check=True)
    measured = int(done.stdout) * 1024
    assert measured / 1.25 < plan["predicted_run_bytes"] + 12e6 < measured * 1.25


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_unknown_flags_with_the_nearest_name(verb):
    done = run(verb, "--jsn", code=2)
    assert "unknown flag --jsn" in done.stderr and "--json" in done.stderr, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb):
    text = run(verb, "--help").stdout
    assert "Example" in text and f"superpose {verb}" in text and "--json" in text


def test_an_unknown_verb_names_the_nearest():
    assert "did you mean sweep" in run("swep", code=2).stderr
    assert run().stdout.startswith("superpose")
    assert run("--version").stdout.startswith("superpose ")


def test_the_toy_examples_work_as_pasted(tmp_path):
    text = run("toy", "--help").stdout
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("superpose toy")]
    assert lines
    words = shlex.split(lines[0])[1:]
    run(*words, cwd=tmp_path)
