# SPDX-License-Identifier: Apache-2.0
"""The artists of a drawn figure carry its data. How it looks is for eyes."""
from __future__ import annotations

import copy
import doctest
import importlib
import io
import pickle
import subprocess
import sys
from typing import Any, Dict, List

import pytest

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.collections import LineCollection, PolyCollection, QuadMesh  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from superpose.draw import draw  # noqa: E402
from superpose.error import Error  # noqa: E402
from superpose.palette import DARK, LIGHT, color_of, short  # noqa: E402

NAN = float("nan")


def series(points: List[Any], **more: Any) -> Dict[str, Any]:
    return {"key": "γ = −1", "role": "ours", "hue": ["neg", 0, 5], "symbol": "dot", "points": points, **more}


def panel(*all_series: Dict[str, Any], title: str = "", log: bool = False, **more: Any) -> Dict[str, Any]:
    x, y = {"label": "width m", "log": log}, {"label": "loss", "log": log}
    return {"title": title, "group": "", "shown": True, "x": x, "y": y, "series": list(all_series), **more}


def figure(*panels: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    return {"id": "f", "title": "Loss against width", "paper": "", "kind": "xy", "caption": "It falls.",
            "interval": "", "empty": "", "recorded": 0, "how": {"runs": "", "source": ""},
            "panels": list(panels), **more}


def line_of(ax: Any, label: str) -> Any:
    return next(line for line in ax.lines if line.get_label() == label)


def texts_of(ax: Any) -> List[str]:
    return [text.get_text() for text in ax.texts]


def legend_of(drawn: Any) -> List[str]:
    return [text.get_text() for legend in drawn.legends for text in legend.get_texts()]


def test_points_and_intervals_are_the_data() -> None:
    points = [{"x": 10, "y": 0.5, "ci": [0.4, 0.7]}, {"x": 100, "y": 0.05, "ci": [0.04, 0.06]}]
    drawn = draw(figure(panel(series(points), log=True)))
    ax = drawn.axes[0]
    line = line_of(ax, "γ = −1")
    assert list(line.get_xdata()) == [10, 100] and list(line.get_ydata()) == [0.5, 0.05]
    bars = next(one for one in ax.collections if isinstance(one, LineCollection))
    assert [[list(end) for end in bar] for bar in bars.get_segments()] == [[[10, 0.4], [10, 0.7]],
                                                                         [[100, 0.04], [100, 0.06]]]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("width m", "loss")
    assert legend_of(drawn) == ["γ = −1"]


def test_roles_are_told_apart() -> None:
    one, two = [{"x": 1, "y": 1}, {"x": 2, "y": 2}], [{"x": 1, "y": 2}, {"x": 2, "y": 1}]
    ours, published = series(one), series(two, role="published")
    fit = series(one, role="fit", symbol="none", line=True, label="α 1.0")
    theory = series(two, role="theory", symbol="none", line=True, key="1/m", hue=["ink", 0, 1], label="1/m")
    drawn = draw(figure(panel(ours, published, fit, theory)))
    drawn_lines = drawn.axes[0].lines
    lines = {(line.get_marker(), line.get_markerfacecolor(), line.is_dashed()) for line in drawn_lines}
    blue = color_of(["neg", 0, 5], LIGHT)
    assert lines == {("o", blue, False), ("o", "none", False), ("none", blue, False),
                     ("none", LIGHT.ink, True)}
    assert legend_of(drawn) == ["γ = −1", "1/m", "filled: measured here", "hollow: published", "fit"]
    ends = [text for text in drawn.axes[0].texts if text.get_text() in ("α 1.0", "1/m")]
    assert [text.get_fontstyle() for text in ends] == ["normal", "italic"]


def test_what_cannot_be_drawn_is_left_out() -> None:
    points = [{"x": 1, "y": None}, {"x": 2, "y": NAN}, {"x": 3}, {"x": 0, "y": 1.0}, {"x": NAN, "y": 1.0},
              {"x": 4, "y": -1.0}, {"x": 5, "y": 2.0, "ci": [NAN, 3.0]}, {"x": 6, "y": 2.0, "ci": None},
              {"x": 7, "y": 2.0, "ci": [-1.0, 1e300]}]
    drawn = draw(figure(panel(series(points), log=True)))
    line = line_of(drawn.axes[0], "γ = −1")
    assert list(line.get_xdata()) == [5, 6, 7]
    bars = next(one for one in drawn.axes[0].collections if isinstance(one, LineCollection))
    (low, high), = bars.get_segments()
    assert (low[1], high[1]) == pytest.approx(drawn.axes[0].get_ylim())
    drawn.savefig(io.BytesIO(), format="png")


def test_diverged_runs_stand_at_the_upper_edge() -> None:
    lost = series([{"x": 20, "y": None}], key="γ = 1", diverged=True, hue=["pos", 4, 5])
    drawn = draw(figure(panel(series([{"x": 10, "y": 1}, {"x": 30, "y": 2}]), lost)))
    cross = line_of(drawn.axes[0], "γ = 1")
    assert cross.get_marker() == "x" and list(cross.get_xdata()) == [20]
    assert cross.get_transform() == drawn.axes[0].get_xaxis_transform()
    assert cross.get_ydata()[0] > 0.9
    assert "diverged" in legend_of(drawn)


def test_bands_bars_shades_and_rules() -> None:
    band = series([{"x": 1, "y": 2, "ci": [1, 3]}, {"x": 2, "y": 3, "ci": [2, 4]}], role="fit", symbol="none",
                  line=True, band=True, key="the law")
    bars = series([{"x": 0, "x2": 1, "y": 4}, {"x": 1, "x2": 3, "y": 2}], symbol="bars", key="rows")
    shade = series([{"x": 1, "x2": 2, "y": None}], role="theory", symbol="shade", key="range")
    rule = series([{"x": 1.5, "y": None}], role="theory", symbol="rule", key="mean", label="mean 1.5")
    drawn = draw(figure(panel(band, bars, shade, rule)))
    ax = drawn.axes[0]
    boxes = [patch for patch in ax.patches if hasattr(patch, "get_x")]
    corners = [(box.get_x(), box.get_width(), box.get_y() + box.get_height()) for box in boxes]
    assert corners == [(0, 1, 4), (1, 2, 2)]
    filled = next(one for one in ax.collections if isinstance(one, PolyCollection))
    assert {tuple(corner) for corner in filled.get_paths()[0].vertices} == {(1, 1), (1, 3), (2, 2), (2, 4)}
    assert list(line_of(ax, "mean").get_xdata()) == [1.5, 1.5] and "mean 1.5" in texts_of(ax)
    assert legend_of(drawn) == ["the law", "rows", "range"]


def test_ticks_are_the_pages() -> None:
    one = panel(series([{"x": 10, "y": 1}, {"x": 100, "y": 1000}]), log=True)
    one["x"]["ticks"] = [10, 39, 100, 1000]
    ax = draw(figure(one)).axes[0]
    assert list(ax.get_xticks()) == [10, 39, 100]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "10", "100", "1000"]
    assert len(ax.xaxis.get_minorticklocs()) == 0
    assert short(2e-5) == "2×10⁻⁵" and short(-0.0) == "0" and short(123456.0, 5) == "123\u2009460"


