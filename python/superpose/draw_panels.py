# SPDX-License-Identifier: Apache-2.0
"""The inside of one panel: points and lines, a map, or named rows (as in web/src/figures)."""
from __future__ import annotations

import math
from typing import Any, Dict, List, Tuple

from .draw_axes import (END_SIZE, TICK_SIZE, Interval, Json, box_of, drawable, interval_of, label_axes,
                        set_scales, set_ticks, shortened, style_axes, text_style, ticks_of)
from .palette import Theme, cell_text, color_of, dashes_of, is_light, short

MARKERS = {"dot": "o", "triangle": "^", "square": "s", "diamond": "D", "star": "*", "ring": "o", "cross": "x"}
_BIGGER = {"star": 1.5, "triangle": 1.1, "diamond": 0.85, "square": 0.92, "ring": 2.1}  # to look of one size
_LAYERS = {"theory": 2.0, "published": 2.2, "fit": 2.4, "ours": 2.6}
_END_LINE = 9.5  # pt between labels at line ends
_RULE_LINE = 11.0


def mark_style(series: Json, theme: Theme, size: float = 5.0) -> Dict[str, Any]:
    """A series as matplotlib's Line2D takes it: published symbols are hollow, theory is dashed."""
    color = color_of(series["hue"], theme)
    symbol = "cross" if series.get("diverged") else series["symbol"]
    hollow = series["role"] == "published" or symbol in ("ring", "cross")
    line = bool(series.get("line")) and symbol != "cross"
    theory = series["role"] == "theory"
    return {
        "color": color,
        "linestyle": dashes_of(series) if line else "none", "linewidth": 1.1 if theory else 1.4,
        "marker": MARKERS.get(symbol, "none"), "markersize": size * _BIGGER.get(symbol, 1.0),
        "markerfacecolor": "none" if hollow else color, "markeredgecolor": color if hollow else theme.page,
        "markeredgewidth": 1.6 if symbol in ("ring", "cross") else 1.1 if hollow else 0.6 if size > 4 else 0.25,
    }


def _xy(series: Json, panel: Json) -> Tuple[List[float], List[float]]:
    x_log, y_log = bool(panel["x"].get("log")), bool(panel["y"].get("log"))
    points = [point for point in series["points"]
              if drawable(point.get("x"), x_log) and drawable(point.get("y"), y_log)]
    return [float(point["x"]) for point in points], [float(point["y"]) for point in points]


def _draw_bars(ax: Any, series: Json, panel: Json, color: str) -> None:
    log, floor = bool(panel["y"].get("log")), ax.get_ylim()[0]
    bars = [point for point in series["points"] if drawable(point.get("x2"), bool(panel["x"].get("log")))
            and drawable(point.get("x"), bool(panel["x"].get("log"))) and drawable(point.get("y"), log)]
    ax.bar([point["x"] for point in bars], [point["y"] - floor for point in bars], bottom=floor, align="edge",
           width=[point["x2"] - point["x"] for point in bars], color=color, alpha=0.75, linewidth=0.3,
           edgecolor=ax.get_facecolor(), label=series["key"], zorder=1.9)


def _draw_intervals(ax: Any, series: Json, panel: Json, color: str, zorder: float) -> None:
    """Ends are held inside the axes: an end that is far out, or not positive on a logarithmic axis."""
    low, high = ax.get_ylim()
    rows = [(float(point["x"]), interval) for point in series["points"]
            if drawable(point.get("x"), bool(panel["x"].get("log"))) and (interval := interval_of(point))]
    if not rows:
        return
    x = [row[0] for row in rows]
    ends = [[min(max(row[1][side], low), high) for row in rows] for side in (0, 1)]
    if series.get("band") and series["symbol"] == "none" and series.get("line"):
        ax.fill_between(x, ends[0], ends[1], color=color, alpha=0.14, linewidth=0, zorder=zorder - 0.1)
        return
    published = series["role"] == "published"
    width, alpha = (7.0, 0.22) if series.get("band") else (0.8, 0.45) if published else (1.1, 0.8)
    ax.vlines(x, ends[0], ends[1], color=color, linewidth=width, alpha=alpha, zorder=zorder - 0.05)


