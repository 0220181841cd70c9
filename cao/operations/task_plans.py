"""Tasks by the dozen: what comes next, how they stand, new priorities, and many changes in one request."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field

from cao.protocol import CaoError, Conflict, InvalidInput, Name, NotFound, Reference, Request, WriteRequest, operation
from cao.protocol.tasks import LIST_LIMIT, Bulk, BulkResult, Line, NextTask, Priority, Rebalance, Task, TaskStats, TaskStatus
from cao.store import Transaction, task_plans, tasks
from cao.tasks.priorities import plan

from .context import Context
from .moments import Deadline
from .scope import scope
from .task import TaskFields

OPEN_LIMIT = 5000
"""How many open tasks a plan of priorities is made for."""

OnError = Literal["stop", "continue"]


class AskNext(Request):
    """For whom."""

    agent: Name | None = None
    """Only tasks that are assigned to this profile."""
    person: Line | None = None
    """Only tasks that are assigned to this person."""
    project: Reference | None = None
    """Only those of this project; the current one unless given."""


@operation("task.next", path="/next/task", positional=(), errors=(NotFound,), example={"agent": "developer"})
async def next_task(ctx: Context, request: AskNext) -> NextTask:
    """Show the task to begin with: the most urgent ready one whose dependencies are done.

    Among equals the one with the nearest deadline comes first, then the oldest. Nothing is changed: begin with `task status`.
    """
    chosen = task_plans.Scope(project_id=scope(ctx, request.project), agent=request.agent, person=request.person)
    return task_plans.next_up(ctx.store.read(), chosen)


class AskStats(Request):
    """Of which project."""

    project: Reference | None = None
    """Only the tasks of this project; the current one unless given."""
    everywhere: bool = False
    """Those of all projects, and of none."""
    stale_hours: Annotated[int, Field(ge=1, le=8760)] = 24
    """A task in progress counts as stale when nothing changed for so long."""


@operation("task.stats", path="/stats/tasks", positional=(), errors=(NotFound,), example={"stale_hours": 48})
async def stats(ctx: Context, request: AskStats) -> TaskStats:
    """Count tasks by status, priority and kind, and those that are overdue, stale or waiting for others."""
    chosen = task_plans.Scope(project_id=scope(ctx, request.project, everywhere=request.everywhere))
    return task_plans.stats(ctx.store.read(), chosen, ctx.store.clock.now(), request.stale_hours * 3600.0)


Many = Annotated[list[Reference], Field(max_length=LIST_LIMIT)]


class RebalanceTasks(WriteRequest):
    """The rules of the plan."""

    percent: Annotated[int, Field(ge=0, le=100)] = 20
    """How many of the open tasks may be critical or high, in percent; rounded up."""
    essential: Many = Field(default_factory=list[str])
    """Tasks that must be high at least."""
    nice: Many = Field(default_factory=list[str])
    """Tasks that are only nice to have: they become low."""
    project: Reference | None = None
    """The project whose tasks are meant; the current one unless given."""
    apply: bool = False
    """Carry the plan out; without it nothing is changed."""


@operation(
    "task.rebalance",
    path="/rebalance/tasks",
    effect="write",
    status=200,
    positional=(),
    errors=(NotFound,),
    example={"percent": 20},
)
async def rebalance(ctx: Context, request: RebalanceTasks) -> Rebalance:
    """Plan new priorities, so that what is urgent stands out: at most so many percent of the open tasks are critical or high.

    Essential tasks are raised to high, nice ones become low, and what is over the budget becomes medium, the least urgent
    first. The plan is only shown; `apply` carries it out.
    """
    chosen = task_plans.Scope(project_id=scope(ctx, request.project))

    def change(tx: Transaction) -> Rebalance:
        found = task_plans.open_tasks(tx, chosen, OPEN_LIMIT + 1)
        if len(found) > OPEN_LIMIT:
            raise Conflict(f"there are more than {OPEN_LIMIT} open tasks; settle some first: cao task list", limit=OPEN_LIMIT)
        made = plan(found, request.percent, request.essential, request.nice, apply=request.apply)
        by_id = {task.id: task for task in found}
        for line in made.changes if request.apply else ():
            tasks.update(tx, by_id[line.task], {"priority": line.now})
        return made

    return await ctx.transact(change, Rebalance)


class Assignment(Request):
    """To whom: an agent's profile, a person, or neither."""

    agent: Name | None = None
    """The profile of the agent that it is for."""
    person: Line | None = None
    """The person that it is for."""


