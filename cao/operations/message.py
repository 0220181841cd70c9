"""Messages: the durable inboxes of terminals."""

from __future__ import annotations

from cao.protocol import Denied, ListRequest, NotFound, Page, Reference, Request, Text, WriteRequest, operation
from cao.protocol.records import Message, MessageKind, MessageState
from cao.store import Transaction, messages, sessions, terminals

from .context import Context
from .terminal import own_session


class SendMessage(WriteRequest):
    """What to say, and to whom."""

    terminal: Reference
    """The terminal's id; for an agent that calls, also a name in its session."""
    text: Text
    """At most 1 MiB."""


@operation(
    "message.send",
    path="/terminals/{terminal}/messages",
    effect="write",
    positional=("terminal", "text"),
    example={"terminal": "ter_000000000", "text": "The tests are green."},
)
async def send(ctx: Context, request: SendMessage) -> Message:
    """Put a message into a terminal's inbox. From a person it is work and has a run; from an agent it is mail.

    The agent reads it when it is free: `delivered` means that the turn which reads it began.
    """
    session = own_session(ctx)

    def change(tx: Transaction) -> Message:
        terminal = terminals.require_open(tx, request.terminal, session)
        if session is not None:
            if terminal.id == ctx.caller.terminal:
                raise Denied("an agent may not write to itself; use what you know in this turn")
            return messages.mail(tx, terminal, request.text, sender=ctx.caller.actor)
        run = messages.prompt(tx, terminal, request.text, sender=ctx.caller.actor)
        assert run.message_id is not None  # noqa: S101 - a prompt's run has one
        return messages.get(tx, run.message_id)

    message = await ctx.transact(change, Message)
    ctx.services.engine.submit(message.session_id)
    return message


class ListMessages(ListRequest):
    """Which messages."""

    session: Reference | None = None
    """Only those of this session: its id or name."""
    terminal: Reference | None = None
    """Only those in this terminal's inbox."""
    state: MessageState | None = None
    """Only those in this state."""
    kind: MessageKind | None = None
    """Only prompts, mail or results."""


@operation("message.list", path="/messages", errors=(NotFound,), example={"state": "pending"}, positional=())
async def list_messages(ctx: Context, request: ListMessages) -> Page[Message]:
    """List messages, newest first."""
    reader = ctx.store.read()
    session = sessions.get(reader, request.session, terminals_too=False).id if request.session else None
    terminal = terminals.get(reader, request.terminal).id if request.terminal else None
    return messages.list_page(reader, request, session_id=session, terminal_id=terminal, state=request.state, kind=request.kind)


class GetMessage(Request):
    """Which message."""

    message: Reference
    """Its id."""


@operation("message.get", path="/messages/{message}", example={"message": "msg_000000000"})
async def get_message(ctx: Context, request: GetMessage) -> Message:
    """Show one message."""
    return messages.get(ctx.store.read(), request.message)
