# SPDX-License-Identifier: Apache-2.0
"""The compiled half as the package calls it: an argument of the wrong type is an Error(usage), too."""
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .error import Error

__all__ = ["native"]

if TYPE_CHECKING:
    from . import _native as native
else:
    from . import _native

    _NOT_TAKEN = ("incompatible function arguments", "incompatible constructor arguments", "Unable to cast")

    def _usage(name: str, error: Exception) -> Error:
        taken = re.search(r"\((.*)\)", next((line for line in str(error).splitlines() if line.strip().startswith("1.")), ""))
        expected = "" if taken is None else re.sub(r"_?superpose[\w.]*_native\.|self: \S+, |buffer|object", _WORDS, taken[1])
        return Error("usage", f"{name}: an argument of the wrong type, or beyond 64 bits" + (f"; expected {expected}" if expected else ""))

    def _WORDS(found: Any) -> str:
        return {"buffer": "array", "object": "anything"}.get(found[0], "")

    def _checked(name: str, function: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return function(*arguments, **named)
            except (TypeError, RuntimeError) as error:
                if any(text in str(error) for text in _NOT_TAKEN):
                    raise _usage(name, error) from None
                raise

        return call

    class _Object:
        """A compiled object whose methods are checked likewise."""

        def __init__(self, name: str, compiled: Any) -> None:
            self._name, self._compiled = name, compiled

        def __getattr__(self, name: str) -> Any:
            value = getattr(self._compiled, name)
            return _checked(f"{self._name}.{name}", value) if callable(value) else value

    class _Native:
        def __getattr__(self, name: str) -> Any:
            value = getattr(_native, name)
            if isinstance(value, type):
                make = _checked(name, value)
                value = lambda *arguments, **named: _Object(name, make(*arguments, **named))  # noqa: E731
            elif callable(value):
                value = _checked(name, value)
            setattr(self, name, value)
            return value

    native = _Native()
