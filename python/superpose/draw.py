# SPDX-License-Identifier: Apache-2.0
"""The page's figures with matplotlib, out of the page's own data (superpose/report/figure.h)."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, List, Sequence, Tuple, Union

from .error import Error
from .palette import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .draw_axes import Json

Panels = Union[None, str, int, Sequence[Union[str, int]]]

_WIDTH = {"xy": 3.5, "map": 4.6, "rows": 4.4}  # inches of one of several panels
_ALONE = {"xy": 5.4, "map": 6.0, "rows": 6.6}
_GAP = 0.06  # inches


def _need_matplotlib() -> None:
    try:
        import matplotlib.figure
    except ImportError as missing:
        text = "drawing needs matplotlib: pip install matplotlib, or Debian's python3-matplotlib"
        raise Error("unsupported", text) from missing
    del matplotlib


def choose_panels(figure: Json, panels: Panels = None) -> List[Json]:
    """Panels by title or index, "all", or (None) the overview that the page shows.

    >>> figure = {"panels": [{"title": "m = 10", "shown": False}, {"title": "m = 100", "shown": True}]}
    >>> [panel["title"] for panel in choose_panels(figure)]
    ['m = 100']
    >>> [panel["title"] for panel in choose_panels(figure, ["m = 10", -1])]
    ['m = 10', 'm = 100']
    """
    every: List[Json] = figure["panels"]
    if panels is None:
        return [panel for panel in every if panel.get("shown", True)]
    titles = [panel["title"] for panel in every]
    if panels == "all" and "all" not in titles:
        return list(every)
    out: List[Json] = []
    for which in [panels] if isinstance(panels, (str, int)) else panels:
        if isinstance(which, str):
            found = [panel for panel in every if panel["title"] == which]
        else:
            found = [every[which]] if -len(every) <= which < len(every) else []
        if not found:
            known = ", ".join(repr(title) for title in titles[:12]) + (", ..." if len(titles) > 12 else "")
            raise Error("usage", f"no panel {which!r} in this figure of {len(every)}: {known}")
        out += found
    return out


def _columns(kind: str, count: int) -> int:
    if kind == "rows":
        return min(count, 2)
    return min(count, 2) if kind == "map" or count in (2, 4) else min(count, 3)


def _size(figure: Json, panels: Sequence[Json], columns: int) -> Tuple[float, float]:
    """Width and height in inches, without legend and title."""
    from .draw_panels import row_names

    kind, rows = figure["kind"], math.ceil(len(panels) / columns)
    width = _ALONE[kind] if len(panels) == 1 else _WIDTH[kind] * columns
    if kind == "rows":
        tallest = max(len(row_names(panel)) for panel in panels)
        return width, rows * (0.34 * tallest + 0.6)
    if kind == "map":
        tallest = max(len(panel["y"].get("ticks") or [0] * 8) for panel in panels)
        return width, rows * (min(max(0.23 * tallest, 1.2), 8.0) + 0.7)
    return width, rows * (3.5 if len(panels) == 1 else 2.75)


def _flat(axes: Any) -> List[Any]:
    """Axes as plt.subplots returns them: one, or an array of any shape."""
    if hasattr(axes, "plot"):
        return [axes]
    out: List[Any] = []
    for one in axes:
        out += _flat(one)
    return out


def _metadata(figure: Json) -> dict[str, str]:
    source = (figure.get("how") or {}).get("source", "")
    caption = " ".join(part for part in (figure.get("caption", ""), figure.get("interval", "")) if part)
    texts = {"Title": figure.get("title", ""), "Description": caption, "Source": source}
    return {key: text for key, text in texts.items() if text}


def _heading(figure: Json, width: float) -> str:
    """What the figure shows, and which one of the paper it is, in lines of so many points."""
    from .draw_axes import wrapped

    title, paper = str(figure.get("title", "")), figure.get("paper")
    if not paper:
        return wrapped(title, width, 11, bold=True)
    line = f"{title}  ·  {paper}"
    fits = "\n" not in wrapped(line, width, 11, bold=True)
    return line if fits else wrapped(title, width, 11, bold=True) + f"\n{paper}"


def _draw_reason(figure: Json, axes: List[Any], theme: Theme, size: Any) -> Figure:
    """Nothing to draw: says why, without axes that would look like data."""
    from .draw_axes import TICK_SIZE, text_style, wrapped

    reason = figure.get("empty") or "There is nothing to draw here."
    if axes:
        for ax in axes:
            ax.set_axis_off()
        width = axes[0].get_window_extent().width * 72 / axes[0].figure.dpi
        axes[0].text(0.5, 0.5, wrapped(reason, width, TICK_SIZE), transform=axes[0].transAxes, ha="center",
                     va="center", **text_style(TICK_SIZE, theme.ink))
        return axes[0].figure
    from .page_figure import PageFigure

    text = wrapped(reason, 5.4 * 72, 9)
    title = _heading(figure, 5.8 * 72)
    tall = 0.3 + 0.2 * (title.count("\n") + 1) + 0.17 * (text.count("\n") + 1)
    out = PageFigure(figsize=size or (6, tall), facecolor=theme.page)
    height = out.get_size_inches()[1]
    out.text(0.02, 1 - 0.1 / height, title, va="top", **text_style(11, theme.ink, fontweight="bold"))
    out.text(0.02, 0.1 / height, text, va="bottom", **text_style(9, theme.ink))
    out.metadata = _metadata(figure)
    return out


def _labels(panels: Sequence[Json], columns: int) -> List[Tuple[str, str]]:
    """Labels of x and y; empty where the panel below or to the left says the same."""
    out = []
    for i, panel in enumerate(panels):
        below = panels[i + columns]["x"]["label"] if i + columns < len(panels) else None
        left = panels[i - 1]["y"]["label"] if i % columns else None
        x, y = panel["x"]["label"], panel["y"]["label"]
        out.append(("" if x == below else x, "" if y == left else y))
    return out


def _add_below(out: Any, figure: Json, groups: Sequence[Sequence[Any]], theme: Theme, grow: bool) -> None:
    """Legends, and why runs of ours are missing, under the panels; the figure grows by them."""
    from .draw_axes import TICK_SIZE, text_style, wrapped
    from .draw_legend import add_legend

    width, height = out.get_size_inches()
    blocks: List[Tuple[Any, float]] = []
    for entries in groups:
        letters = sum(len(text) for text, _ in entries) / len(entries)
        mean = 32 + 0.5 * TICK_SIZE * letters  # pt, rather too little
        most = max(1, min(len(entries), int(72 * width / mean) + 1))
        for columns in range(most, 0, -1):
            legend = add_legend(out, entries, theme, ncol=columns, loc="lower center", frameon=False)
            box = legend.get_window_extent()
            if box.width <= 0.97 * width * out.dpi or columns == 1:
                blocks.append((legend, box.height / out.dpi))
                break
            legend.remove()
    if figure.get("empty"):
        text = wrapped(figure["empty"], 0.94 * width * 72, TICK_SIZE)
        note = out.text(0.5, 0, text, ha="center", va="bottom",
                        **text_style(TICK_SIZE, theme.soft, fontstyle="italic"))
        blocks.append((note, note.get_window_extent().height / out.dpi + _GAP))
    below = sum(block[1] for block in blocks) + _GAP
    if grow:
        height += below
        out.set_size_inches(width, height)
    out.get_layout_engine().set(rect=(0, below / height, 1, 1 - below / height), h_pad=0.05, hspace=0.05)
    y = below - _GAP / 2
    for block, tall in blocks:
        y -= tall
        block.set_in_layout(False)
        if hasattr(block, "set_bbox_to_anchor"):
            block.set_bbox_to_anchor((0.5, y / height), out.transFigure)
        else:
            block.set_y(y / height)


def draw(figure: Json, *, panels: Panels = None, axes: Any = None, theme: str = "light",
         size: Tuple[float, float] | None = None) -> Figure:
    """Draws a figure of the page: the same points, intervals, bands, words and colours.

    figure: what a report's JSON holds. panels: titles or indices, "all", or None for the page's overview.
    axes: matplotlib axes to draw into, one per panel; by default a new figure of its own that needs no
    backend, with its caption in .metadata. theme: "light" or "dark". size: width and height in inches.

    >>> series = {"key": "γ = −1", "role": "ours", "hue": ["neg", 0, 5], "symbol": "dot",
    ...           "points": [{"x": 10, "y": 0.5, "ci": [0.4, 0.6]}, {"x": 100, "y": 0.05}]}
    >>> panel = {"title": "", "group": "", "shown": True, "series": [series],
    ...          "x": {"label": "width m", "log": True}, "y": {"label": "loss", "log": True}}
    >>> picture = draw({"id": "loss", "title": "Loss against width", "kind": "xy", "panels": [panel]})
    >>> picture.axes[0].get_xscale(), picture.axes[0].get_ylabel()
    ('log', 'loss')
    >>> picture.savefig("loss.pdf")  # doctest: +SKIP
    """
    if theme not in THEMES:
        raise Error("usage", f"theme is \"light\" or \"dark\", not {theme!r}")
    _need_matplotlib()
    from .draw_legend import add_color_bar, add_legend, add_strip, entries_of
    from .draw_panels import add_end_labels, draw_panel, place_end_labels
    from .draw_axes import lay_out, text_style, thin

    look = THEMES[theme]
    figure = {"kind": "xy", **figure}
    chosen = choose_panels(figure, panels)
    given = [] if axes is None else _flat(axes)
    filled = [panel for panel in chosen if any(series["points"] for series in panel["series"])]
    if given and len(given) != len(chosen):
        titles = ", ".join(repr(panel["title"]) for panel in chosen[:12])
        raise Error("usage", f"{len(chosen)} panels need as many axes, not {len(given)}: "
                             f"choose with panels=[...] among {titles}")
    if not filled:
        return _draw_reason(figure, given, look, size)
    if not given and figure["kind"] != "map":
        chosen = filled

    columns = _columns(figure["kind"], len(chosen))
    out: Any
    if given:
        out, places = given[0].figure, given
        labels = [(panel["x"]["label"], panel["y"]["label"]) for panel in chosen]
    else:
        from .page_figure import PageFigure

        wide, tall = size or _size(figure, chosen, columns)
        title = _heading(figure, wide * 72)
        tall += 0 if size else 0.2 * (title.count("\n") + 1)
        out = PageFigure(figsize=(wide, tall), layout="constrained", facecolor=look.page)
        out.suptitle(title, **text_style(11, look.ink, fontweight="bold"))
        cells = out.subplots(math.ceil(len(chosen) / columns), columns, squeeze=False)
        places = list(cells.flat)[:len(chosen)]
        for spare in list(cells.flat)[len(chosen):]:
            spare.remove()
        labels = _labels(chosen, columns)
        out.metadata = _metadata(figure)

    meshes = [draw_panel(ax, figure, panel, look, label) for ax, panel, label in zip(places, chosen, labels)]
    if figure["kind"] == "map":
        add_color_bar(meshes[0], places, (figure.get("color") or {}).get("label", ""), look)
    xy = figure["kind"] == "xy"
    end_labels = [add_end_labels(ax, panel, look) if xy else [] for ax, panel in zip(places, chosen)]
    steps, others = entries_of(figure, chosen)
    groups = [others] if add_strip(steps, places, look) else [steps, others]
    groups = [group for group in groups if group]
    if not given:
        _add_below(out, figure, groups, look, size is None)
        lay_out(out)
    elif groups:
        add_legend(places[-1], [entry for group in groups for entry in group], look, loc="best", frameon=True,
                   facecolor=look.page, edgecolor=look.line, framealpha=0.85)
    for ax, ends in zip(places, end_labels):
        place_end_labels(ax, ends)
        thin(ax)
    return out
