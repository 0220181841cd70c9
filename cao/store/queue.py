"""The queue: what waits to be dispatched, and what people do with it. `dispatches` has what dispatchers do.

An item moves as `QUEUE_MACHINE` allows, through `move` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cao.events import QueueDropped, QueueEnqueued, QueueHeld, QueueReleased, QueueReordered
from cao.protocol import CaoError, Conflict, InvalidInput, ListRequest, NotFound, Page
from cao.protocol.paging import seal, unseal
from cao.protocol.queue import LIVE, QUEUE_MACHINE, WAITING, ItemKind, ItemOutcome, ItemState, Outcomes, QueueItem, QueueStats
from cao.protocol.tasks import Priority

from . import line, pause
from .capacity import Capacity, Limits
from .hub import DUE
from .pages import page
from .transaction import Reader, Row, Transaction

TOLD = 100
"""How many items one event or one answer names."""


@dataclass(frozen=True, slots=True)
class NewItem:
    """What an item is made of. `launch` names the operation that starts it, and its fields as far as they are known now."""

    kind: ItemKind
    what: str
    launch: Mapping[str, Any]
    priority: Priority
    scopes: Collection[str]
    """What who enqueues it may do: with no more it is started."""
    subject: str | None = None
    project_id: str | None = None
    provider: str | None = None
    not_before: float | None = None
    expires_at: float | None = None


def add(tx: Transaction, new: NewItem) -> str:
    """Put work at the end of its priority's lane; its id. Raises `Conflict` for a task that is in the queue already."""
    if new.kind in ("task", "requirement"):
        _require_new(tx, new)
    id = tx.new_id("itm")
    tx.insert(
        "queue",
        id=id,
        kind=new.kind,
        what=new.what,
        subject=new.subject,
        project_id=new.project_id,
        provider=new.provider,
        launch=dict(new.launch),
        scopes=sorted(new.scopes),
        priority=new.priority,
        place=line.last_place(tx, new.priority),
        state="ready",
        not_before=new.not_before,
        expires_at=new.expires_at,
        created_by=tx.actor,
        created_at=tx.now,
    )
    tx.emit(QueueEnqueued(item_id=id, kind=new.kind, what=new.what, priority=new.priority, project_id=new.project_id))
    tx.touch(DUE)
    return id


def _require_new(reader: Reader, new: NewItem) -> None:
    sql = "SELECT id, state FROM queue WHERE subject = ? AND stage < 2 AND kind IN ('task', 'requirement')"
    if known := reader.row(sql, (new.subject,)):
        raise Conflict(
            f"{new.kind} {new.subject} is in the queue already, {known['state']}; see: cao queue get {known['id']}",
            item=known["id"],
            status=known["state"],
        )


def row_of(reader: Reader, id: str) -> Row:
    """The item's row. Raises `NotFound`."""
    row = reader.row("SELECT * FROM queue_items WHERE id = ?", (id,))
    if row is None:
        raise NotFound(f"no queue item {id!r}; see: cao queue list", item=id)
    return row


def get(reader: Reader, id: str, limits: Limits, now: float) -> QueueItem:
    """The item, and why it waits. Raises `NotFound`."""
    return _load(reader, [row_of(reader, id)], limits, now)[0]


def list_page(
    reader: Reader,
    request: ListRequest,
    limits: Limits,
    now: float,
    *,
    state: ItemState | None,
    project_id: str | None,
    kind: ItemKind | None,
) -> Page[QueueItem]:
    """What is in flight, then what waits, in the order of dispatch; the items of a final state are listed newest first."""
    filters = {"state": state, "project_id": project_id, "kind": kind}
    if state is not None and state not in LIVE:
        return page(reader, QueueItem, "queue_items", request, filters)
    question, kept = request.model_dump(mode="json"), {name: value for name, value in filters.items() if value is not None}
    conditions, values = ["stage < 2", *(f"{name} = ?" for name in kept)], [*kept.values()]
    if request.cursor is not None:
        conditions.append("(stage, lane, place, n) > (?, ?, ?, ?)")
        values += unseal(request.cursor, question, int, int, int, int)
    sql = f"SELECT * FROM queue_items WHERE {' AND '.join(conditions)} ORDER BY stage, lane, place, n LIMIT ?"  # noqa: S608
    rows = reader.rows(sql, [*values, request.limit + 1])
    shown, more = rows[: request.limit], len(rows) > request.limit
    cursor = seal([shown[-1][name] for name in ("stage", "lane", "place", "n")], question) if more else None
    return Page[QueueItem](items=_load(reader, shown, limits, now), next_cursor=cursor)


