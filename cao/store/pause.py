"""The pause: while it lasts, nothing of the queue is dispatched, by whatever process."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cao.events import DaemonPaused, DaemonResumed

from .hub import DUE
from .transaction import Reader, Transaction

_KEY = "queue_paused"


@dataclass(frozen=True, slots=True)
class Pause:
    """Who paused, why, and when in seconds since 1970."""

    by: str
    reason: str | None
    since: float


def current(reader: Reader) -> Pause | None:
    """The pause that lasts now, if one does."""
    row = reader.row("SELECT value FROM settings WHERE key = ?", (_KEY,))
    return Pause(**json.loads(row["value"])) if row else None


def begin(tx: Transaction, reason: str | None) -> None:
    """Dispatch nothing from this commit on. A pause that lasts already stays as it is."""
    if current(tx) is None:
        tx.insert("settings", key=_KEY, value={"by": tx.actor, "reason": reason, "since": tx.now})
        tx.emit(DaemonPaused(reason=reason))


def end(tx: Transaction) -> None:
    """Dispatch again."""
    if tx.execute("DELETE FROM settings WHERE key = ?", (_KEY,)):
        tx.emit(DaemonResumed())
        tx.touch(DUE)
