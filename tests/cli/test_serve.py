# SPDX-License-Identifier: Apache-2.0
"""`superpose serve` and `sweep --serve` from outside: a real sweep that is watched, killed, locked and stopped."""
import contextlib
import gzip
import json
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONG = ["features=200", "dim=10", "batch=512", "steps=200000", "decay=-1,-0.5,0.5", "law=power:1", "density=1", "seed=0"]


@pytest.fixture
def study(tmp_path):
    """Runs that end within a second, of which one can't: its law file is gone when it begins."""
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\ndefaults: {features: 40, steps: 60, batch: 64, law: 'power:1', density: 1}\n"
                    "grids:\n  - {dim: [3, 5], decay: [-0.5556, 0.3333], seed: range(2)}\n")
    return path


@contextlib.contextmanager
def started(program, *words, **options):
    process = subprocess.Popen([program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


@contextlib.contextmanager
def served(program, store, *words):
    with started(program, "serve", store, "--port", "0", "--json", *words) as process:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line)["url"].rstrip("/"), process


def get(url, headers=None):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def get_json(url, headers=None):
    return json.loads(get(url, headers))


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


class Events(threading.Thread):
    """Server-sent events, read as they come."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.answer = urllib.request.urlopen(url, timeout=30)
        self.seen, self.ended = [], threading.Event()
        self.start()

    def run(self):
        name = ""
        with contextlib.suppress(OSError, ValueError, urllib.error.URLError):
            for line in self.answer:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    self.seen.append((name, json.loads(line[6:])))
        self.ended.set()


def test_it_says_where_it_listens_and_ends_on_a_signal(program, run, study, tmp_path):
    run("sweep", study, "--store", "runs.sqlite")
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with started(program, "serve", "runs.sqlite", "--port", "0", "--json", cwd=tmp_path) as process:
            line = json.loads(process.stdout.readline())
            jsonschema.Draft202012Validator(json.loads((ROOT / "docs/schema/serve.json").read_text())).validate(line)
            assert f":{line['port']}/" in line["url"] and not line["token_needed"]
            events = Events(line["url"] + "api/events")
            until(lambda: events.seen)
            begin = time.monotonic()
            process.send_signal(number)
            assert process.wait(5) == code
            assert time.monotonic() - begin < 1.5
            assert events.ended.wait(2)


def test_runs_page_and_report(program, run, study, tmp_path):
    run("sweep", study, "--store", "runs.sqlite")
    with served(program, tmp_path / "runs.sqlite") as (url, _):
        runs = get_json(f"{url}/api/runs")["runs"]
        assert runs["id"] == list(range(1, 9)) and runs["status"] == {"values": ["ok"], "at": 0}
        assert all(loss > 0 for loss in runs["loss"])
        one = get_json(f"{url}/api/runs/3")
        assert one["result"]["curve"] and one["config"]["optimizer"] == "adamw", "with its defaults"
        page = get_json(f"{url}/api/page")
        assert page["data"]["summary"]["runs"]["ok"] == 8 and "<figure" in page["body"]
        assert get(f"{url}/report").decode().startswith("<!doctype html>")
        packed = get(f"{url}/report", {"Accept-Encoding": "gzip"})
        assert gzip.decompress(packed) == get(f"{url}/report")
        dashboard = get(f"{url}/").decode()
        for name in re.findall(r'(?:src|href)="(/[^"]+)"', dashboard):
            assert get(url + name), name


def test_a_sweep_is_seen_while_it_runs_and_lost_when_it_is_killed(program, tmp_path):
    store = tmp_path / "runs.sqlite"
    with started(program, "sweep", "quick", *LONG, "--store", store, "--jobs", "1") as sweep:
        until(store.exists)
        with served(program, store) as (url, _):
            live = until(lambda: [r for r in get_json(f"{url}/api/live")["records"] if r["running"]])
            assert live[0]["state"] == "live" and live[0]["progress"]["total"] == 3
            assert live[0]["running"][0]["config"]["dim"] == 10
            events = Events(f"{url}/api/events?since=" + get_json(f"{url}/api/runs")["event"])
            until(lambda: len([e for e in events.seen if e[0] == "live" and e[1]["records"][0]["running"]]) >= 2)
            curve = [e[1]["records"][0]["running"] for e in events.seen if e[0] == "live"][-1][0]["curve"]
            assert curve and all(loss > 0 for _, loss in curve)
            sweep.kill()
            sweep.wait(10)
            until(lambda: any(e[0] == "runs" and e[1]["runs"][0]["status"] == "interrupted" for e in events.seen), 8)
            until(lambda: get_json(f"{url}/api/live")["records"][0]["state"] == "lost", 15)
            assert get_json(f"{url}/api/live")["records"][0]["running"] == []


def test_a_locked_store_is_said_to_be_and_comes_back(program, run, study, tmp_path):
    run("sweep", study, "--store", "runs.sqlite")
    store, away = tmp_path / "runs.sqlite", tmp_path / "away.sqlite"
    with served(program, store) as (url, _):
        state = lambda: get_json(f"{url}/api/live")["store"]["state"]  # noqa: E731
        # Nobody can lock a file that the server reads; it finds this one locked when it comes back.
        store.rename(away)
        until(lambda: state() == "missing")
        other = sqlite3.connect(away, isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE runs SET seconds = 9 WHERE id = 1")
        other.execute("COMMIT")  # in this mode the lock stays
        away.rename(store)
        until(lambda: state() == "unreadable")
        begin = time.monotonic()
        assert len(get_json(f"{url}/api/runs")["runs"]["id"]) == 8, "what was known stays"
        assert time.monotonic() - begin < 1, "a locked store makes nobody wait"
        other.close()
        until(lambda: state() == "ok")
        assert get_json(f"{url}/api/runs/1")["seconds"] is not None


def test_sweep_serve_shows_itself_and_ends_with_the_sweep(program, study, tmp_path):
    with started(program, "sweep", study, "--store", "runs.sqlite", "--serve=0", "--json", "steps=3000", cwd=tmp_path) as sweep:
        line = sweep.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert url, line
        assert get_json(f"{url[0]}/api/live")["store"]["name"] == "runs.sqlite"
        events = Events(f"{url[0]}/api/events")
        out, errors = sweep.communicate(timeout=120)
        assert sweep.returncode == 0, errors
        assert events.ended.wait(5)
    assert json.loads(out)["done"] == 8
    assert "superpose serve runs.sqlite" in errors
    assert any(name == "runs" or name == "reset" for name, _ in events.seen)


def test_a_port_that_is_taken(program, run, study, tmp_path):
    run("sweep", study, "--store", "runs.sqlite")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "runs.sqlite", "--port", port, code=4)
        assert str(port) in done.stderr and "--port" in done.stderr
        done = run("sweep", study, "--store", "runs.sqlite", f"--serve={port}", code=4)
        assert str(port) in done.stderr


def test_errors_say_what_to_do(run, tmp_path):
    assert "absent.sqlite" in run("serve", "absent.sqlite", "--port", 0, code=4).stderr
    (tmp_path / "text.sqlite").write_text("this is no store, but long enough to be read as one by SQLite" * 40)
    assert "text.sqlite" in run("serve", "text.sqlite", "--port", 0, code=3).stderr
    run("serve", code=2)
    assert "--token-file" in run("serve", "x", "--token", "secret", code=2).stderr
    run("serve", "x", "--port", 70000, code=2)


def test_the_token_of_the_environment_or_a_file(program, run, study, tmp_path):
    run("sweep", study, "--store", "runs.sqlite")
    store = tmp_path / "runs.sqlite"
    (tmp_path / "token").write_text("0123456789abcdef\n")
    with served(program, store, "--token-file", tmp_path / "token") as (url, process):
        assert url.endswith("?token=0123456789abcdef")
        base = url.split("/?")[0]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(f"{base}/api/runs")
        assert get_json(f"{base}/api/runs", {"Authorization": "Bearer 0123456789abcdef"})["runs"]["id"]
        arguments = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"0123456789abcdef" not in arguments
    (tmp_path / "token").write_text("short")
    assert "16" in run("serve", store, "--port", 0, "--token-file", tmp_path / "token", code=2).stderr


def test_the_dial_computes_what_toy_computes(program, run_json, study, run, tmp_path):
    run("sweep", study, "--store", "runs.sqlite")
    config = {"features": 40, "dim": 5, "law": "power:1", "density": 1, "decay": -1, "steps": 300, "batch": 64, "lr": 0.01, "seed": 3}

    def post(url, body):
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        return get_json(request)

    def get_json(request):
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    with served(program, tmp_path / "runs.sqlite") as (url, _):
        made = post(f"{url}/api/dial", config)
        frame = made["frame"]
        while not frame["done"]:
            frame = post(f"{url}/api/dial/{made['id']}/advance", {"milliseconds": 200})["frame"]
        with pytest.raises(urllib.error.HTTPError, match="400"):
            post(f"{url}/api/dial", dict(config, dimm=3))
        with pytest.raises(urllib.error.HTTPError, match="400"):
            post(f"{url}/api/dial", dict(config, law="file:/etc/passwd"))
    words = [word for name, value in config.items() for word in (f"--{name}", value)]
    assert frame["loss"] == run_json("toy", *words)["loss"]