def _draw_series(ax: Any, series: Json, panel: Json, theme: Theme, size: float) -> None:
    color, zorder = color_of(series["hue"], theme), _LAYERS[series["role"]]
    x_log = bool(panel["x"].get("log"))
    places = [point for point in series["points"] if drawable(point.get("x"), x_log)]
    if series["symbol"] == "bars":
        return _draw_bars(ax, series, panel, color)
    if series["symbol"] == "shade":
        for point in places:
            if drawable(point.get("x2"), x_log):
                ax.axvspan(point["x"], point["x2"], color=color, alpha=0.09, linewidth=0, zorder=1,
                           label=series["key"])
        return None
    if series["symbol"] == "rule":
        for point in places:
            ax.axvline(point["x"], color=color, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2,
                       label=series["key"])
        return None
    if series.get("diverged"):  # runs without a value: at the panel's upper edge
        ax.plot([point["x"] for point in places], [0.97] * len(places), transform=ax.get_xaxis_transform(),
                label=series["key"], zorder=zorder, **mark_style(series, theme, 6.0))
        return None
    _draw_intervals(ax, series, panel, color, zorder)
    x, y = _xy(series, panel)
    ax.plot(x, y, label=series["key"], zorder=zorder, **mark_style(series, theme, size))
    return None


def draw_xy(ax: Any, panel: Json, theme: Theme) -> None:
    """Points, lines, intervals, bands, bars, shades and vertical lines on scales and ticks of the page."""
    style_axes(ax, panel, theme)
    set_scales(ax, panel, theme)
    marked = [series for series in panel["series"] if series["symbol"] not in ("none", "bars")]
    many = sum(len(series["points"]) for series in marked)
    for series in panel["series"]:
        _draw_series(ax, series, panel, theme, 3.2 if many > 400 else 4.0 if many > 150 else 5.2)
    if not any(series["points"] for series in panel["series"]):
        ax.text(0.5, 0.5, "no data", transform=ax.transAxes, ha="center", va="center",
                **text_style(TICK_SIZE, theme.soft))
    _rule_labels(ax, panel, theme)


def _rule_labels(ax: Any, panel: Json, theme: Theme) -> None:
    """One under the other from the top, on the side with more room."""
    rules = [series for series in panel["series"] if series["symbol"] == "rule" and series["points"]]
    for i, series in enumerate(rules):
        x = series["points"][0]["x"]
        if not drawable(x, bool(panel["x"].get("log"))):
            continue
        place = ax.transAxes.inverted().transform(ax.transData.transform((x, ax.get_ylim()[0])))[0]
        left = place > 0.5
        ax.annotate(shortened(series.get("label") or series["key"]), (x, 1),
                    xycoords=ax.get_xaxis_transform(),
                    xytext=(-4 if left else 4, -2 - _RULE_LINE * i), textcoords="offset points", zorder=4,
                    ha="right" if left else "left", va="top",
                    bbox={"fc": theme.page, "ec": "none", "pad": 0.6},
                    **text_style(END_SIZE, color_of(series["hue"], theme)))


def add_end_labels(ax: Any, panel: Json, theme: Theme) -> List[Tuple[float, Any]]:
    """What a line is, written behind its end: (y of the end, text), for place_end_labels()."""
    from matplotlib.patheffects import withStroke

    outside = ax.figure.get_layout_engine() is not None  # else nobody would make room for them
    out = []
    for series in panel["series"]:
        x, y = _xy(series, panel)
        if not series.get("label") or series["symbol"] == "rule" or not x:
            continue
        end = max(range(len(x)), key=lambda i: (x[i], i))
        text = ax.annotate(shortened(series["label"]), (1, 0), xycoords="axes fraction",
                           xytext=(5 if outside else -3, 0), textcoords="offset points",
                           va="center_baseline", ha="left" if outside else "right",
                           annotation_clip=False, zorder=5,
                           path_effects=[withStroke(linewidth=3, foreground=theme.page)],
                           **text_style(END_SIZE, color_of(series["hue"], theme),
                                        fontstyle="italic" if series["role"] == "theory" else "normal"))
        out.append((y[end], text))
    return out