def _load(reader: Reader, rows: Sequence[Row], limits: Limits, now: float) -> list[QueueItem]:
    """Records of rows, with their positions, and with the reasons of those that could be dispatched and are not."""
    positions, capacity, paused = line.positions(reader, rows), Capacity(reader, limits), pause.current(reader) is not None
    found = [(row, "paused" if paused else _obstacle(row, capacity, now)) for row in rows]
    return [
        QueueItem.model_validate(
            {**row, "position": positions.get(row["id"]), "reason": obstacle if row["state"] == "ready" else row["reason"]}
        )
        for row, obstacle in found
    ]


def _obstacle(row: Row, capacity: Capacity, now: float) -> str | None:
    """Why a ready item is not dispatched now."""
    if row["not_before"] is not None and row["not_before"] > now:
        words = f"not before {datetime.fromtimestamp(row['not_before'], UTC):%Y-%m-%dT%H:%M:%SZ}"
        return f"{words}: {row['reason']}" if row["reason"] else words
    return capacity.lack(row["project_id"], row["provider"])


def stats(reader: Reader, limits: Limits, now: float) -> QueueStats:
    """The queue in numbers."""
    capacity, paused = Capacity(reader, limits), pause.current(reader)
    times = reader.row(
        "SELECT (SELECT min(created_at) FROM queue WHERE stage = 1 AND state = 'ready' AND coalesce(not_before, 0) <= ?) "
        "AS oldest, (SELECT min(not_before) FROM queue INDEXED BY queue_not_before WHERE stage = 1 AND not_before > ? "
        "AND state = 'ready') AS next",
        (now, now),
    )
    assert times is not None  # noqa: S101 - a SELECT without FROM has a row
    return QueueStats(
        paused=paused is not None,
        paused_by=paused.by if paused else None,
        paused_reason=paused.reason if paused else None,
        states=_counts(reader, "SELECT state AS name, count(*) AS items FROM queue GROUP BY state"),
        waiting=_counts(reader, "SELECT priority AS name, count(*) AS items FROM queue WHERE stage = 1 GROUP BY lane"),
        in_flight=capacity.in_flight,
        limit=limits.total,
        projects=capacity.projects(),
        providers=capacity.providers(),
        oldest_ready_at=times["oldest"],
        next_due_at=times["next"],
    )


def _counts(reader: Reader, sql: str) -> dict[str, int]:
    return {row["name"]: row["items"] for row in reader.rows(sql)}


def move(tx: Transaction, row: Row, verb: str, **columns: Any) -> ItemState:
    """Move an item that was read in this transaction, and set further columns; its new state.

    Raises `Conflict` for a move that is not in the table.
    """
    targets = QUEUE_MACHINE.targets(row["state"], verb)
    if not targets:
        raise _refusal(row, verb)
    tx.update("queue", row["id"], state=targets[0], **columns)
    return targets[0]


def _refusal(row: Row, verb: str) -> Conflict:
    id, state, run_id = row["id"], row["state"], row["run_id"]
    verbs = [name for name in ("hold", "release", "reorder", "drop") if QUEUE_MACHINE.targets(state, name)]
    if state == "dispatched":
        cancel = f"cao workflow cancel {run_id}" if row["kind"] == "workflow" else f"cao run cancel {run_id}"
        way_on = f"its run is {run_id}; to end that: {cancel}"
    elif state == "dispatching":
        way_on = f"it is being started in this moment; look again: cao queue get {id}"
    else:
        way_on = "that is final; to do it after all: cao queue enqueue"
    return Conflict(
        f"queue item {id} is {state}, so it cannot {verb}: {way_on}",
        item=id,
        status=state,
        wanted=verb,
        allowed=verbs,
        run=run_id,
    )


