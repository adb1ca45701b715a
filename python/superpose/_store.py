# SPDX-License-Identifier: Apache-2.0
"""Run stores and the runs in them: superpose.open_store, Store, Runs, Run."""
from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import sqlite3
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union, overload

from ._compiled import native as _native
from ._result import choose_figure, count, is_named, number, path_text, PathLike, plain_text, write_text
from ._tables import frame, union
from ._toy import law_name
from .error import Error, usage


def _plain(value: Any) -> Any:
    """NumPy's scalars as Python's: SQLite would take their bytes."""
    return value.item() if hasattr(value, "item") else value


def _values(value: Any) -> List[Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    return list(value) if isinstance(value, (list, tuple, set, frozenset, range)) else [value]


class Run:
    """One run of a store: its configuration and, once it is finished, its result."""

    def __init__(self, record: Dict[str, Any]) -> None:
        self._record = record

    @property
    def id(self) -> Optional[int]:
        """In the store; None for a recorded run of a results table."""
        return self._record["id"] or None

    @property
    def key(self) -> str:
        """What identifies (configuration, numerics version): 16 hex digits."""
        return str(self._record["key"])

    @property
    def status(self) -> str:
        """ "ok", "diverged", "failed", "running" or "interrupted"."""
        return str(self._record["status"])

    @property
    def config(self) -> Dict[str, Any]:
        return dict(self._record["config"])

    @property
    def result(self) -> Dict[str, Any]:
        """What was measured (docs/schema/toy.json); empty until the run is finished."""
        return dict(self._record["result"] or {})

    @property
    def loss(self) -> Optional[float]:
        return self._record["loss"]  # type: ignore[no-any-return]

    @property
    def error(self) -> Optional[str]:
        """Why it failed."""
        return self._record["error"]  # type: ignore[no-any-return]

    @property
    def seconds(self) -> Optional[float]:
        return self._record["seconds"]  # type: ignore[no-any-return]

    def to_dict(self) -> Dict[str, Any]:
        """What ``superpose show STORE RUN --json`` says of the run."""
        return dict(self._record)

    def flat(self) -> Dict[str, Any]:
        """One row of a table: id, status, every field of the configuration, every number of the result."""
        r = self._record
        out: Dict[str, Any] = {"id": self.id, "status": r["status"], **(r["config"] if isinstance(r["config"], dict) else {})}
        for name, value in (r["result"] or {}).items():
            if name not in out and (value is None or isinstance(value, (bool, int, float, str))):
                out[name] = value
        out.setdefault("loss", r["loss"])
        out.update({"seconds": r["seconds"], "error": r["error"], "version": r["version"], "started_at": r["started_at"],
                    "finished_at": r["finished_at"], "key": r["key"]})
        return out

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self._record == other._record

    __hash__ = None  # type: ignore[assignment]

    def _repr_html_(self) -> str:
        from .html import card

        rows = [(name, value) for name, value in self.flat().items() if value is not None]
        return card(f"Run {self.id}", self.status, rows)

    def __repr__(self) -> str:
        c = self._record["config"]
        what = ", ".join(law_name(f"{name} {c[name]}") for name in ("dim", "law", "decay", "seed") if name in c)
        return f"<superpose.Run {self.id}: {what}: {self.status}, loss {number(self.loss)}>"


def _figures(store: Optional[str], results: str, keys: Optional[Set[str]]) -> List[Dict[str, Any]]:
    """Of a page of these runs of a store, or of a results table; keys None: of all."""
    only = {} if keys is None else {store or results: keys}
    found = _native.report([] if store is None else [store], None, "", results, None, None, [], only, None)
    for panel in (panel for figure in found["figures"] for panel in figure["panels"]):
        panel["title"] = law_name(panel["title"])
    return list(found["figures"])


def _plot(figures: List[Dict[str, Any]], figure: Optional[str], options: Dict[str, Any]) -> Any:
    from .draw import draw

    names = [f["id"] for f in figures if not f.get("empty")]
    return draw(choose_figure(figures, figure or ("loss-vs-m" if "loss-vs-m" in names else None)), **options)


class Runs(Sequence[Run]):
    """Runs, in order of their ids. Like a list; as a table with to_frame(); as figures with plot()."""

    def __init__(self, records: Sequence[Dict[str, Any]], store: Optional[str] = None,
                 outcome: Optional[Dict[str, Any]] = None, results: str = "") -> None:
        self._records = list(records)
        #: The file they came from; None for recorded runs.
        self.store = store
        #: The results table that recorded runs came from.
        self.results = results
        #: Of superpose.sweep: total, done, skipped, failed, diverged, seconds, stopped, failures.
        self.outcome: Dict[str, Any] = outcome or {}

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, place: int) -> Run: ...

    @overload
    def __getitem__(self, place: slice) -> "Runs": ...

    def __getitem__(self, place: Union[int, slice]) -> Union[Run, "Runs"]:
        if isinstance(place, slice):
            return Runs(self._records[place], self.store, results=self.results)
        return Run(self._records[place])

    def __iter__(self) -> Iterator[Run]:
        return (Run(record) for record in self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Runs) and self._records == other._records

    __hash__ = None  # type: ignore[assignment]

    def _keys(self) -> Set[str]:
        return {record["key"] for record in self._records}

    def where(self, **fields: Any) -> "Runs":
        """Those whose configuration (or status) has these values: ``runs.where(dim=50, decay=-1)``. A list, a range, a set
        or an array stands for all its values: ``runs.where(dim=[10, 20])``."""
        wanted = {name: _values(value) for name, value in fields.items()}
        rows = [Run(record).flat() for record in self._records]
        for name in fields:
            if rows and all(name not in row for row in rows):
                raise usage(f"where: no run has a field {name!r}; there are {', '.join(rows[0])}")
        kept = [record for record, row in zip(self._records, rows) if all(row.get(k) in values for k, values in wanted.items())]
        return Runs(kept, self.store, results=self.results)

    def to_dicts(self) -> List[Dict[str, Any]]:
        """One flat dict for each run: id, status, the configuration's fields, the result's numbers."""
        return [run.flat() for run in self]

    def to_frame(self) -> Any:
        """The same as a DataFrame of pandas, or of polars; a dict of lists where neither is installed."""
        return frame(union(self.to_dicts()))

    def write(self, path: PathLike) -> None:
        """The flat table as NAME.csv, NAME.jsonl or NAME.parquet (Parquet needs pandas or polars with its engine).
        Error(io | usage | unsupported)."""
        name = path_text(path)
        if is_named(path, ".csv"):
            columns = union(self.to_dicts())
            text = io.StringIO(newline="")
            writer = csv.writer(text)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values()))
            write_text(path, text.getvalue())
        elif is_named(path, ".jsonl", ".ndjson"):
            write_text(path, "".join(json.dumps(row) + "\n" for row in self.to_dicts()))
        elif is_named(path, ".parquet"):
            try:
                self._write_parquet(name)
            except OSError as error:
                raise Error("io", f"{name}: cannot be written: {error.strerror}") from None
        else:
            raise usage(f"{name}: expected a name that ends in .csv, .jsonl or .parquet")

    def _write_parquet(self, name: str) -> None:
        table = self.to_frame()
        try:
            if hasattr(table, "write_parquet"):  # polars
                table.write_parquet(name)
            elif hasattr(table, "to_parquet"):  # pandas, with pyarrow or fastparquet
                table.to_parquet(name)
            else:
                raise ImportError("neither pandas nor polars is installed")
        except ImportError as error:
            reason = str(error).splitlines()[0]
            raise Error("unsupported", f"{name}: Parquet needs polars, or pandas with pyarrow: {reason}") from None

    @property
    def figures(self) -> List[Dict[str, Any]]:
        """The figures of a page of these runs, as data."""
        if self.store is None and not self.results:
            raise usage("these runs are in no store, so there are no figures of them")
        return _figures(self.store, self.results, self._keys())

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """A figure of a page of these runs with matplotlib: "loss-vs-m" by default. options: those of
        superpose.draw.draw."""
        return _plot(self.figures, figure, options)

    def __repr__(self) -> str:
        counts: Dict[str, int] = {}
        for record in self._records:
            counts[record["status"]] = counts.get(record["status"], 0) + 1
        what = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"<superpose.Runs: {len(self)} runs{': ' if what else ''}{what}>"

    def _repr_html_(self) -> str:
        from .html import card, table

        rows = self.to_dicts()
        varying = [name for name in (self._records[0]["config"] if self._records else {})
                   if len({json.dumps(row.get(name)) for row in rows}) > 1]
        header = ["id", "status"] + varying + ["loss", "seconds"]
        cells = [["" if row.get(name) is None else number(row[name]) if isinstance(row[name], float) else law_name(str(row[name]))
                  for name in header] for row in rows]
        return card("Runs", repr(self)[len("<superpose.Runs: "):-1], (), (), table(cells, header))


