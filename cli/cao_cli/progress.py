"""How far long work is, in one line that is written over."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from .output import columns
from .text import fitted, one_line

_CLEAR = "\r\x1b[K"


class Progress:
    """A line on standard error while something is waited for; nothing when `visible` is false."""

    def __init__(self, first: str, *, visible: bool) -> None:
        self._first = first
        self._visible = visible
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        self(0.0, None, self._first)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._visible:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def __call__(self, done: float, total: float | None, message: str) -> None:
        """Show this."""
        if not self._visible:
            return
        share = f"{done:g}/{total:g} " if total else ""
        line = f"[{time.monotonic() - self._since:.0f} s] {share}{one_line(message)}"
        sys.stderr.write(_CLEAR + fitted(line, columns() - 1).rstrip())
        sys.stderr.flush()
