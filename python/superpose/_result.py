# SPDX-License-Identifier: Apache-2.0
"""What all results share: they carry the object that the program prints with --json."""
from __future__ import annotations

import copy
import json
import operator
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
        return copy.deepcopy(self._json["config"])

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._json == other._json  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]


def path_text(path: Any, what: str = "path") -> str:
    """A path as the compiled half takes it. Error(usage): no path, or one with a character 0 in it.

    A name that is not UTF-8 is returned as the bytes it is on disk, which are as good."""
    try:
        text = os.fspath(path)
        bytes_ = os.fsencode(text)
    except (TypeError, UnicodeError) as error:
        raise usage(f"{what}: {error}") from None
    if b"\0" in bytes_:
        raise usage(f"{what}: {text!r} has a character 0 in it")
    try:
        return bytes_.decode("utf-8")
    except UnicodeDecodeError:
        return bytes_  # type: ignore[return-value]


def is_named(path: Any, *endings: str) -> bool:
    """Does the file's name end so, in letters of either size?"""
    return os.fsdecode(os.fspath(path)).lower().endswith(endings)


def plain_text(text: Any, what: str) -> str:
    """A text that has a UTF-8 form. Error(usage)."""
    if not isinstance(text, str):
        raise usage(f"{what} = {text!r}: expected a text")
    try:
        text.encode()
    except UnicodeError:
        raise usage(f"{what}: {text!r} is no text in UTF-8") from None
    return text


def count(value: Any, what: str, least: int = 0) -> int:
    """A whole number, NumPy's too. Error(usage)."""
    try:
        number_ = operator.index(value)
    except TypeError:
        number_ = least - 1
    if number_ < least or number_ >= 2**63 or isinstance(value, bool):
        raise usage(f"{what} = {value!r}: expected a whole number, {least} or more")
    return number_


def write_text(path: PathLike, text: str) -> None:
    """Whole or not at all. Error(io)."""
    name = path_text(path)
    write_bytes(name, text.encode("utf-8", "backslashreplace"))


def write_bytes(name: str, content: bytes) -> None:
    """Whole or not at all. Error(io)."""
    beside = os.fsencode(name) + f".part{os.getpid()}".encode()
    try:
        with open(beside, "wb") as file:
            file.write(content)
        os.replace(beside, name)
    except OSError as error:
        if os.path.exists(beside):
            os.remove(beside)
        raise Error("io", f"{name}: cannot be written: {error.strerror}") from None


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
