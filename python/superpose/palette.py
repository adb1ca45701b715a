# SPDX-License-Identifier: Apache-2.0
"""The page's colours (web/src/page.css) and how it writes numbers."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Sequence


@dataclass(frozen=True)
class Theme:
    page: str
    ink: str
    soft: str
    line: str
    good: str
    bad: str
    steps: dict[str, tuple[str, ...]]  # "neg", "pos", "seq": ordered; "cat": kinds


LIGHT = Theme(
    page="#ffffff", ink="#1b1f24", soft="#59636e", line="#d1d9e0", good="#116329", bad="#9a1c13",
    steps={
        "neg": ("#08306b", "#0f4f96", "#1f6fb4", "#3a86c0", "#5799ca"),
        "pos": ("#c4861a", "#c66d12", "#b4540c", "#97400a", "#742b07"),
        "seq": ("#b97f0a", "#e2724f", "#cc4778", "#a62098", "#7e03a8", "#4c02a1", "#1d0a7a"),
        "cat": ("#0072b2", "#d55e00", "#009e73", "#b0578d", "#59636e"),
    })
DARK = Theme(
    page="#11151a", ink="#e4e9ee", soft="#9aa6b2", line="#343c45", good="#7ee2a0", bad="#ffaaa0",
    steps={
        "neg": ("#9fd0f7", "#7dbcf0", "#5ba6e5", "#4390d2", "#3679b5"),
        "pos": ("#b8742a", "#d08630", "#e49a40", "#f3b160", "#fcca8b"),
        "seq": ("#8577ee", "#ac67e6", "#cf5cc6", "#e7699f", "#f4876f", "#f9ae4e", "#f5dc52"),
        "cat": ("#56b4e9", "#f0803c", "#2fc79b", "#e092c4", "#9aa6b2"),
    })
THEMES = {"light": LIGHT, "dark": DARK}


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _between(stops: Sequence[str], share: float) -> str:
    at = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(at), len(stops) - 2)
    part = at - low
    pairs = zip(_channels(stops[low]), _channels(stops[low + 1]))
    return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in pairs)


def color_of(hue: Sequence[Any], theme: Theme) -> str:
    """The colour of (palette, index, count), the index-th of count by meaning.

    >>> color_of(("cat", 1, 5), LIGHT)
    '#d55e00'
    """
    palette, index, count = str(hue[0]), int(hue[1]), int(hue[2])
    if palette == "bad":
        return theme.bad
    steps = theme.steps.get(palette)
    if steps is None:
        return theme.ink if index == 0 else theme.soft
    if palette == "cat":
        return steps[index % len(steps)]
    if count <= 1:
        return steps[-1] if palette == "seq" else steps[1]
    return _between(steps, index / (count - 1))


def dashes_of(series: dict[str, Any]) -> Any:
    """A matplotlib line style: theory is dashed, in ways that tell its lines apart without colour."""
    if series["role"] != "theory":
        return "-"
    hue = series["hue"]
    kind = hue[1] % 3 if hue[0] == "ink" else 0
    return ((0, (3.6, 2)), (0, (1.2, 1.4)), (0, (5, 1.5, 1.2, 1.5)))[kind]


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(value: float | None, digits: int = 3) -> str:
    """A number as the page writes it: so many significant digits, a true minus sign, "—" for none.

    >>> short(1.0649), short(-0.5), short(0.00001), short(None)
    ('1.06', '−0.5', '10⁻⁵', '—')
    """
    if value is None or not math.isfinite(value):
        return "—"
    plain = float(f"{value:.{digits}g}")
    size = abs(plain)
    if size == 0 or 1e-3 <= size < 1e6:
        text = f"{plain:.10f}".rstrip("0").rstrip(".")
        if size >= 1e4 and "." not in text:
            text = f"{plain:,.0f}".replace(",", "\u2009")
        return text.replace("-", "−") if plain else "0"
    head, _, exponent = f"{plain:.{digits - 1}e}".partition("e")
    head = head.rstrip("0").rstrip(".").replace("-", "−")
    power = "10" + str(int(exponent)).translate(_RAISED)
    return {"1": power, "−1": "−" + power}.get(head, f"{head}×{power}")


def cell_text(value: float) -> str:
    """The number in a cell of a map: two decimals without a leading zero.

    >>> cell_text(0.853), cell_text(-1.5), cell_text(12.34)
    ('.85', '−1.50', '12.3')
    """
    size = abs(value)
    if size >= 99.95:
        return short(value)
    text = f"{size:.{1 if size >= 9.995 else 2}f}"
    sign = "−" if value < 0 and text.strip("0.") else ""
    return sign + (text[1:] if text.startswith("0.") else text)


def is_light(share: float) -> bool:
    """Can black text be read on viridis at this share?"""
    return share >= 0.55