def place_end_labels(ax: Any, labels: List[Tuple[float, Any]]) -> None:
    """Each at its line's end or pushed away from the one above; called when the axes have their size."""
    low, high = ax.get_ylim()
    log, height = ax.get_yscale() == "log", box_of(ax)[1]

    def place(y: float) -> float:  # pt above the lower edge
        share = math.log(y / low) / math.log(high / low) if log else (y - low) / (high - low)
        return float(min(max(share, 0.0), 1.0) * height)

    ends = sorted(((place(y), text) for y, text in labels), key=lambda end: -end[0])
    at: List[float] = []
    for wanted, _ in ends:
        at.append(wanted if not at else min(wanted, at[-1] - _END_LINE))
    floor = 0.0
    for i in reversed(range(len(at))):  # and up again from the bottom where they ran out of room
        at[i] = max(at[i], floor)
        floor = at[i] + _END_LINE
    for y_at, (_, text) in zip(at, ends):
        text.xyann = (text.xyann[0], y_at)


def color_domain(figure: Json) -> Interval:
    """The values that a map's colours stand for: the figure's, else the data's."""
    given = (figure.get("color") or {}).get("domain")
    if given and drawable(given[0], False) and drawable(given[1], False) and given[0] < given[1]:
        return float(given[0]), float(given[1])
    values = [float(point["z"]) for panel in figure["panels"] for series in panel["series"]
              for point in series["points"] if drawable(point.get("z"), False)]
    return (min(values), max(values)) if values and min(values) < max(values) else (0.0, 1.0)


def _nearest(grid: List[float], value: float) -> int:
    return min(range(len(grid)), key=lambda i: float(abs(grid[i] - value)))


def _grid(panel: Json, which: str) -> List[float]:
    given = panel[which].get("ticks")
    if not given:
        given = [point.get(which) for series in panel["series"] for point in series["points"]]
    return sorted({float(value) for value in given if drawable(value, False)})


def _grid_label(value: float) -> str:
    two = round(value, 2)  # ninths of the paper's grid read well with two decimals
    return short(two if abs(two - value) < 0.0046 else value, 4)


def draw_map(ax: Any, panel: Json, colors: Interval, theme: Theme) -> Any:
    """One coloured cell with its number per point, a cross where there is no value; for a colour bar."""
    import matplotlib
    import numpy as np

    style_axes(ax, panel, theme, grid="none")
    columns, rows = _grid(panel, "x"), _grid(panel, "y")
    values = np.full((max(len(rows), 1), max(len(columns), 1)), np.nan)
    crosses = []
    for point in (point for series in panel["series"] for point in series["points"]):
        if not drawable(point.get("x"), False) or not drawable(point.get("y"), False):
            continue
        column, row = _nearest(columns, point["x"]), _nearest(rows, point["y"])
        if drawable(point.get("z"), False):
            values[row, column] = point["z"]
        else:
            crosses.append((column, row))
    mesh = ax.pcolormesh(np.arange(values.shape[1] + 1) - 0.5, np.arange(values.shape[0] + 1) - 0.5, values,
                         cmap=matplotlib.colormaps["viridis"], vmin=colors[0], vmax=colors[1])
    for lines, count, other in ((ax.hlines, *values.shape), (ax.vlines, *values.shape[::-1])):
        lines(np.arange(count + 1) - 0.5, -0.5, other - 0.5, color=theme.line, linewidth=0.6)
    width, height = box_of(ax)
    size = min(7.0, (width / values.shape[1] - 2) / 2.1, (height / values.shape[0] - 1.5) / 0.8)
    for (row, column), value in np.ndenumerate(values):
        if math.isnan(value) or size < 4.2:  # smaller could not be read
            continue
        share = min(max((value - colors[0]) / (colors[1] - colors[0]), 0.0), 1.0)
        ax.text(column, row, cell_text(value), ha="center", va="center_baseline",
                **text_style(size, "#000000" if is_light(share) else "#ffffff"))
    if crosses:
        ax.plot(*zip(*crosses), linestyle="none", marker="x", color=theme.ink, markersize=5,
                markeredgewidth=1.4, label="diverged")
    for axis, grid in ((ax.xaxis, columns), (ax.yaxis, rows)):
        set_ticks(axis, range(len(grid)), [_grid_label(value) for value in grid], theme)
    if len(rows) > 10:
        for i, label in enumerate(ax.get_yticklabels()):
            label.set_visible(i % 2 == 0)
    ax.tick_params(axis="both", length=0)
    ax.set_xlim(-0.5, values.shape[1] - 0.5)
    ax.set_ylim(-0.5, values.shape[0] - 0.5)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return mesh


