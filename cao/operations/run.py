"""Runs: durable handles on work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cao.protocol import (
    Answer,
    Conflict,
    Denied,
    DestructiveRequest,
    ListRequest,
    NotFound,
    Page,
    Reference,
    Request,
    operation,
)
from cao.protocol.records import FINAL_RUN_STATES, Failure, Run, RunState
from cao.store import Transaction, messages, runs, sessions, terminals, turns, workflows

from .context import Context
from .session import WAIT_LIMIT
from .waiting import settled


class ListRuns(ListRequest):
    """Which runs."""

    session: Reference | None = None
    """Only those of this session: its id or name."""
    terminal: Reference | None = None
    """Only those of this terminal."""
    state: RunState | None = None
    """Only those in this state."""


@operation("run.list", path="/runs", errors=(NotFound,), example={"state": "running"}, positional=())
async def list_runs(ctx: Context, request: ListRuns) -> Page[Run]:
    """List runs, newest first."""
    reader = ctx.store.read()
    session = sessions.get(reader, request.session, terminals_too=False).id if request.session else None
    terminal = terminals.get(reader, request.terminal).id if request.terminal else None
    return runs.list_page(reader, request, session_id=session, terminal_id=terminal, state=request.state)


class GetRun(Request):
    """Which run."""

    run: Reference
    """Its id."""


@operation("run.get", path="/runs/{run}", example={"run": "run_000000000"})
async def get_run(ctx: Context, request: GetRun) -> Run:
    """Show one run."""
    return runs.get(ctx.store.read(), request.run)


class WaitForRun(Request):
    """Which run, and how long."""

    run: Reference
    """Its id."""
    timeout: Annotated[float, Field(ge=0, le=WAIT_LIMIT)] = 60.0
    """Seconds to wait at most."""


@operation("run.wait", path="/runs/{run}/wait", waits=True, example={"run": "run_000000000", "timeout": 30})
async def wait(ctx: Context, request: WaitForRun) -> Run:
    """Wait until a run is settled, or the time is over: look at its `state`."""
    runs.get(ctx.store.read(), request.run)
    return await settled(ctx, request.run, request.timeout)


class GetResult(Request):
    """Which run's result, and how long to wait for it."""

    run: Reference
    """Its id."""
    timeout: Annotated[float, Field(ge=0, le=WAIT_LIMIT)] = 0.0
    """Seconds to wait for it at most."""


class Result(Answer):
    """What came of a run."""

    run_id: str
    state: RunState
    text: str | None
    """The agent's answer, or a workflow's outputs as JSON, once the run is completed."""
    failure: Failure | None


@operation("run.result", path="/runs/{run}/result", waits=True, example={"run": "run_000000000"})
async def result(ctx: Context, request: GetResult) -> Result:
    """Read what came of a run. An agent that reads the result of its assignment finds it no more in its inbox."""
    run = runs.get(ctx.store.read(), request.run)
    if ctx.caller.terminal is not None and run.parent_terminal_id != ctx.caller.terminal:
        raise Denied("an agent may only read the results of work that it gave")
    if request.timeout and run.state not in FINAL_RUN_STATES:
        run = await settled(ctx, run.id, request.timeout)
    if ctx.caller.terminal is not None and run.state in FINAL_RUN_STATES:
        await ctx.store.write(lambda tx: messages.take_result(tx, run.id), actor=ctx.caller.actor)
    return Result(run_id=run.id, state=run.state, text=run.result, failure=run.failure)


class CancelRun(DestructiveRequest):
    """Which run."""

    run: Reference
    """Its id."""


@operation(
    "run.cancel",
    path="/runs/{run}/cancel",
    effect="destructive",
    status=200,
    example={"run": "run_000000000", "dry_run": True},
)
async def cancel(ctx: Context, request: CancelRun) -> Run:
    """Give up a run: one that waits is never begun, one under way is interrupted; a workflow's, with all its phases."""

    def change(tx: Transaction) -> Run:
        run = runs.get(tx, request.run)
        if run.state in FINAL_RUN_STATES:
            raise Conflict(f"run {run.id} is {run.state} already", state=run.state)
        if run.kind == "workflow":
            workflows.cancel(tx, run.id, None)
        else:
            turns.cancel(tx, run)
        return runs.get(tx, run.id)

    run = await ctx.transact(change, Run)
    ctx.services.engine.submit(run.session_id)
    if run.kind == "workflow":
        ctx.services.engine.submit(run.id)
    return run
