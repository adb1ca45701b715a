# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import List

import pytest

from superpose.html import Html, badge, card, definitions, escaped, table

HOSTILE = "<script>alert('x')</script>\"&</td></style>"


class Tags(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.opened: List[str] = []
        self.open: List[str] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.opened.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.mark.parametrize("markup", [
    escaped(HOSTILE), badge(HOSTILE), table([(HOSTILE, 1)], (HOSTILE, "n")),
    definitions([(HOSTILE, HOSTILE)]),
    card(HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)], [HOSTILE], table([(HOSTILE,)])),
])
def test_text_is_never_markup(markup: Html) -> None:
    tags = Tags(markup)
    assert not tags.open and "script" not in tags.opened
    assert HOSTILE in tags.text


def test_values_as_the_page_writes_them() -> None:
    assert [escaped(value) for value in (None, True, -3, 50304, 0.00012345, float("nan"), "a")] == [
        "—", "yes", "−3", "50\u2009304", "1.234×10⁻⁴", "—", "a"]
    assert len(escaped("x" * 10000)) < 500
    numpy = pytest.importorskip("numpy")
    assert escaped(numpy.float32(0.5)) == "0.5" and escaped(numpy.int64(7)) == "7"


def test_a_long_table_is_cut() -> None:
    tags = Tags(table([(i, "x") for i in range(1000)], ("id", "name"), most=10))
    assert tags.opened.count("tr") == 12 and "… and 990 more" in tags.text
    whole = Tags(table([(i,) for i in range(11)], most=10))
    assert whole.opened.count("tr") == 11 and "more" not in whole.text
    assert Tags(table([])).opened.count("tr") == 0


def test_columns_of_numbers_stand_right() -> None:
    out = table([("a", 1.5, None), ("b", 2, 3)], ("name", "value", "runs"))
    assert out.count('class="sp-num"') == 6


@pytest.mark.parametrize("verdict, css, word", [
    ("confirmed", "confirmed", "confirmed"), ("denied", "denied", "denied"), ("strong", "strong", "strong"),
    ("weak", "weak", "weak"), ("none", "none", "none"), ("cannot_tell", "cannot_tell", "cannot tell"),
    ("cannot tell", "cannot_tell", "cannot tell"), (None, "cannot_tell", "cannot tell"),
    ("yes", "confirmed", "yes"),
])
def test_badges(verdict: str, css: str, word: str) -> None:
    out = badge(verdict)
    assert f"sp-badge sp-{css}" in out and Tags(out).text.endswith(f" {word}")


def test_a_card_is_readable_in_both_themes() -> None:
    out = card("Toy model", "finished", [("regime", badge("strong"))], ["one seed"])
    style = out[:out.index("</style>")]
    assert "prefers-color-scheme:dark" in style and 'data-jp-theme-light="false"' in style
    defined = set(re.findall(r"(--sp-[a-z-]+):", style))
    assert set(re.findall(r"var\((--sp-[a-z-]+)\)", style)) <= defined
    rules = [rule for rule in re.findall(r"^[^@{}\n]+(?={)", style, re.M) if "<" not in rule]
    assert len(rules) > 10 and all(".superpose" in rule for rule in rules)