def row_names(panel: Json) -> List[str]:
    """Series with the same key share a row."""
    return list(dict.fromkeys(series["key"] for series in panel["series"]))


def draw_rows(ax: Any, panel: Json, theme: Theme) -> None:
    """Values of named rows: beside a reference band, or as lines from 1 to the value."""
    from matplotlib.patheffects import withStroke

    style_axes(ax, panel, theme, grid="x")
    names, log, reference = row_names(panel), bool(panel["x"].get("log")), panel.get("reference")
    given = panel["x"].get("domain")
    low, high = given if given and drawable(given[0], log) and drawable(given[1], log) else (0.1, 10.0)
    ax.set_xscale("log" if log else "linear")
    ticks = ticks_of(panel["x"], (low, high), 5)
    set_ticks(ax.xaxis, ticks, [short(tick, 5) for tick in ticks], theme)
    set_ticks(ax.yaxis, [], [], theme)
    ax.set_ylim(len(names) - 0.5, -0.72)
    pad = 0.015
    ax.set_xlim(*((low * (low / high) ** pad, high * (high / low) ** pad) if log
                  else (low - pad * (high - low), high + pad * (high - low))))

    def held(x: float) -> float:
        return float(min(max(x, low), high))

    if reference:
        ax.axvspan(*reference, color=theme.steps["cat"][2], alpha=0.13, linewidth=0, zorder=1)
        ax.hlines(range(len(names)), 0, 1, transform=ax.get_yaxis_transform(), color=theme.line,
                  linewidth=0.7, zorder=1.2)
    origin = held(1.0)
    halo = [withStroke(linewidth=3, foreground=theme.page)]
    for series in panel["series"]:
        row, color = names.index(series["key"]), color_of(series["hue"], theme)
        points = [point for point in series["points"] if drawable(point.get("x"), log)]
        x = [held(point["x"]) for point in points]
        if not reference:
            ax.vlines(origin, row - 0.2, row + 0.2, color=theme.soft, linewidth=1.2, zorder=1.5)
            ax.hlines([row] * len(x), origin, x, color=color, linewidth=2.2, alpha=0.55, zorder=1.6)
        for point in points:
            ends = interval_of(point)
            if ends:
                ax.hlines(row, held(ends[0]), held(ends[1]), color=color, linewidth=1.6 if reference else 5.5,
                          alpha=0.8 if reference else 0.35, zorder=1.8)
            if not reference:
                ax.annotate(short(point["x"]), (held(point["x"]), row), xytext=(6, 0),
                            textcoords="offset points", va="center_baseline", annotation_clip=False,
                            zorder=4, path_effects=halo,
                            **text_style(TICK_SIZE, theme.ink, fontweight="bold"))
        symbol = series["symbol"] if series["symbol"] in MARKERS else "dot"
        style = mark_style({**series, "symbol": symbol, "line": False}, theme, 5.6)
        layer = _LAYERS[series["role"]]
        ax.plot(x, [row] * len(x), label=series["key"], zorder=layer, clip_on=False, **style)
    for row, name in enumerate(names):
        ax.annotate(name, (0, row), xycoords=ax.get_yaxis_transform(), xytext=(2, 5),
                    textcoords="offset points", va="bottom", ha="left", zorder=3,
                    bbox={"fc": theme.page, "ec": "none", "pad": 0.4, "alpha": 0.7 if reference else 1.0},
                    **text_style(TICK_SIZE, theme.ink))


def draw_panel(ax: Any, figure: Json, panel: Json, theme: Theme, labels: Tuple[str, str]) -> Any:
    """Draws one panel of a figure into axes; returns what a colour bar needs, of a map."""
    mesh = None
    if figure["kind"] == "map":
        mesh = draw_map(ax, panel, color_domain(figure), theme)
    elif figure["kind"] == "rows":
        draw_rows(ax, panel, theme)
    else:
        draw_xy(ax, panel, theme)
    label_axes(ax, labels[0], labels[1], theme)
    return mesh