def test_a_map_has_cells_crosses_and_a_colour_bar() -> None:
    points = [{"x": -1.0, "y": 0.0, "z": 0.5}, {"x": 1.0, "y": 0.0, "z": None},
              {"x": 1.0, "y": 2.0, "z": 1.0}]
    one = panel(series(points), title="ours")
    one["x"]["ticks"], one["y"]["ticks"] = [-1.0, 1.0], [0.0, 1.0, 2.0]
    drawn = draw(figure(one, kind="map", color={"label": "exponent", "domain": [0, 2]}))
    ax, bar = drawn.axes
    mesh = next(child for child in ax.get_children() if isinstance(child, QuadMesh))
    values = mesh.get_array().reshape(3, 2)
    assert values[0, 0] == 0.5 and values[2, 1] == 1.0 and values.count() == 2
    assert mesh.get_clim() == (0, 2)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["−1", "1"]
    assert texts_of(ax) == [".50", "1.00"]
    cross = line_of(ax, "diverged")
    assert (list(cross.get_xdata()), list(cross.get_ydata())) == ([1], [0])
    assert bar.get_ylabel() == "exponent" and legend_of(drawn) == ["diverged"]


def test_rows_stand_beside_a_reference() -> None:
    denied = series([{"x": 9.0, "y": 0.0, "ci": [5.0, 12.0]}], key="D1", label="denied", symbol="diamond")
    fine = series([{"x": 0.5, "y": None}], key="D2", label="confirmed", hue=["cat", 2, 5])
    one = panel(denied, fine, fine, reference=[-1.0, 1.0])
    one["x"]["domain"] = [-4.0, 4.0]
    drawn = draw(figure(one, kind="rows"))
    ax = drawn.axes[0]
    assert list(line_of(ax, "D1").get_xdata()) == [4.0]  # beyond the edge: at it
    assert list(line_of(ax, "D2").get_ydata()) == [1]
    assert texts_of(ax) == ["D1", "D2"] and legend_of(drawn) == ["denied", "confirmed"]
    assert len(ax.patches) == 1


