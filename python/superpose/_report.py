# SPDX-License-Identifier: Apache-2.0
"""Pages: superpose.report writes one, superpose.serve shows a store as it grows."""
from __future__ import annotations

import os
import tempfile
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence, Set, Type, Union

from ._compiled import native as _native
from ._fit import Fit, Forecast
from ._inspect import Comparison, Geometry
from ._progress import Progress, bar
from ._result import choose_figure, count, ids, path_text, PathLike, plain_text
from ._store import Runs, Store
from .error import usage

Content = Union[PathLike, Store, Runs, Fit, Forecast, Geometry, Comparison]


class Report:
    """A page that was written, and what it shows."""

    def __init__(self, data: Dict[str, Any], path: Optional[str]) -> None:
        self._data = data
        #: The page; None where only figures or data were asked for.
        self.path = path

    @property
    def title(self) -> str:
        return str(self._data["title"])

    @property
    def sentences(self) -> List[str]:
        """What the page says at its top."""
        return list(self._data["summary"]["sentences"])

    @property
    def files(self) -> List[Dict[str, Any]]:
        """The figure files that were written: figure, format, path, bytes."""
        return list(self._data["files"])

    @property
    def claims(self) -> List[Dict[str, Any]]:
        return list(self._data["claims"])

    @property
    def figures(self) -> List[Dict[str, Any]]:
        """Its figures, as data."""
        return list(self._data["figures"])

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """One of its figures with matplotlib."""
        from .draw import draw

        return draw(choose_figure(self.figures, figure), **options)

    def __repr__(self) -> str:
        return f"<superpose.Report {self.path or ''}: {self.title}, {len(ids(self.figures))} figures>"

    def _repr_html_(self) -> str:
        from .html import card

        where = f"{self.path} ({self._data['bytes'] // 1000} kB)" if self.path else "not written"
        return card("Report", self.title, [("page", where)], self.sentences)


def _file_of(content: Content, folder: str, place: int) -> str:
    if isinstance(content, (str, os.PathLike)):
        return path_text(content)
    if isinstance(content, Store):
        return content.path
    if isinstance(content, Runs):
        if content.store is None:
            raise usage("report: these runs are in no store; results=... draws recorded runs")
        return content.store
    if isinstance(content, (Fit, Forecast, Geometry, Comparison)):
        path = os.path.join(folder, f"{place}.json")
        content.save(path)
        return path
    raise usage(f"report: a {type(content).__name__}, expected a store, a result, or a path")


def _optional(path: Optional[PathLike]) -> Optional[str]:
    return None if path is None else path_text(path)


def report(
    contents: Union[Content, Sequence[Content]],
    out: Optional[PathLike] = "report.html",
    *,
    title: str = "",
    results: PathLike = "",
    data: Optional[PathLike] = None,
    figures: Optional[PathLike] = None,
    formats: Union[str, Sequence[str]] = "svg,pdf",
    progress: Progress = None,
) -> Report:
    """Writes the page of one or several stores, with fits, forecasts and inspections beside them: one HTML file that
    loads nothing from anywhere.

    contents: stores (paths or Store), Runs (these only, of their store), Fit, Forecast, Geometry, or the JSON
    files they saved. out: the page; None writes none. results: recorded runs to draw where the store has none: a table,
    or "builtin". data: a folder for the full data (CSV, JSON Lines). figures: a folder for the figures as files; formats:
    of svg, pdf, png, csv.

    Returns Report. Errors: io, bad_file, usage.

    >>> import os, superpose, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = os.path.join(folder, "report.html")
    ...     runs = superpose.sweep({"features": 20, "dim": [2, 4], "steps": 20, "batch": 16}, store=os.path.join(folder, "runs.sqlite"))
    ...     made = superpose.report([runs, superpose.geometry([[1.0, 0.0], [0.6, 0.8]])], page)
    ...     print(os.path.getsize(page) > 100_000, "loss-vs-m" in [figure["id"] for figure in made.figures])
    True True
    """
    several: List[Any] = list(contents) if isinstance(contents, (list, tuple)) else [contents]
    if not several:
        raise usage("report: nothing to write about")
    wanted = [name.strip() for name in (formats.split(",") if isinstance(formats, str) else formats)]
    plain_text(title, "title")
    for name in wanted:
        if name not in ("svg", "pdf", "png", "csv"):
            raise usage(f"report: formats: no {name!r}; there are svg, pdf, png, csv")
    with tempfile.TemporaryDirectory(prefix="superpose-") as folder, bar(progress, "report") as callback:
        files: Dict[str, str] = {}  # a store may be named in several ways
        only: Dict[str, Optional[Set[str]]] = {}
        for place, content in enumerate(several):
            named = _file_of(content, folder, place)
            path = files.setdefault(os.path.realpath(named), named)
            keys = content._keys() if isinstance(content, Runs) else None
            before = only.get(path, set())
            only[path] = None if keys is None or before is None else before | keys
        found = _native.report(list(files.values()), _optional(out), title, path_text(results), _optional(data), _optional(figures),
                               list(dict.fromkeys(wanted)), {path: keys for path, keys in only.items() if keys is not None}, callback)
    return Report(found, _optional(out))


class Server:
    """A store in the browser, until stop() or the end of a ``with`` block. Shows the dashboard as its HTML in a notebook."""

    def __init__(self, native: Any, store: str) -> None:
        self._native, self._store = native, store

    @property
    def url(self) -> str:
        """Where; with a token in it where one is needed (then it is a secret)."""
        return str(self._native.url)

    @property
    def port(self) -> int:
        return int(self._native.port)

    def stop(self) -> None:
        """Ends it within a second, whatever clients do."""
        self._native.stop()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.stop()

    def _repr_html_(self) -> str:
        from .html import Html, card, escaped

        url = escaped(self.url)
        frame = Html(f'<iframe src="{url}" style="width:100%;height:600px;border:1px solid #8884"></iframe>')
        return card("Dashboard", self.url.split("?")[0], (), (), frame)

    def __repr__(self) -> str:
        return f"<superpose.Server of {self._store} at {self.url.split('?')[0]}>"


def serve(store: Union[PathLike, Store], *, port: int = 0, bind: str = "127.0.0.1", token_file: PathLike = "",
          results: PathLike = "") -> Server:
    """Shows a store in the browser while this process lives: sweeps as they run, every run, the figures, the dial.

    port: 0 = any free one. bind: the address; the default can be reached from this machine only. It only reads.
    Returns Server, at once. Errors: io (no store, the port is taken), bad_file, usage.

    >>> import os, superpose, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = superpose.sweep({"features": 20, "dim": 2, "steps": 20, "batch": 16}, store=os.path.join(folder, "runs.sqlite"))
    ...     with superpose.serve(runs.store) as server:
    ...         server.url.startswith("http://127.0.0.1:")
    True
    """
    if not 0 <= count(port, "port") <= 65535:
        raise usage(f"serve: port = {port}: expected 0 to 65535")
    path = store.path if isinstance(store, Store) else path_text(store)
    return Server(_native.Server(path, bind, port, path_text(token_file), path_text(results)), path)
