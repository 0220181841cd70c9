"""Dispatches: who may start an item, once. What people do with the queue is in `queue`.

A dispatcher claims items (`claim`) in one transaction that counts what is in flight, and has them under a lease and a token
that grows with each claim. The item moves on in the transaction that makes its run (`start`), and only under the newest token:
so a dispatcher that stood still until another took over can start nothing. The run's end settles it (`settle`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cao.events import QueueDispatched, QueueExpired, QueueRefused, QueueReturned, QueueSettled, RunFailed
from cao.protocol import Conflict
from cao.protocol.queue import ItemKind
from cao.protocol.records import Event

from . import pause
from .capacity import Capacity, Limits
from .hub import DUE
from .leases import DURATION
from .queue import TOLD, move, row_of
from .transaction import Reader, Row, Transaction

IsAlive = Callable[[str], bool]

_VERBS: Mapping[str, str] = {"run.completed": "complete", "run.failed": "fail", "run.cancelled": "cancel"}

_CLAIMABLE = """stage = 1 AND state = 'ready' AND coalesce(not_before, 0) <= ?
    AND (project_id IS NULL OR project_id NOT IN (SELECT value FROM json_each(?)))
    AND (provider IS NULL OR provider NOT IN (SELECT value FROM json_each(?)))"""


@dataclass(frozen=True, slots=True)
class Claim:
    """An item that one dispatcher alone may start, for as long as `token` is the newest."""

    id: str
    kind: ItemKind
    what: str
    subject: str | None
    launch: Mapping[str, Any]
    scopes: frozenset[str]
    attempt: int
    token: int


def claim(tx: Transaction, owner: str, is_alive: IsAlive, limits: Limits, most: int) -> list[Claim]:
    """Take what may be started now, the first in line first, as many as there is room for and `most` at once.

    What another dispatcher took and cannot start any more waits in line again, at its place. `expire` comes before.
    """
    for row in _abandoned(tx, tx.now, is_alive):
        move(tx, row, "return", owner=None, lease_until=None)
    if pause.current(tx) is not None:
        return []
    capacity, claims = Capacity(tx, limits), list[Claim]()
    while len(claims) < most and (row := _first(tx, capacity, tx.now)) is not None:
        claims.append(_take(tx, row, owner))
        capacity.take(row["project_id"], row["provider"])
    return claims


def _take(tx: Transaction, row: Row, owner: str) -> Claim:
    attempt, token = row["attempts"] + 1, row["token"] + 1
    move(tx, row, "claim", owner=owner, token=token, attempts=attempt, lease_until=tx.now + DURATION, reason=None)
    work = tx.row("SELECT launch, scopes FROM queue WHERE id = ?", (row["id"],))
    assert work is not None  # noqa: S101 - it was read in this transaction
    scopes = frozenset(["*"] if work["scopes"] is None else work["scopes"])
    return Claim(row["id"], row["kind"], row["what"], row["subject"], work["launch"], scopes, attempt, token)


def _first(reader: Reader, capacity: Capacity, now: float) -> Row | None:
    """The first in line that may be started."""
    if capacity.is_full:
        return None
    sql = f"SELECT * FROM queue_items WHERE {_CLAIMABLE} ORDER BY lane, place, n LIMIT 1"  # noqa: S608
    return reader.row(sql, (now, json.dumps(capacity.full_projects), json.dumps(capacity.full_providers)))


def _abandoned(reader: Reader, now: float, is_alive: IsAlive) -> list[Row]:
    """Items whose dispatcher died, or stood still for longer than its lease."""
    rows = reader.rows("SELECT * FROM queue_items WHERE stage = 0 AND state = 'dispatching'")
    return [row for row in rows if row["lease_until"] <= now or not is_alive(row["owner"])]


def expire(tx: Transaction) -> int:
    """Give up what still waits though its time is over; how many."""
    over = tx.rows("SELECT id FROM queue INDEXED BY queue_expires WHERE stage = 1 AND expires_at <= ?", (tx.now,))
    ids = [str(row["id"]) for row in over]
    for id in ids:
        move(tx, row_of(tx, id), "expire", settled_at=tx.now, reason="its time was over before it was dispatched")
    if ids:
        tx.emit(QueueExpired(items=ids[:TOLD], count=len(ids)))
    return len(ids)


def next_due(reader: Reader, now: float, limits: Limits, is_alive: IsAlive) -> float:
    """When something is to be done, in seconds since 1970: dispatch, expire, or take over. Infinity for never."""
    if reader.row("SELECT 1 FROM queue WHERE stage < 2 LIMIT 1") is None:
        return math.inf
    if _abandoned(reader, now, is_alive):
        return now
    dispatches = pause.current(reader) is None
    if dispatches and _first(reader, Capacity(reader, limits), now) is not None:
        return now
    times = reader.row(
        """SELECT
            (SELECT min(expires_at) FROM queue INDEXED BY queue_expires WHERE stage = 1 AND expires_at IS NOT NULL) AS expiry,
            (SELECT min(not_before) FROM queue INDEXED BY queue_not_before
                WHERE stage = 1 AND not_before > ? AND state = 'ready') AS start,
            (SELECT min(lease_until) FROM queue WHERE stage = 0 AND state = 'dispatching') AS lease""",
        (now,),
    )
    assert times is not None  # noqa: S101 - a SELECT without FROM has a row
    wanted = [times["expiry"], times["lease"], times["start"] if dispatches else None]
    return min((at for at in wanted if at is not None), default=math.inf)


def start(tx: Transaction, held: Claim, run_id: str, session_id: str | None) -> None:
    """Note that the item's run is queued. Raises `Conflict` when the claim was lost: then there is to be no run either."""
    row = _held(tx, held)
    if row is None:
        raise Conflict(f"queue item {held.id} was taken over by another dispatcher", item=held.id)
    move(tx, row, "start", run_id=run_id, session_id=session_id, dispatched_at=tx.now, owner=None, lease_until=None)
    subject = {"session_id": session_id, "run_id": run_id}
    tx.emit(QueueDispatched(**subject, item_id=held.id, kind=held.kind, what=held.what, attempt=held.attempt))