def test_rows_without_a_reference_are_lines_from_one() -> None:
    one = panel(series([{"x": 20.0, "y": None}], key="all rows"))
    one["x"].update(log=True, domain=[0.5, 40.0])
    ax = draw(figure(one, kind="rows")).axes[0]
    assert texts_of(ax) == ["20", "all rows"]
    spans = [segment.tolist() for lines in ax.collections for segment in lines.get_segments()]
    assert [[1.0, 0.0], [20.0, 0.0]] in spans


def test_many_steps_of_a_quantity_are_a_strip() -> None:
    steps = [series([{"x": 1, "y": i}], key=f"α = {i}", hue=["seq", i, 9]) for i in range(9)]
    drawn = draw(figure(panel(*steps)))
    assert len(drawn.axes) == 2 and drawn.axes[1].get_ylabel() == "α" and not legend_of(drawn)
    few = draw(figure(panel(*steps[:8])))
    assert len(few.axes) == 1 and len(legend_of(few)) == 8


def test_an_empty_figure_says_why() -> None:
    reason = "No run of ours here: superpose study quick fills it."
    drawn = draw(figure(panel(), empty=reason))
    assert not drawn.axes and reason in [text.get_text().replace("\n", " ") for text in drawn.texts]
    assert not draw(figure(empty=reason)).axes
    given = Figure()
    ax = given.subplots()
    draw(figure(panel(), empty=reason), axes=ax)
    assert not ax.axison and reason in texts_of(ax)[0].replace("\n", " ")
    published = draw(figure(panel(series([{"x": 1, "y": 1}], role="published")), empty=reason))
    assert len(published.axes) == 1 and reason in [text.get_text() for text in published.texts]


def test_panels_are_chosen() -> None:
    one = series([{"x": 1, "y": 1}])
    fig = figure(panel(one, title="a"), panel(one, title="b", shown=False), panel(title="nothing"))
    assert [ax.get_title() for ax in draw(fig).axes] == ["a"]
    assert [ax.get_title() for ax in draw(fig, panels="all").axes] == ["a", "b"]
    assert [ax.get_title() for ax in draw(fig, panels=["b", 0]).axes] == ["b", "a"]
    assert [ax.get_title() for ax in draw(fig, panels=1).axes] == ["b"]
    wrongs: List[Any] = ["c", 3, [-4]]
    for wrong in wrongs:
        with pytest.raises(Error, match="'a', 'b'") as caught:
            draw(fig, panels=wrong)
        assert caught.value.kind == "usage"


