"""Approvals: questions to a person that block a turn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from cao.protocol import ListRequest, NotFound, Page, Reference, Request, WriteRequest, operation
from cao.protocol.records import Approval, ApprovalState
from cao.store import Transaction, approvals, sessions

from .context import Context


class ListApprovals(ListRequest):
    """Which approvals."""

    session: Reference | None = None
    """Only those of this session: its id or name."""
    state: ApprovalState | None = None
    """Only those in this state; `pending` is what waits for you."""


@operation("approval.list", path="/approvals", errors=(NotFound,), example={"state": "pending"}, positional=())
async def list_approvals(ctx: Context, request: ListApprovals) -> Page[Approval]:
    """List approvals, newest first."""
    reader = ctx.store.read()
    session = sessions.get(reader, request.session, terminals_too=False).id if request.session else None
    return approvals.list_page(reader, request, session_id=session, state=request.state)


class GetApproval(Request):
    """Which approval."""

    approval: Reference
    """Its id."""


@operation("approval.get", path="/approvals/{approval}", example={"approval": "apr_000000000"})
async def get_approval(ctx: Context, request: GetApproval) -> Approval:
    """Show one approval: the whole action, as it would be done."""
    return approvals.get(ctx.store.read(), request.approval)


class Decide(WriteRequest):
    """The decision."""

    approval: Reference
    """Its id."""
    decision: Literal["approve", "deny"]
    """What shall happen."""
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """The approval's `digest` as you saw it: refused when the action is another by now."""
    reason: Annotated[str, StringConstraints(max_length=2000)] | None = None
    """Words for the record."""


@operation(
    "approval.decide",
    path="/approvals/{approval}/decision",
    effect="write",
    status=200,
    positional=("approval", "decision"),
    example={"approval": "apr_000000000", "decision": "approve", "reason": "looks right"},
)
async def decide(ctx: Context, request: Decide) -> Approval:
    """Approve or deny. The first decision holds; the turn goes on, or learns that it may not."""

    def change(tx: Transaction) -> Approval:
        return approvals.decide(
            tx,
            request.approval,
            approve=request.decision == "approve",
            by=ctx.caller.actor,
            reason=request.reason,
            digest=request.digest,
        )

    approval = await ctx.transact(change, Approval)
    ctx.services.engine.submit(approval.session_id if approval.terminal_id else approval.run_id or approval.session_id)
    return approval