class Store:
    """A run store, opened for reading; sweeps may be writing to it meanwhile. Errors: io, bad_file, unsupported.

    Not to be used in a child after fork: open it there.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = path_text(path)
        self._native = _native.Store(self._path)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Store, (self._path,))

    @property
    def path(self) -> str:
        return self._path

    def load(self, kind: str = "toy", *, curves: bool = True) -> Runs:
        """Its runs as objects. curves=False leaves out what makes most of a result's bytes (curves, pictures)."""
        without = [] if curves else ["curve", "picture", "norm_histogram", "feature_losses"]
        return Runs(self._native.runs(kind, without), self._path)

    def runs(self, kind: str = "toy") -> Any:
        """One row for each run: a DataFrame of pandas, or of polars; a dict of lists where neither is installed.
        Columns: id, status, the configuration's fields, the result's numbers, seconds, version, times."""
        return self.load(kind, curves=False).to_frame()

    def run(self, id_or_key: Union[int, str]) -> Run:
        """A run by its id, or by the first four or more digits of its key. Error(usage)."""
        wanted: Union[int, str] = id_or_key if isinstance(id_or_key, str) else count(id_or_key, "run")
        found = self._native.find(wanted)
        if found is None:
            raise usage(f"{self._path}: no run has the id or key {id_or_key!r}")
        return Run(found)

    def __len__(self) -> int:
        return self._native.count("toy")

    def artifacts(self, kind: str = "") -> List[Dict[str, Any]]:
        """What else it holds: claims ledgers, fits, inspections; each {kind, name, value, created_at}."""
        return self._native.artifacts(kind)

    @property
    def claims(self) -> Any:
        """The claims ledger as a table, of the last study that was judged in it."""
        rows: List[Dict[str, Any]] = []
        for artifact in self.artifacts("claims"):
            value = artifact["value"]
            rows += value if isinstance(value, list) else value.get("claims", [])
        return frame(union(rows))

    def sql(self, query: str, parameters: Union[Sequence[Any], Mapping[str, Any]] = ()) -> Any:
        """The rows of a SELECT, as runs() returns them. Only reading is possible: anything else is Error(usage).
        parameters: values for ? in the query, or by name for :name.

        >>> import superpose
        >>> store = superpose.open_store("runs.sqlite")                               # doctest: +SKIP
        >>> store.sql("select id, json_extract(result, '$.loss') as loss from runs")  # doctest: +SKIP
        """
        # The file is opened for reading, and no other file can be attached (which VACUUM INTO does, too).
        denied = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_TRANSACTION}

        def may(action: int, *_: Any) -> int:
            return sqlite3.SQLITE_DENY if action in denied else sqlite3.SQLITE_OK

        if isinstance(parameters, (str, bytes)) or not hasattr(parameters, "__iter__"):
            raise usage(f"sql: parameters: a {type(parameters).__name__}, expected a list of values, or a dict by name")
        values: Any = ({name: _plain(v) for name, v in parameters.items()} if isinstance(parameters, Mapping)
                       else tuple(_plain(v) for v in parameters))
        if not os.path.exists(self._path):
            raise Error("io", f"{self._path}: no such file")
        connection = sqlite3.connect(pathlib.Path(os.fsdecode(self._path)).resolve().as_uri() + "?mode=ro", uri=True)
        try:
            connection.set_authorizer(may)
            connection.set_progress_handler(lambda: 0, 100_000)  # lets Python see Ctrl-C while SQLite works
            cursor = connection.execute(plain_text(query, "sql"), values)
            if cursor.description is None:
                raise usage("sql: expected a SELECT")
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            if "interrupted" in str(error):
                raise KeyboardInterrupt from None
            kind = {"disk I/O error": "io", "unable to open database file": "io", "file is not a database": "bad_file",
                    "database disk image is malformed": "bad_file"}.get(str(error), "usage")
            writes = any(word in str(error) for word in ("not authorized", "prohibited", "readonly"))
            raise Error(kind, f"sql: {error}" + ("; a store is only read, with SELECT" if writes else "")) from None
        finally:
            connection.close()
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise usage(f"sql: two columns are called {', '.join(sorted(twice))}; name them with AS")
        return frame({name: [row[k] for row in rows] for k, name in enumerate(names)})

    def write_results(self, path: PathLike) -> None:
        """Its finished runs as a results table (what ``superpose ls --csv`` prints), which read_results and results=... of
        superpose.report read. Error(io)."""
        write_text(path, self._native.results_table(f"superpose ls {os.path.basename(self._path)} --csv"))

    @property
    def figures(self) -> List[Dict[str, Any]]:
        """The figures of its page, as data."""
        return _figures(self._path, "", None)

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """A figure of its page with matplotlib: "loss-vs-m" by default."""
        return _plot(self.figures, figure, options)

    def __repr__(self) -> str:
        return f"<superpose.Store {self._path}: {len(self)} runs>"

    def _repr_html_(self) -> str:
        return self.load(curves=False)._repr_html_()


def open_store(path: PathLike) -> Store:
    """Opens a run store (what superpose.sweep and superpose.study write) for reading.

    Error(io): not there; Error(bad_file): no store; Error(unsupported): written by a newer version.

    >>> import superpose
    >>> try:
    ...     superpose.open_store("no-such-file.sqlite")
    ... except superpose.Error as error:
    ...     print(error.kind)
    io
    """
    return Store(path)


def read_results(path: PathLike = "builtin") -> Runs:
    """Recorded runs of a results table, as ``superpose ls --csv`` writes it; "builtin": those that come with superpose.

    >>> import superpose
    >>> runs = superpose.read_results()
    >>> len(runs) > 100, runs[0].status
    (True, 'ok')
    """
    return Runs(_native.results_runs(path_text(path)), results=path_text(path))
