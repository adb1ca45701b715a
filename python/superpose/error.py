# SPDX-License-Identifier: Apache-2.0
"""What the package raises."""
from __future__ import annotations


class Error(Exception):
    """A problem that its reader can act on.

    kind: "usage", "bad_file", "io", "unsupported" or "numeric"; text: what is wrong and what to do about it.

    >>> try:
    ...     raise Error("usage", "dim must be at least 1")
    ... except Error as error:
    ...     print(error.kind, error)
    usage dim must be at least 1
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)  # what a pickle calls the class with
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return self.text
