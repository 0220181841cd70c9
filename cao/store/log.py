"""The event log, read by cursor: replay from any `seq`, then live, with no gap and no duplicate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from cao.protocol.records import Event

from .database import Store
from .hub import LOG
from .transaction import Reader

BATCH = 200
"""Events that a follower holds at once: what a stalled reader costs."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events; an empty field lets all through."""

    types: Sequence[str] = ()
    session_id: str | None = None
    terminal_id: str | None = None


def last_seq(reader: Reader) -> int:
    """The newest event's number, 0 when there is none."""
    return reader.number("SELECT max(seq) FROM events")


def after(reader: Reader, seq: int, wanted: Filter, limit: int = BATCH) -> list[Event]:
    """Up to `limit` events after `seq`, in order. A type may end in `.*`."""
    conditions, parameters = ["seq > ?"], [seq, *(v for v in (wanted.session_id, wanted.terminal_id) if v)]
    conditions += [f"{c} = ?" for c, v in (("session_id", wanted.session_id), ("terminal_id", wanted.terminal_id)) if v]
    if wanted.types:
        conditions.append("(" + " OR ".join("type GLOB ?" for _ in wanted.types) + ")")
        parameters += wanted.types
    sql = f"SELECT * FROM events WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT ?"  # noqa: S608 - values are bound
    return reader.all(Event, sql, [*parameters, limit])


def advance(reader: Reader, seq: int, wanted: Filter) -> tuple[list[Event], int]:
    """The next batch after `seq`, and the number up to which the log is read with it: what is filtered out is read once."""
    newest = last_seq(reader)
    batch = after(reader, seq, wanted)
    if len(batch) == BATCH:
        return batch, batch[-1].seq
    return batch, max(seq, newest, *(event.seq for event in batch))


async def follow(store: Store, seq: int, wanted: Filter, poll: float = 15.0) -> AsyncIterator[Event | None]:
    """Every event after `seq`, for ever; None after `poll` quiet seconds, so that the caller can tell a dead reader.

    Nothing is buffered for a slow reader: it is a cursor on the log, and reads the next batch when it comes back.
    """
    with store.hub.subscribe(wanted.session_id or LOG) as commits:
        while True:
            batch, seq = advance(store.read(), seq, wanted)
            for event in batch:
                yield event
            if not batch and not await commits.wait(poll):
                yield None
