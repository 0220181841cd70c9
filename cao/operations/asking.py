"""Questions of programs to people: asked like those of agents, answered on the same surfaces."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from cao.protocol import NotFound, Reference, Request, WriteRequest, operation
from cao.protocol.records import Approval
from cao.store import Transaction, approvals, sessions

from .context import Context
from .session import WAIT_LIMIT
from .waiting import until


class AskPerson(WriteRequest):
    """What to ask."""

    question: Annotated[str, StringConstraints(min_length=1, max_length=64 * 1024)]
    """What the person reads."""
    session: Reference | None = None
    """The session that it belongs to: its id or name; one of its own unless given."""
    expires: Annotated[float, Field(gt=0, le=30 * 86400)] | None = None
    """Seconds after which the answer is no; `approval_seconds` of the configuration unless given."""


@operation(
    "approval.ask",
    path="/approvals",
    effect="write",
    positional=("question",),
    errors=(NotFound,),
    example={"question": "Release version 2?", "expires": 3600},
)
async def ask(ctx: Context, request: AskPerson) -> Approval:
    """Ask a person a question. Returns at once; `approval wait` waits for the answer."""
    seconds = request.expires or ctx.services.settings.approval_seconds

    def change(tx: Transaction) -> Approval:
        session = sessions.get(tx, request.session).id if request.session else _own_session(tx)
        return approvals.question(tx, session, request.question, seconds)

    return await ctx.transact(change, Approval)


def _own_session(tx: Transaction) -> str:
    """A session that holds the question and nothing else; it is closed, for nobody works in it."""
    session = sessions.launch(tx, name=None, project_id=None, labels={"asks": "people"})
    sessions.close(tx, session)
    return session.id


class WaitForAnswer(Request):
    """Which question, and how long."""

    approval: Reference
    """Its id."""
    timeout: Annotated[float, Field(ge=0, le=WAIT_LIMIT)] = 60.0
    """Seconds to wait at most."""


@operation("approval.wait", path="/approvals/{approval}/wait", waits=True, example={"approval": "apr_000000000", "timeout": 30})
async def wait(ctx: Context, request: WaitForAnswer) -> Approval:
    """Wait until a question is answered, or the time is over: look at its `state`."""

    def answered() -> Approval | None:
        found = approvals.get(ctx.store.read(), request.approval)
        return found if found.state != "pending" else None

    return await until(ctx.store, request.approval, answered, request.timeout) or approvals.get(
        ctx.store.read(), request.approval
    )
