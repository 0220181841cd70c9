"""Making a queue item: what is asked for, whether it could be started at all, and when. Read before the transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cao.protocol import MESSAGE_LIMIT, Conflict, InvalidInput
from cao.protocol.queue import ItemKind, Moment
from cao.protocol.tasks import Task
from cao.queue import starter, told
from cao.store import Reader, projects, requirements, tasks
from cao.store.queue import NewItem
from cao.workflows.check import examine

from .context import Context
from .libraries import library_of
from .moments import instant
from .scope import InDirectory, project_around
from .seating import seat
from .workflow_starts import prepared

if TYPE_CHECKING:
    from .queue import Enqueue

WHAT = 100
"""The longest line that says what an item is, in characters."""

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Made = Callable[[Reader], NewItem]
"""Makes the item in the transaction, of what is true then."""


async def new_item(ctx: Context, request: Enqueue) -> Made:
    """What the request asks for. Raises `NotFound`, `InvalidInput`, `Conflict`, `Denied` or `Unavailable`."""
    not_before, expires = _times(ctx, request)
    kind = request.kind
    base = {"kind": kind, "scopes": ctx.caller.scopes, "not_before": not_before, "expires_at": expires}
    return await _MAKERS[kind](ctx, request, base)


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


async def _prompt(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    ctx.caller.require(starter("prompt").scope)
    prompt = request.prompt or ""
    if len(prompt.encode()) > MESSAGE_LIMIT:
        raise InvalidInput.field("prompt", f"has more than {MESSAGE_LIMIT} bytes", "too_long")
    place = seat(ctx, profile=request.profile or "developer", provider=request.provider, directory=_directory(ctx, request))
    project = project_around(ctx, place.directory)
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


async def _task(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    ctx.caller.require("task:write")
    found = tasks.get(ctx.store.read(), request.task or "")
    ctx.caller.require(starter("task", found).scope)
    launch, provider = await _launch_of(ctx, request, found)

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


async def _launch_of(ctx: Context, request: Enqueue, task: Task) -> tuple[dict[str, Any], str | None]:
    """Where and by whom a task is done; what it says is read from the task when its turn has come."""
    if task.workflow:
        if request.profile or request.provider:
            raise InvalidInput.field("profile", f"is for the phases of workflow {task.workflow} to say, which this task has")
        place = InDirectory(project=task.project_id)
        inputs = told(task, await _declared(ctx, place, task.workflow))
        return await _run(ctx, place, task.workflow, inputs), None
    directory = projects.get(ctx.store.read(), task.project_id).path if task.project_id else None
    new = seat(ctx, profile=request.profile or task.agent or "developer", provider=request.provider, directory=directory)
    return {"profile": new.profile, "provider": new.provider, "directory": new.directory}, new.provider


async def _declared(ctx: Context, place: InDirectory, workflow: str) -> list[str]:
    """The inputs that a workflow declares."""
    library = library_of(ctx, place)

    def look() -> list[str]:
        examined = examine(library.get(workflow).text, library.surroundings(frozenset(), frozenset()), workflow)
        return list(examined.document.definition.inputs) if examined.document else []

    return await asyncio.to_thread(look)


async def _run(ctx: Context, place: InDirectory, workflow: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """What runs a workflow; it is checked now, and again when it is started."""
    found = await prepared(ctx, place, workflow, inputs, {})
    return {"definition": workflow, "inputs": inputs, "project": found.project_id, "directory": found.directory}


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


async def _requirement(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    ctx.caller.require(starter("requirement").scope)
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


async def _workflow(ctx: Context, request: Enqueue, base: dict[str, Any]) -> Made:
    ctx.caller.require(starter("workflow").scope)
    name = request.workflow or ""
    launch = await _run(ctx, InDirectory(project=request.project, directory=request.directory), name, request.inputs or {})
    new = NewItem(
        **base,
        what=name,
        subject=name,
        launch=launch,
        priority=request.priority or "medium",
        project_id=launch["project"],
    )
    return lambda _: new


_MAKERS: dict[ItemKind, Callable[[Context, Enqueue, dict[str, Any]], Awaitable[Made]]] = {
    "prompt": _prompt,
    "task": _task,
    "requirement": _requirement,
    "workflow": _workflow,
}
