"""The controls that are open in this process, so that flows of one's own find theirs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cao.protocol import Unavailable

if TYPE_CHECKING:
    from cao.client.facade import Facade

_open: list[Facade] = []
_lock = threading.Lock()


def appear(control: Facade) -> None:
    """A control was opened."""
    with _lock:
        _open.append(control)


def vanish(control: Facade) -> None:
    """It is about to close."""
    with _lock:
        _open.remove(control)


def latest() -> Facade | None:
    """The one that was opened last, if one is open."""
    with _lock:
        return _open[-1] if _open else None


def required() -> Facade:
    """The same. Raises `Unavailable` when none is open."""
    found = latest()
    if found is None:
        raise Unavailable("no control is open in this process, and none could be opened; start a server: cao serve")
    return found
