"""The ledger of the schedules: one row for each due time, written once, settled once.

A due time is recorded (`record`) by whoever sees first that it has come, claimed (`claim`) by one process at a time, and
settled by the process that holds the claim. It may be cut at any point: the next process goes on from the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cao.events import ScheduleFailed, ScheduleFired, ScheduleMissed, ScheduleSkipped
from cao.protocol import ListRequest, NotFound, Page
from cao.protocol.records import Session
from cao.protocol.schedules import Fire, FireState, Schedule

from . import schedules
from .pages import page
from .transaction import Reader, Row, Transaction

CLAIM_SECONDS = 120.0
"""How long a claim on a due time holds when its process lives but stands still. Longer than any script may take."""


@dataclass(frozen=True, slots=True)
class Due:
    """A due time that has come, or several that share one fate, and what is to be written of it."""

    at: float
    state: FireState
    reason: str | None = None
    late: bool = False
    until: float | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a schedule's due times up to now. It holds as long as the schedule still stands at `seen`."""

    schedule_id: str
    seen: float
    dues: Sequence[Due]
    next_due: float | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A due time that this process alone may settle."""

    fire: Fire
    schedule: Schedule
    owner: str
    late: bool
    launch: Mapping[str, Any] | None
    """The request that was decided on before an earlier process was cut."""


def record(tx: Transaction, schedule: Schedule, plan: Plan) -> bool:
    """Write the plan's rows into the ledger, unless another process has been there; whether they were written."""
    stands = tx.row("SELECT next_due FROM schedules WHERE id = ?", (plan.schedule_id,))
    if stands is None or stands["next_due"] != plan.seen:
        return False
    new = [due for due in plan.dues if not _is_known(tx, schedule, due.at)]  # a clock that was put back comes by again
    for due in new:
        _insert(tx, schedule, due)
    _tell_unfired(tx, schedule, new)
    tx.update("schedules", schedule.id, next_due=plan.next_due)
    return True


def _is_known(reader: Reader, schedule: Schedule, due: float) -> bool:
    return reader.row("SELECT 1 FROM fires WHERE schedule_id = ? AND due = ?", (schedule.id, due)) is not None


def break_off(tx: Transaction, schedule: Schedule, reason: str) -> None:
    """Disable a schedule of which nobody can tell when it is due, and say why in its ledger."""
    if schedule.next_due is None or schedules.get(tx, schedule.id).next_due != schedule.next_due:
        return
    if not _is_known(tx, schedule, schedule.next_due.timestamp()):
        _insert(tx, schedule, Due(schedule.next_due.timestamp(), "failed", reason))
    tx.emit(ScheduleFailed(schedule_id=schedule.id, name=schedule.name, due=schedule.next_due, reason=reason))
    schedules.disable(tx, schedule, reason)


def by_hand(tx: Transaction, schedule: Schedule, owner: str) -> Fire:
    """A row for a run that somebody asks for now, claimed for `owner`."""
    id = _insert(tx, schedule, Due(at=tx.now, state="pending"), by_hand=True)
    tx.update("fires", id, owner=owner, expires_at=tx.now + CLAIM_SECONDS)
    return get(tx, id)


def _insert(tx: Transaction, schedule: Schedule, due: Due, *, by_hand: bool = False) -> str:
    id = tx.new_id("fir")
    tx.insert(
        "fires",
        id=id,
        schedule_id=schedule.id,
        schedule=schedule.name,
        due=None if by_hand else due.at,
        until=due.until,
        count=due.count,
        state=due.state,
        late=int(due.late),
        reason=due.reason,
        created_at=tx.now,
        settled_at=None if due.state == "pending" else tx.now,
    )
    return id


def get(reader: Reader, id: str) -> Fire:
    """The row of the ledger with this id. Raises `NotFound`."""
    found = reader.one(Fire, "SELECT * FROM fires WHERE id = ?", (id,))
    if found is None:
        raise NotFound(f"no row {id!r} in the ledger; see: cao schedule history", fire=id)
    return found


def history(reader: Reader, request: ListRequest, *, schedule_id: str | None, state: FireState | None) -> Page[Fire]:
    return page(reader, Fire, "fires", request, {"schedule_id": schedule_id, "state": state})


_CLAIMABLE = (
    "f.state = 'pending' AND (f.owner IS NULL OR f.expires_at <= :now) AND NOT EXISTS ("
    "SELECT 1 FROM fires c WHERE c.schedule_id = f.schedule_id AND c.state = 'pending' AND c.expires_at > :now)"
)
"""A schedule's due times are settled one after another, so that each sees what became of the one before."""


def next_due(reader: Reader, now: float, is_alive: Callable[[str], bool]) -> float:
    """When a schedule is due next, or a due time wants to be settled, in seconds since 1970; infinity for never."""
    soonest = reader.row("SELECT min(next_due) AS at FROM schedules WHERE next_due IS NOT NULL")
    times = [soonest["at"]] if soonest and soonest["at"] is not None else []
    if reader.row("SELECT 1 FROM fires WHERE state = 'pending' LIMIT 1"):
        if reader.row(f"SELECT 1 FROM fires f WHERE {_CLAIMABLE} LIMIT 1", {"now": now}) or _dead(reader, now, is_alive):  # noqa: S608
            return now
        soonest = reader.row("SELECT min(expires_at) AS at FROM fires WHERE state = 'pending'")
        times += [soonest["at"]] if soonest and soonest["at"] is not None else []  # another process may have settled it by now
    return min(times, default=math.inf)


