# SPDX-License-Identifier: Apache-2.0
"""Many toy models: superpose.sweep and superpose.study."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Literal, Mapping, Optional, Sequence, Union, overload

from ._compiled import native as _native
from ._progress import Progress, bar
from ._result import path_text, PathLike, plain_text, Result
from ._store import Runs, Store
from ._toy import law_of_counts
from .error import usage

Grid = Mapping[str, Any]


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    if depth > 8:
        raise usage(f"sweep: {where}: lists within lists")
    if isinstance(value, range):
        value = list(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(v, where, depth + 1) for v in value]
    if isinstance(value, (str, int, float, bool)):
        return value
    raise usage(f"sweep: {where}: a {type(value).__name__}, expected numbers, texts or lists of them")


def _field(name: str, value: Any) -> Any:
    """What a grid says of a field. A law may be an array of counts, which is one value, not one for each number."""
    if name == "law" and not isinstance(value, str):
        if not hasattr(value, "__iter__"):
            raise usage(f"sweep: law: a {type(value).__name__}, expected a law, counts, or a list of them")
        if not any(isinstance(law, str) or hasattr(law, "__len__") for law in value):
            return law_of_counts(value)
        return [law if isinstance(law, str) else law_of_counts(law) for law in value]
    return _plain(value, name)


def _study_text(study: Union[Grid, Sequence[Grid]]) -> str:
    """A study file's text: JSON is YAML."""
    grids = [study] if isinstance(study, Mapping) else list(study)
    for grid in grids:
        if not isinstance(grid, Mapping):
            raise usage(f"sweep: a grid is a {type(grid).__name__}, expected a dict of fields")
    return json.dumps({"name": "grid", "grids": [{k: _field(k, v) for k, v in grid.items()} for grid in grids]})


def _words(overrides: Union[str, Sequence[str], Mapping[str, Any]]) -> List[str]:
    """key=value, as the command line has it."""
    def word(value: Any) -> str:
        return ("true" if value else "false") if isinstance(value, bool) else str(value)

    if isinstance(overrides, Mapping):
        fields = {name: _field(name, value) for name, value in overrides.items()}
        return [f"{name}={','.join(map(word, v)) if isinstance(v, list) else word(v)}" for name, v in fields.items()]
    several = [overrides] if isinstance(overrides, str) else list(overrides)
    return [plain_text(one, "overrides") for one in several]


@overload
def sweep(study: Union[PathLike, Grid, Sequence[Grid]], *, overrides: Union[Sequence[str], Mapping[str, Any]] = ...,
          store: PathLike = ..., jobs: int = ..., snapshot_every: float = ..., dry_run: Literal[False] = ...,
          progress: Progress = ...) -> Runs: ...


@overload
def sweep(study: Union[PathLike, Grid, Sequence[Grid]], *, overrides: Union[Sequence[str], Mapping[str, Any]] = ...,
          store: PathLike = ..., jobs: int = ..., snapshot_every: float = ..., dry_run: Literal[True],
          progress: Progress = ...) -> Dict[str, Any]: ...


def sweep(
    study: Union[PathLike, Grid, Sequence[Grid]],
    *,
    overrides: Union[Sequence[str], Mapping[str, Any]] = (),
    store: PathLike = "runs.sqlite",
    jobs: int = 0,
    snapshot_every: float = 60.0,
    dry_run: bool = False,
    progress: Progress = None,
) -> Union[Runs, Dict[str, Any]]:
    """Trains a grid of toy models into a store. Finished runs are never repeated, so an interrupted call goes on.

    study: a built-in study ("quick", "paper", ...), a study file (YAML), or a grid: a dict of fields of superpose.toy in
    which each list stands for all its values, {"dim": [10, 20], "decay": -1, "seed": "range(3)"}; or a list of grids. A law
    may be an array of counts.
    overrides: ["seed=range(3)", ...] or {"seed": [0, 1]}, for every grid. store: the file; created when absent.
    jobs: cores, and so runs at once (0: all there are). snapshot_every: seconds between the snapshots of long runs.
    dry_run: returns a dict with the number of runs and the predicted time, and computes nothing.

    Returns Runs, those of the study in its order. Runs that fail are among them, with their error. Ctrl-C ends the sweep in order and
    raises KeyboardInterrupt; what was finished is in the store. Errors: usage, io, bad_file.

    >>> import os, superpose, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> grid = {"features": 20, "dim": [2, 4], "steps": 50, "batch": 32}
    >>> runs = superpose.sweep(grid, store=os.path.join(folder.name, "runs.sqlite"))
    >>> [run.config["dim"] for run in runs], {run.status for run in runs}
    ([2, 4], {'ok'})
    """
    if isinstance(study, (str, os.PathLike)):
        name, text = path_text(study, "study"), ""
    elif isinstance(study, (Mapping, list, tuple)):
        name, text = "grid", _study_text(study)
    else:
        raise usage(f"sweep: a {type(study).__name__}, expected a study's name or file, a dict of fields, or a list of those")
    words, path = _words(overrides), path_text(store)
    with bar(progress, "sweep") as callback:
        body = _native.sweep(name, text, words, path, jobs, snapshot_every, dry_run, callback)
    if dry_run:
        return body
    by_id = {record["id"]: record for record in _native.Store(path).runs("toy", [])}
    return Runs([by_id[run] for run in body.pop("ids")], path, body)


