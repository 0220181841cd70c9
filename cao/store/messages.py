"""Messages: the inbox of a terminal, and the runs that follow from prompts."""

from __future__ import annotations

from cao.events import MessageDone, MessageFailed, MessageQueued, RunQueued
from cao.protocol import MESSAGE_LIMIT, InvalidInput, ListRequest, NotFound, Page
from cao.protocol.records import Failure, Message, MessageKind, MessageState, Run, Terminal

from . import runs
from .hub import work_topic
from .pages import page
from .transaction import Reader, Transaction


def prompt(
    tx: Transaction,
    terminal: Terminal,
    text: str,
    *,
    sender: str,
    parent_terminal_id: str | None = None,
    deliver: bool = False,
) -> Run:
    """Give a terminal work; the durable handle on it.

    parent_terminal_id: the agent that asked. deliver: its result goes to that agent's inbox by itself.
    """
    run_id, message_id = tx.new_id("run"), tx.new_id("msg")
    run = Run(
        id=run_id,
        state="queued",
        session_id=terminal.session_id,
        terminal_id=terminal.id,
        message_id=message_id,
        parent_terminal_id=parent_terminal_id,
        created_at=tx.time,
    )
    tx.insert(
        "runs",
        id=run_id,
        kind="turn",
        state="queued",
        session_id=terminal.session_id,
        terminal_id=terminal.id,
        message_id=message_id,
        parent_terminal_id=parent_terminal_id,
        deliver=int(deliver),
        created_at=tx.now,
    )
    _insert(tx, terminal, "prompt", sender, text, id=message_id, run_id=run_id)
    tx.emit(RunQueued(session_id=terminal.session_id, terminal_id=terminal.id, run_id=run_id))
    return run


def mail(tx: Transaction, terminal: Terminal, text: str, *, sender: str, kind: MessageKind = "message") -> Message:
    """Put mail from another agent into a terminal's inbox. It has no run; the terminal's next turn reads it."""
    return _insert(tx, terminal, kind, sender, text, id=tx.new_id("msg"), run_id=None)


def result_mail(tx: Transaction, terminal: Terminal, text: str, *, sender: str, about_run_id: str) -> Message:
    """Put an assignment's result into the caller's inbox: once, as a unique index sees to."""
    return _insert(tx, terminal, "result", sender, text, id=tx.new_id("msg"), run_id=None, about_run_id=about_run_id)


def _insert(
    tx: Transaction,
    terminal: Terminal,
    kind: MessageKind,
    sender: str,
    text: str,
    *,
    id: str,
    run_id: str | None,
    about_run_id: str | None = None,
) -> Message:
    length = len(text.encode())
    if length > MESSAGE_LIMIT:
        raise InvalidInput.field("message", f"has {length} bytes; at most {MESSAGE_LIMIT} are allowed", "too_long")
    message = Message(
        id=id,
        session_id=terminal.session_id,
        terminal_id=terminal.id,
        kind=kind,
        sender=sender,
        text=text,
        state="pending",
        run_id=run_id,
        created_at=tx.time,
    )
    tx.insert(
        "messages",
        id=id,
        session_id=terminal.session_id,
        terminal_id=terminal.id,
        kind=kind,
        sender=sender,
        text=text,
        state="pending",
        run_id=run_id,
        about_run_id=about_run_id,
        created_at=tx.now,
    )
    tx.touch(work_topic(terminal.session_id))
    tx.emit(
        MessageQueued(
            session_id=terminal.session_id,
            terminal_id=terminal.id,
            run_id=run_id,
            message_id=id,
            kind=kind,
            sender=sender,
            length=length,
        )
    )
    return message


def get(reader: Reader, id: str) -> Message:
    """The message with this id. Raises `NotFound`."""
    found = reader.one(Message, "SELECT * FROM messages WHERE id = ?", (id,))
    if found is None:
        raise NotFound(f"no message {id!r}; see: cao message list", message=id)
    return found


def list_page(
    reader: Reader,
    request: ListRequest,
    *,
    session_id: str | None,
    terminal_id: str | None,
    state: MessageState | None,
    kind: MessageKind | None,
) -> Page[Message]:
    filters = {"session_id": session_id, "terminal_id": terminal_id, "state": state, "kind": kind}
    return page(reader, Message, "messages", request, filters)


def pending(reader: Reader, terminal: Terminal, limit: int = -1) -> list[Message]:
    """A terminal's unread messages, oldest first; all of them unless a `limit` is given."""
    sql = "SELECT * FROM messages WHERE session_id = ? AND terminal_id = ? AND state = 'pending' ORDER BY n LIMIT ?"
    return reader.all(Message, sql, (terminal.session_id, terminal.id, limit))


def of_turn(reader: Reader, turn_id: str) -> list[Message]:
    """The messages that a turn reads, oldest first."""
    return reader.all(Message, "SELECT * FROM messages WHERE turn_id = ? ORDER BY n", (turn_id,))


def settle(tx: Transaction, message: Message, failure: Failure | None) -> None:
    """Close the book on a message: done, or failed."""
    state: MessageState = "failed" if failure else "done"
    tx.update("messages", message.id, state=state, failure=failure, settled_at=tx.now)
    subject = {"session_id": message.session_id, "terminal_id": message.terminal_id, "run_id": message.run_id}
    if failure:
        tx.emit(MessageFailed(**subject, message_id=message.id, failure=failure))
    else:
        tx.emit(MessageDone(**subject, message_id=message.id))


def give_up(tx: Transaction, message: Message, failure: Failure) -> None:
    """Fail a message that no turn will read, and cancel its run."""
    settle(tx, message, failure)
    if message.run_id:
        runs.settle(tx, runs.get(tx, message.run_id), "cancelled", failure=failure)


def take_result(tx: Transaction, run_id: str) -> None:
    """Mark an assignment's result as read, if it still waits in the inbox: its reader has it from elsewhere."""
    found = tx.one(Message, "SELECT * FROM messages WHERE about_run_id = ? AND state = 'pending'", (run_id,))
    if found is not None and found.turn_id is None:
        settle(tx, found, None)
