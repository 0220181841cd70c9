"""Phases of workflows: what waits for a person is decided here, or as an approval."""

from __future__ import annotations

from cao.protocol import Conflict, InvalidInput, Reference, WriteRequest, operation
from cao.protocol.records import Approval
from cao.protocol.workflows import Decision, Workflow
from cao.store import Transaction, approvals, steps, workflows
from cao.workflows.definition import VERDICTS
from cao.workflows.paths import phase_at, snapshot_of
from cao.workflows.values import Identifier, PhasePath

from .context import Context
from .workflow_moves import Words


class Decided(WriteRequest):
    """Which phase of which run."""

    run: Reference
    """The run's id."""
    phase: PhasePath
    """The phase's path, such as `review` or `build[2]`."""


class ApprovePhase(Decided):
    """Which phase, and with which words."""

    verdict: Identifier | None = None
    """How the phase ends: `advance` for a question; a phase that was cut is done again unless a verdict says how it ended."""
    note: Words | None = None
    """Words for the record, and for the phases that come."""


class RejectPhase(Decided):
    """Which phase, and why."""

    note: Words
    """Why; it goes into the next attempt when the phase's work is to be done again."""
    verdict: Identifier | None = None
    """How the phase ends: else `rework` where it has a route for that, else `fail`."""


@operation(
    "phase.approve",
    path="/workflows/{run}/approve",
    effect="write",
    status=200,
    positional=("run", "phase", "note"),
    example={"run": "run_000000000", "phase": "gate", "note": "looks right"},
)
async def approve(ctx: Context, request: ApprovePhase) -> Workflow:
    """Say yes to what a phase of a run waits for: its question, more rework, more budget, or doing a cut phase again."""
    return await _decide(ctx, request, True, request.note, request.verdict)


@operation(
    "phase.reject",
    path="/workflows/{run}/reject",
    effect="write",
    status=200,
    positional=("run", "phase", "note"),
    example={"run": "run_000000000", "phase": "gate", "note": "the second test is missing"},
)
async def reject(ctx: Context, request: RejectPhase) -> Workflow:
    """Say no to what a phase of a run waits for."""
    return await _decide(ctx, request, False, request.note, request.verdict)


async def _decide(ctx: Context, request: Decided, yes: bool, note: str | None, verdict: str | None) -> Workflow:
    def change(tx: Transaction) -> Workflow:
        approval = _pending(tx, request)
        if verdict is not None:
            _settle(tx, approval, request, verdict, note)
        approvals.decide(tx, approval.id, approve=yes, by=ctx.caller.actor, reason=note)
        return workflows.get(tx, request.run, tx.now)

    decided = await ctx.transact(change, Workflow)
    ctx.services.engine.submit(decided.id)
    return decided


def _pending(tx: Transaction, request: Decided) -> Approval:
    """What the phase waits for. Raises `Conflict` when it waits for nobody."""
    row = workflows.row_of(tx, request.run)
    pending = approvals.pending_of_run(tx, request.run)
    found = next((approval for approval in pending if approval.action.get("phase") == request.phase), None)
    if found is None:
        waiting = ", ".join(str(approval.action.get("phase")) for approval in pending)
        hint = f"these do: {waiting}" if waiting else f"the run is {row['state']}"
        raise Conflict(f"{request.phase} does not wait for a person; {hint}", state=row["state"])
    return found


def _settle(tx: Transaction, approval: Approval, request: Decided, verdict: str, note: str | None) -> None:
    """End the phase with a person's verdict."""
    step = steps.of_approval(tx, approval.id)
    if step is None:
        raise InvalidInput.field("verdict", "is of no use here: the question is not how the phase ended")
    row = workflows.row_of(tx, request.run)
    phase = phase_at(snapshot_of(row["definition"], workflows.snapshot(tx, request.run)), request.phase)
    known = (*VERDICTS, *(phase.verdicts if phase else ()))
    if verdict not in known:
        raise InvalidInput.field("verdict", f"is none of {', '.join(known)}")
    steps.settle(tx, step, Decision(verdict=verdict, reason=note or "", by="person"), {"text": note or ""})
