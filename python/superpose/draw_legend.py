# SPDX-License-Identifier: Apache-2.0
"""What colours, symbols and lines mean: one entry per key over all panels, then filled and hollow symbols."""
from __future__ import annotations

from typing import Any, Dict, Iterable, List, Sequence, Tuple

from .draw_axes import LABEL_SIZE, TICK_SIZE, Json, text_style, wrapped
from .draw_panels import mark_style
from .palette import Theme, color_of, short

Entry = Tuple[str, Json]  # its text, and a series that looks like it
_MOST_STEPS = 8  # of an ordered quantity before it is a strip of colours
_MOST_ENTRIES = 60
_RANK = {"ours": 0, "published": 1, "fit": 2, "theory": 2}
_ORDERED = ("neg", "pos", "seq")


def _series(panels: Sequence[Json]) -> Iterable[Json]:
    return (series for panel in panels for series in panel["series"] if series["points"])


def _keyed(panels: Sequence[Json]) -> List[Entry]:
    """One entry per key; it looks like ours, else like the published one, else like what there is."""
    out: Dict[str, Json] = {}
    for series in _series(panels):
        key = series["key"]
        if not key or series.get("diverged") or (series["symbol"] == "rule" and series.get("label")):
            continue
        if key not in out or _RANK[series["role"]] < _RANK[out[key]["role"]]:
            out[key] = series
    return list(out.items())[:_MOST_ENTRIES]


def _role(text: str, role: str, symbol: str, line: bool = False) -> Entry:
    return text, {"role": role, "hue": ("ink", 1, 2), "symbol": symbol, "line": line, "key": text}


def _roles(figure: Json, panels: Sequence[Json]) -> List[Entry]:
    """What filled and hollow symbols, solid lines and crosses are."""
    words = figure.get("words") or {}
    drawn = list(_series(panels))
    marked = [one for one in drawn if one["symbol"] not in ("none", "rule") and not one.get("diverged")]
    ours_marked = any(series["role"] == "ours" for series in marked)
    ours = {series["key"] for series in drawn if series["role"] == "ours"}
    published = any(series["role"] == "published" for series in marked)
    recorded = figure.get("recorded") or 0
    out = []
    if ours_marked and (published or recorded):
        runs = (figure.get("how") or {}).get("runs")
        here = words.get("ours", "measured here")
        text = here if not recorded else f"{here}, and recorded runs" if runs else "recorded runs"
        out.append(_role("filled: " + text, "ours", "dot"))
    sourced = (figure.get("how") or {}).get("source")  # else the keys alone say what hollow means
    if published and (ours_marked or sourced):
        out.append(_role("hollow: " + words.get("published", "published"), "published", "dot"))
    if any(one["role"] == "fit" and one["symbol"] == "none" and one["key"] in ours for one in drawn):
        out.append(_role("fit", "fit", "none", True))
    if any(series.get("diverged") for series in drawn):
        out.append(_role("diverged", "ours", "cross"))
    return out


def entries_of(figure: Json, panels: Sequence[Json]) -> Tuple[List[Entry], List[Entry]]:
    """Steps of ordered quantities in their order, and everything else."""
    if figure["kind"] == "rows":  # what their marks are, where they say so
        labels: Dict[str, Json] = {}
        for series in _series(panels):
            if series.get("label"):
                labels.setdefault(series["label"], series)
        return [], list(labels.items()) + _roles(figure, panels)
    if figure["kind"] == "map":
        crosses = any(point.get("z") is None for series in _series(panels) for point in series["points"])
        return [], [_role("diverged", "ours", "cross")] if crosses else []
    keyed = _keyed(panels)
    steps = [entry for entry in keyed if entry[1]["hue"][0] in _ORDERED and entry[1]["role"] != "theory"]
    named = [entry for entry in keyed if entry not in steps]
    steps.sort(key=lambda entry: (_ORDERED.index(entry[1]["hue"][0]), entry[1]["hue"][1]))
    return steps, named + _roles(figure, panels)


