# SPDX-License-Identifier: Apache-2.0
"""The one exception of superpose."""
from __future__ import annotations

from typing import Any, Tuple


class Error(Exception):
    """What went wrong, and in ``kind`` what can be done about it.

    ``kind`` is one of

    - ``"usage"``: the call asks for something that cannot be (an argument, a configuration),
    - ``"bad_file"``: the bytes of a file are not what their format promises,
    - ``"io"``: the system said no (no such file, disk full, locked),
    - ``"unsupported"``: well-formed, but not something this version reads,
    - ``"numeric"``: no answer at all can be computed.

    A mathematical outcome (a run diverged, a parameter is not identified) is no Error but a field of a result.

    >>> import superpose
    >>> try:
    ...     superpose.toy(dim=0)
    ... except superpose.Error as error:
    ...     print(error.kind, "|", error)
    usage | toy: dim = 0: expected 1 <= dim <= 65536
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> Tuple[Any, ...]:
        return (type(self), (self.kind, self.text))


def usage(text: str) -> Error:
    return Error("usage", text)
