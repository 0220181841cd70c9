"""Errors: runs that failed, what they have in common, and how to try again."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from cao.protocol import (
    Conflict,
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
from cao.protocol.failures import FailedRun, FailedRunDetail, FailureStats, Retried
from cao.protocol.records import Run
from cao.protocol.schedules import Interval
from cao.schedules.timing import seconds
from cao.store import Reader, Transaction, failures, messages, runs, sessions, terminals
from cao.store.failures import Wanted

from .context import Context
from .scope import only_project

WORKFLOW_RETRY = "workflow.retry"

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Chosen(Request):
    """Which failed runs."""

    code: Code | None = None
    """Only those that failed with this code, such as `model_error`."""
    session: Reference | None = None
    """Only those of this session: its id or name."""
    project: Reference | None = None
    """Only those of this project: its id or name."""
    profile: Name | None = None
    """Only those of agents with this profile."""
    provider: Name | None = None
    """Only those of agents that are run this way."""


class ListErrors(ListRequest, Chosen):
    """Which failed runs."""

    within: Interval | None = None
    """Only those that failed in this time until now, such as `24h`."""


@operation("error.list", path="/errors", errors=(NotFound,), example={"within": "24h", "limit": 10}, positional=())
async def list_errors(ctx: Context, request: ListErrors) -> Page[FailedRun]:
    """List runs that failed, the newest first, with code and reason, and what was started in their place."""
    reader = ctx.store.read()
    return failures.list_page(reader, request, _wanted(ctx, reader, request, request.within))


def _wanted(ctx: Context, reader: Reader, request: Chosen, within: str | None) -> Wanted:
    return Wanted(
        code=request.code,
        session_id=sessions.get(reader, request.session, terminals_too=False).id if request.session else None,
        project_id=only_project(ctx, request.project),
        profile=request.profile,
        provider=request.provider,
        since=ctx.store.clock.now() - seconds(within) if within else None,
    )


class GetError(Request):
    """Which failed run."""

    run: Reference
    """Its id."""


@operation("error.get", path="/errors/{run}", example={"run": "run_000000000"})
async def get_error(ctx: Context, request: GetError) -> FailedRunDetail:
    """Show a run that failed: what was asked, every attempt, and how its transcript ended."""
    return failures.get(ctx.store.read(), request.run)


class CountErrors(Chosen):
    """Which failed runs, and since when."""

    within: Interval = "7d"
    """Those that failed in this time until now."""


@operation("error.stats", path="/stats/errors", errors=(NotFound,), example={"within": "7d"}, positional=())
async def stats(ctx: Context, request: CountErrors) -> FailureStats:
    """Count failed runs by code, profile, provider, workflow and day."""
    reader = ctx.store.read()
    return failures.stats(reader, _wanted(ctx, reader, request, request.within))


class RetryError(WriteRequest):
    """Which failed run."""

    run: Reference
    """Its id."""


@operation(
    "error.retry",
    path="/errors/{run}/retry",
    effect="write",
    errors=(Unavailable,),
    example={"run": "run_000000000"},
)
async def retry(ctx: Context, request: RetryError) -> Retried:
    """Start a failed run again: an agent gets the same words in the same terminal, a workflow goes on from what failed.

    Once for each run: who wants more starts the new one again.
    """
    run = runs.get(ctx.store.read(), request.run)
    return await (_retry_workflow(ctx, run) if run.kind == "workflow" else _retry_turn(ctx, run))


async def _retry_turn(ctx: Context, run: Run) -> Retried:
    def change(tx: Transaction) -> Retried:
        failures.require_retriable(tx, run)
        terminal = terminals.get(tx, run.terminal_id or "")
        if terminal.status == "closed":
            raise Conflict(
                f"terminal {terminal.name} of run {run.id} is closed; give the work to another: cao launch '<prompt>' "
                f"(what was asked: cao error get {run.id})",
                terminal=terminal.id,
            )
        asked = messages.get(tx, run.message_id or "")
        new = messages.prompt(
            tx,
            terminal,
            asked.text,
            sender=ctx.caller.actor,
            parent_terminal_id=run.parent_terminal_id,
            deliver=_delivers(tx, run),
        )
        failures.retried(tx, run, new)
        return Retried(run_id=run.id, retried_as=new.id, session_id=new.session_id)

    answer = await ctx.transact(change, Retried)
    ctx.services.engine.submit(answer.session_id)
    return answer


def _delivers(tx: Transaction, run: Run) -> bool:
    return bool(tx.number("SELECT deliver FROM runs WHERE id = ?", (run.id,)))


async def _retry_workflow(ctx: Context, run: Run) -> Retried:
    """Through the operation that workflows have for it, under a key of the failed run's: a cut between the two is mended."""
    if (before := ctx.replay(Retried)) is not None:
        return before
    failures.require_retriable(ctx.store.read(), run)
    new = await ctx.ask(WORKFLOW_RETRY, run=run.id, idempotency_key=f"error.retry:{run.id}")

    def change(tx: Transaction) -> Retried:
        begun = runs.get(tx, new.id)
        failures.retried(tx, run, begun)
        return Retried(run_id=run.id, retried_as=begun.id, session_id=begun.session_id)

    return await ctx.transact(change, Retried)
