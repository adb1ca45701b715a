# SPDX-License-Identifier: Apache-2.0
"""The figure of a forecast, in the form of the page's (superpose/report/figure.h)."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional


def _point(x: float, y: float, interval: Optional[List[Optional[float]]]) -> Dict[str, Any]:
    return {"x": x, "y": y} if interval is None or None in interval else {"x": x, "y": y, "ci": interval}


def figure(body: Mapping[str, Any], first: str, curves: List[Dict[str, Any]]) -> Dict[str, Any]:
    groups: Dict[str, List[Dict[str, Any]]] = {}
    for point in body["points"]:
        if not point["refused"]:
            groups.setdefault(point["group"] or "", []).append(point)
    series: List[Dict[str, Any]] = []
    shown = list(groups)[:8]  # more in one picture cannot be told apart
    for k, name in enumerate(shown):
        hue = ["cat", k, len(shown)]
        for curve in curves:
            if (curve.get("group") or "") != name:
                continue
            ends = zip(curve["x"], curve["y"], curve["low"], curve["high"])
            points = [_point(x, y, [low, high]) for x, y, low, high in ends if y is not None]
            series.append({"key": f"{name} fit".strip(), "role": "fit", "hue": hue, "symbol": "none", "line": True, "band": True,
                           "points": points})
        series.append({"key": f"{name} forecast".strip(), "role": "ours", "hue": hue, "symbol": "dot",
                       "points": [_point(p[first], p["loss"], p["ci95"]) for p in groups[name]]})
    panel = {"title": "", "group": "", "shown": True, "x": {"label": first, "log": True},
             "y": {"label": "loss", "log": False}, "series": series}
    empty = "" if groups else str(body["because"] or "no point was asked for")
    return {"id": "forecast", "title": "Forecast", "paper": "", "kind": "xy", "caption": "", "empty": empty,
            "interval": "95 % intervals of the law's value", "panels": [] if empty else [panel],
            "notes": list(body["notes"]) + ([f"{len(groups) - len(shown)} more groups are not drawn"] if len(groups) > len(shown) else [])}
