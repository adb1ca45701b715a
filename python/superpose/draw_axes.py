# SPDX-License-Identifier: Apache-2.0
"""What the axes of a figure show: ranges, ticks, and how they look (web/src/figures/axes.ts)."""
from __future__ import annotations

import math
import textwrap
from typing import Any, Dict, Iterable, List, Sequence, Tuple

from .palette import Theme, short

Json = Dict[str, Any]
Interval = Tuple[float, float]

LABEL_SIZE, TICK_SIZE, TITLE_SIZE, END_SIZE = 9.0, 8.0, 9.5, 8.0  # pt
_LARGEST = 1e100  # differences and ratios of what is drawn stay finite
_RULE_LINE = 11.0  # pt from one label of a vertical line to the next


def drawable(value: Any, log: bool) -> bool:
    """Is it a finite number, positive on a logarithmic axis?"""
    if not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > _LARGEST:
        return False
    return not log or value > 1 / _LARGEST


def interval_of(point: Json) -> Interval | None:
    """The point's interval, if both ends are numbers."""
    ends = point.get("ci")
    if not ends or any(not isinstance(end, (int, float)) or math.isnan(end) for end in ends):
        return None
    return float(ends[0]), float(ends[1])


def _values(panel: Json, fields: Iterable[str], log: bool) -> List[float]:
    points = [point for series in panel["series"] for point in series["points"]]
    return [float(point[field]) for point in points for field in fields if drawable(point.get(field), log)]


def domain_of(panel: Json, which: str) -> Interval:
    """The drawn range of "x" or "y": the panel's own, else the data's with a margin; never inverted or empty.

    Intervals count too, but one huge interval may not flatten everything: it is cut at the axis.

    >>> one = {"points": [{"x": 1, "y": 2}, {"x": 100, "y": 3}]}
    >>> domain_of({"x": {"log": False}, "y": {"log": False, "domain": [0, 5]}, "series": [one]}, "y")
    (0.0, 5.0)
    """
    axis = panel[which]
    log = bool(axis.get("log"))
    given = axis.get("domain")
    if given and drawable(given[0], log) and drawable(given[1], log) and given[0] < given[1]:
        return float(given[0]), float(given[1])
    values = _values(panel, ("x", "x2") if which == "x" else ("y",), log)
    if not values:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(values), max(values)
    if which == "y":
        room = 2.0 if log else 0.5 * ((high - low) or abs(high) or 1.0)
        floor, ceiling = (low / room, high * room) if log else (low - room, high + room)
        for series in panel["series"]:
            for end in (end for point in series["points"] for end in interval_of(point) or ()):
                if drawable(end, log):
                    low, high = min(low, max(end, floor)), max(high, min(end, ceiling))
    if log:
        margin = (high / low) ** 0.05 * (1.5 if high == low else 1.02)
        return low / margin, high * margin
    margin = 0.05 * ((high - low) or abs(high) or 1.0)
    return (0.0 if which == "y" and 0 <= low < 0.3 * high else low - margin), high + margin


def with_headroom(panel: Json, domain: Interval, height: float) -> Interval:
    """The domain of y with room at the top for labels of vertical lines; height: of the axes, in points."""
    rules = sum(series["symbol"] == "rule" for series in panel["series"])
    if rules == 0 or panel["y"].get("domain"):
        return domain
    share = min((rules * _RULE_LINE + 2) / height, 0.35)
    more = share / (1 - share)
    low, high = domain
    return (low, high * (high / low) ** more) if panel["y"].get("log") else (low, high + more * (high - low))


def with_room_for_marks(panel: Json, which: str, domain: Interval) -> Interval:
    """A little more than a given domain where a symbol on its edge would be cut in half."""
    axis = panel[which]
    log = bool(axis.get("log"))
    if not axis.get("domain"):
        return domain

    def at(value: float) -> float:
        return math.log(value) if log else float(value)

    low, high = at(domain[0]), at(domain[1])
    near, pad = 0.02 * (high - low), 0.03 * (high - low)
    flat = ("none", "rule", "shade", "bars")
    marked = [series for series in panel["series"] if series["symbol"] not in flat]
    places = [at(value) for value in _values({"series": marked}, (which,), log)]
    if any(abs(place - low) < near for place in places):
        low -= pad
    if any(abs(place - high) < near for place in places):
        high += pad
    return (math.exp(low), math.exp(high)) if log else (low, high)


def _even_ticks(domain: Interval, count: int) -> List[float]:
    """Steps of 1, 2 or 5 times a power of ten, about `count` of them, as d3 chooses them."""
    low, high = domain
    step = (high - low) / max(count, 1)
    power = math.floor(math.log10(step))
    error = step / 10.0**power
    factor = next((times for times in (10, 5, 2) if error >= math.sqrt(times * times / 2)), 1)
    step = factor * 10.0**power
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def ticks_of(axis: Json, domain: Interval, count: int) -> List[float]:
    """The page's ticks: those given that fit, some per decade on a logarithmic axis, else about `count`.

    >>> ticks_of({"log": True}, (0.9, 120.0), 5)
    [1.0, 3.0, 10.0, 30.0, 100.0]
    """
    low, high = domain
    log = bool(axis.get("log"))
    slack = 1e-9 * (low if log else high - low)

    def inside(value: float) -> bool:
        return low - slack <= value <= high * (1 + 1e-9 if log else 1) + slack

    given = axis.get("ticks") or []
    if given:
        fits = [float(tick) for tick in given if drawable(tick, log) and inside(tick)]
        if fits:
            return fits if len(fits) <= 8 else fits[:: math.ceil(len(fits) / 6)]
    if not log:
        return _even_ticks(domain, count)
    decades = math.log10(high / low)
    heads = (1,) if decades > 3 else (1, 3) if decades > 1.2 else (1, 2, 3, 5, 7)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    out = [value for e in exponents for head in heads if inside(value := float(f"{head}e{e}"))]
    if decades > 8:
        out = out[:: math.ceil(decades / 8)]
    return out if len(out) >= 2 else _even_ticks(domain, count)


