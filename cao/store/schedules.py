"""Schedules: when to start what. `fires` holds what became of each due time."""

from __future__ import annotations

from cao.events import ScheduleAdded, ScheduleDisabled, ScheduleEnabled, ScheduleRemoved
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.schedules import Definition, Fire, Schedule

from .pages import page
from .transaction import Reader, Row, Transaction


def add(tx: Transaction, new: Definition, next_due: float) -> Schedule:
    """Add a schedule. Raises `Conflict` for a name that is taken."""
    if tx.row("SELECT id FROM schedules WHERE name = ? AND live = 1", (new.name,)):
        raise Conflict(f"a schedule named {new.name!r} exists; choose another name or: cao schedule remove {new.name}")
    id = tx.new_id("sch")
    since = float(int(tx.now))  # intervals count from it, in whole seconds
    state = {"live": 1, "enabled": 1, "next_due": next_due, "created_by": tx.actor, "created_at": since}
    tx.insert("schedules", id=id, **new.model_dump(), **state)
    tx.emit(ScheduleAdded(schedule_id=id, name=new.name, cron=new.cron, every=new.every, zone=new.zone))
    return get(tx, id)


def get(reader: Reader, reference: str, *, removed_too: bool = False) -> Schedule:
    """The schedule with this id or name. Raises `NotFound`."""
    sql = "SELECT * FROM schedules WHERE (id = ? OR name = ?) AND live >= ? ORDER BY live DESC, n DESC LIMIT 1"
    row = reader.row(sql, (reference, reference, 0 if removed_too else 1))
    if row is None:
        raise NotFound(f"no schedule {reference!r}; see: cao schedule list", schedule=reference)
    return _load(reader, row)


def list_page(reader: Reader, request: ListRequest, *, enabled: bool | None) -> Page[Schedule]:
    filters = {"live": 1, "enabled": enabled}
    return page(reader, Schedule, "schedules", request, filters, load=lambda row: _load(reader, row))


def enable(tx: Transaction, schedule: Schedule, next_due: float | None) -> None:
    """Let it be due again, first at `next_due`."""
    tx.update("schedules", schedule.id, enabled=1, next_due=next_due)
    tx.emit(ScheduleEnabled(schedule_id=schedule.id, name=schedule.name))


def disable(tx: Transaction, schedule: Schedule, reason: str | None = None) -> None:
    """Let it be due no more. What has come already is settled as usual."""
    tx.update("schedules", schedule.id, enabled=0, next_due=None)
    tx.emit(ScheduleDisabled(schedule_id=schedule.id, name=schedule.name, reason=reason))


def remove(tx: Transaction, schedule: Schedule) -> None:
    """Forget a schedule. Its ledger stays, and what is being started in this moment is still settled."""
    tx.update("schedules", schedule.id, live=0, enabled=0, next_due=None)
    tx.execute(
        "UPDATE fires SET state = 'skipped', reason = 'the schedule was removed', settled_at = ? "
        "WHERE schedule_id = ? AND state = 'pending' AND (owner IS NULL OR expires_at <= ?)",
        (tx.now, schedule.id, tx.now),
    )
    tx.emit(ScheduleRemoved(schedule_id=schedule.id, name=schedule.name))


def overdue(reader: Reader, now: float, limit: int = 50) -> list[Schedule]:
    """Schedules whose next due time has come, the longest overdue first."""
    rows = reader.rows("SELECT * FROM schedules WHERE next_due <= ? ORDER BY next_due LIMIT ?", (now, limit))
    return [_load(reader, row, fires_too=False) for row in rows]


def _load(reader: Reader, row: Row, *, fires_too: bool = True) -> Schedule:
    sql = "SELECT * FROM fires WHERE schedule_id = ? ORDER BY n DESC LIMIT 1"
    last = reader.one(Fire, sql, (row["id"],)) if fires_too else None
    return Schedule.model_validate({**row, "last_fire": last})
