"""Workflows: runs of definitions, from start to end. Their files are `definition`; their single phases are `phase`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from pydantic import Field

from cao.protocol import Answer, CaoError, Name, NotFound, Page, Reference, Request, WriteRequest, operation
from cao.protocol import ListRequest as AnyList
from cao.protocol.records import FINAL_RUN_STATES, Event
from cao.protocol.workflows import Workflow, WorkflowState
from cao.store import Transaction, log, runs, workflows
from cao.workflows.values import Identifier

from .context import Context
from .scope import InDirectory, only_project
from .session import WAIT_LIMIT, Label
from .waiting import settled
from .workflow_starts import prepared

Inputs = Annotated[dict[str, Any], Field(max_length=100)]
Labels = Annotated[dict[Name, Label], Field(max_length=32, json_schema_extra={"additionalProperties": False})]
MOST_RUNS = 100


class RunWorkflow(WriteRequest, InDirectory):
    """What to run, and with what."""

    definition: Identifier
    """Its name; see `cao definition list`."""
    inputs: Inputs = Field(default_factory=dict[str, Any])
    """A value for each input that it declares."""
    labels: Labels = Field(default_factory=dict[str, str])
    """Words of your own to find it by."""


@operation(
    "workflow.run",
    path="/workflows",
    effect="write",
    positional=("definition",),
    errors=(NotFound,),
    example={"definition": "change", "inputs": {"goal": "Show dark mode everywhere"}},
)
async def run(ctx: Context, request: RunWorkflow) -> Workflow:
    """Start a workflow. Returns at once; the run keeps to the definition as it is now.

    Follow it with `workflow wait` or `workflow follow`; it is a run like others, so `run wait` and `run result` know it too.
    """
    known = ctx.replay(Workflow)
    if known is not None:
        return known
    new = await prepared(ctx, request, request.definition, request.inputs, request.labels)
    started = await ctx.transact(lambda tx: workflows.create(tx, new), Workflow)
    ctx.services.engine.submit(started.id)
    return started


class RunItem(Request):
    """One run of many."""

    definition: Identifier
    """Its name."""
    inputs: Inputs = Field(default_factory=dict[str, Any])
    """A value for each input that it declares."""
    labels: Labels = Field(default_factory=dict[str, str])
    """Words of your own to find it by."""


class RunMany(WriteRequest, InDirectory):
    """Several runs, in one project."""

    runs: Annotated[list[RunItem], Field(min_length=1, max_length=MOST_RUNS)]
    """What to run, at most 100."""
    on_error: Literal["stop", "continue"] = "stop"
    """What to do after one that cannot be started."""


class Started(Answer):
    """What became of one of them."""

    index: int
    """Its place in the request, from 0."""
    outcome: Literal["started", "failed", "skipped"]
    run_id: str | None = None
    error: dict[str, Any] | None = None
    """Why it could not be started: code and message."""


class StartedMany(Answer):
    """What became of all of them."""

    items: list[Started]
    started: int
    failed: int


@operation(
    "workflow.batch",
    path="/workflows/batch",
    effect="write",
    positional=(),
    errors=(NotFound,),
    example={"runs": [{"definition": "change", "inputs": {"goal": "Show dark mode"}}], "on_error": "continue"},
)
async def batch(ctx: Context, request: RunMany) -> StartedMany:
    """Start up to 100 workflows at once. Those that can be started are, in one transaction; each has its outcome."""
    known = ctx.replay(StartedMany)
    if known is not None:
        return known
    found: list[Any] = []
    for item in request.runs:
        try:
            found.append(await prepared(ctx, request, item.definition, item.inputs, item.labels))
        except CaoError as error:
            found.append(error)
            if request.on_error == "stop":
                break

    def change(tx: Transaction) -> StartedMany:
        items = [_start(tx, index, one) for index, one in enumerate(found)]
        items += [Started(index=index, outcome="skipped") for index in range(len(found), len(request.runs))]
        outcomes = [item.outcome for item in items]
        return StartedMany(items=items, started=outcomes.count("started"), failed=outcomes.count("failed"))

    answer = await ctx.transact(change, StartedMany)
    for item in answer.items:
        if item.run_id:
            ctx.services.engine.submit(item.run_id)
    return answer


def _start(tx: Transaction, index: int, one: Any) -> Started:
    if isinstance(one, CaoError):
        return Started(index=index, outcome="failed", error={"code": one.code, "message": one.message})
    return Started(index=index, outcome="started", run_id=workflows.create(tx, one).id)


class ListWorkflows(AnyList):
    """Which runs."""

    definition: Identifier | None = None
    """Only those of this definition."""
    state: WorkflowState | None = None
    """Only those in this state."""
    project: Reference | None = None
    """Only those of this project: its id or name."""


@operation("workflow.list", path="/workflows", errors=(NotFound,), example={"state": "running"}, positional=())
async def list_workflows(ctx: Context, request: ListWorkflows) -> Page[Workflow]:
    """List runs of workflows, newest first, without their steps."""
    reader, now = ctx.store.read(), ctx.store.clock.now()
    filters = {"definition": request.definition, "state": request.state, "project_id": only_project(ctx, request.project)}
    return workflows.list_page(reader, request, now, **filters)


class GetWorkflow(Request):
    """Which run."""

    run: Reference
    """Its id."""


@operation("workflow.get", path="/workflows/{run}", example={"run": "run_000000000"})
async def get_workflow(ctx: Context, request: GetWorkflow) -> Workflow:
    """Show one run with all its steps: each attempt at each phase, and how it was decided."""
    return shown(ctx, request.run)


def shown(ctx: Context, run_id: str) -> Workflow:
    """A run as it stands. Raises `NotFound`."""
    found, origin = workflows.get(ctx.store.read(), run_id, ctx.store.clock.now()), ctx.services.public_url
    if origin is None or found.flow_run_id is None:
        return found
    return found.model_copy(update={"flow_run_url": f"{origin}/prefect/runs/flow-run/{found.flow_run_id}"})


class WaitForWorkflow(Request):
    """Which run, and how long."""

    run: Reference
    """Its id."""
    timeout: Annotated[float, Field(ge=0, le=WAIT_LIMIT)] = 60.0
    """Seconds to wait at most."""


@operation("workflow.wait", path="/workflows/{run}/wait", waits=True, example={"run": "run_000000000", "timeout": 30})
async def wait(ctx: Context, request: WaitForWorkflow) -> Workflow:
    """Wait until a run is over, or the time is: look at its `state`."""
    shown(ctx, request.run)
    await settled(ctx, request.run, request.timeout)
    return shown(ctx, request.run)


class FollowWorkflow(Request):
    """Which run, and from where."""

    run: Reference
    """Its id."""
    after: Annotated[int, Field(ge=0)] = 0
    """Begin after the event with this number; 0 for all of them."""


@operation(
    "workflow.follow",
    path="/workflows/{run}/events",
    effect="stream",
    example={"run": "run_000000000"},
)
async def follow(ctx: Context, request: FollowWorkflow) -> AsyncIterator[Event]:
    """Read what happens in a run as it happens, until it is over: its phases, its agents' turns, its questions."""
    found = shown(ctx, request.run)
    after = request.after
    with ctx.store.hub.subscribe(found.session_id) as commits:
        while True:
            over = runs.get(ctx.store.read(), found.id).state in FINAL_RUN_STATES
            events = log.after(ctx.store.read(), after, log.Filter(session_id=found.session_id))
            for event in events:
                after = event.seq
                yield event
            if over and not events:
                return
            if not (over or events):
                await commits.wait(60)
