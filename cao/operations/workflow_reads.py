"""What a workflow's run came to: its decisions and outputs; and its end: deleted, by itself or with all old ones."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from cao.protocol import DestructiveRequest, ListRequest, Page, Reference, WriteRequest, operation
from cao.protocol.workflows import PhaseDecision, PhaseOutput, Pruned, PrunedWorkflows, Workflow
from cao.store import Transaction, checkpoints, steps, workflows
from cao.store.workflows import NewWorkflow
from cao.workflows.paths import snapshot_of
from cao.workflows.retrying import taken_over
from cao.workflows.values import Identifier, PhasePath

from .context import Context

Final = Literal["completed", "failed", "cancelled"]


class OfRun(ListRequest):
    """Of which run."""

    run: Reference
    """Its id."""
    phase: PhasePath | None = None
    """Only of this phase: its path."""


class ListDecisions(OfRun):
    """Of which run, and which phase."""


@operation("workflow.decisions", path="/workflows/{run}/decisions", example={"run": "run_000000000", "phase": "review"})
async def decisions(ctx: Context, request: ListDecisions) -> Page[PhaseDecision]:
    """List how each attempt at each phase was decided, oldest first."""
    return checkpoints.decisions(ctx.store.read(), request, request.run, request.phase)


class ListOutputs(OfRun):
    """Of which run, and which phase."""


@operation("workflow.outputs", path="/workflows/{run}/outputs", example={"run": "run_000000000", "phase": "build"})
async def outputs(ctx: Context, request: ListOutputs) -> Page[PhaseOutput]:
    """Read what each phase gave, whole. What the run as a whole gave is in `workflow get`."""
    return checkpoints.outputs(ctx.store.read(), request, request.run, request.phase)


class RetryWorkflow(WriteRequest):
    """Which run, and from where."""

    run: Reference
    """Its id; it must be over."""
    phase: Identifier | None = None
    """The phase of the first level to begin with; the one that was begun last unless given."""


@operation(
    "workflow.retry",
    path="/workflows/{run}/retry",
    effect="write",
    example={"run": "run_000000000", "phase": "build"},
    positional=("run", "phase"),
)
async def retry(ctx: Context, request: RetryWorkflow) -> Workflow:
    """Run the same again from one of its phases: a new run of the same definition, with what was finished before."""

    def change(tx: Transaction) -> Workflow:
        row = checkpoints.over(tx, request.run)
        stored = snapshot_of(row["definition"], workflows.snapshot(tx, request.run))
        kept = taken_over(stored, row["inputs"], steps.of_run(tx, request.run), request.phase)
        new = NewWorkflow(
            definition=row["definition"],
            digest=row["digest"],
            snapshot=row["snapshot"],
            inputs=row["inputs"],
            directory=row["directory"],
            project_id=row["project_id"],
            labels=row["labels"],
            retried_from=request.run,
            repository=row["repository"],
            branch=row["branch"],
            steps=kept,
        )
        return workflows.create(tx, new)

    started = await ctx.transact(change, Workflow)
    ctx.services.engine.submit(started.id)
    return started


class DeleteWorkflow(DestructiveRequest):
    """Which run."""

    run: Reference
    """Its id; it must be over."""


@operation(
    "workflow.delete",
    path="/workflows/{run}/delete",
    effect="destructive",
    status=200,
    example={"run": "run_000000000", "dry_run": True},
)
async def delete(ctx: Context, request: DeleteWorkflow) -> Pruned:
    """Forget a run that is over: its steps and outputs. Its session, what was said in it and its events stay."""

    def change(tx: Transaction) -> Pruned:
        return checkpoints.delete(tx, request.run).model_copy(update={"dry_run": request.dry_run})

    return await ctx.transact(change, Pruned)


class PruneWorkflows(DestructiveRequest):
    """Which runs."""

    days: Annotated[float, Field(ge=0, le=36_500)] = 30.0
    """Runs that ended more than so many days ago."""
    keep: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """The newest runs stay in any case: so many."""
    states: Annotated[list[Final], Field(max_length=3)] = Field(default_factory=list[Final])
    """Only runs that ended so; all three kinds unless given."""


@operation(
    "workflow.prune",
    path="/workflows/prune",
    effect="destructive",
    status=200,
    idempotent=True,
    positional=(),
    example={"days": 30, "keep": 100, "dry_run": True},
)
async def prune(ctx: Context, request: PruneWorkflows) -> PrunedWorkflows:
    """Forget old runs, at most 1,000 at once, as `workflow delete` does."""
    before = ctx.store.clock.now() - request.days * 86400

    def change(tx: Transaction) -> PrunedWorkflows:
        dropped = checkpoints.delete_old(tx, before=before, keep=request.keep, states=request.states or get_args(Final))
        return dropped.model_copy(update={"dry_run": request.dry_run})

    return await ctx.transact(change, PrunedWorkflows)
