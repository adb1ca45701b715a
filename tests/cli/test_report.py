# SPDX-License-Identifier: Apache-2.0
"""`superpose report` from outside: the page of a store that was really swept, and the bundle that draws it."""
import html.parser
import json
import os
import pathlib
import shutil
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
WEB = ROOT / "web"


def superpose(*words, code=0):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def strict_json(text):
    def refuse(word):
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


class Reader(html.parser.HTMLParser):
    """Collects tags with their attributes, and the text of the embedded data."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.data, self.inside = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = tag == "script" and dict(attributes).get("id") == "page-data"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.data += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Twelve tiny runs: two decays, three widths, two seeds."""
    folder = tmp_path_factory.mktemp("report")
    study = folder / "tiny.yaml"
    study.write_text(
        "name: tiny\nabout: for the page\n"
        "defaults: {features: 40, steps: 60, batch: 64, law: 'power:1', density: 1}\n"
        "grids:\n  - {dim: [3, 5, 8], decay: [-0.5556, 0.3333], seed: range(2)}\n"
    )
    store = folder / "runs.sqlite"
    superpose("sweep", study, "--store", store)
    return store


@pytest.fixture(scope="module")
def page(swept):
    out = swept.parent / "page.html"
    answer = strict_json(superpose("report", swept, "-o", out, "--title", "a <b>title</b>", "--json").stdout)
    return out, answer


def test_json_follows_its_schema_and_counts_the_runs(page):
    out, answer = page
    schema = json.loads((ROOT / "docs/schema/report.json").read_text())
    jsonschema.validate(answer, schema)
    assert answer["bytes"] == out.stat().st_size
    assert answer["summary"]["runs"]["ok"] == 12
    loss = next(figure for figure in answer["figures"] if figure["id"] == "loss-vs-m")
    assert loss["empty"] is None
    assert loss["ranges"]["ours"]["x"] == [3, 8]
    assert loss["ranges"]["ours"]["points"] == 6, "one point per (decay, width): the mean over seeds"


def test_page_is_one_semantic_file(page):
    out, answer = page
    text = out.read_text(encoding="utf-8")
    reader = Reader(text)
    assert not reader.all("link") and not reader.all("iframe")
    assert not [a for a in reader.all("script") + reader.all("img") if "src" in a]
    figures = reader.all("figure")
    assert len(figures) == len(answer["figures"])
    assert all(attributes.get("aria-label") for attributes in figures)
    assert len(reader.all("figcaption")) == len(figures)
    assert reader.all("html")[0]["lang"] == "en"
    assert "width=device-width" in text and "prefers-color-scheme" in text and "@media print" in text
    assert "<title>a &lt;b&gt;title&lt;/b&gt;</title>" in text
    data = strict_json(reader.data)
    assert data["title"] == "a <b>title</b>"
    assert len(data["slopes"]) == 2 and all(slope["seeds"] == 2 and slope["ci95"] for slope in data["slopes"])


def test_the_same_store_gives_the_same_bytes(swept):
    pages = []
    for name in ("one.html", "two.html"):
        superpose("report", swept, "-o", swept.parent / name)
        pages.append((swept.parent / name).read_bytes())
    assert pages[0] == pages[1]


def test_errors_name_the_place_and_leave_no_page(tmp_path):
    out = tmp_path / "page.html"
    missing = superpose("report", tmp_path / "absent.sqlite", "-o", out, code=4)
    assert "absent.sqlite" in missing.stderr
    (tmp_path / "text.sqlite").write_text("this is no store, but long enough to be read as one by SQLite" * 40)
    assert "text.sqlite" in superpose("report", tmp_path / "text.sqlite", "-o", out, code=3).stderr
    assert not out.exists()
    superpose("report", code=2)
    assert "--title" in superpose("report", tmp_path / "x", "--titel", "y", code=2).stderr


def test_a_browser_draws_every_figure(page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium on this machine")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}", "--virtual-time-budget=5000",
         "--window-size=1280,900", "--dump-dom", page[0].as_uri()],
        capture_output=True, text=True, timeout=120)  # fmt: skip
    assert 'data-drawn="yes"' in done.stdout, done.stderr[-2000:]
    reader = Reader(done.stdout)
    charts = [attributes for attributes in reader.all("svg") if "norms" not in (attributes.get("class") or "")]
    assert len(charts) >= 11
    assert all(attributes.get("aria-label") for attributes in charts)
    assert "NaN" not in "".join(str(attributes) for attributes in charts)


def test_the_committed_bundle_is_what_its_sources_give(tmp_path):
    missing = [name for name, there in (("Node", shutil.which("node")), ("web/node_modules", (WEB / "node_modules").is_dir())) if not there]
    if missing:
        assert not os.environ.get("CI"), f"CI proves the bundle current, and lacks {missing}"
        pytest.skip(f"{missing} not here: run web/build.sh once")
    subprocess.run([WEB / "build.sh", tmp_path], check=True, timeout=300)
    built, committed = ({path.name for path in folder.iterdir()} for folder in (tmp_path, WEB / "dist"))
    committed.remove("engine.wasm")  # of web/wasm: test_wasm.py
    assert {"page.js", "page.css", "page.html", "dial.js", "dashboard.js", "THIRD_PARTY.txt"} <= built == committed
    for name in built:
        assert (tmp_path / name).read_bytes() == (WEB / "dist" / name).read_bytes(), f"web/dist/{name} is stale: run web/build.sh"


def test_the_lock_file_names_no_registry():
    lock = json.loads((WEB / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert "observablehq/plot" in (WEB / "dist/THIRD_PARTY.txt").read_text()
