# SPDX-License-Identifier: Apache-2.0
"""Laws through tables: superpose.fit and superpose.forecast."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _arrays
from ._compiled import native as _native
from ._progress import Progress, bar
from ._result import choose_figure, count, is_named, number, path_text, PathLike, plain_text, Result, write_text
from ._tables import frame, table_text, union
from .error import Error, usage

Interval = Tuple[float, float]


def _interval(ends: Optional[Sequence[Optional[float]]]) -> Optional[Interval]:
    """(low, high), infinite where nothing bounds it; None where there is none."""
    if ends is None:
        return None
    low, high = ends
    return (float("-inf") if low is None else low, float("inf") if high is None else high)


def _interval_text(interval: Optional[Interval]) -> str:
    return "-" if interval is None else f"[{interval[0]:.4g}, {interval[1]:.4g}]"


class Parameter:
    """One parameter of a fit. ``value`` is None when the data cannot say at all."""

    def __init__(self, name: str, report: Mapping[str, Any]) -> None:
        self.name = name
        self.value: Optional[float] = report["value"]
        self.se: Optional[float] = report["se"]
        #: 95 %, of the kind that Fit.interval_method names.
        self.ci95 = _interval(report["ci95"])
        self.intervals: Dict[str, Optional[Interval]] = {k: _interval(v) for k, v in report["intervals"].items()}
        #: Do the data determine it? docs/fitting.md has the rule.
        self.identified: bool = report["identified"]
        self.held: bool = report["held"]
        self.at_bound: bool = report["at_bound"]

    def _repr_html_(self) -> str:
        from .html import card

        return card(self.name, "", [("value", self.value), ("standard error", self.se), ("95 % interval", _interval_text(self.ci95)),
                                    ("identified", "held" if self.held else self.identified)])

    def __repr__(self) -> str:
        state = "held" if self.held else "identified" if self.identified else "not identified"
        return f"<{self._text()}, {state}>"

    def _text(self) -> str:
        """As the program prints it: what is not identified is an interval, since any number in it would do."""
        if not (self.identified or self.held):
            return f"{self.name} in {_interval_text(self.ci95)}" if self.ci95 else f"{self.name} unknown"
        return f"{self.name} = {number(self.value)} {_interval_text(self.ci95)}"


class Fit(Result):
    """A law fitted to a table, with intervals and an honest answer to whether the data identify it."""

    verb = "fit"

    def __init__(self, body: Dict[str, Any], text: str) -> None:
        super().__init__(body)
        self._text = text
        self.parameters: Dict[str, Parameter] = {k: Parameter(k, v) for k, v in self._json["parameters"].items()}

    @staticmethod
    def load(path: PathLike) -> "Fit":
        """What save() or ``superpose fit --json`` wrote. Error(io | bad_file)."""
        body = _read_fit(path)
        del body["schema"]
        body.pop("version", None)
        try:
            return Fit(body, "")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Error("bad_file", f"{path_text(path)}: no fit of superpose: {error!r}") from None

    @property
    def law(self) -> str:
        return str(self._json["law"])

    @property
    def formula(self) -> str:
        return str(self._json["formula"])

    @property
    def params(self) -> Dict[str, Optional[float]]:
        """Name -> value; None where no value can be told from another. A parameter that is not identified has one of the many
        values that fit: ask fit[name].identified, or fit.identified for all."""
        return {name: p.value for name, p in self.parameters.items()}

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[self._known(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __contains__(self, name: object) -> bool:
        return name in self.parameters

    def __len__(self) -> int:
        return len(self.parameters)

    def _known(self, name: str) -> str:
        if name not in self.parameters:
            raise usage(f"no parameter {name!r}; there are {', '.join(self.parameters)}")
        return name

    def interval(self, name: str, kind: Optional[str] = None) -> Optional[Interval]:
        """The 95 % interval of a parameter, infinite where nothing bounds it; None where there is none.

        kind: "profile", "bootstrap" or "asymptotic"; None = the one that interval_method names. Error(usage)."""
        parameter = self.parameters[self._known(name)]
        if kind is None:
            return parameter.ci95
        if kind not in parameter.intervals:
            raise usage(f"no interval of kind {kind!r}; there are {', '.join(parameter.intervals)}")
        return parameter.intervals[kind]

    @property
    def identified(self) -> bool:
        """Is every parameter determined by the data?"""
        return bool(self._json["identified"])

    @property
    def interval_method(self) -> str:
        return str(self._json["interval_method"])

    @property
    def warnings(self) -> List[str]:
        return list(self._json["warnings"])

    @property
    def r2(self) -> Optional[float]:
        return self._json["r2"]  # type: ignore[no-any-return]

    @property
    def objective(self) -> float:
        """The sum at the optimum, never a mean."""
        value = self._json["objective"]
        return float(value["value"] if isinstance(value, dict) else value)

    @property
    def inverse_width(self) -> Optional[Dict[str, Any]]:
        """Does the table speak for a loss that falls as 1/m? verdict "confirmed", "denied" or "cannot_tell", and why; None
        for laws without a width."""
        return self._json.get("inverse_width")

    @property
    def residuals(self) -> _arrays.Numbers:
        """Observed - predicted, on the scale of the objective, in the order of the rows."""
        return np.asarray(self._json["residuals"], dtype=np.float64)

    def summary(self) -> str:
        """What ``superpose fit`` prints."""
        return self._text or "\n".join([f"{self.law}: {self.formula}"] + [repr(p) for p in self.parameters.values()])

    def to_frame(self) -> Any:
        """One row for each parameter: value, s.e., interval, identified."""
        rows = [{"parameter": p.name, "value": p.value, "se": p.se, "low": p.ci95[0] if p.ci95 else None,
                 "high": p.ci95[1] if p.ci95 else None, "identified": p.identified, "held": p.held}
                for p in self.parameters.values()]
        return frame(union(rows))

    def predict(self, *, group: Union[None, str, Sequence[str]] = None, interval: bool = False, **inputs: Any) -> Any:
        """The fitted law elsewhere: ``fit.predict(m=[4096, 8192], group="opt/pile")``.

        inputs: every input of the law, a number or an array each. group: of which group, one or one per row. Returns an
        array, or with interval=True (values, low, high), the asymptotic 95 % interval of the curve itself. Nothing is
        refused here; superpose.forecast judges how far the law may be trusted. Error(usage)."""
        values = {name: _flat(v) for name, v in inputs.items()}
        groups = _several(group)
        found = tuple(_arrays.from_native(a) for a in _native.predict(self._json, values, groups))
        if all(np.ndim(v) == 0 for v in inputs.values()) and len(found[0]) == 1 and (group is None or isinstance(group, str)):
            found = tuple(a[0] for a in found)
        return found if interval else found[0]

    def forecast(self, **options: Any) -> "Forecast":
        """superpose.forecast(self, ...)."""
        return forecast(self, **options)

    def backtest(self) -> Optional[Dict[str, Any]]:
        """Would the law have predicted its largest models from the rest? held_out_x, largest_x_used, rms_error and points;
        None where the other rows are too few (a warning says so)."""
        return self._json["backtest"]  # type: ignore[no-any-return]

    @property
    def compared_to(self) -> List[Dict[str, Any]]:
        """Other laws on the same rows: AICc, BIC, and their difference from this one's."""
        return list(self._json["compared_to"])

    @property
    def figures(self) -> List[Dict[str, Any]]:
        """The figures of the fit's page, as data."""
        return _native.fit_figures(self._json)

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """A figure of the fit's page with matplotlib: the law through its table by default. options: those of
        superpose.draw.draw."""
        from .draw import draw

        return draw(choose_figure(self.figures, figure), **options)

    def save(self, path: PathLike) -> None:
        """The page (NAME.html), or the JSON (NAME.json) that superpose.forecast and the program take. Error(io)."""
        if is_named(path, ".json"):
            write_text(path, self.to_json(1) + "\n")
        else:
            write_text(path, _native.fit_page(self._json))

    def __repr__(self) -> str:
        shown = [p._text() for p in list(self.parameters.values())[:4]]
        more = f", ... {len(self.parameters) - 4} more" if len(self.parameters) > 4 else ""
        state = "identified" if self.identified else "not identified"
        return f"<superpose.Fit of {self.law}, {state}: {', '.join(shown)}{more}>"

    def _repr_html_(self) -> str:
        from .html import badge, card, table

        rows = [[p.name, *((number(p.value), number(p.se)) if p.identified or p.held else ("-", "-")), _interval_text(p.ci95),
                 badge("held" if p.held else "identified" if p.identified else "not identified")]
                for p in self.parameters.values()]
        return card(f"Fit: {self.law}", self.formula, (), [f"Intervals: {self.interval_method}."] + self.warnings,
                    table(rows, ["parameter", "value", "s.e.", "95 % interval", ""]))


