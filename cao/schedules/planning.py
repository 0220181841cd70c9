"""A schedule's due times: those to come, and what becomes of those that have come, seen in time or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from cao.protocol.schedules import ComingFire, Schedule
from cao.store.fires import Due, Plan

from .timing import Timing, describe_change, read, seconds

PLAN_DUES = 10_000
"""Due times that one plan looks at; the next plan goes on from there. It bounds a transaction, and the work before it."""

PLAN_FIRES = 100
"""Due times that one plan sets to be fired."""

OWN_ROWS = 100
"""Of a longer row of due times with one fate, so many of the newest get a row each; one row stands for those before."""


def timing_of(schedule: Schedule) -> Timing:
    """When the schedule is due. Raises `InvalidInput` when its zone is unknown on this computer."""
    return read(schedule.cron, schedule.every, schedule.zone, int(schedule.created_at.timestamp()))


def upcoming(schedule: Schedule, after: float, count: int) -> list[ComingFire]:
    """The next due times, each with what changes of the clock since the one before do to it."""
    timing, zone = timing_of(schedule), ZoneInfo(schedule.zone)
    found: list[ComingFire] = []
    for due in islice(timing.coming(after), count):
        at = datetime.fromtimestamp(due, UTC)
        note = describe_change(timing, zone, after, due)
        found.append(ComingFire(at=at, local=at.astimezone(zone).isoformat(), note=note))
        after = due
    return found


def plan(schedule: Schedule, now: float, grace: float) -> Plan:
    """Look at a schedule's due times up to `now`.

    grace: seconds that a due time may be late and still count as on time.
    """
    assert schedule.next_due is not None  # noqa: S101 - only schedules that are overdue are planned
    seen = schedule.next_due.timestamp()
    coming = timing_of(schedule).coming(seen)
    found: list[float] = []
    following: float | None = seen
    while following is not None and following <= now and len(found) < PLAN_DUES:
        found.append(following)
        following = next(coming, None)
    judged = list(_judge(schedule, found, now, grace, is_last=following is None or following > now))
    dues = _up_to_fires(judged)
    if len(dues) < len(judged):
        following = judged[len(dues)].at
    return Plan(schedule.id, seen, list(_folded(dues)), following)


def _judge(schedule: Schedule, found: Sequence[float], now: float, grace: float, *, is_last: bool) -> Iterator[Due]:
    """The fate of each due time. is_last: none that has come follows them."""
    begin = now - max(seconds(schedule.window), grace)
    newest = found[-1]
    for at in found:
        if now - at <= grace:
            yield Due(at, "pending")
        elif schedule.catch_up == "skip" or at < begin:
            yield Due(at, "missed", "nothing was there to fire it in time")
        elif schedule.catch_up == "all" or (at == newest and is_last):
            yield Due(at, "pending", late=True)
        else:
            yield Due(at, "skipped", "a later due time stands for it, as catch_up says")


def _up_to_fires(judged: Sequence[Due]) -> Sequence[Due]:
    pending = [place for place, due in enumerate(judged) if due.state == "pending"]
    return judged if len(pending) <= PLAN_FIRES else judged[: pending[PLAN_FIRES]]


def _folded(dues: Sequence[Due]) -> Iterator[Due]:
    """Put the older ones of many with one fate into one row."""
    for (state, _), group in groupby(dues, key=lambda due: (due.state, due.reason)):
        alike = list(group)
        many = alike[:-OWN_ROWS] if state != "pending" else []
        if len(many) > 1:
            yield replace(many[0], until=many[-1].at, count=len(many))
            alike = alike[len(many) :]
        yield from alike
