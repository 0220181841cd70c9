"""Schedules: sessions that start by themselves, and the ledger of every time that they were due."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from cao.protocol import (
    Answer,
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    Name,
    NotFound,
    Page,
    Reference,
    Request,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.schedules import (
    PROMPT_LIMIT,
    CatchUp,
    ComingFire,
    Cron,
    Definition,
    Fire,
    FireState,
    Interval,
    Overlap,
    Schedule,
    Zone,
)
from cao.schedules.file import read as read_file
from cao.schedules.planning import timing_of, upcoming
from cao.schedules.timing import read
from cao.store import Transaction, fires, projects, schedules

from .context import Context
from .moments import instant
from .paths import LocalPath, absolute
from .scope import find_project
from .seating import seat
from .sources import file


class AddSchedule(WriteRequest):
    """When to start what. What is not given here is taken from `file`, where there is one."""

    name: Name | None = None
    """What to call it; the file's name unless given."""
    file: LocalPath | None = None
    """A Markdown file: front matter with `name`, `schedule` (a crontab line) or `every`, `zone`, `agent_profile`, `provider`,
    `directory`, `script`, and the other fields of this request; the body is the prompt."""
    cron: Cron | None = None
    """Minute, hour, day of the month, month, day of the week, as in crontab: `0 3 * * MON-FRI`."""
    every: Interval | None = None
    """Instead of `cron`: a number of seconds, minutes, hours or days between two times, such as `15m`."""
    zone: Zone | None = None
    """The time zone whose clock `cron` speaks of, such as `Europe/Berlin`; UTC unless given."""
    profile: Name | None = None
    """Who the agent is; developer unless given. See `cao profile list`."""
    provider: Name | None = None
    """How the agent is run; the profile's choice unless given."""
    directory: LocalPath | None = None
    """The working directory; unless given that of the project around the file, else the current project's, on the command
    line the one that you are in."""
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=PROMPT_LIMIT)] | None = None
    """What the agent is asked, at most 64 KiB."""
    session: Name | None = None
    """What its sessions' names begin with, before the due time; the schedule's name unless given."""
    catch_up: CatchUp | None = None
    """What happens to due times that nobody was there for: `skip` them, run the `latest` (unless given), or `all`."""
    window: Interval | None = None
    """How old a due time may be to be caught up; `1d` unless given."""
    overlap: Overlap | None = None
    """When a run of an earlier due time is still at work: `allow` another (unless given), or `skip` this one."""


@operation(
    "schedule.add",
    path="/schedules",
    effect="write",
    positional=("name",),
    errors=(NotFound, Unavailable),
    example={"name": "nightly", "cron": "0 3 * * *", "zone": "Europe/Berlin", "provider": "scripted", "prompt": "Say hello."},
)
async def add(ctx: Context, request: AddSchedule) -> Schedule:
    """Start a session at set times, from flags or a Markdown file.

    A server fires it, or `cao tick` does. A file is read once: remove and add the schedule to take up changes.
    """
    ctx.caller.require("session:write")
    if (before := ctx.replay(Schedule)) is not None:
        return before
    wanted = await asyncio.to_thread(_define, ctx, request)
    place = seat(ctx, profile=wanted.profile, provider=wanted.provider, directory=wanted.directory)
    new = wanted.model_copy(update={"directory": place.directory})

    def change(tx: Transaction) -> Schedule:
        next_due = next(read(new.cron, new.every, new.zone, int(tx.now)).coming(tx.now), None)
        if next_due is None:
            raise InvalidInput.field("cron", "is never due")
        return schedules.add(tx, new, next_due)

    return await ctx.transact(change, Schedule)


def _define(ctx: Context, request: AddSchedule) -> Definition:
    given = request.model_dump(exclude_none=True, exclude={"idempotency_key", "file"})
    found: dict[str, Any] = {}
    if request.file is not None:
        path = file(ctx, "file", request.file)
        found = {"directory": _around(ctx, path), **read_file(path)}
    if "directory" in given:
        given["directory"] = str(absolute("directory", given["directory"]))
    if given.keys() & {"cron", "every"}:
        found = {name: value for name, value in found.items() if name not in ("cron", "every")}
    project = find_project(ctx, None)
    start = {"directory": project.path if project else str(Path.home())}
    try:
        definition = Definition.model_validate({**start, **found, **given})
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from None
    read(definition.cron, definition.every, definition.zone, 0)
    return definition


def _around(ctx: Context, path: Path) -> str:
    """The directory of the project that a file lies in, else the file's own."""
    project = projects.containing(ctx.store.read(), str(path.parent))
    return project.path if project else str(path.parent)


class ListSchedules(ListRequest):
    """Which schedules."""

    enabled: bool | None = None
    """Only enabled or only disabled ones."""


@operation("schedule.list", path="/schedules", example={"enabled": True}, positional=())
async def list_schedules(ctx: Context, request: ListSchedules) -> Page[Schedule]:
    """List schedules, newest first, each with the newest row of its ledger."""
    return schedules.list_page(ctx.store.read(), request, enabled=request.enabled)


