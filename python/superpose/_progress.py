# SPDX-License-Identifier: Apache-2.0
"""Bars for long work: HTML in notebooks, tqdm on terminals where it is installed, one line of text elsewhere."""
from __future__ import annotations

import html
import sys
import time
from types import TracebackType
from typing import Any, Callable, Optional, TextIO, Type, Union

from .error import usage

Callback = Callable[[float, str], object]
#: None: a bar on terminals and in notebooks; True: always; False: never; or a function of (fraction, text).
Progress = Union[None, bool, Callback]

_DELAY = 1.0  # seconds: shorter work shows nothing


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    if shell is None:
        return False
    instance = shell.get_ipython()
    return instance is not None and instance.__class__.__name__ == "ZMQInteractiveShell"


def _has_stderr() -> bool:
    """Python has none in a process without a console."""
    stderr: Optional[TextIO] = sys.stderr
    return stderr is not None


def _on_terminal() -> bool:
    return _has_stderr() and sys.stderr.isatty()


def _tqdm() -> Any:
    try:
        import tqdm
    except ImportError:
        return None
    return tqdm.tqdm


def _seconds_left(started: float, fraction: float) -> str:
    left = (time.monotonic() - started) * (1 - fraction) / fraction if fraction > 0.02 else None
    return "" if left is None else f", about {left:.0f} s left"


class _Cell:
    """Below a notebook's cell, and gone when the work is done; needs no widgets, and leaves stderr alone."""

    def __init__(self, label: str) -> None:
        from IPython.display import display

        self.label, self.started = label, time.monotonic()
        self.handle: Any = display({"text/plain": ""}, raw=True, display_id=True)

    def update(self, fraction: float, text: str) -> None:
        left = _seconds_left(self.started, fraction)
        line = f"{self.label} {100 * fraction:.0f} %  {text}{left}"
        bar = f'<progress value="{fraction:.4f}" style="width:16em;vertical-align:middle"></progress>'
        self.handle.update({"text/plain": line, "text/html": f"{bar} {html.escape(line)}"}, raw=True)

    def close(self) -> None:
        self.handle.update({"text/plain": ""}, raw=True)


class _Line:
    """What tqdm would do, in one line of text."""

    def __init__(self, label: str) -> None:
        self.label, self.started, self.shown = label, time.monotonic(), False

    def update(self, fraction: float, text: str) -> None:
        left = _seconds_left(self.started, fraction)
        filled = int(24 * fraction)
        bar = "█" * filled + "░" * (24 - filled)
        print(f"\r{self.label} {bar} {100 * fraction:3.0f} %  {text}{left}\033[K", end="", file=sys.stderr, flush=True)
        self.shown = True

    def close(self) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


class _Tqdm:
    def __init__(self, label: str, tqdm: Any) -> None:
        shape = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]{postfix}"
        self.bar = tqdm(total=1.0, desc=label, bar_format=shape, leave=False, file=sys.stderr)

    def update(self, fraction: float, text: str) -> None:
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.update(max(fraction - self.bar.n, 0.0))
        self.bar.refresh()

    def close(self) -> None:
        self.bar.close()


class bar:
    """``with bar(progress, "toy") as callback:`` gives what the compiled half calls: a function, or None.

    The bar appears once the work has taken a second and is redrawn at most ten times a second.
    """

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress, self._label = progress, label
        self._shown: Union[_Cell, _Line, _Tqdm, None] = None
        self._started = self._last = time.monotonic()

    def __enter__(self) -> Optional[Callback]:
        if callable(self._progress):
            return self._progress
        if self._progress not in (None, True, False):
            raise usage(f"progress = {self._progress!r}: expected None, True, False or a function (fraction, text)")
        wanted = self._progress if self._progress is not None else _on_terminal() or _in_notebook()
        return self._update if wanted and (_has_stderr() or _in_notebook()) else None

    def _update(self, fraction: float, text: str) -> None:
        now = time.monotonic()
        if self._progress is False or now - self._started < _DELAY or now - self._last < 0.1:
            return
        self._last = now
        try:
            if self._shown is None:
                self._shown = self._new()
            self._shown.update(min(max(fraction, 0.0), 1.0), text)
        except (OSError, ValueError, AttributeError):  # stderr closed or full: the work is worth more than its bar
            self._progress = False

    def _new(self) -> Union[_Cell, _Line, _Tqdm]:
        if _in_notebook():
            return _Cell(self._label)
        tqdm = _tqdm()
        return _Tqdm(self._label, tqdm) if tqdm is not None else _Line(self._label)

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        try:
            if self._shown is not None:
                self._shown.close()
        except (OSError, ValueError, AttributeError):
            pass
