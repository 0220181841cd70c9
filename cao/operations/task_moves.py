"""The moves of a task's status, as the table in `cao.protocol.tasks` allows them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cao.protocol import operation
from cao.protocol.tasks import Task, TaskStatus
from cao.store import Transaction, tasks
from cao.store.tasks import REASON_LIMIT

from .context import Context
from .task import ChangeTask

Reason = Annotated[str, Field(min_length=1, max_length=REASON_LIMIT)]


class MoveTask(ChangeTask):
    """Which task, and where to."""

    status: TaskStatus
    """The status that it shall have."""
    reason: Reason | None = None
    """Why. While it is blocked or on hold, the task shows it; its history keeps it."""


@operation(
    "task.status",
    path="/tasks/{task}/status",
    effect="write",
    status=200,
    positional=("task", "status"),
    example={"task": "tsk_000000000", "status": "in-progress"},
)
async def status(ctx: Context, request: MoveTask) -> Task:
    """Move a task to another status.

    What the table of moves does not have is a conflict whose details say the `status`, what was `wanted` and what is `allowed`.
    A task whose dependencies are not done cannot begin. Done and cancelled tasks come back by `task reopen` only.
    """
    return await _move(ctx, request, request.status, "status", request.reason)


class PauseTask(ChangeTask):
    """Which task, and why."""

    reason: Reason | None = None
    """Why."""


@operation("task.pause", path="/tasks/{task}/pause", effect="write", status=200, example={"task": "tsk_000000000"})
async def pause(ctx: Context, request: PauseTask) -> Task:
    """Put a task on hold: ready, in progress or blocked. A run that works on it goes on; cancel that with `run cancel`."""
    return await _move(ctx, request, "on-hold", "pause", request.reason)


@operation("task.resume", path="/tasks/{task}/resume", effect="write", status=200, example={"task": "tsk_000000000"})
async def resume(ctx: Context, request: ChangeTask) -> Task:
    """Make a task ready again that was on hold or blocked."""
    return await _move(ctx, request, "ready", "resume", None)


@operation(
    "task.cancel",
    path="/tasks/{task}/cancel",
    effect="write",
    status=200,
    example={"task": "tsk_000000000", "reason": "Nobody asks for it any more."},
)
async def cancel(ctx: Context, request: PauseTask) -> Task:
    """Cancel a task that is not done. A run that works on it goes on; cancel that with `run cancel`."""
    return await _move(ctx, request, "cancelled", "cancel", request.reason)


@operation("task.reopen", path="/tasks/{task}/reopen", effect="write", status=200, example={"task": "tsk_000000000"})
async def reopen(ctx: Context, request: PauseTask) -> Task:
    """Make a task ready again that was done or cancelled: the only way back from there."""
    return await _move(ctx, request, "ready", "reopen", request.reason)


async def _move(ctx: Context, request: ChangeTask, target: TaskStatus, verb: str, reason: str | None) -> Task:
    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        return tasks.move(tx, task, target, verb=verb, reason=reason)

    return await ctx.transact(change, Task)
