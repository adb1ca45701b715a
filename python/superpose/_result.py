# SPDX-License-Identifier: Apache-2.0
"""What all results share: they carry the object that the program prints with --json."""
from __future__ import annotations

import copy
import json
import os
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Union

from . import _native
from .error import Error, usage

PathLike = Union[str, "os.PathLike[str]"]


class Result:
    """A result with its JSON. Pickles, copies and compares by that."""

    verb: ClassVar[str] = ""

    def __init__(self, body: Dict[str, Any]) -> None:
        self._json: Dict[str, Any] = {"schema": f"superpose.{self.verb}/1", "version": _native.__version__, **body}

    def to_dict(self) -> Dict[str, Any]:
        """The object that ``superpose VERB --json`` prints (docs/schema has what is in it), as a copy."""
        return copy.deepcopy(self._json)

    def to_json(self, indent: Optional[int] = None) -> str:
        """The same as text."""
        return json.dumps(self._json, indent=indent, ensure_ascii=False)

    @property
    def config(self) -> Dict[str, Any]:
        """How the call was understood: every option with its value."""
        return self.to_dict()["config"]  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._json == other._json  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]


def write_text(path: PathLike, text: str) -> None:
    """Whole or not at all. Error(io)."""
    path = os.fspath(path)
    beside = f"{path}.part{os.getpid()}"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except OSError as error:
        if os.path.exists(beside):
            os.remove(beside)
        raise Error("io", f"{path}: cannot be written: {error.strerror}") from None


def choose_figure(figures: Sequence[Dict[str, Any]], wanted: Optional[str]) -> Dict[str, Any]:
    """The figure of that id; without one the first that has something in it. Error(usage) lists the ids."""
    if wanted is None:
        return next((f for f in figures if f.get("panels") and not f.get("empty")), figures[0])
    for figure in figures:
        if figure["id"] == wanted:
            return figure
    raise usage(f"no figure {wanted!r}; there are {', '.join(ids(figures))}")


def ids(figures: Sequence[Dict[str, Any]]) -> List[str]:
    return [str(figure["id"]) for figure in figures]


def number(value: Any, digits: int = 4) -> str:
    """A number for people; "-" for none."""
    return "-" if value is None or isinstance(value, float) and value != value else f"{value:.{digits}g}"