class GetSchedule(Request):
    """Which schedule."""

    schedule: Reference
    """Its id or name."""


@operation("schedule.get", path="/schedules/{schedule}", example={"schedule": "nightly"})
async def get_schedule(ctx: Context, request: GetSchedule) -> Schedule:
    """Show one schedule."""
    return schedules.get(ctx.store.read(), request.schedule)


class SwitchSchedule(WriteRequest):
    """Which schedule."""

    schedule: Reference
    """Its id or name."""


@operation(
    "schedule.enable",
    path="/schedules/{schedule}/enable",
    effect="write",
    status=200,
    idempotent=True,
    example={"schedule": "nightly"},
)
async def enable(ctx: Context, request: SwitchSchedule) -> Schedule:
    """Let a disabled schedule be due again. The times that went by meanwhile are not caught up."""

    def change(tx: Transaction) -> Schedule:
        schedule = schedules.get(tx, request.schedule)
        if not schedule.enabled:
            schedules.enable(tx, schedule, next(timing_of(schedule).coming(tx.now), None))
        return schedules.get(tx, schedule.id)

    return await ctx.transact(change, Schedule)


@operation(
    "schedule.disable",
    path="/schedules/{schedule}/disable",
    effect="write",
    status=200,
    idempotent=True,
    example={"schedule": "nightly"},
)
async def disable(ctx: Context, request: SwitchSchedule) -> Schedule:
    """Let a schedule be due no more until it is enabled. Work that it started goes on."""

    def change(tx: Transaction) -> Schedule:
        schedule = schedules.get(tx, request.schedule)
        if schedule.enabled:
            schedules.disable(tx, schedule)
        return schedules.get(tx, schedule.id)

    return await ctx.transact(change, Schedule)


@operation("schedule.run", path="/schedules/{schedule}/run", effect="write", example={"schedule": "nightly"})
async def run(ctx: Context, request: SwitchSchedule) -> Fire:
    """Start a schedule's session now, besides its due times: its script is asked, and the ledger has a row for it."""
    ctx.caller.require("session:write")
    keeper = ctx.services.schedules

    def change(tx: Transaction) -> Fire:
        return fires.get(tx, keeper.by_hand(tx, schedules.get(tx, request.schedule)))

    asked = await ctx.transact(change, Fire)
    await keeper.settle_by_hand(asked.id)
    return fires.get(ctx.store.read(), asked.id)


class ComingFires(Request):
    """Which schedule, and how many."""

    schedule: Reference
    """Its id or name."""
    count: Annotated[int, Field(ge=1, le=100)] = 5
    """How many due times."""
    after: datetime | None = None
    """Those after this time; the ones after now unless given. In UTC where it has no zone."""


class Coming(Answer):
    """Due times to come."""

    zone: str
    fires: list[ComingFire]


@operation("schedule.next", path="/schedules/{schedule}/next", example={"schedule": "nightly", "count": 3})
async def coming(ctx: Context, request: ComingFires) -> Coming:
    """Show when a schedule is due next, in UTC and on its own clock, and what changes of that clock do to it.

    A crontab line that names hour and minute means a time on the wall: one that the clock skips is due at the end of the gap,
    one that comes twice the first time. A line whose hour or minute begins with `*` follows the time that passes.
    """
    schedule = schedules.get(ctx.store.read(), request.schedule)
    start = ctx.store.clock.now() if request.after is None else instant("after", request.after)
    found = await asyncio.to_thread(upcoming, schedule, start, request.count)
    return Coming(zone=schedule.zone, fires=found)


class ReadHistory(ListRequest):
    """Which part of the ledger."""

    schedule: Reference | None = None
    """Only that of this schedule: its id or name. Removed ones keep theirs."""
    state: FireState | None = None
    """Only rows in this state."""


@operation(
    "schedule.history",
    path="/fires",
    positional=("schedule",),
    errors=(NotFound,),
    example={"schedule": "nightly", "limit": 10},
)
async def history(ctx: Context, request: ReadHistory) -> Page[Fire]:
    """Read the ledger, newest first: every due time, and what became of it."""
    reader = ctx.store.read()
    schedule = schedules.get(reader, request.schedule, removed_too=True).id if request.schedule else None
    return fires.history(reader, request, schedule_id=schedule, state=request.state)


class RemoveSchedule(DestructiveRequest):
    """Which schedule."""

    schedule: Reference
    """Its id or name."""


@operation(
    "schedule.remove",
    path="/schedules/{schedule}",
    effect="destructive",
    method="DELETE",
    example={"schedule": "nightly", "dry_run": True},
)
async def remove(ctx: Context, request: RemoveSchedule) -> Schedule:
    """Forget a schedule. Its ledger stays, and so do the sessions that it started."""

    def change(tx: Transaction) -> Schedule:
        schedule = schedules.get(tx, request.schedule)
        schedules.remove(tx, schedule)
        return schedule

    return await ctx.transact(change, Schedule)