class BulkItem(Request):
    """One task, and one change of it."""

    task: Reference
    """Its id."""
    status: TaskStatus | None = None
    """Move it there, as `task status` does."""
    priority: Priority | None = None
    """How urgent it is."""
    deadline: Deadline | None = None
    """Until when it must be done."""
    assign: Assignment | None = None
    """To whom it is given."""
    fields: TaskFields | None = None
    """What it says, as for `task update`."""


class BulkTasks(WriteRequest):
    """Which changes."""

    items: Annotated[list[BulkItem], Field(min_length=1, max_length=LIST_LIMIT)]
    """The changes in their order; each names a task and one of status, priority, deadline, assign and fields."""
    on_error: OnError = "stop"
    """What a failed item does: `stop` skips those after it, `continue` goes on."""


@operation(
    "task.bulk",
    path="/bulk/tasks",
    effect="write",
    status=200,
    positional=("items",),
    example={"items": [{"task": "tsk_000000000", "status": "ready"}], "on_error": "continue"},
)
async def bulk(ctx: Context, request: BulkTasks) -> Bulk:
    """Change up to 100 tasks. Each item is a change of its own, kept even where a later one fails, and each has its outcome.

    With an idempotency key, a bulk that was cut can be asked again: items that were done are not done twice.
    """
    if known := ctx.replay(Bulk):
        return known
    asked = [_asked(number, item) for number, item in enumerate(request.items)]
    results: list[BulkResult] = []
    for number, (name, fields) in enumerate(asked):
        stopped = request.on_error == "stop" and any(result.outcome == "failed" for result in results)
        results.append(_skipped(fields) if stopped else await _done(ctx, name, {**fields, **_key(request, number)}))
    return await ctx.transact(lambda tx: _summary(results), Bulk)


def _asked(number: int, item: BulkItem) -> tuple[str, dict[str, Any]]:
    """The operation that an item stands for, and its fields."""
    given = item.model_dump(mode="json", exclude_none=True, exclude={"task"})
    if len(given) != 1:
        raise InvalidInput.field(f"items/{number}", "names exactly one of status, priority, deadline, assign and fields")
    ((kind, value),) = given.items()
    fields = value if kind in ("assign", "fields") else {kind: value}
    return "task.update" if kind == "fields" else f"task.{kind}", {"task": item.task, **fields}


def _key(request: BulkTasks, number: int) -> dict[str, str]:
    """The idempotency key of one item."""
    if request.idempotency_key is None:
        return {}
    return {"idempotency_key": f"bulk:{hashlib.sha256(request.idempotency_key.encode()).hexdigest()}:{number}"}


async def _done(ctx: Context, name: str, fields: dict[str, Any]) -> BulkResult:
    try:
        task: Task = await ctx.ask(name, **fields)
    except CaoError as error:
        return BulkResult(task=fields["task"], outcome="failed", code=error.code, message=error.message, details=error.details)
    return BulkResult(task=task.id, outcome="ok", version=task.version)


def _skipped(fields: dict[str, Any]) -> BulkResult:
    return BulkResult(task=fields["task"], outcome="skipped")


def _summary(results: list[BulkResult]) -> Bulk:
    count = {outcome: sum(result.outcome == outcome for result in results) for outcome in ("ok", "failed", "skipped")}
    return Bulk(items=results, **count)