def test_it_draws_into_axes() -> None:
    one = series([{"x": 1, "y": 1}])
    fig = figure(panel(one, title="a"), panel(one, title="b"))
    given = Figure()
    axes = given.subplots(1, 2)
    assert draw(fig, axes=axes) is given
    assert [ax.get_title() for ax in axes] == ["a", "b"] and not given.legends
    assert axes[1].get_legend().get_texts()[0].get_text() == "γ = −1"
    with pytest.raises(Error, match="2 panels need as many axes, not 1"):
        draw(fig, axes=axes[0])


def test_themes_and_size() -> None:
    one = panel(series([{"x": 1, "y": 1}]))
    dark = draw(figure(one), theme="dark", size=(4, 3))
    assert matplotlib.colors.to_hex(dark.get_facecolor()) == DARK.page
    assert line_of(dark.axes[0], "γ = −1").get_color() == color_of(["neg", 0, 5], DARK)
    assert tuple(dark.get_size_inches()) == (4, 3)
    with pytest.raises(Error, match="light"):
        draw(figure(one), theme="blue")


def test_hostile_text_is_drawn_as_it_stands() -> None:
    text = "_$\\frac{1}{$ <b> " + "long " * 60
    one = panel(series([{"x": 1, "y": 1}], key=text, label=text, line=True), title=text)
    one["x"]["label"] = one["y"]["label"] = text
    drawn = draw(figure(one, title=text, empty=text))
    assert [label.replace("\n", " ") for label in legend_of(drawn)] == [text.strip()]
    drawn.savefig(io.BytesIO(), format="png")


def test_the_caption_goes_into_the_file() -> None:
    drawn: Any = draw(figure(panel(series([{"x": 1, "y": 1}]))))
    assert drawn.metadata == {"Title": "Loss against width", "Description": "It falls."}
    for kind in ("png", "svg", "pdf"):
        out = io.BytesIO()
        drawn.savefig(out, format=kind)
        assert kind == "pdf" or b"It falls." in out.getvalue()
    image, size = drawn._repr_png_()
    assert image.startswith(b"\x89PNG") and size["width"] == round(drawn.get_size_inches()[0] * drawn.dpi)
    assert pickle.loads(pickle.dumps(drawn)).metadata == drawn.metadata


def test_nothing_global_changes() -> None:
    fig = figure(panel(series([{"x": 1, "y": 1}]), log=True))
    before, data = dict(matplotlib.rcParams), copy.deepcopy(fig)
    draw(fig).savefig(io.BytesIO(), format="png")
    assert dict(matplotlib.rcParams) == before and fig == data
    code = ("import sys; from superpose.draw import draw; assert 'matplotlib' not in sys.modules; "
            f"draw({fig!r}); assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_readers_style_does_not_change_the_colours() -> None:
    with matplotlib.rc_context({"axes.facecolor": "red", "axes.grid": True, "text.color": "red",
                                "axes.spines.top": True, "xtick.minor.visible": True, "lines.marker": "x"}):
        ax = draw(figure(panel(series([{"x": 1, "y": 1}, {"x": 90, "y": 2}]), log=True))).axes[0]
    assert matplotlib.colors.to_hex(ax.get_facecolor()) == LIGHT.page
    assert not ax.spines["top"].get_visible() and not ax.xaxis.get_minorticklocs().size


def test_without_matplotlib_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: Dict[str, Any] = sys.modules
    monkeypatch.setitem(modules, "matplotlib", None)
    with pytest.raises(Error, match="pip install matplotlib, or Debian's python3-matplotlib") as caught:
        draw(figure(panel(series([{"x": 1, "y": 1}]))))
    assert caught.value.kind == "unsupported"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.kind, again.text, str(again)) == ("unsupported", caught.value.text, caught.value.text)


@pytest.mark.parametrize("name", ["draw", "draw_axes", "palette", "error", "html"])
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"superpose.{name}"))
    assert result.failed == 0 and result.attempted > 0
