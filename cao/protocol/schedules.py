"""Schedules and their ledger, as the operations answer with them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from .models import Answer, Name

CatchUp = Literal["skip", "latest", "all"]
Overlap = Literal["allow", "skip"]
FireState = Literal["pending", "fired", "caught_up", "skipped", "missed", "failed"]

PROMPT_LIMIT = 64 * 1024
"""The longest prompt of a schedule, in characters."""

Cron = Annotated[str, StringConstraints(min_length=9, max_length=200, pattern=r"^[0-9A-Za-z*,/# \t-]+$")]
"""Minute, hour, day of the month, month and day of the week, as crontab has them: `0 3 * * MON-FRI`."""

Interval = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[smhd]$")]
"""A length of time: a number of seconds, minutes, hours or days, such as `30s`, `15m`, `6h` or `1d`."""

Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]
"""A time zone of the IANA database, such as `Europe/Berlin`."""


class Definition(Answer):
    """What a schedule starts, and when."""

    name: Name
    """Unique among the schedules."""
    cron: Cron | None = None
    every: Interval | None = None
    """Set instead of `cron`."""
    zone: Zone = "UTC"
    """Where the clock hangs that `cron` speaks of."""
    profile: Name = "developer"
    provider: Name | None = None
    """The profile's choice when null."""
    directory: str
    """The working directory, absolute."""
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=PROMPT_LIMIT)]
    """What the agent is asked."""
    file: str | None = None
    """The Markdown file that it was read from."""
    script: str | None = None
    """The command that decides each time whether a session is started."""
    session: Name | None = None
    """What its sessions' names begin with; its own name when null."""
    catch_up: CatchUp = "latest"
    """What happens to due times that nobody was there for."""
    window: Interval = "1d"
    """How old a due time may be to be caught up."""
    overlap: Overlap = "allow"
    """What happens while a run of an earlier due time is still at work."""


class Fire(Answer):
    """One row of the ledger: a due time and what became of it."""

    id: str
    schedule_id: str
    schedule: str
    """The schedule's name."""
    due: datetime | None
    """The due time; null for a run that somebody asked for by hand."""
    until: datetime | None = None
    """In a row that stands for many due times: the last of them."""
    count: int = 1
    """How many due times the row stands for."""
    state: FireState
    """`pending` until it is settled. `fired`, or `caught_up` when it was late; `skipped` for a reason that the schedule gives;
    `missed` when nobody was there; `failed` when there was, and no run came of it."""
    reason: str | None = None
    """Why, where no run came of it."""
    session_id: str | None = None
    run_id: str | None = None
    """The work that was started."""
    created_at: datetime
    settled_at: datetime | None = None


class Schedule(Definition):
    """A definition, and how it stands."""

    id: str
    enabled: bool
    next_due: datetime | None
    """Null when it is disabled."""
    last_fire: Fire | None = None
    """The newest row of its ledger."""
    created_by: str
    created_at: datetime


class ComingFire(Answer):
    """A due time to come."""

    at: datetime
    """In UTC."""
    local: str
    """On the clock of the schedule's zone, with its distance from UTC."""
    note: str | None = None
    """What a change of that clock does to this one."""
