"""Tasks, as the operations answer with them, and the one table of how their status moves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .machine import ANY_WAY, Machine, Move
from .models import Answer, Name

TaskKind = Literal["feature", "bug", "chore", "docs", "test", "experiment"]
TaskStatus = Literal["backlog", "ready", "in-progress", "blocked", "on-hold", "done", "cancelled"]
Priority = Literal["critical", "high", "medium", "low"]
Risk = Literal["high", "medium", "low"]
DependencyKind = Literal["blocks", "related"]

BODY_LIMIT = 64 * 1024
"""The longest description, in characters."""
LIST_LIMIT = 100
"""How many checklist items, dependencies or items of a bulk there may be."""

FINAL: frozenset[TaskStatus] = frozenset(("done", "cancelled"))

_LINE = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
Line = Annotated[str, StringConstraints(max_length=200, pattern=_LINE)]
"""One line of text, at most 200 characters, that neither begins nor ends with a space."""
Body = Annotated[str, StringConstraints(max_length=BODY_LIMIT)]
"""Text of any number of lines, at most 64 Ki characters."""
Labels = Annotated[list[Name], Field(max_length=32)]

TASK_MACHINE: Machine[TaskStatus] = Machine(
    "task",
    "cao task status {id} {status}",
    (
        Move("backlog", "ready", "it is clear what is to be done, so somebody may begin"),
        Move("backlog", "cancelled", "nobody wants it", (ANY_WAY, "cancel")),
        Move("ready", "backlog", "it is not clear enough after all"),
        Move("ready", "in-progress", "somebody begins, or the queue starts its run; what it depends on is done"),
        Move("ready", "blocked", "something stands in its way"),
        Move("ready", "on-hold", "it is put aside for now", (ANY_WAY, "pause")),
        Move("ready", "cancelled", "nobody wants it", (ANY_WAY, "cancel")),
        Move("in-progress", "ready", "whoever began gives it back"),
        Move("in-progress", "blocked", "something stands in its way; a run that fails or is cancelled does this"),
        Move("in-progress", "on-hold", "it is put aside for now; its run, if it has one, goes on", (ANY_WAY, "pause")),
        Move("in-progress", "done", "the work is finished; a run that completes does this"),
        Move("in-progress", "cancelled", "nobody wants it", (ANY_WAY, "cancel")),
        Move("blocked", "ready", "the way is free", (ANY_WAY, "resume")),
        Move("blocked", "in-progress", "whoever was at it goes on; what it depends on is done"),
        Move("blocked", "on-hold", "it is put aside for now", (ANY_WAY, "pause")),
        Move("blocked", "cancelled", "nobody wants it", (ANY_WAY, "cancel")),
        Move("on-hold", "ready", "it is taken up again", (ANY_WAY, "resume")),
        Move("on-hold", "cancelled", "nobody wants it", (ANY_WAY, "cancel")),
        Move("done", "ready", "it was not finished after all", ("reopen",)),
        Move("cancelled", "ready", "it is wanted after all", ("reopen",)),
    ),
)
"""How a task's status moves. Nothing else moves it: there is no force, and no flag beside the status."""


class ChecklistItem(Answer):
    """One thing to tick off."""

    id: int
    """Its number in this checklist; 1 is the first."""
    text: str
    done: bool


class Dependency(Answer):
    """Another task that this one has to do with."""

    task: str
    """The other task's id."""
    kind: DependencyKind
    """`blocks`: this task cannot begin before the other is done. `related`: good to know."""
    status: TaskStatus
    """How the other one stands."""


def _moves(known: dict[str, Any]) -> list[TaskStatus]:
    return list(TASK_MACHINE.targets(known["status"]))


class Task(Answer):
    """A work item, for people and for agents."""

    id: str
    project_id: str | None = None
    """Null for tasks that were made while there was no project."""
    title: str
    description: str = ""
    kind: TaskKind
    status: TaskStatus
    moves: list[TaskStatus] = Field(default_factory=_moves)
    """Where `task status` can move it now; none once it is settled: then there is `task reopen`."""
    priority: Priority
    risk: Risk | None = None
    """How much can go wrong."""
    deadline: datetime | None = None
    agent: str | None = None
    """The profile that it is assigned to; at most one of `agent` and `person` is set."""
    person: str | None = None
    """Who it is assigned to, where that is a person."""
    labels: list[str] = Field(default_factory=list[str])
    checklist: list[ChecklistItem] = Field(default_factory=list[ChecklistItem])
    depends_on: list[Dependency] = Field(default_factory=list[Dependency])
    requirement_id: str | None = None
    """The requirement that it was drafted from."""
    workflow: str | None = None
    """The workflow that is run for it; null means one agent's turn."""
    blocked_reason: str | None = None
    """Why it is blocked or on hold, where somebody said so."""
    run_id: str | None = None
    """Its last run."""
    version: int
    """Grows with each change; give it as `expect_version` to change only what you have seen."""
    created_by: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    """When it was first in progress."""
    settled_at: datetime | None = None
    """When it was done or cancelled."""


class NextTask(Answer):
    """What to do now."""

    task: Task | None = None
    """The most urgent task that may begin; null when there is none."""
    ready: int
    """How many tasks of the scope are ready, this one included."""
    waiting: int
    """How many of these wait for tasks that they depend on."""


class TaskStats(Answer):
    """How the tasks of a scope stand."""

    total: int
    status: dict[str, int]
    """How many in each status."""
    priority: dict[str, int]
    """How many of the open ones have each priority."""
    kind: dict[str, int]
    """How many of the open ones are of each kind."""
    overdue: int
    """Open ones whose deadline is over."""
    stale: int
    """Those in progress at which nothing changed for so long."""
    waiting: int
    """Ready ones that wait for tasks that they depend on."""


class PriorityChange(Answer):
    """One line of a plan."""

    task: str
    title: str
    was: Priority
    now: Priority
    why: str


class Rebalance(Answer):
    """A plan of priorities, and whether it was carried out."""

    applied: bool
    open: int
    """How many open tasks the scope has."""
    budget: int
    """How many of them may be critical or high."""
    before: dict[str, int]
    """How many open tasks have each priority now."""
    after: dict[str, int]
    """The same once the plan is carried out."""
    changes: list[PriorityChange]


BulkOutcome = Literal["ok", "failed", "skipped"]


class BulkResult(Answer):
    """What became of one item of a bulk."""

    task: str
    outcome: BulkOutcome
    """`skipped` when an item before it failed and the bulk was to stop."""
    code: str | None = None
    """The error's code, where it failed."""
    message: str | None = None
    details: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The error's details."""
    version: int | None = None
    """The task's version after the change."""


class Bulk(Answer):
    """What became of a bulk, item by item in the order of the request."""

    items: list[BulkResult]
    ok: int
    failed: int
    skipped: int
