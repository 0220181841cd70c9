"""Making a queue item: what is asked for, whether it could be started at all, and when. Read before the transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cao.protocol import MESSAGE_LIMIT, Conflict, InvalidInput
from cao.protocol.queue import ItemKind, Moment
from cao.protocol.tasks import Task
from cao.queue import starter
from cao.store import Reader, projects, requirements, tasks
from cao.store.queue import NewItem

from .context import Context
from .moments import instant
from .seating import current_project, seat

if TYPE_CHECKING:
    from .queue import Enqueue

WHAT = 100
"""The longest line that says what an item is, in characters."""

INPUTS_LIMIT = 256 * 1024
"""The longest inputs of a workflow, in bytes of JSON."""

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Made = Callable[[Reader], NewItem]
"""Makes the item in the transaction, of what is true then."""


def new_item(ctx: Context, request: Enqueue) -> Made:
    """What the request asks for. Raises `NotFound`, `InvalidInput`, `Conflict`, `Denied` or `Unavailable`."""
    not_before, expires = _times(ctx, request)
    kind = request.kind
    ctx.caller.require(starter(kind).scope)
    return _MAKERS[kind](ctx, request, {"kind": kind, "not_before": not_before, "expires_at": expires})


def _times(ctx: Context, request: Enqueue) -> tuple[float | None, float | None]:
    now = ctx.store.clock.now()
    start = moment("not_before", request.not_before, now) if request.not_before else None
    end = moment("expires", request.expires, now) if request.expires else None
    if end is not None and end <= max(now, start or 0.0):
        raise InvalidInput.field("expires", "must lie in the future, and after not_before")
    return start, end


def moment(name: str, text: Moment, now: float) -> float:
    """A time as people write it, in seconds since 1970. Raises `InvalidInput` for the field `name`.

    >>> moment("not_before", "10m", 1000.0), moment("not_before", "2027-03-01T10:00:00+01:00", 0.0)
    (1600.0, 1803891600.0)
    """
    if text[-1] in UNITS and text[:-1].isdigit():
        return now + int(text[:-1]) * UNITS[text[-1]]
    try:
        return instant(name, datetime.fromisoformat(text.upper()))
    except ValueError:
        raise InvalidInput.field(name, "is no time; write 2027-03-01T09:00:00Z, or 10m for ten minutes from now") from None


def _prompt(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    prompt = request.prompt or ""
    if len(prompt.encode()) > MESSAGE_LIMIT:
        raise InvalidInput.field("prompt", f"has more than {MESSAGE_LIMIT} bytes", "too_long")
    place = seat(ctx, profile=request.profile or "developer", provider=request.provider, directory=_directory(ctx, request))
    project = current_project(ctx, place.directory)
    launch = {"profile": place.profile, "provider": place.provider, "directory": place.directory, "prompt": prompt}
    new = NewItem(
        **base,
        what=_line(prompt),
        launch=launch,
        priority=request.priority or "medium",
        project_id=project.id if project else None,
        provider=place.provider,
    )
    return lambda _: new


def _directory(ctx: Context, request: Enqueue) -> str | None:
    return projects.get(ctx.store.read(), request.project).path if request.project else request.directory


def _line(text: str) -> str:
    """The first words of a text, in one line."""
    words = " ".join(text[: 4 * WHAT].split())
    return words if len(words) <= WHAT else words[: WHAT - 1] + "…"


def _task(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    ctx.caller.require("task:write")
    found = tasks.get(ctx.store.read(), request.task or "")
    launch, provider = _launch_of(ctx, request, found)

    def make(reader: Reader) -> NewItem:
        task = tasks.get(reader, found.id)
        _require_startable(reader, task)
        return NewItem(
            **base,
            what=_line(task.title),
            subject=task.id,
            launch=launch,
            priority=request.priority or task.priority,
            project_id=task.project_id,
            provider=provider,
        )

    return make


def _launch_of(ctx: Context, request: Enqueue, task: Task) -> tuple[dict[str, Any], str | None]:
    """Where and by whom a task is done; the rest is read from the task when its turn has come."""
    directory = projects.get(ctx.store.read(), task.project_id).path if task.project_id else None
    if task.workflow:
        if request.profile or request.provider:
            raise InvalidInput.field("profile", f"is for the phases of workflow {task.workflow} to say, which this task has")
        return {"directory": directory} if directory else {}, None
    place = seat(ctx, profile=request.profile or task.agent or "developer", provider=request.provider, directory=directory)
    return {"profile": place.profile, "provider": place.provider, "directory": place.directory}, place.provider


def _require_startable(reader: Reader, task: Task) -> None:
    if task.status != "ready":
        raise Conflict(
            f"task {task.id} is {task.status}; only ready ones are enqueued: cao task status {task.id} ready",
            status=task.status,
        )
    if task.person:
        raise Conflict(
            f"task {task.id} is for {task.person}; give it to an agent first: cao task assign {task.id} --agent developer",
            person=task.person,
        )
    tasks.require_met(reader, task)


def _requirement(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    found = requirements.get(ctx.store.read(), request.requirement or "")
    new = NewItem(
        **base,
        what=_line(found.title),
        subject=found.id,
        launch={"requirement": found.id, "start": True},
        priority=request.priority or "medium",
        project_id=found.project_id,
    )
    return lambda _: new


def _workflow(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    inputs = request.inputs or {}
    if len(json.dumps(inputs)) > INPUTS_LIMIT:
        raise InvalidInput.field("inputs", f"have more than {INPUTS_LIMIT} bytes", "too_long")
    directory = _directory(ctx, request)
    project = current_project(ctx, directory)
    launch = {"definition": request.workflow, "inputs": inputs, **({"directory": directory} if directory else {})}
    new = NewItem(
        **base,
        what=request.workflow or "",
        subject=request.workflow,
        launch=launch,
        priority=request.priority or "medium",
        project_id=project.id if project else None,
    )
    return lambda _: new


_MAKERS: dict[ItemKind, Callable[[Context, Enqueue, dict[str, Any]], Made]] = {
    "prompt": _prompt,
    "task": _task,
    "requirement": _requirement,
    "workflow": _workflow,
}