def wrapped(text: str, width: float, size: float, *, bold: bool = False, most: int = 99) -> str:
    """The text in lines of at most about `width` points at this font size; at most so many lines."""
    letters = max(int(width / ((0.62 if bold else 0.54) * size)), 12)
    return "\n".join(textwrap.wrap(text, letters, break_long_words=False, max_lines=most, placeholder=" …"))


def shortened(text: str, most: int = 36) -> str:
    """The text, cut where it would take the room of the data."""
    return text if len(text) <= most else text[:most - 1] + "…"


def family() -> List[str]:
    """The reader's fonts, then one that has every letter of ours and comes with matplotlib."""
    import matplotlib

    families: List[str] = list(matplotlib.rcParams["font.family"])  # pyright: ignore[reportArgumentType]
    return [*families, "DejaVu Sans"]


def text_style(size: float, color: str, **more: Any) -> Dict[str, Any]:
    """Text as it stands: a $ in a name is no formula."""
    plain = {"parse_math": False, "usetex": False, "family": family()}
    return {"fontsize": size, "color": color, **plain, **more}


def set_ticks(axis: Any, ticks: Sequence[float], labels: Sequence[str], theme: Theme) -> None:
    """axis: matplotlib's ax.xaxis or ax.yaxis."""
    from matplotlib.ticker import NullFormatter, NullLocator

    axis.set_ticks(list(ticks), labels=list(labels), **text_style(TICK_SIZE, theme.ink))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def style_axes(ax: Any, panel: Json, theme: Theme, *, grid: str = "both") -> None:
    """The look of the page's axes, whatever the reader's own style is. grid: "both", "x" or "none"."""
    ax.set_facecolor(theme.page)
    ax.patch.set_alpha(1.0)
    ax.set_axisbelow(True)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom") and not (grid == "x" and side == "left"))
        spine.set_color(theme.soft)
        spine.set_linewidth(0.8)
    ax.tick_params(axis="both", which="major", direction="out", length=3, width=0.7, color=theme.soft,
                   labelcolor=theme.ink, labelsize=TICK_SIZE, left=True, bottom=True, top=False, right=False)
    ax.grid(False, which="both")
    if grid != "none":
        ax.grid(True, which="major", axis=grid, color=theme.ink, alpha=0.09, linewidth=0.7, linestyle="-")
    if panel.get("title"):
        ax.set_title(wrapped(panel["title"], box_of(ax)[0] + 30, TITLE_SIZE, most=2), loc="center", pad=5,
                     **text_style(TITLE_SIZE, theme.ink, fontweight="normal"))


def label_axes(ax: Any, x: str, y: str, theme: Theme) -> None:
    width, height = box_of(ax)
    style = text_style(LABEL_SIZE, theme.ink)
    ax.set_xlabel(wrapped(x, width + 20, LABEL_SIZE, most=2), labelpad=3, **style)
    ax.set_ylabel(wrapped(y, height + 30, LABEL_SIZE, most=2), labelpad=3, **style)


def set_scales(ax: Any, panel: Json, theme: Theme) -> None:
    """Scale, limits and ticks of a panel of points."""
    width, height = box_of(ax)
    x, y = domain_of(panel, "x"), with_headroom(panel, domain_of(panel, "y"), height)
    for which, domain, count in (("x", x, max(3, int(width / 60))), ("y", y, 5)):
        axis = panel[which]
        log = bool(axis.get("log"))
        ticks = ticks_of(axis, domain, count)
        getattr(ax, f"set_{which}scale")("log" if log else "linear")
        set_ticks(getattr(ax, f"{which}axis"), ticks, [short(tick, 5) for tick in ticks], theme)
        getattr(ax, f"set_{which}lim")(*with_room_for_marks(panel, which, domain))


def lay_out(figure: Any) -> None:
    """Gives axes the place that they will have, where the figure arranges them itself."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def box_of(ax: Any) -> Interval:
    """Width and height of the axes in points."""
    box = ax.get_window_extent()
    points = 72 / ax.figure.dpi
    return float(box.width * points), float(box.height * points)


def thin(ax: Any) -> None:
    """Blanks numbers of the x axis so that none covers the next: every second, third, ... stays."""
    ticks, labels = list(ax.get_xticks()), [label.get_text() for label in ax.get_xticklabels()]
    if len(ticks) < 2 or len(ticks) != len(labels):
        return
    points = 72 / ax.figure.dpi
    places = [float(ax.transData.transform((tick, ax.get_ylim()[0]))[0]) * points for tick in ticks]
    halves = [0.3 * TICK_SIZE * max(len(label), 1) for label in labels]
    for stride in range(1, len(ticks)):
        kept = range(0, len(ticks), stride)
        if all(abs(places[b] - places[a]) >= halves[a] + halves[b] + 3 for a, b in zip(kept, kept[1:])):
            break
    else:
        stride = len(ticks)
    if stride > 1:
        for i, label in enumerate(ax.get_xticklabels()):
            label.set_visible(i % stride == 0)
