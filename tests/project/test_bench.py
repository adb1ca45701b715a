# SPDX-License-Identifier: Apache-2.0
"""The benchmarks' own arithmetic; and, where PyTorch is installed, that the programs compared do the same thing."""
import importlib
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SUPERPOSE", ROOT / "build/release/bin/superpose"))


@pytest.fixture
def bench(monkeypatch):
    """bench("scaling/scaling"): a module of bench/, imported as its script would be."""

    def load(name):
        path = ROOT / "bench" / name
        monkeypatch.syspath_prepend(str(ROOT / "bench"))
        monkeypatch.syspath_prepend(str(path.parent))
        return importlib.import_module(path.name)

    return load


def test_run_lists_the_benchmarks_and_refuses_others():
    listed = subprocess.run([ROOT / "run", "bench"], capture_output=True, text=True)
    assert listed.returncode == 0
    for name in ("toy_step", "versus_pytorch", "scaling"):
        assert f"./run bench {name}" in listed.stdout
    other = subprocess.run([ROOT / "run", "bench", "pytorch"], capture_output=True, text=True)
    assert other.returncode == 2 and "versus_pytorch" in other.stderr


@pytest.mark.parametrize(
    "flag, value, said",
    [
        ("--points", "12", "expected numbers from 0 to 11"),
        ("--points", "one", "expected numbers from 0 to 11"),
        ("--rounds", "0", "--rounds must be at least 1"),
        ("--superpose", "/nowhere", "/nowhere does not exist"),
    ],
)
def test_versus_pytorch_refuses_before_any_work(flag, value, said):
    script = ROOT / "bench/versus_pytorch/versus_pytorch.py"
    done = subprocess.run([sys.executable, script, flag, value], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and said in done.stderr


def test_the_slope_is_that_of_the_larger_half(bench):
    slope = bench("scaling/scaling").slope
    x = [1, 2, 4, 8, 16, 32]
    assert slope(x, [7 * v**1.5 for v in x]) == pytest.approx(1.5)
    assert slope(x, [max(8, v) * 1.0 for v in x]) == pytest.approx(1.0)  # flat below 8
    assert slope([1, 2], [1, 2]) is None


def test_expected_active_features(bench):
    versus = bench("versus_pytorch/versus_pytorch")
    assert versus.expected_active(0.0) == pytest.approx(1000 * (1 - (1 - 1e-3) ** 2048))
    assert len(versus.POINTS) == 12 and len(set(versus.POINTS)) == 12


def test_core_types_are_ones_that_the_cpu_can_run(bench, monkeypatch):
    measure = bench("measure")
    monkeypatch.setattr(measure, "cpu_flags", lambda: ("", {"avx2", "fma"}))
    assert measure.core_types() == ["Haswell", "Zen"]
    monkeypatch.setattr(measure, "cpu_flags", lambda: ("", {"sse2"}))
    assert measure.core_types() == []


def test_threads_are_one_whatever_the_caller_has(bench, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    env = bench("measure").single_thread()
    assert env["OPENBLAS_NUM_THREADS"] == env["OMP_NUM_THREADS"] == "1" and "OPENBLAS_CORETYPE" not in env


@pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built")
def test_a_run_is_timed_and_its_failure_is_not_swallowed(bench):
    measure = bench("measure")
    run = measure.toy(str(PROGRAM), features=2000, dim=200, steps=5, batch=4096)
    assert 0 < run["seconds"] < 60
    # Weights, gradient and two moments alone are 4·n·m·4 bytes. Unknown where the test runner is the larger process.
    assert run["peak_bytes"] is None or run["peak_bytes"] > 16 * 2000 * 200
    with pytest.raises(RuntimeError, match="dim"):
        measure.toy(str(PROGRAM), dim=0, steps=5)


def test_learning_rate_of_the_protocol(bench):
    pytest.importorskip("torch", reason="PyTorch is only needed by ./run bench")
    protocol = bench("versus_pytorch/protocol")
    config = protocol.Config(dim=10)
    assert protocol.learning_rate(0, config) == pytest.approx(0.01 / 2000)
    assert protocol.learning_rate(1999, config) == pytest.approx(0.01)
    assert protocol.learning_rate(10_999, config) == pytest.approx((0.01 + 0.0005) / 2)
    assert protocol.learning_rate(19_999, config) == pytest.approx(0.0005)
    assert protocol.probabilities(config).sum().item() == pytest.approx(1)


@pytest.mark.parametrize("gamma", [-1.0, 0.5])
def test_both_pytorch_programs_take_the_same_steps(bench, gamma):
    """5 steps in float32 on the same batches: 1e-4 of the largest entry is some hundred roundings."""
    pytest.importorskip("torch", reason="PyTorch is only needed by ./run bench")
    agree = bench("versus_pytorch/agree")
    assert agree.same_steps(gamma) < agree.MOST_DIFFERENT
