# SPDX-License-Identifier: Apache-2.0
"""The figures of one toy model, in the form of the page's (superpose/report/figure.h)."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

import numpy as np

if TYPE_CHECKING:
    from ._toy import ToyResult


def _point(x: float, y: Optional[float] = None, x2: Optional[float] = None) -> Dict[str, Any]:
    return {"x": x, "y": y} if x2 is None else {"x": x, "y": y, "x2": x2}


def _series(key: str, points: List[Dict[str, Any]], role: str = "ours", **more: Any) -> Dict[str, Any]:
    hue = ["cat" if role == "ours" else "ink", 0, 1]
    return {"key": key, "role": role, "hue": hue, "symbol": "none", "points": points, **more}


def _figure(name: str, title: str, x: Dict[str, Any], y: Dict[str, Any], series: List[Dict[str, Any]], empty: str = "") -> Dict[str, Any]:
    panel = {"title": "", "group": "", "shown": True, "x": x, "y": y, "series": series}
    return {"id": name, "title": title, "paper": "", "kind": "xy", "caption": "", "interval": "", "empty": empty,
            "panels": [] if empty else [panel], "notes": []}


def _axis(label: str, log: bool = False) -> Dict[str, Any]:
    return {"label": label, "log": log}


def _training(result: "ToyResult") -> Dict[str, Any]:
    steps, losses = result.curve
    points = [_point(float(s), float(v)) for s, v in zip(steps, losses) if np.isfinite(v) and v > 0]
    return _figure("training", "Loss over training", _axis("step"), _axis("loss L", True),
                   [_series("loss", points, line=True)], "" if points else "no step was recorded")


def _norms(result: "ToyResult") -> Dict[str, Any]:
    norms = result.norms
    most = 2000  # more points than that are a line
    ranks = np.unique(np.geomspace(1, len(norms), most).astype(int)) if len(norms) > most else np.arange(1, len(norms) + 1)
    points = [_point(float(i), float(norms[i - 1])) for i in ranks if np.isfinite(norms[i - 1])]
    return _figure("norms", "Row norms by feature", _axis("feature i, most frequent first", True), _axis("|W_i|"),
                   [_series("|W_i|", points, symbol="dot"),
                    _series("represented: 1/2", [_point(1.0, 0.5), _point(float(len(norms)), 0.5)], "theory", line=True)],
                   "" if points else "the run diverged")


def _overlaps(result: "ToyResult") -> Dict[str, Any]:
    from . import measure

    found = measure.overlap(result.W, min_norm=0.5, bins=50) if not result.diverged else None
    counts = found["histogram"] if found is not None else np.zeros(0)
    total = float(counts.sum())
    width = 1 / max(len(counts), 1)
    bars = [_point(k * width, float(c) / (total * width), (k + 1) * width) for k, c in enumerate(counts)] if total else []
    m = result.W.shape[1]
    series = [_series("pairs of rows with norm > 1/2", bars, symbol="bars"),
              _series("root of 1/m", [_point(m**-0.5, None)], "theory", symbol="rule", label="√(1/m)")]
    return _figure("overlaps", "Overlaps of represented features", _axis("|cos|"), _axis("density"), series,
                   "" if total else "fewer than two rows have a norm above 1/2")


def figures(result: "ToyResult") -> List[Dict[str, Any]]:
    return [_training(result), _norms(result), _overlaps(result)]
