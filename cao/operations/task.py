"""Tasks: work items for people and agents, with a status that moves by one table."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cao.protocol import (
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    Name,
    NotFound,
    Page,
    Reference,
    Request,
    WriteRequest,
    operation,
)
from cao.protocol.records import Event
from cao.protocol.tasks import LIST_LIMIT, Body, Labels, Line, Priority, Risk, Task, TaskKind, TaskStatus
from cao.store import Transaction, requirements, tasks

from .context import Context
from .moments import Deadline, instant
from .scope import project_id, scope

Clearable = Literal["risk", "labels", "workflow", "requirement"]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CreateTask(WriteRequest):
    """What is to be done."""

    title: Line
    """One line that says it."""
    description: Body = ""
    """All that whoever does it must know; an agent is given this as its prompt."""
    kind: TaskKind = "feature"
    """What sort of work it is."""
    status: Literal["backlog", "ready"] = "backlog"
    """`ready` when it is clear enough to begin."""
    priority: Priority = "medium"
    """How urgent it is."""
    risk: Risk | None = None
    """How much can go wrong."""
    deadline: Deadline | None = None
    """When it must be done, in UTC where it has no zone; a date alone means the end of that day."""
    agent: Name | None = None
    """The profile of the agent that it is for."""
    person: Line | None = None
    """The person that it is for."""
    labels: Labels = Field(default_factory=list[str])
    """Words of your own to find it by."""
    checklist: Annotated[list[Line], Field(max_length=LIST_LIMIT)] = Field(default_factory=list[str])
    """Things to tick off."""
    workflow: Name | None = None
    """The workflow to run for it; one turn of an agent unless given."""
    requirement: Reference | None = None
    """The requirement that it serves."""
    project: Reference | None = None
    """The project that it belongs to; the current one unless given."""


@operation(
    "task.create",
    path="/tasks",
    effect="write",
    positional=("title",),
    errors=(NotFound,),
    example={"title": "Show dark mode in the settings", "kind": "feature", "priority": "high", "status": "ready"},
)
async def create(ctx: Context, request: CreateTask) -> Task:
    """Add a task. It waits in the backlog unless it is `ready`."""
    one_assignee(request.agent, request.person)
    project = project_id(ctx, request.project)
    deadline = instant("deadline", request.deadline) if request.deadline else None

    fields: dict[str, Any] = request.model_dump(exclude={"idempotency_key", "project", "requirement"})
    fields |= {"deadline": deadline, "labels": tuple(request.labels), "checklist": tuple(request.checklist)}

    def change(tx: Transaction) -> Task:
        return tasks.add(tx, tasks.NewTask(**fields, project_id=project, requirement_id=_requirement(tx, request.requirement)))

    return await ctx.transact(change, Task)


def _requirement(tx: Transaction, reference: str | None) -> str | None:
    return requirements.get(tx, reference).id if reference else None


def one_assignee(agent: str | None, person: str | None) -> None:
    """Raise `InvalidInput` when a task would be for an agent and a person."""
    if agent and person:
        raise InvalidInput.field("person", "cannot be given together with `agent`: a task is for one of them")


class ListTasks(ListRequest):
    """Which tasks."""

    status: TaskStatus | None = None
    """Only those in this status."""
    priority: Priority | None = None
    """Only those of this priority."""
    kind: TaskKind | None = None
    """Only those of this kind."""
    agent: Name | None = None
    """Only those for this profile."""
    person: Line | None = None
    """Only those for this person."""
    requirement: Reference | None = None
    """Only those of the requirement with this id."""
    project: Reference | None = None
    """Only those of this project; the current one unless given."""
    everywhere: bool = False
    """Those of all projects, and of none."""


@operation("task.list", path="/tasks", positional=(), errors=(NotFound,), example={"status": "ready"})
async def list_tasks(ctx: Context, request: ListTasks) -> Page[Task]:
    """List the tasks of a project, newest first."""
    equal = {name: getattr(request, name) for name in ("status", "priority", "kind", "agent", "person")}
    within = scope(ctx, request.project, everywhere=request.everywhere)
    return tasks.list_page(ctx.store.read(), request, {**equal, "requirement_id": request.requirement, "scope": within})


class GetTask(Request):
    """Which task."""

    task: Reference
    """Its id."""


@operation("task.get", path="/tasks/{task}", example={"task": "tsk_000000000"})
async def get_task(ctx: Context, request: GetTask) -> Task:
    """Show one task."""
    return tasks.get(ctx.store.read(), request.task)


class ChangeTask(WriteRequest):
    """Which task."""

    task: Reference
    """Its id."""
    expect_version: Version | None = None
    """Change it only if it is still at this version; a conflict otherwise."""


class TaskFields(Request):
    """What a task says. What is not given stays as it is."""

    title: Line | None = None
    """One line that says what is to be done."""
    description: Body | None = None
    """All that whoever does it must know."""
    kind: TaskKind | None = None
    """What sort of work it is."""
    risk: Risk | None = None
    """How much can go wrong."""
    labels: Labels | None = None
    """Words of your own to find it by; they replace those that it has."""
    workflow: Name | None = None
    """The workflow to run for it."""
    requirement: Reference | None = None
    """The id of the requirement that it serves."""
    project: Reference | None = None
    """The project to move it to."""
    clear: Annotated[list[Clearable], Field(max_length=4)] = Field(default_factory=list[Clearable])
    """Fields to empty."""


class UpdateTask(TaskFields, ChangeTask):
    """Which task, and what to change. What is not given stays as it is."""


@operation(
    "task.update",
    path="/tasks/{task}",
    effect="write",
    method="PUT",
    idempotent=True,
    example={"task": "tsk_000000000", "title": "Show dark mode everywhere", "labels": ["ui"]},
)
async def update(ctx: Context, request: UpdateTask) -> Task:
    """Change what a task says. Its status, priority, deadline and assignee have commands of their own."""
    project = project_id(ctx, request.project) if request.project else None

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        changes = _changes(request, project)
        _requirement(tx, changes.get("requirement_id"))
        return tasks.update(tx, task, changes)

    return await ctx.transact(change, Task)


def _changes(request: TaskFields, project: str | None) -> dict[str, Any]:
    given = request.model_dump(include=set(TaskFields.model_fields), exclude_none=True)
    emptied: list[Clearable] = given.pop("clear")
    for name in emptied:
        if name in given:
            raise InvalidInput.field("clear", f"empties {name}, which is given as well")
    columns: dict[str, Any] = {**given, **{name: [] if name == "labels" else None for name in emptied}}
    if "requirement" in columns:
        columns["requirement_id"] = columns.pop("requirement")
    if columns.pop("project", None):
        columns["project_id"] = project
    return columns


class PrioritiseTask(ChangeTask):
    """Which task, and how urgent it is."""

    priority: Priority
    """How urgent it is."""


@operation(
    "task.priority",
    path="/tasks/{task}/priority",
    effect="write",
    status=200,
    idempotent=True,
    positional=("task", "priority"),
    example={"task": "tsk_000000000", "priority": "critical"},
)
async def priority(ctx: Context, request: PrioritiseTask) -> Task:
    """Say how urgent a task is."""

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        return tasks.update(tx, task, {"priority": request.priority})

    return await ctx.transact(change, Task)


class SetDeadline(ChangeTask):
    """Which task, and until when."""

    deadline: Deadline | None = None
    """When it must be done, as for `task create`; without it the task has no deadline any more."""


@operation(
    "task.deadline",
    path="/tasks/{task}/deadline",
    effect="write",
    status=200,
    idempotent=True,
    positional=("task", "deadline"),
    example={"task": "tsk_000000000", "deadline": "2027-03-31T16:00:00Z"},
)
async def deadline(ctx: Context, request: SetDeadline) -> Task:
    """Say until when a task must be done, or that there is no hurry."""
    when = request.deadline

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        return tasks.update(tx, task, {"deadline": instant("deadline", when) if when else None})

    return await ctx.transact(change, Task)


class AssignTask(ChangeTask):
    """Which task, and to whom: an agent's profile, a person, or neither."""

    agent: Name | None = None
    """The profile of the agent that it is for."""
    person: Line | None = None
    """The person that it is for."""