class Study(Result):
    """A whole study: its runs, the claims ledger and the page."""

    verb = "study"

    @property
    def claims(self) -> List[Dict[str, Any]]:
        """The ledger: id, claim, published, measured, ci95, verdict ("confirmed", "denied", "cannot_tell"), because."""
        return list(self._json["claims"])

    @property
    def page(self) -> str:
        """The path of the page."""
        return str(self._json["report"])

    @property
    def failures(self) -> List[str]:
        return list(self._json["failures"])

    def open(self) -> Store:
        """Its store."""
        return Store(self._json["store"])

    def to_frame(self) -> Any:
        """One row for each claim."""
        from ._tables import frame, union

        return frame(union(self.claims))

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """A figure of its page with matplotlib: "loss-vs-m" by default."""
        return self.open().plot(figure, **options)

    def __repr__(self) -> str:
        counts = {v: sum(c["verdict"] == v for c in self.claims) for v in ("confirmed", "denied", "cannot_tell")}
        said = ", ".join(f"{n} {v.replace('_', ' ')}" for v, n in counts.items())
        done = self._json["runs"]["done"]
        return f"<superpose.Study {self._json['study']}: {done} run{'s' * (done != 1)}, claims: {said}; page {self.page}>"

    def _repr_html_(self) -> str:
        from ._result import number
        from .html import badge, card, table

        def shown(value: Any) -> str:
            return " to ".join(number(v, 3) for v in value) if isinstance(value, list) else number(value)

        rows = [[c["id"], c["claim"], shown(c["published"]), number(c["measured"]), badge(c["verdict"])] for c in self.claims]
        return card("Study", repr(self)[len("<superpose.Study "):-1], (), self.failures,
                    table(rows, ["", "claim", "published", "measured", "verdict"], most=100))


def study(
    study: PathLike = "quick",
    *,
    overrides: Union[Sequence[str], Mapping[str, Any]] = (),
    checkpoints: Sequence[PathLike] = (),
    out: PathLike = "superpose-out",
    store: PathLike = "",
    results: PathLike = "",
    jobs: int = 0,
    progress: Progress = None,
) -> Study:
    """Runs a whole study: the sweep, the fits, the checkpoints, the ledger of the paper's claims, and the page.

    study: "quick" (minutes), "paper" (hours), ... or a study file. checkpoints: models to inspect too. out: folder of the
    page. store: the run store (runs.sqlite in out). results: recorded runs to judge beside the store's: a table, or
    "builtin". Returns Study. A denied claim is a finding, not an error.

    >>> import os, superpose, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:  # far too small to confirm anything
    ...     done = superpose.study("quick", overrides=["features=20", "dim=2,4", "steps=20", "batch=16"], out=folder)
    >>> {claim["verdict"] for claim in done.claims} <= {"confirmed", "denied", "cannot_tell"}
    True
    """
    words = _words(overrides)
    with bar(progress, "study") as callback:
        body = _native.study(path_text(study, "study"), words, path_text(out), path_text(store),
                             [path_text(c) for c in checkpoints], path_text(results), jobs, callback)
    config = {"study": path_text(study), "overrides": words, "out": path_text(out), "store": body["store"],
              "checkpoints": [path_text(c) for c in checkpoints], "results": path_text(results) or None,
              "jobs": jobs or _native.available_cores()}
    return Study({"config": config, **body})