def _dead(reader: Reader, now: float, is_alive: Callable[[str], bool]) -> list[str]:
    rows = reader.rows("SELECT DISTINCT owner FROM fires WHERE state = 'pending' AND expires_at > ?", (now,))
    return [str(row["owner"]) for row in rows if not is_alive(row["owner"])]


def claim(tx: Transaction, owner: str, is_alive: Callable[[str], bool]) -> Claim | None:
    """Take the oldest due time that waits and that no living process holds. None when there is none."""
    for dead in _dead(tx, tx.now, is_alive):
        tx.execute("UPDATE fires SET owner = NULL, expires_at = NULL WHERE state = 'pending' AND owner = ?", (dead,))
    row = tx.row(f"SELECT f.* FROM fires f WHERE {_CLAIMABLE} ORDER BY f.n LIMIT 1", {"now": tx.now})  # noqa: S608
    if row is None:
        return None
    tx.update("fires", row["id"], owner=owner, expires_at=tx.now + CLAIM_SECONDS)
    return _claim(tx, row, owner)


def claimed(reader: Reader, id: str, owner: str) -> Claim | None:
    """The claim that `owner` holds on the row, if it does."""
    row = reader.row("SELECT * FROM fires WHERE id = ? AND state = 'pending' AND owner = ?", (id, owner))
    return _claim(reader, row, owner) if row else None


def _claim(reader: Reader, row: Row, owner: str) -> Claim:
    schedule = schedules.get(reader, row["schedule_id"], removed_too=True)
    return Claim(Fire.model_validate(row), schedule, owner, late=bool(row["late"]), launch=row["launch"])


def at_work(reader: Reader, schedule_id: str) -> str | None:
    """A run that the schedule started and that is not settled."""
    row = reader.row(
        "SELECT r.id FROM runs r JOIN fires f ON f.run_id = r.id "
        "WHERE r.state IN ('queued', 'running', 'waiting') AND f.schedule_id = ? LIMIT 1",
        (schedule_id,),
    )
    return str(row["id"]) if row else None


def decide(tx: Transaction, held: Claim, launch: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Write down what will be launched, once: whoever goes on after a crash launches the same. None if the claim is lost."""
    sql = "SELECT launch FROM fires WHERE id = ? AND state = 'pending' AND owner = ?"
    row = tx.row(sql, (held.fire.id, held.owner))
    if row is not None and row["launch"] is None:
        tx.update("fires", held.fire.id, launch=dict(launch))
        row = tx.row(sql, (held.fire.id, held.owner))
    return row["launch"] if row else None


def release(tx: Transaction, held: Claim) -> None:
    """Let go of a claim that was not settled: it is taken up again at once."""
    tx.execute(
        "UPDATE fires SET owner = NULL, expires_at = NULL WHERE id = ? AND state = 'pending' AND owner = ?",
        (held.fire.id, held.owner),
    )


def settle(
    tx: Transaction, held: Claim, state: FireState, *, reason: str | None = None, session: Session | None = None
) -> bool:
    """Write what became of a due time; False when the claim was lost to another process, which writes it instead."""
    changed = tx.execute(
        "UPDATE fires SET state = ?, session_id = ?, run_id = ?, settled_at = ?, owner = NULL, expires_at = NULL "
        "WHERE id = ? AND state = 'pending' AND owner = ?",
        (state, session and session.id, session and session.run_id, tx.now, held.fire.id, held.owner),
    )
    if changed:
        tx.update("fires", held.fire.id, reason=reason)  # words of scripts and errors pass the redactor
        tx.emit(_event(held, get(tx, held.fire.id)))
    return bool(changed)


def _event(held: Claim, fire: Fire) -> ScheduleFired | ScheduleFailed | ScheduleSkipped:
    subject: dict[str, Any] = {"schedule_id": fire.schedule_id, "name": fire.schedule, "due": fire.due}
    if fire.state == "failed":
        return ScheduleFailed(**subject, reason=fire.reason or "")
    if fire.state == "skipped":
        return ScheduleSkipped(**subject, reason=fire.reason or "")
    return ScheduleFired(**subject, late=held.late, session_id=fire.session_id, run_id=fire.run_id)


def _tell_unfired(tx: Transaction, schedule: Schedule, dues: Sequence[Due]) -> None:
    """One event for all that a look found missed, and one for all that it skips: who is told wants one alarm, not a hundred."""
    kinds: tuple[tuple[FireState, type[ScheduleMissed | ScheduleSkipped]], ...] = (
        ("missed", ScheduleMissed),
        ("skipped", ScheduleSkipped),
    )
    for state, kind in kinds:
        if alike := [due for due in dues if due.state == state]:
            first, last = alike[0].at, alike[-1].until or alike[-1].at
            tx.emit(
                kind(
                    schedule_id=schedule.id,
                    name=schedule.name,
                    due=datetime.fromtimestamp(first, UTC),
                    until=datetime.fromtimestamp(last, UTC),
                    count=sum(due.count for due in alike),
                    reason=alike[0].reason or "",
                )
            )
