# SPDX-License-Identifier: Apache-2.0
"""docs/python.md runs: its blocks are one session, in order; blocks without a prompt at least compile."""
import doctest
import re

import pytest

from conftest import ROOT

GUIDE = ROOT / "docs/python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_guide_runs(tmp_path, monkeypatch):
    for name in ("pandas", "matplotlib"):
        pytest.importorskip(name, reason=f"no {name}: python3-{name}")
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    session = "\n".join(block for block in BLOCKS if block.startswith(">>>"))
    test = doctest.DocTestParser().get_doctest(session, {}, GUIDE.name, str(GUIDE), 0)
    assert len(test.examples) > 40
    said = []
    found = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not found.failed, "".join(said)


def test_other_blocks_compile():
    others = [block for block in BLOCKS if not block.startswith(">>>")]
    assert others
    for block in others:
        compile(block, GUIDE.name, "exec")


def test_links_of_the_guide_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", GUIDE.read_text()):
        assert (GUIDE.parent / target).exists(), target