def finish(tx: Transaction, held: Claim, reason: str | None = None) -> bool:
    """Settle an item whose work has no run of its own; False when the claim was lost or a run was made.

    reason: what of it could not be done.
    """
    row = _held(tx, held)
    if row is not None:
        state = move(tx, row, "finish", reason=reason, dispatched_at=tx.now, settled_at=tx.now, owner=None, lease_until=None)
        tx.emit(QueueSettled(item_id=held.id, kind=held.kind, what=held.what, state=state, reason=reason))
        tx.touch(DUE)
    return row is not None


def put_back(tx: Transaction, held: Claim, *, reason: str | None = None, until: float | None = None) -> bool:
    """Let it wait again, at its place and not before `until`; False when the claim was lost."""
    row = _held(tx, held)
    if row is not None:
        move(tx, row, "return", reason=reason, not_before=until or row["not_before"], owner=None, lease_until=None)
        if reason and until:
            tx.emit(QueueReturned(item_id=held.id, what=held.what, reason=reason, until=datetime.fromtimestamp(until, UTC)))
        tx.touch(DUE)
    return row is not None


def refuse(tx: Transaction, held: Claim, reason: str) -> bool:
    """Give it up: it cannot be started. False when the claim was lost."""
    row = _held(tx, held)
    if row is not None:
        move(tx, row, "refuse", reason=reason, settled_at=tx.now, owner=None, lease_until=None)
        tx.emit(QueueRefused(item_id=held.id, kind=held.kind, what=held.what, reason=reason))
        tx.touch(DUE)
    return row is not None


def _held(tx: Transaction, held: Claim) -> Row | None:
    """The item's row, if the claim still holds."""
    return tx.row("SELECT * FROM queue_items WHERE id = ? AND state = 'dispatching' AND token = ?", (held.id, held.token))


def settle(tx: Transaction, event: Event) -> None:
    """A recorder: the end of its run settles an item, in the transaction that ends the run."""
    verb = _VERBS.get(event.type)
    if verb is None or event.run_id is None:
        return
    row = tx.row("SELECT * FROM queue_items WHERE run_id = ? AND state = 'dispatched'", (event.run_id,))
    if row is None:
        return
    reason = RunFailed.of(event).failure.message if verb == "fail" else None
    state = move(tx, row, verb, reason=reason, settled_at=tx.now)
    subject = {"session_id": event.session_id, "run_id": event.run_id}
    tx.emit(QueueSettled(**subject, item_id=row["id"], kind=row["kind"], what=row["what"], state=state, reason=reason))
    tx.touch(DUE)
