# SPDX-License-Identifier: Apache-2.0
"""What a long-lived process, a pool of workers and an impatient user ask of the package: nothing leaks, counts of
references are right, results outlive what they came from, threads and children get the same bits, Ctrl-C comes through.

Python code that runs elsewhere (children, interrupted calls) is a process of its own with a limit, so that a deadlock
fails instead of hanging."""
import concurrent.futures
import copy
import ctypes
import gc
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import superpose

PACKAGE = str(Path(superpose.__file__).parents[1])
LIMIT = 60  # seconds for any child: only a deadlock takes that long
PROMPT = 4  # seconds from Ctrl-C to KeyboardInterrupt: well below one on an idle machine
WIDTHS = {"m": [64, 128, 256, 512, 1024], "loss": [3.02, 2.49, 2.26, 2.12, 2.07]}
SMALL = {"features": 20, "dim": 5, "steps": 60, "batch": 64}

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def python(code, *words, env=None):
    """Runs it in a process of its own; what it printed."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=LIMIT, env={**environment(), **(env or {})})
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment():
    return {**os.environ, "PYTHONPATH": PACKAGE}


@pytest.fixture(scope="module")
def W():
    return np.random.default_rng(0).standard_normal((60, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def chinchilla():
    """A table large enough that a bootstrap of it takes a while."""
    random = np.random.default_rng(0)
    N, D = 10 ** random.uniform(7, 10, 240), 10 ** random.uniform(9, 12, 240)
    return {"N": N, "D": D, "loss": (1.8 + 480 * N**-0.35 + 2100 * D**-0.37) * np.exp(0.006 * random.standard_normal(240))}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("robust") / "runs.sqlite"
    superpose.sweep({**SMALL, "dim": [2, 4]}, store=path, progress=False)
    return path


# Memory


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def refused(call, *args, **words):
    with pytest.raises(superpose.Error):
        call(*args, **words)


def small_calls(W):
    found = superpose.fit(WIDTHS, "width", bootstrap=0, progress=False)
    trained = superpose.toy(**SMALL, progress=False)
    one_step = {"features": 4, "dim": 2, "steps": 1, "batch": 2, "threads": 1, "progress": False}
    integers, infinite = np.ones((3, 3), dtype=int), np.full((3, 3), np.inf, dtype=np.float32)

    def session():
        training = superpose.ToySession(features=4, dim=2, steps=2, batch=2)
        training.advance(1)
        training.result()

    def raising(fraction, text):
        raise RuntimeError("enough")

    def ended():
        with pytest.raises(RuntimeError, match="enough"):
            superpose.geometry(W, quick=True, progress=raising)

    # Calls that cost microseconds are made 10,000 times, others so often that all take 15 s.
    return {
        "row_norms": (10000, lambda: superpose.measure.row_norms(W)),
        "norms of a result": (10000, lambda: trained.norms),
        "overlap": (2000, lambda: superpose.measure.overlap(W, bins=4, nearest=True)),
        "predict": (1000, lambda: found.predict(m=[100.0, 200.0])),
        "geometry": (400, lambda: superpose.geometry(W, quick=True, threads=1, progress=False)),
        "toy": (400, lambda: superpose.toy(**one_step)),
        "session": (400, session),
        "fit": (200, lambda: superpose.fit(WIDTHS, "width", bootstrap=0, progress=False)),
        "usage": (5000, lambda: refused(superpose.toy, dim=0)),
        "wrong dtype": (10000, lambda: refused(superpose.measure.row_norms, integers)),
        "not finite": (1000, lambda: refused(superpose.measure.overlap, infinite)),
        "no such file": (1000, lambda: refused(superpose.inspect, "/no/such/file.safetensors", progress=False)),
        "raising callback": (200, ended),
    }


@on_linux
def test_nothing_leaks(W):
    """An object of Python left over by every call would be as many blocks as calls; half of that is allowed for
    what Python caches (some 100). C++ memory is seen as resident memory: 2 MiB for all calls of a kind, which the allocator's arenas (one for
    each thread that ever ran at once) take or leave; a matrix of W's size leaked 10,000 times would be 28 MiB."""
    for name, (count, call) in small_calls(W).items():
        for _ in range(count // 10):
            call()
        gc.collect()
        blocks, before = sys.getallocatedblocks(), resident()
        for _ in range(count):
            call()
        gc.collect()
        assert sys.getallocatedblocks() - blocks < count / 2, name
        assert resident() - before < 2 * 2**20, name


def test_references_are_given_back(W):
    W = W.copy()
    counts = np.arange(1.0, len(W) + 1)
    with_nan = W.copy()
    with_nan[3, 2] = np.nan
    small = {"features": 60, "dim": 12, "steps": 1, "batch": 4}
    result = superpose.toy(**small, progress=False)
    held = (W, counts, with_nan, result.W, result.b)
    before = [sys.getrefcount(array) for array in held]
    for _ in range(10):
        superpose.measure.row_norms(W)
        superpose.measure.overlap(W, nearest=True, bins=3)
        superpose.measure.spectrum(W)
        superpose.measure.crowding(W)
        superpose.measure.nearest(W, [0], 2)
        superpose.geometry(W, counts, progress=False)
        superpose.inspect({"lm_head.weight": W}, progress=False)
        result.feature_losses(8)
        result.geometry(quick=True, progress=False)
        refused(superpose.measure.overlap, with_nan)
        refused(superpose.geometry, with_nan, progress=False)
        refused(superpose.measure.nearest, W, [60], 1)
        refused(superpose.measure.row_norms, W.T)
        refused(superpose.geometry, W, counts[:-1], progress=False)
        refused(superpose.geometry, W, max_exact_pairs="many", progress=False)
        refused(superpose.geometry, W, seed=-1, progress=False)
    gc.collect()
    assert [sys.getrefcount(array) for array in held] == before
    W.resize((30, 24), refcheck=False)  # BufferError while anyone looks at its memory


def test_results_keep_their_memory(W):
    result = superpose.toy(**SMALL, progress=False)
    views = {"W": result.W, "b": result.b, "norms": superpose.measure.row_norms(W),
             "values": superpose.measure.spectrum(W)["singular_values"]}
    kept = {name: view.copy() for name, view in views.items()}
    corner = result.W[1:3, 2:]
    corner_kept = corner.copy()
    del result
    gc.collect()
    for _ in range(50):  # whoever gets freed memory writes on it
        np.full(20 * 5, 7.0, dtype=np.float32), superpose.toy(**{**SMALL, "steps": 1}, progress=False)
    assert all(np.array_equal(views[name], kept[name]) for name in views) and np.array_equal(corner, corner_kept)
    again = superpose.measure.row_norms(W)
    again[:] = -1  # the caller's own: nothing is shared with the next answer
    assert np.array_equal(superpose.measure.row_norms(W), kept["norms"])


def every_look(W):
    return [superpose.measure.row_norms(W).tolist(), superpose.measure.overlap(W, centered=True)["mean_square"],
            superpose.measure.spectrum(W)["effective_rank"], superpose.measure.baselines(W),
            superpose.measure.feature_dimensionality(W).tolist(), superpose.measure.duplicate_rows(W),
            superpose.geometry(W, centered=True, progress=False).to_dict()["matrices"]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_read_and_never_written(W, dtype):
    array = W.astype(dtype)
    before = array.tobytes()
    first = every_look(array)
    array.setflags(write=False)
    assert every_look(array) == first
    assert array.tobytes() == before
    result = superpose.toy(**SMALL, progress=False)
    weights = result.W.tobytes() + result.b.tobytes()
    result.feature_losses(8), result.geometry(progress=False)
    assert result.W.tobytes() + result.b.tobytes() == weights


class Exporter:
    """What another library's array looks like: DLPack and nothing else."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **words):
        return self.array.__dlpack__(**words)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Elsewhere(Exporter):
    def __dlpack__(self, **words):
        raise BufferError("on another device")


def test_other_libraries_arrays(W):
    expected = every_look(W)
    said_order = memoryview((ctypes.c_float * 12 * 60).from_buffer_copy(W.tobytes()))  # its format is '<f'
    for other in (memoryview(W), Exporter(W), said_order):
        assert every_look(other) == expected, type(other)
    with pytest.raises(superpose.Error, match="cannot be looked at: on another device") as caught:
        superpose.geometry(Elsewhere(W), progress=False)
    assert caught.value.kind == "usage"


@pytest.mark.parametrize("parameters", [3, None, "x", (2**70,)])
def test_sql_parameters_that_cannot_be(parameters, tmp_path):
    superpose.sweep({"features": 10, "dim": 2, "steps": 5, "batch": 8}, store=tmp_path / "s.sqlite", progress=False)
    with pytest.raises(superpose.Error) as caught:
        superpose.open_store(tmp_path / "s.sqlite").sql("select ? as a", parameters)
    assert caught.value.kind == "usage"


def test_a_module_may_keep_more_than_its_head():
    torch = pytest.importorskip("torch")

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lm_head = torch.nn.Linear(8, 40, bias=False)
            self.conv = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
            self.register_buffer("freqs", torch.zeros(5, 2, dtype=torch.complex64))

        def get_extra_state(self):
            return {"version": 3}

        def set_extra_state(self, state):
            pass

    module = Odd()
    assert superpose.inspect(module, progress=False).tensor == "lm_head.weight"
    with pytest.raises(superpose.Error, match="_extra_state is a dict"):
        superpose.inspect(dict(module.state_dict()), progress=False)
    with pytest.raises(superpose.Error, match="conv"):
        superpose.inspect({"conv": torch.zeros(8, 40).T}, progress=False)
    for odd in (torch.nn.Linear, torch.eye(8).to_sparse(), torch.zeros(4, 4, dtype=torch.complex64).conj().imag):
        with pytest.raises(superpose.Error):
            superpose.inspect(odd, progress=False)


def test_torch_tensors(W):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(W)
    assert every_look(tensor) == every_look(W)
    parameter = torch.nn.Parameter(tensor.clone())
    assert every_look(parameter) == every_look(W)
    assert superpose.geometry(tensor.bfloat16(), progress=False).n == len(W)
    with pytest.raises(superpose.Error, match="C order|contiguous|Fortran"):
        superpose.geometry(tensor.t(), progress=False)


@on_linux
def test_a_large_matrix_is_not_copied():
    """A copy in any precision would add 100 MiB; one pass needs less than 60 whatever the size."""
    grown = python("""
        import resource, numpy as np, superpose
        W = np.random.default_rng(0).standard_normal((131072, 200), dtype=np.float32)
        superpose.geometry(W[:100], quick=True, progress=False)
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = peak()
        superpose.geometry(W, quick=True, progress=False), superpose.measure.overlap(W, sampled_pairs=0)
        print(peak() - before)
    """)
    assert int(grown) < 60 * 1024


# Threads


def work(k):
    W = np.random.default_rng(k).standard_normal((300, 20))
    toy = superpose.toy(**{**SMALL, "steps": 200}, seed=k, progress=False)
    fit = superpose.fit(WIDTHS, "width", bootstrap=60, seed=k, progress=False).to_dict()
    geometry = superpose.geometry(W, seed=k, progress=False).to_dict()
    toy_numbers = {name: value for name, value in toy.measures.items() if name not in ("seconds", "steps_per_second")}
    return toy.W.tobytes(), toy.b.tobytes(), toy_numbers, fit, geometry, superpose.measure.spectrum(W)["singular_values"].tobytes()


def test_eight_threads_get_the_bits_of_one():
    serial = [work(k) for k in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == serial


def test_the_gil_is_let_go():
    W = np.random.default_rng(0).standard_normal((6000, 200)).astype(np.float32)
    calls = {"toy": lambda: superpose.toy(steps=60, threads=1, progress=False),
             "geometry": lambda: superpose.geometry(W, exact=True, progress=False),
             "overlap": lambda: superpose.measure.overlap(W, max_exact_pairs=10**9),
             "spectrum": lambda: superpose.measure.spectrum(W)}
    for name, call in calls.items():
        ticks, stop = [], threading.Event()

        def tick():
            while not stop.is_set():
                ticks.append(time.perf_counter())
                time.sleep(0.001)

        thread = threading.Thread(target=tick)
        thread.start()
        began = time.perf_counter()
        call()
        ended = time.perf_counter()
        stop.set(), thread.join()
        during = [t for t in ticks if began < t < ended]
        # A millisecond each when undisturbed; a call that kept the GIL would leave none but at its ends.
        assert len(during) > 100 * (ended - began) and len(during) >= 5, (name, len(during), ended - began)


def test_one_session_two_threads():
    session = superpose.ToySession(steps=5000, threads=1)
    said = []

    def second():
        while not said and not session.done:
            try:
                session.advance(1)
            except superpose.Error as error:
                said.append(str(error))

    thread = threading.Thread(target=second)
    thread.start()
    for _ in range(40):
        try:
            session.advance(5)
        except superpose.Error as error:
            said.append(str(error))
        session.step, session.decay  # reading is always possible
        if said:
            break
    said.append("")
    thread.join(LIMIT)
    assert not thread.is_alive() and "another thread" in said[0]


def test_a_daemon_thread_does_not_spoil_the_end():
    assert python("""
        import threading, time, superpose
        began = threading.Event()
        def train(): superpose.toy(steps=10**6, threads=1, progress=lambda fraction, text: began.set())
        threading.Thread(target=train, daemon=True).start()
        began.wait(30)
        print("over")
    """) == "over\n"


# Processes


def child(k):
    result = superpose.toy(**SMALL, seed=k, progress=False)
    W = np.random.default_rng(k).standard_normal((400, 100))
    return result.W.tobytes(), superpose.geometry(W, progress=False).to_dict(), superpose.measure.spectrum(W)["effective_rank"]


POOL = """
    import multiprocessing, sys
    sys.path.insert(0, {folder!r})
    import test_robust
    if __name__ == "__main__":
        expected = [test_robust.child(k) for k in range(4)]  # BLAS and its threads were in use before
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            assert pool.map_async(test_robust.child, range(4)).get({limit}) == expected
        assert test_robust.child(0) == expected[0]
        print("same")
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_pools_of_processes(method, tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(textwrap.dedent(POOL.format(folder=str(Path(__file__).parent), method=method, limit=LIMIT - 10)))
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT,
                          env=environment())
    assert done.returncode == 0 and done.stdout == "same\n", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_while_others_work():
    """A child of a process in which other threads train, fit and multiply."""
    assert python("""
        import os, signal, sys, threading, numpy as np, superpose
        W = np.random.default_rng(0).standard_normal((400, 100))
        stop, errors = False, []
        def busy(call):
            while not stop: call()
        small = dict(features=20, dim=5, steps=60, batch=64, progress=False)
        calls = [lambda: superpose.toy(**small), lambda: superpose.measure.spectrum(W), lambda: superpose.geometry(W, progress=False)]
        expected = superpose.toy(**small).W.tobytes(), superpose.measure.spectrum(W)["effective_rank"]
        threads = [threading.Thread(target=busy, args=(call,)) for call in calls]
        for thread in threads: thread.start()
        bad = 0
        for _ in range(10):
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)  # a deadlock ends here
                same = (superpose.toy(**small).W.tobytes(), superpose.measure.spectrum(W)["effective_rank"]) == expected
                os._exit(0 if same else 1)
            bad += os.waitpid(pid, 0)[1] != 0
        stop = True
        for thread in threads: thread.join()
        print(bad)
    """) == "0\n"


# Ctrl-C


INTERRUPTED = """
import json, os, signal, sys, threading, time
import numpy as np
import superpose

def interrupted(call, after=0.7):
    "Seconds from Ctrl-C to KeyboardInterrupt."
    sent = []
    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    timer = threading.Timer(after, send)
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0]
    timer.cancel()
    raise SystemExit("the call ended before Ctrl-C")
"""

LONG_CALLS = {
    "toy": "superpose.toy(steps=10**6)",
    "a large toy": "superpose.toy(features=100000, dim=200, steps=10**4)",
    "session": "superpose.ToySession(features=20000, dim=200, steps=10**5).advance(10**5)",
    "fit": "superpose.fit(table, 'chinchilla', bootstrap=10**6)",
    "forecast": "superpose.forecast(superpose.fit(table, 'chinchilla', bootstrap=0), N=1e10, D=1e12, resamples=10**5)",
    "geometry": "superpose.geometry(W, exact=True)",
    "overlap": "superpose.measure.overlap(W, max_exact_pairs=10**12)",
    "nearest": "superpose.measure.overlap(W, max_exact_pairs=10**12, nearest=True)",
    "baselines": "superpose.measure.baselines(W)",
}


@pytest.mark.parametrize("name", LONG_CALLS)
def test_ctrl_c(name, chinchilla):
    table = {column: values.tolist() for column, values in chinchilla.items()}
    code = INTERRUPTED + textwrap.dedent(f"""
        import json
        table = json.loads(sys.stdin.readline() or "null") if {("table" in LONG_CALLS[name])!r} else None
        W = np.random.default_rng(0).standard_normal((60000, 400), dtype=np.float32) if {("W" in LONG_CALLS[name])!r} else None
        seconds = interrupted(lambda: {LONG_CALLS[name]})
        again = superpose.toy(features=20, dim=5, steps=50, batch=64)
        print(json.dumps([seconds, again.status]))
    """)
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(table), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=LIMIT, env=environment())
    assert done.returncode == 0, done.stderr
    seconds, status = json.loads(done.stdout)
    assert seconds < PROMPT and status == "ok"


def test_an_interrupted_sweep_goes_on(tmp_path):
    path = tmp_path / "runs.sqlite"
    grid = {"features": 50, "dim": [5, 10], "steps": 300, "batch": 256, "seed": "range(40)"}
    said = python(INTERRUPTED + textwrap.dedent("""
        sent = []
        def progress(fraction, text):
            if fraction > 0.05 and not sent:
                sent.append(time.perf_counter())
                os.kill(os.getpid(), signal.SIGINT)
        try:
            superpose.sweep(json.loads(sys.argv[2]), store=sys.argv[1], progress=progress)
        except KeyboardInterrupt:
            print(time.perf_counter() - sent[0])
    """), path, json.dumps(grid))
    assert float(said) < PROMPT
    done = {run.key: run.result for run in superpose.open_store(path).load() if run.status == "ok"}
    assert 4 <= len(done) < 80
    runs = superpose.sweep(grid, store=path, progress=False)
    assert {run.status for run in runs} == {"ok"} and len(runs) == 80 and runs.outcome["skipped"] == len(done)
    assert all(run.result == done[run.key] for run in runs if run.key in done)


def test_an_interrupted_toy_goes_on_from_its_snapshot(tmp_path):
    path = tmp_path / "toy.snapshot"
    config = {"features": 300, "dim": 20, "steps": 4000, "batch": 512, "decay": 0.3}
    said = python(INTERRUPTED + textwrap.dedent("""
        import json
        config = json.loads(sys.argv[2])
        began = threading.Event()
        def progress(fraction, text):
            if fraction > 0.1 and not began.is_set():
                began.set()
                os.kill(os.getpid(), signal.SIGINT)
        try:
            superpose.toy(**config, snapshot=sys.argv[1], progress=progress)
        except KeyboardInterrupt:
            print("interrupted")
    """), path, json.dumps(config))
    assert said == "interrupted\n" and path.exists()
    rest = superpose.toy(**config, snapshot=path, progress=False)
    whole = superpose.toy(**config, progress=False)
    assert 0 < rest.resumed_at < 4000 and not path.exists()
    assert rest.W.tobytes() == whole.W.tobytes() and rest.b.tobytes() == whole.b.tobytes()
    assert rest.loss == whole.loss and rest.eval_loss == whole.eval_loss


class Enough(Exception):
    pass


def test_what_a_callback_raises_comes_out(chinchilla, tmp_path):
    W = np.random.default_rng(0).standard_normal((20000, 400), dtype=np.float32)
    grid = {"features": 50, "dim": [5, 10], "steps": 10**6, "batch": 64}
    session = superpose.ToySession(steps=10**6)

    def progress(fraction, text):
        assert 0 <= fraction <= 1 and isinstance(text, str)
        raise Enough(text)

    for call in (lambda: superpose.toy(steps=10**6, progress=progress),
                 lambda: superpose.fit(chinchilla, "chinchilla", bootstrap=10**6, progress=progress),
                 lambda: superpose.geometry(W, exact=True, progress=progress),
                 lambda: superpose.sweep(grid, store=tmp_path / "runs.sqlite", progress=progress),
                 lambda: session.advance(10**6, progress)):
        threads, began = threading.active_count(), time.perf_counter()
        with pytest.raises(Enough):
            call()
        assert time.perf_counter() - began < LIMIT / 2 and threading.active_count() == threads
    assert 0 < session.step < 10**6 and not session.done
    session.advance(1)  # still good


# Pickles


@pytest.fixture(scope="module")
def results(W, chinchilla, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    for seed in (1, 2):
        superpose.toy(**{**SMALL, "seed": seed}, progress=False).save(folder / f"{seed}.safetensors")
    fit = superpose.fit(WIDTHS, "width", bootstrap=20, progress=False)
    runs = superpose.open_store(store).load()
    return {"ToyResult": superpose.toy(**SMALL, progress=False), "untied": superpose.toy(**SMALL, decoder="untied", progress=False),
            "Fit": fit, "Forecast": superpose.forecast(fit, m=[2048, 65536]), "Geometry": superpose.geometry(W, progress=False),
            "Comparison": superpose.compare(sorted(folder.glob("*.safetensors")), progress=False), "Runs": runs, "Run": runs[0],
            "Study": superpose.Study({"claims": [], "report": "page.html", "failures": [], "store": str(store), "study": "quick",
                                      "runs": {"done": 2}})}


def contents(value):
    return value.to_dicts() if isinstance(value, superpose.Runs) else value.to_dict()


@pytest.mark.parametrize("way", [*(f"protocol {p}" for p in range(2, 6)), "deepcopy", "copy"])
def test_results_travel(results, way):
    for name, value in results.items():
        if way.startswith("protocol"):
            other = pickle.loads(pickle.dumps(value, protocol=int(way[-1])))
        else:
            other = getattr(copy, way)(value)
        assert type(other) is type(value) and other == value and contents(other) == contents(value), name
        assert repr(other) == repr(value), name
        assert name == "Run" or other._repr_html_() == value._repr_html_(), name
        if isinstance(value, superpose.ToyResult):
            assert np.array_equal(other.W, value.W) and np.array_equal(other.b, value.b)
            assert (other.decoder is None) == (value.decoder is None)
            assert other.W.dtype == np.float32 and other.geometry(quick=True, progress=False).n == 20
        if isinstance(value, superpose.Fit):
            assert other.predict(m=100.0) == value.predict(m=100.0) and other.interval("alpha") == value.interval("alpha")
        if isinstance(value, superpose.Geometry):
            assert other.regime == value.regime and other.summary() == value.summary()
        if isinstance(value, superpose.Runs):
            assert other.store == value.store and other[1] == value[1]


def test_errors_and_stores_travel(store):
    with pytest.raises(superpose.Error) as caught:
        superpose.toy(dim=0)
    for protocol in range(2, 6):
        error = pickle.loads(pickle.dumps(caught.value, protocol=protocol))
        assert (type(error), error.kind, str(error)) == (superpose.Error, "usage", str(caught.value))
        opened = pickle.loads(pickle.dumps(superpose.open_store(store), protocol=protocol))
        assert opened.path == str(store) and len(opened) == 2
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(superpose.Error, match="dim = 0") as caught:
            pool.submit(superpose.toy, dim=0).result(LIMIT)
        assert caught.value.kind == "usage"
