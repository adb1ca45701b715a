# SPDX-License-Identifier: Apache-2.0
"""Tables in (DataFrame, dict of arrays, list of dicts, path) and out (pandas, polars, or plain lists)."""
from __future__ import annotations

import datetime
import json
import os
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from ._compiled import native as _native
from ._result import path_text
from .error import usage


def _plain(value: Any, where: str) -> Any:
    """A cell as JSON has it. NaN and None are empty cells."""
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()  # NumPy's scalars, torch's
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if value != value:
            return None
        if value in (float("inf"), float("-inf")):
            raise usage(f"{where}: {value}, expected a finite number")
        return value
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas
        return None
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise usage(f"{where}: a {type(value).__name__}, expected a number or a text")


def _columns(table: Any) -> Dict[str, List[Any]]:
    """Columns by name, of equal length."""
    if hasattr(table, "to_dicts") and hasattr(table, "outcome"):  # Runs
        table = union(table.to_dicts())
    if hasattr(table, "to_pydict"):  # pyarrow
        table = table.to_pydict()
    if hasattr(table, "columns") and hasattr(table, "__getitem__") and not isinstance(table, Mapping):
        names = list(table.columns)
        if len({str(name) for name in names}) != len(names):
            raise usage("table: two columns have one name")
        table = {str(name): table[name] for name in names}  # pandas, polars
    if isinstance(table, Mapping):
        out: Dict[str, List[Any]] = {}
        for name, values in table.items():
            if isinstance(values, (str, bytes, Mapping, set, frozenset)) or not hasattr(values, "__len__") and not hasattr(values, "__iter__"):
                raise usage(f"table: column {name} is a {type(values).__name__}, expected a list or an array (of a DataFrame: to_dict('list'))")
            shape = getattr(values, "shape", None)
            if shape is not None and len(shape) != 1:
                raise usage(f"table: column {name} has shape {tuple(shape)}, expected one dimension")
            cells = values.tolist() if hasattr(values, "tolist") else list(values)
            out[str(name)] = cells
        lengths = {name: len(values) for name, values in out.items()}
        if len(set(lengths.values())) > 1:
            raise usage(f"table: columns of different lengths: {', '.join(f'{k} {v}' for k, v in lengths.items())}")
        return out
    if isinstance(table, Sequence):
        rows = [row.to_dict() if hasattr(row, "to_dict") else row for row in table]
        names = []
        for k, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise usage(f"table: row {k} is a {type(row).__name__}, expected a dict")
            names += [str(name) for name in row if str(name) not in names]
        by_name = [{str(k): v for k, v in row.items()} for row in rows]
        return {name: [row.get(name) for row in by_name] for name in names}
    raise usage(f"table: a {type(table).__name__}, expected a DataFrame, a dict of arrays, a list of dicts or a path")


def table_text(table: Any) -> Tuple[bytes, str]:
    """(bytes that the reader of tables takes, what messages call the table)."""
    if isinstance(table, (str, os.PathLike)):
        path = path_text(table, "table")
        return _native.table_text(path), path
    columns = _columns(table)
    if not columns or not next(iter(columns.values())):
        raise usage("table: it has no rows")
    plain = {name: [_plain(v, f"table: column {name}, row {k}") for k, v in enumerate(values)]
             for name, values in columns.items()}
    return json.dumps(plain, allow_nan=False).encode(), "table"


def read_table(path: Union[str, "os.PathLike[str]"]) -> Any:
    """A CSV, TSV, JSON or JSON Lines file, or a table that comes with superpose, as a DataFrame of pandas or polars (a dict of
    lists where neither is installed). Error(io | bad_file).

    >>> import superpose
    >>> table = superpose.read_table("published/fig8b_llm_losses.csv")
    >>> sorted(set(table["dataset"]))
    ['bookcorpus', 'c4', 'pile', 'wikitext']
    """
    text, where = table_text(path)
    return frame(_native.read_table(text, where))


def published_tables() -> List[str]:
    """The names of the tables that come with superpose: numbers recovered from the paper's figures, with their source.

    >>> import superpose
    >>> "published/fig8b_llm_losses.csv" in superpose.published_tables()
    True
    """
    return sorted(name for name in _native.published_tables() if name.endswith(".csv"))


def frame(columns: Mapping[str, Sequence[Any]]) -> Any:
    """A DataFrame of pandas, or of polars, whichever is installed; a dict of lists where neither is."""
    plain = {name: list(values) for name, values in columns.items()}
    try:
        import pandas

        return pandas.DataFrame(plain)
    except ImportError:
        pass
    try:
        import polars

        return polars.DataFrame(plain, strict=False)
    except ImportError:
        return plain


def union(rows: Sequence[Mapping[str, Any]]) -> Dict[str, List[Any]]:
    """Rows with different keys as columns; what a row lacks is None."""
    names: Dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}