def _several(value: Union[None, str, Sequence[str]], name: str = "group") -> List[str]:
    try:
        out = [] if value is None else [value] if isinstance(value, str) else list(value)
    except TypeError:
        raise usage(f"{name} = {value!r}: expected a text or a list of them") from None
    return [plain_text(one, name) for one in out]


def _real(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise usage(f"{name} = {value!r}: expected a number") from None


def _flat(values: Any) -> List[float]:
    try:
        return [float(v) for v in np.atleast_1d(np.asarray(values, dtype=np.float64)).ravel()]
    except (TypeError, ValueError) as error:
        raise usage(f"expected numbers: {error}") from None


_INPUTS = ("x", "m", "l", "N", "D", "C", "V", "d", "H", "t")


def fit(
    table: Any,
    law: str,
    *,
    columns: Optional[Mapping[str, str]] = None,
    x: Optional[str] = None,
    m: Optional[str] = None,
    depth: Optional[str] = None,
    N: Optional[str] = None,
    D: Optional[str] = None,
    C: Optional[str] = None,
    V: Optional[str] = None,
    d: Optional[str] = None,
    H: Optional[str] = None,
    t: Optional[str] = None,
    y: Optional[str] = None,
    group: Union[None, str, Sequence[str]] = None,
    cluster: Optional[str] = None,
    weight: Optional[str] = None,
    se: Optional[str] = None,
    unit: Optional[Mapping[str, float]] = None,
    fix: Optional[Mapping[str, float]] = None,
    where: Union[None, str, Sequence[str]] = None,
    min_x: Optional[float] = None,
    max_x: Optional[float] = None,
    drop_highest: int = 0,
    objective: Optional[str] = None,
    delta: float = 1e-3,
    interval: str = "auto",
    bootstrap: Optional[int] = None,
    seed: int = 0,
    progress: Progress = None,
) -> Fit:
    """Fits a law to a table, with intervals that can say "not identified" (docs/fitting.md).

    table: a DataFrame (pandas, polars), a dict of arrays, a list of dicts, or the path of a CSV, TSV, JSON or JSON Lines
    file, or a built-in table ("published/fig8b_llm_losses.csv").
    law: "power", "width", "chinchilla", ... (superpose.laws() lists them), or a formula over columns:
    "E + A*m^-a + B*log(D)".
    x, m, depth, N, D, C, V, d, H, t: the column of that input where its name does not say it (or columns={"m": "width"}).
    y: the column of the loss. group: columns; each of their combinations has its own floor. cluster: rows that share its
    value are resampled together. weight, se: columns. unit: {"D": 1e6} counts D in millions. fix: {"alpha": 1} holds
    parameters. where: rows to use, "m>=512", "family=='opt'". objective: "ls", "log-ls", "huber", "log-huber",
    "absolute", "log-absolute" (None: the law's); delta: Huber's threshold. min_x, max_x: the window of the first input.
    drop_highest: k keeps losses strictly below the k-th highest. interval: which kind ci95 is, "auto", "profile",
    "bootstrap", "t". bootstrap: resamples (None: the law's own number); seed: of them.

    Returns Fit, the same numbers as ``superpose fit``. Errors: usage, bad_file, io, numeric (no answer at all).

    >>> import superpose
    >>> table = {"m": [64, 128, 256, 512, 1024], "loss": [3.02, 2.49, 2.26, 2.12, 2.07]}
    >>> found = superpose.fit(table, "width")
    >>> found.identified, round(found.params["alpha"], 1)
    (True, 1.1)
    """
    given = dict(columns or {})
    for name, column in (("x", x), ("m", m), ("l", depth), ("N", N), ("D", D), ("C", C), ("V", V), ("d", d), ("H", H), ("t", t)):
        if column is None:
            continue
        if name in given:
            raise usage(f"fit: the column of {name} is given twice")
        given[name] = column
    for name in given:
        if name not in _INPUTS:
            raise usage(f"fit: columns: no input {name!r}; there are {', '.join(_INPUTS)}")
    groups = group.split(",") if isinstance(group, str) else _several(group)
    bootstrap = None if bootstrap is None else count(bootstrap, "bootstrap")
    seed, drop_highest = count(seed, "seed"), count(drop_highest, "drop_highest")
    for what, value in (("unit", unit), ("fix", fix)):
        if value is not None and not isinstance(value, Mapping):
            raise usage(f"{what} = {value!r}: expected a dict")
    plain_text(law, "law")
    request = {"law": law, "columns": given, "y": y, "group": groups, "cluster": cluster, "weight": weight, "se": se,
               "unit": dict(unit or {}), "fix": dict(fix or {}), "where": _several(where, "where"), "min_x": min_x, "max_x": max_x,
               "drop_highest": drop_highest, "objective": objective, "delta": delta, "interval": interval,
               "bootstrap": bootstrap, "seed": seed}
    text, name = table_text(table)
    with bar(progress, "fit") as callback:
        return Fit(*_native.fit(text, name, request, callback))


def laws() -> List[Dict[str, Any]]:
    """The laws there are: name, formula, inputs, objective.

    >>> import superpose
    >>> [law["name"] for law in superpose.laws()][:2]
    ['power', 'width']
    """
    return _native.laws()


class Forecast(Result):
    """What a law and its rivals expect elsewhere, or a refusal that says why."""

    verb = "forecast"

    def __init__(self, body: Dict[str, Any], text: str, first: str, fit: Mapping[str, Any]) -> None:
        super().__init__(body)
        self._text, self._first, self._fit = text, first, {name: fit.get(name) for name in ("data", "curves")}

    @property
    def points(self) -> List[Dict[str, Any]]:
        """One for each value asked for and group: loss, ci95, prediction95, extrapolation_factor, gain_per_doubling, ..."""
        return list(self._json["points"])

    @property
    def refused(self) -> bool:
        """Was any point refused? ``because`` says why; force=True answers all the same, and marks the answer."""
        return bool(self._json["refused"])

    @property
    def because(self) -> Optional[str]:
        return self._json["because"]  # type: ignore[no-any-return]

    @property
    def compute(self) -> List[Dict[str, Any]]:
        """The compute-optimal splits of FLOPs between N and D, law chinchilla."""
        return list(self._json["compute"])

    @property
    def stop(self) -> Optional[Dict[str, Any]]:
        """Where a doubling gains less than the threshold."""
        return self._json["stop"]  # type: ignore[no-any-return]

    @property
    def notes(self) -> List[str]:
        return list(self._json["notes"])

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    def to_frame(self) -> Any:
        """One row for each point."""
        rows = []
        for p in self.points:
            ci, new = _interval(p["ci95"]), _interval(p["prediction95"])
            rows.append({self._first: p[self._first], "group": p["group"], "loss": p["loss"], "low": ci[0] if ci else None,
                         "high": ci[1] if ci else None, "new_low": new[0] if new else None, "new_high": new[1] if new else None,
                         "extrapolation_factor": p["extrapolation_factor"], "gain_per_doubling": p["gain_per_doubling"],
                         "refused": p["refused"], "because": p["because"]})
        return frame(union(rows))

    def summary(self) -> str:
        """What ``superpose forecast`` prints."""
        return self._text

    @property
    def figures(self) -> List[Dict[str, Any]]:
        """The figure of plot(), as data."""
        from ._forecast_figure import figure

        return [figure(self._json, self._first, self._fit)]

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """The forecast points with their intervals beside the fitted law, with matplotlib."""
        from .draw import draw

        return draw(choose_figure(self.figures, figure), **options)

    def save(self, path: PathLike) -> None:
        """The JSON, for superpose.report. Error(io)."""
        write_text(path, self.to_json(1) + "\n")

    def __repr__(self) -> str:
        if self.refused:
            return f"<superpose.Forecast, refused: {self.because}>"
        shown = [f"{self._first} = {p[self._first]:g}: {number(p['loss'])} {_interval_text(_interval(p['ci95']))}"
                 for p in self.points[:3]]
        return f"<superpose.Forecast of {len(self.points)} points: {'; '.join(shown)}>"

    def _repr_html_(self) -> str:
        from .html import card, table

        rows = [[number(p[self._first], 6), p["group"] or "", "refused" if p["refused"] else number(p["loss"]),
                 _interval_text(_interval(p["ci95"])), f"{p['extrapolation_factor']:.3g} ×", p["rests_on"] or ""]
                for p in self.points]
        header = [self._first, "group", "loss", "95 % interval", "beyond data", "rests on"]
        notes = ([str(self.because)] if self.because else []) + self.notes
        refused = sum(p["refused"] for p in self.points)
        said = "" if not self.refused else f"{refused} of {len(self.points)} points refused" if len(self) > 1 else "refused"
        return card("Forecast", said, (), notes, table(rows, header))


def _read_fit(path: PathLike) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise Error("io", f"{path_text(path)}: {error.strerror}") from None
    except ValueError as error:
        raise Error("bad_file", f"{path_text(path)}: not JSON: {error}") from None
    if not isinstance(found, dict) or not str(found.get("schema", "")).startswith("superpose.fit/"):
        raise Error("bad_file", f"{path_text(path)}: expected what superpose.fit(...).save or `superpose fit --json` wrote")
    return found


def forecast(
    fit: Union[Fit, PathLike, Mapping[str, Any]],
    *,
    m: Any = None,
    depth: Any = None,
    N: Any = None,
    D: Any = None,
    C: Any = None,
    t: Any = None,
    V: Any = None,
    d: Any = None,
    x: Any = None,
    inputs: Optional[Mapping[str, Any]] = None,
    group: Union[None, str, Sequence[str]] = None,
    vocab: Optional[float] = None,
    threshold: Optional[float] = None,
    compute: Any = None,
    max_factor: float = 4.0,
    resamples: int = 400,
    force: bool = False,
    progress: Progress = None,
) -> Forecast:
    """What a width (depth, tokens, ...) would buy, with intervals, or a refusal.

    fit: a Fit, a file that it saved, or its dict. m, depth, N, D, C, t, V, d: values of that input, one or several; x: of
    the law's first input, whatever it is; inputs: by name, for a formula. group: of which groups (all). vocab: the
    vocabulary, where the law of the width ends. threshold: least gain per doubling that is worth it. compute: FLOPs to
    split between N and D (law chinchilla). max_factor: farthest extrapolation beyond the data. force: answer all the same.

    A refusal is a result: ``refused`` and ``because``. Errors: usage, io, bad_file.

    >>> import superpose
    >>> found = superpose.fit({"m": [64, 128, 256, 512, 1024], "loss": [3.02, 2.49, 2.26, 2.12, 2.07]}, "width")
    >>> answer = superpose.forecast(found, m=[2048, 65536])
    >>> [point["refused"] for point in answer]
    [False, True]
    """
    max_factor, resamples = _real(max_factor, "max_factor"), count(resamples, "resamples")
    vocab, threshold = (v if v is None else _real(v, name) for v, name in ((vocab, "vocab"), (threshold, "threshold")))
    if isinstance(fit, Fit):
        stored, label = fit.to_dict(), "Fit"
    elif isinstance(fit, Mapping):
        stored, label = dict(fit), "dict"
    elif isinstance(fit, (str, os.PathLike)):
        stored, label = _read_fit(fit), path_text(fit)
    else:
        raise usage(f"forecast: a {type(fit).__name__}, expected a Fit, a path or a dict")
    if not 1 <= max_factor <= 1e12:
        raise usage(f"forecast: max_factor = {max_factor}: expected 1 to 1e12")
    if not 0 <= resamples <= 100000:
        raise usage(f"forecast: resamples = {resamples}: expected 0 to 100000")
    for name, value in (("vocab", vocab), ("threshold", threshold)):
        if value is not None and not value > 0:
            raise usage(f"forecast: {name} = {value}: expected a number above 0")
    values = {name: _flat(v) for name, v in (("m", m), ("l", depth), ("N", N), ("D", D), ("C", C), ("t", t), ("V", V), ("d", d),
                                            ("x", x)) if v is not None}
    values.update({name: _flat(v) for name, v in (inputs or {}).items()})
    groups = _several(group)
    splits = [] if compute is None else _flat(compute)
    request = {"group": groups, "compute": splits, "vocab": vocab, "threshold": threshold, "max_factor": max_factor,
               "force": force, "resamples": resamples}
    with bar(progress, "forecast") as callback:
        body, text, law, first = _native.forecast(stored, values, request, callback)
    config = {"fit": label, "law": law, "inputs": values, "group": groups, "vocab": vocab, "threshold": threshold,
              "compute": splits, "max_factor": max_factor, "force": force, "resamples": resamples}
    return Forecast({"config": config, **body}, text, first, stored)