@operation(
    "task.assign",
    path="/tasks/{task}/assignee",
    effect="write",
    status=200,
    idempotent=True,
    example={"task": "tsk_000000000", "agent": "developer"},
)
async def assign(ctx: Context, request: AssignTask) -> Task:
    """Give a task to an agent or to a person, or with neither to nobody."""

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        one_assignee(request.agent, request.person)
        return tasks.assign(tx, task, agent=request.agent, person=request.person)

    return await ctx.transact(change, Task)


class DeleteTask(DestructiveRequest):
    """Which task."""

    task: Reference
    """Its id."""
    expect_version: Version | None = None
    """Delete it only if it is still at this version; a conflict otherwise."""


@operation(
    "task.delete",
    path="/tasks/{task}",
    effect="destructive",
    method="DELETE",
    example={"task": "tsk_000000000", "dry_run": True},
)
async def delete(ctx: Context, request: DeleteTask) -> Task:
    """Delete a task. One that is in progress, or that others wait for, stays. Its history can still be read."""

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        tasks.delete(tx, task)
        return task

    return await ctx.transact(change, Task)


class TaskHistory(ListRequest):
    """Which task."""

    task: Reference
    """Its id; a deleted one keeps its history."""


@operation("task.history", path="/tasks/{task}/history", example={"task": "tsk_000000000", "limit": 20})
async def history(ctx: Context, request: TaskHistory) -> Page[Event]:
    """Read all that happened to a task, newest first: who changed what, each move with its reason, and its runs."""
    return tasks.history(ctx.store.read(), request, request.task)
