# SPDX-License-Identifier: Apache-2.0
"""Results draw the page's figures: every one of them, with the page's points."""
import numpy as np
import pytest

import superpose
from superpose.draw import draw
from test_parity import FIG8B, GRID

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    toy = superpose.toy(features=60, dim=6, steps=200, batch=64, progress=False)
    fitted = superpose.fit(FIG8B, "width", group="family,dataset", cluster="model", bootstrap=40, progress=False)
    runs = superpose.sweep(GRID, store=folder / "runs.sqlite", progress=False)
    rng = np.random.default_rng(0)
    paths = []
    for m in (8, 16, 32):
        np.save(folder / f"model-{m}.npy", rng.normal(size=(200, m)))
        paths.append(folder / f"model-{m}.npy")
    return {"ToyResult": toy, "Fit": fitted, "Forecast": fitted.forecast(m=[4096, 8192], group="opt/pile", resamples=20),
            "Runs": runs, "Geometry": superpose.geometry(rng.normal(size=(300, 20)) + 0.2), "Comparison": superpose.compare(paths),
            "Store": superpose.open_store(runs.store),
            "Report": superpose.report([runs, fitted], folder / "r.html", progress=False)}


NAMES = ["ToyResult", "Fit", "Forecast", "Runs", "Geometry", "Comparison", "Store", "Report"]


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_draws(results, name, tmp_path):
    result = results[name]
    figures = result.figures
    names = [figure["id"] for figure in figures]
    assert names and len(set(names)) == len(names)
    for figure in figures if name not in ("Store", "Report") else []:  # theirs are those of Runs
        drawn = draw(figure)
        assert drawn.axes or figure.get("empty"), figure["id"]
    result.plot().savefig(tmp_path / "figure.png", dpi=50)
    assert (tmp_path / "figure.png").stat().st_size > 500
    with pytest.raises(superpose.Error) as caught:
        result.plot("no-such-figure")
    assert names[0] in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_results_show_themselves(results, name):
    shown = results[name]._repr_html_()
    assert shown.count("<div") == shown.count("</div>") and "superpose" in shown and "<script" not in shown
    assert repr(results[name]).startswith(f"<superpose.{name}")


def test_the_fit_s_residuals_are_drawn(results):
    fitted = results["Fit"]
    axes = fitted.plot("residuals").axes
    heights = [np.asarray(line.get_ydata(), dtype=float) for ax in axes for line in ax.get_lines()]
    heights += [np.asarray(c.get_offsets(), dtype=float)[:, 1] for ax in axes for c in ax.collections if len(c.get_offsets())]
    drawn = np.concatenate(heights)
    missing = [r for r in fitted.residuals if np.min(np.abs(drawn - r)) > 1e-4 * max(1, abs(r))]
    assert len(fitted.residuals) == 108 and not missing


def test_the_training_curve_is_the_curve(results):
    toy = results["ToyResult"]
    steps, losses = toy.curve
    line = max((line for axes in toy.plot("training").axes for line in axes.get_lines()), key=lambda line: len(line.get_xdata()))
    assert np.allclose(line.get_xdata(), steps) and np.allclose(line.get_ydata(), losses)
    assert toy.plot("training").axes[0].get_yscale() == "log"


def test_without_matplotlib(results, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name == "matplotlib" or name.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "superpose.page_figure", raising=False)
    with pytest.raises(superpose.Error) as caught:
        results["ToyResult"].plot()
    assert caught.value.kind == "unsupported" and "matplotlib" in str(caught.value)