def strip_of(steps: Sequence[Entry]) -> Tuple[str, List[str], List[Json]] | None:
    """Name, values and series of many steps of one quantity: "α = 0", "α = 0.125", ... become a strip."""
    split = [text.partition(" = ") for text, _ in steps]
    if len(steps) <= _MOST_STEPS or len({name for name, _, _ in split}) > 1:
        return None
    if any(not value for _, _, value in split) or any(series["hue"][0] != "seq" for _, series in steps):
        return None
    return split[0][0], [value for _, _, value in split], [series for _, series in steps]


def _swatch(series: Json, theme: Theme) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    color = color_of(series["hue"], theme)
    if series["symbol"] in ("bars", "shade"):
        return Patch(facecolor=color, edgecolor="none", alpha=0.75 if series["symbol"] == "bars" else 0.15)
    if series["symbol"] == "rule":
        return Line2D([], [], color=color, linewidth=1.1, linestyle=(0, (4, 3)))
    line = Line2D([], [], **mark_style(series, theme, 5.0 if series["symbol"] != "ring" else 4.0))
    if series.get("band") and series["symbol"] == "none":
        band = Patch(facecolor=color, edgecolor="none", alpha=0.2)
        return (band, line) if series.get("line") else band
    return line


def add_legend(owner: Any, entries: Sequence[Entry], theme: Theme, **place: Any) -> Any:
    """owner: axes or figure."""
    width = owner.get_window_extent().width * 72 / (owner.figure or owner).dpi
    texts = [wrapped(text, width - 40, TICK_SIZE) for text, _ in entries]
    legend = owner.legend([_swatch(series, theme) for _, series in entries], [" "] * len(entries),
                          prop={"size": TICK_SIZE}, handlelength=1.8, handletextpad=0.6, columnspacing=1.6,
                          labelspacing=0.35, borderpad=0.3, borderaxespad=0.2, fancybox=False, shadow=False,
                          numpoints=1, **place)
    for label, text in zip(legend.get_texts(), texts):  # as it stands: "_" and "$" mean nothing in it
        label.set_text(text)
        label.set(**text_style(TICK_SIZE, theme.ink))
    return legend


def _style_bar(bar: Any, label: str, theme: Theme) -> None:
    bar.outline.set_edgecolor(theme.soft)
    bar.outline.set_linewidth(0.6)
    bar.minorticks_off()
    bar.ax.tick_params(length=2.5, width=0.6, color=theme.soft, labelcolor=theme.ink, labelsize=TICK_SIZE)
    bar.set_label(label, **text_style(LABEL_SIZE, theme.ink))


def add_color_bar(mesh: Any, axes: Sequence[Any], label: str, theme: Theme) -> Any:
    """The scale of a map's colours."""
    bar = axes[0].figure.colorbar(mesh, ax=list(axes), pad=0.015, fraction=0.05, aspect=28)
    ticks = [tick for tick in bar.get_ticks() if mesh.norm.vmin <= tick <= mesh.norm.vmax]
    bar.set_ticks(ticks, labels=[short(tick) for tick in ticks], **text_style(TICK_SIZE, theme.ink))
    _style_bar(bar, label, theme)
    return bar


def add_strip(steps: Sequence[Entry], axes: Sequence[Any], theme: Theme) -> Any:
    """A strip of colours for many steps of one quantity; None where they are not."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    strip = strip_of(steps)
    if strip is None:
        return None
    name, values, series = strip
    colors = ListedColormap([color_of(one["hue"], theme) for one in series])
    scale = ScalarMappable(Normalize(-0.5, len(values) - 0.5), colors)
    bar = axes[0].figure.colorbar(scale, ax=list(axes), pad=0.015, fraction=0.04, aspect=26)
    stride = -(-len(values) // 9)
    kept = range(0, len(values), stride)
    bar.set_ticks(list(kept), labels=[values[i] for i in kept], **text_style(TICK_SIZE, theme.ink))
    _style_bar(bar, name, theme)
    return bar