def waiting_ids(reader: Reader, *states: ItemState) -> list[str]:
    """The ids of all items in these states, of those that wait, in the order of dispatch."""
    marks = ", ".join("?" * len(states))
    sql = f"SELECT id FROM queue WHERE stage = 1 AND state IN ({marks}) ORDER BY lane, place, n"  # noqa: S608
    return [str(row["id"]) for row in reader.rows(sql, states)]


def hold(tx: Transaction, ids: Sequence[str], reason: str | None) -> Outcomes:
    """Keep items from being dispatched until they are released."""
    outcomes = each(tx, ids, lambda row: move(tx, row, "hold", reason=reason))
    if done := _done(outcomes):
        tx.emit(QueueHeld(items=done[:TOLD], count=len(done), reason=reason))
    return _summary(outcomes)


def release(tx: Transaction, ids: Sequence[str]) -> Outcomes:
    """Let items be dispatched again."""
    outcomes = each(tx, ids, lambda row: move(tx, row, "release", **({"reason": None} if row["state"] == "held" else {})))
    if done := _done(outcomes):
        tx.emit(QueueReleased(items=done[:TOLD], count=len(done)))
        tx.touch(DUE)
    return _summary(outcomes)


def drop(tx: Transaction, ids: Sequence[str]) -> Outcomes:
    """Give items up. What was dispatched already is refused: its run is to be cancelled instead."""
    outcomes = each(tx, ids, lambda row: move(tx, row, "drop", settled_at=tx.now, reason=f"dropped by {tx.actor}"))
    if done := _done(outcomes):
        tx.emit(QueueDropped(items=done[:TOLD], count=len(done)))
    return _summary(outcomes)


def reorder(tx: Transaction, ids: Sequence[str], to: line.To, *, anchor: str | None, priority: Priority | None) -> Outcomes:
    """Put items, in the order given, at an end of the line or beside another one that waits."""
    beside = row_of(tx, anchor) if anchor else None
    if beside is not None and beside["state"] not in WAITING:
        raise InvalidInput.field("anchor", f"is {beside['state']} and stands in line no more; see: cao queue list")
    movers: list[Row] = []

    def take(row: Row) -> ItemState:
        state = move(tx, row, "reorder")
        movers.append(row)
        return state

    outcomes = each(tx, ids, take)
    line.put(tx, movers, to, anchor=beside, priority=priority)
    if done := _done(outcomes):
        tx.emit(QueueReordered(items=done[:TOLD], count=len(done), to=f"{to} {anchor}" if anchor else to))
    return _summary(outcomes)


def each(tx: Transaction, ids: Sequence[str], change: Callable[[Row], ItemState]) -> list[ItemOutcome]:
    """Change one item after the other; those that refuse stay as they are. Raises the first one's error when all refuse."""
    outcomes, errors = list[ItemOutcome](), list[CaoError]()
    for id in ids:
        state: ItemState | None = None
        try:
            row = row_of(tx, id)
            state = row["state"]
            outcomes.append(ItemOutcome(item=id, ok=True, state=change(row)))
        except CaoError as error:
            errors.append(error)
            outcomes.append(ItemOutcome(item=id, ok=False, state=state, code=error.code, message=error.message))
    if errors and len(errors) == len(outcomes):
        raise errors[0]
    return outcomes


def _done(outcomes: Sequence[ItemOutcome]) -> list[str]:
    return [outcome.item for outcome in outcomes if outcome.ok]


def _summary(outcomes: Sequence[ItemOutcome]) -> Outcomes:
    succeeded = len(_done(outcomes))
    return Outcomes(succeeded=succeeded, failed=len(outcomes) - succeeded, outcomes=list(outcomes[:TOLD]))
