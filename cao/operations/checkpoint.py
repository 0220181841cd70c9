"""Checkpoints: a workflow's run as it stood after each settled attempt at a phase."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cao.protocol import DestructiveRequest, ListRequest, NotFound, Page, Reference, Request, operation
from cao.protocol.workflows import Checkpoint, CheckpointDetail, Pruned
from cao.store import Transaction, checkpoints

from .context import Context


class ListCheckpoints(ListRequest):
    """Of which run."""

    run: Reference
    """Its id."""


@operation("checkpoint.list", path="/workflows/{run}/checkpoints", example={"run": "run_000000000"})
async def list_checkpoints(ctx: Context, request: ListCheckpoints) -> Page[Checkpoint]:
    """List a run's checkpoints, oldest first: one for each attempt that was settled."""
    return checkpoints.checkpoints(ctx.store.read(), request, request.run)


class GetCheckpoint(Request):
    """Which one."""

    run: Reference
    """The run's id."""
    number: Annotated[int, Field(ge=1, le=100_000)]
    """Its number; see `cao checkpoint list`."""


@operation("checkpoint.get", path="/workflows/{run}/checkpoints/{number}", example={"run": "run_000000000", "number": 3})
async def get_checkpoint(ctx: Context, request: GetCheckpoint) -> CheckpointDetail:
    """Show a run as it stood then: the attempt that was settled, its whole output, and each phase's verdict."""
    return checkpoints.checkpoint(ctx.store.read(), request.run, request.number)


class PruneCheckpoints(DestructiveRequest):
    """Of which run, and what to keep."""

    run: Reference
    """Its id; it must be over."""
    keep: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many attempts of each phase keep their output: the last ones."""


@operation(
    "checkpoint.prune",
    path="/workflows/{run}/checkpoints/prune",
    effect="destructive",
    status=200,
    idempotent=True,
    errors=(NotFound,),
    example={"run": "run_000000000", "keep": 1, "dry_run": True},
)
async def prune(ctx: Context, request: PruneCheckpoints) -> Pruned:
    """Drop the outputs of attempts that later ones replaced. Decisions and their reasons stay."""

    def change(tx: Transaction) -> Pruned:
        return checkpoints.prune(tx, request.run, request.keep).model_copy(update={"dry_run": request.dry_run})

    return await ctx.transact(change, Pruned)
