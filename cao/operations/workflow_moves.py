"""What can be done with a workflow's run that was started: hold it, let it go on, give it up, forget it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import StringConstraints

from cao.protocol import DestructiveRequest, Reference, WriteRequest, operation
from cao.protocol.workflows import Workflow
from cao.store import Transaction, workflows

from .context import Context

Words = Annotated[str, StringConstraints(min_length=1, max_length=8000)]


class PauseWorkflow(WriteRequest):
    """Which run."""

    run: Reference
    """Its id."""


@operation("workflow.pause", path="/workflows/{run}/pause", effect="write", status=200, example={"run": "run_000000000"})
async def pause(ctx: Context, request: PauseWorkflow) -> Workflow:
    """Let no further phase of a run begin. Phases under way come to their end."""
    return await _move(ctx, request.run, lambda tx: workflows.pause(tx, request.run))


class ResumeWorkflow(WriteRequest):
    """Which run, and what to tell it."""

    run: Reference
    """Its id."""
    feedback: Words | None = None
    """Words for the next agent's phase, beside its prompt; templates call them `feedback`."""


@operation(
    "workflow.resume",
    path="/workflows/{run}/resume",
    effect="write",
    status=200,
    positional=("run", "feedback"),
    example={"run": "run_000000000", "feedback": "Leave the tests as they are."},
)
async def resume(ctx: Context, request: ResumeWorkflow) -> Workflow:
    """Let a paused run go on. What waits for a decision is decided with `phase approve`, or as an approval."""
    return await _move(ctx, request.run, lambda tx: workflows.resume(tx, request.run, request.feedback))


async def _move(ctx: Context, run_id: str, change: Callable[[Transaction], None]) -> Workflow:
    def move(tx: Transaction) -> Workflow:
        change(tx)
        return workflows.get(tx, run_id, tx.now)

    moved = await ctx.transact(move, Workflow)
    ctx.services.engine.submit(moved.id)
    ctx.services.engine.submit(moved.session_id)
    return moved


class CancelWorkflow(DestructiveRequest):
    """Which run, and why."""

    run: Reference
    """Its id."""
    reason: Words | None = None
    """Words for the record."""


@operation(
    "workflow.cancel",
    path="/workflows/{run}/cancel",
    effect="destructive",
    status=200,
    example={"run": "run_000000000", "reason": "not needed any more", "dry_run": True},
)
async def cancel(ctx: Context, request: CancelWorkflow) -> Workflow:
    """Give a run up: its agents are interrupted, its commands ended, its questions withdrawn. What was said stays readable."""
    return await _move(ctx, request.run, lambda tx: workflows.cancel(tx, request.run, request.reason))
