"""Facts of schedules and of their due times."""

from __future__ import annotations

from datetime import datetime

from .base import EventData


class ScheduleAdded(EventData, type="schedule.added"):
    """A schedule will start sessions from now on."""

    schedule_id: str
    name: str
    cron: str | None
    every: str | None
    zone: str


class ScheduleEnabled(EventData, type="schedule.enabled"):
    """A schedule will be due again."""

    schedule_id: str
    name: str


class ScheduleDisabled(EventData, type="schedule.disabled"):
    """A schedule will not be due until it is enabled. `reason` is set when nobody asked for it."""

    schedule_id: str
    name: str
    reason: str | None = None


class ScheduleRemoved(EventData, type="schedule.removed"):
    """A schedule was forgotten; its ledger stays."""

    schedule_id: str
    name: str


class ScheduleFired(EventData, type="schedule.fired"):
    """A schedule started a session: on time, late (`late`), or because somebody asked for it (`due` is null)."""

    schedule_id: str
    name: str
    due: datetime | None
    late: bool


class ScheduleSkipped(EventData, type="schedule.skipped"):
    """A due time had no session, and for a reason that the schedule gives: its script, its overlap or its catch-up policy.

    One event tells of all that were found at once.
    """

    schedule_id: str
    name: str
    due: datetime | None
    """The first of them."""
    until: datetime | None = None
    """The last of them, where there are several."""
    count: int = 1
    reason: str


class ScheduleMissed(EventData, type="schedule.missed"):
    """Due times went by and nothing was there to fire them. One event tells of all that were found at once."""

    schedule_id: str
    name: str
    due: datetime
    """The first of them."""
    until: datetime
    """The last of them."""
    count: int
    reason: str


class ScheduleFailed(EventData, type="schedule.failed"):
    """A due time came and no session could be started."""

    schedule_id: str
    name: str
    due: datetime | None
    reason: str
