"""Turns: claim, start, settle; and what happens to one that a crash cut in the middle.

    queued ──start──► running ──settle──► completed | failed | cancelled
      ▲                 │  ▲
      └──────cut────────┘  └── decided ── waiting

Every transition of a runner is fenced by its session's lease: a runner that was taken over cannot finish anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cao.events import (
    MessageDelivered,
    TurnCut,
    TurnInterrupted,
    TurnSettled,
    TurnStarted,
)
from cao.protocol import NotFound
from cao.protocol.records import (
    Failure,
    Message,
    RecoveryPolicy,
    RunState,
    Terminal,
    TerminalStatus,
    Turn,
    TurnState,
    Usage,
)

from . import approvals, messages, runs, terminals
from .leases import Lease, fence
from .transaction import Reader, Transaction

MAIL_BATCH = 20
"""Messages from other agents that one turn reads at most."""
MAIL_BYTES = 256 * 1024
"""Their text at most, so that a flood of mail does not fill one prompt."""

INTERRUPTED = Failure(code="interrupted", message="the turn was interrupted")


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn that may now run: where it sits, what it reads, and what its agent last said of the conversation."""

    turn: Turn
    terminal: Terminal
    messages: list[Message]
    conversation: dict[str, Any]


def get(reader: Reader, id: str) -> Turn:
    """The turn with this id. Raises `NotFound`."""
    found = reader.one(Turn, "SELECT * FROM turns WHERE id = ?", (id,))
    if found is None:
        raise NotFound(f"no turn {id!r}", turn=id)
    return found


def of_terminal(reader: Reader, terminal_id: str, limit: int = 1) -> list[Turn]:
    """A terminal's turns, newest first."""
    return reader.all(Turn, "SELECT * FROM turns WHERE terminal_id = ? ORDER BY n DESC LIMIT ?", (terminal_id, limit))


def claimable(reader: Reader, session_id: str) -> bool:
    """Whether the session has a turn to begin: a queued one, or mail for a terminal that has none under way."""
    return bool(
        reader.number(
            "SELECT EXISTS (SELECT 1 FROM turns WHERE session_id = :s AND state = 'queued') OR EXISTS ("
            "SELECT 1 FROM messages m JOIN terminals t ON t.id = m.terminal_id "
            "WHERE m.session_id = :s AND m.state = 'pending' AND t.status IN ('idle', 'failed'))",
            {"s": session_id},
        )
    )


def claim(tx: Transaction, session_id: str, lease: Lease, limit: int) -> list[str]:
    """Make turns of what waits in the session's inboxes, one for each free terminal; the ids to run, `limit` at most.

    A turn that was queued under an earlier lease is claimed again, under its old id.
    """
    fence(tx, lease)
    old = tx.rows(
        "SELECT id FROM turns WHERE session_id = ? AND state = 'queued' AND token != ? ORDER BY n LIMIT ?",
        (session_id, lease.token, limit),
    )
    for row in old:
        tx.execute("UPDATE turns SET token = ? WHERE id = ?", (lease.token, row["id"]))
    claimed = [str(row["id"]) for row in old]
    free = tx.all(
        Terminal,
        "SELECT * FROM terminals t WHERE session_id = ? AND status IN ('idle', 'failed') AND EXISTS (SELECT 1 FROM "
        "messages m WHERE m.session_id = t.session_id AND m.terminal_id = t.id AND m.state = 'pending') ORDER BY n LIMIT ?",
        (session_id, limit - len(claimed)),
    )
    return claimed + [_queue(tx, terminal, lease) for terminal in free]


def _queue(tx: Transaction, terminal: Terminal, lease: Lease) -> str:
    batch = _batch(messages.pending(tx, terminal.id))
    id = tx.new_id("trn")
    tx.insert(
        "turns",
        id=id,
        session_id=terminal.session_id,
        terminal_id=terminal.id,
        run_id=batch[0].run_id,
        state="queued",
        recovery="ask",
        token=lease.token,
        created_at=tx.now,
    )
    for message in batch:
        tx.execute("UPDATE messages SET turn_id = ? WHERE id = ?", (id, message.id))
    tx.execute("UPDATE terminals SET status = 'running' WHERE id = ?", (terminal.id,))
    return id


def _batch(waiting: list[Message]) -> list[Message]:
    """A prompt gets a turn of its own; mail is read together, up to the next prompt."""
    if waiting[0].kind == "prompt":
        return waiting[:1]
    batch: list[Message] = []
    size = 0
    for message in waiting[:MAIL_BATCH]:
        size += len(message.text)
        if message.kind == "prompt" or (batch and size > MAIL_BYTES):
            break
        batch.append(message)
    return batch


def start(
    tx: Transaction,
    turn_id: str,
    lease: Lease,
    *,
    recovery: RecoveryPolicy,
    flow_run_id: str | None,
    task_run_id: str | None,
) -> Begun | None:
    """The agent begins, or begins again. None when the turn is settled already: then nothing is left to do."""
    fence(tx, lease)
    turn = get(tx, turn_id)
    if turn.state in ("completed", "failed", "cancelled"):
        return None
    tx.update(
        "turns",
        turn_id,
        state="running",
        attempt=turn.attempt + 1,
        recovery=recovery,
        flow_run_id=flow_run_id,
        task_run_id=task_run_id,
        started_at=turn.started_at.timestamp() if turn.started_at else tx.now,
    )
    subject = {"session_id": turn.session_id, "terminal_id": turn.terminal_id, "run_id": turn.run_id}
    read = messages.of_turn(tx, turn_id)
    for message in read:
        if message.state == "pending":
            tx.update("messages", message.id, state="delivered", delivered_at=tx.now)
            tx.emit(MessageDelivered(**{**subject, "run_id": message.run_id}, message_id=message.id, turn_id=turn_id))
    tx.emit(TurnStarted(**subject, turn_id=turn_id, attempt=turn.attempt + 1))
    if turn.run_id:
        runs.start(tx, runs.get(tx, turn.run_id), turn.attempt + 1)
    row = tx.row("SELECT * FROM terminals WHERE id = ?", (turn.terminal_id,))
    assert row is not None  # noqa: S101 - a turn's terminal is never deleted
    return Begun(get(tx, turn_id), Terminal.model_validate(row), read, row["conversation"] or {})


def settle(
    tx: Transaction,
    turn_id: str,
    lease: Lease | None,
    state: TurnState,
    *,
    result: str | None = None,
    failure: Failure | None = None,
    usage: Usage | None = None,
    conversation: dict[str, Any] | None = None,
) -> None:
    """End a turn once, with its messages and its run; free its terminal. A settled turn stays as it is.

    lease: None only for a turn that no runner holds (recovery).
    """
    if lease is not None:
        fence(tx, lease)
    turn = get(tx, turn_id)
    if turn.state in ("completed", "failed", "cancelled"):
        return
    tx.update("turns", turn_id, state=state, result=result, failure=failure, usage=usage, settled_at=tx.now)
    subject = {"session_id": turn.session_id, "terminal_id": turn.terminal_id, "run_id": turn.run_id}
    tx.emit(TurnSettled(**subject, turn_id=turn_id, state=state, failure=failure))
    approvals.withdraw(tx, turn_id)
    for message in messages.of_turn(tx, turn_id):
        if message.state in ("pending", "delivered"):
            messages.settle(tx, message, failure)
    _free(tx, turn, "failed" if state == "failed" else "idle", conversation)
    if turn.run_id:
        ends: dict[TurnState, RunState] = {"completed": "completed", "cancelled": "cancelled"}
        runs.settle(tx, runs.get(tx, turn.run_id), ends.get(state, "failed"), result=result, failure=failure)


def _free(tx: Transaction, turn: Turn, status: TerminalStatus, conversation: dict[str, Any] | None) -> None:
    if conversation is not None:
        tx.update("terminals", turn.terminal_id, conversation=conversation)
    terminal = tx.one(Terminal, "SELECT * FROM terminals WHERE id = ?", (turn.terminal_id,))
    assert terminal is not None  # noqa: S101 - a turn's terminal is never deleted
    if terminal.status == "closed":
        return
    if terminal.closes_when_done:
        terminals.close(tx, terminal, code="handoff_over", why=f"terminal {terminal.name} was made for one handoff")
    else:
        tx.update("terminals", terminal.id, status=status)


def interrupt(tx: Transaction, terminal_id: str) -> list[str]:
    """Ask the terminal's turn to stop; the ids of the turns that were asked.

    A turn that no agent works on yet, or any more, ends at once.
    """
    rows = tx.all(
        Turn,
        "SELECT * FROM turns WHERE terminal_id = ? AND state IN ('queued', 'running', 'waiting')",
        (terminal_id,),
    )
    for turn in rows:
        tx.execute("UPDATE turns SET interrupted = 1 WHERE id = ?", (turn.id,))
        tx.emit(TurnInterrupted(session_id=turn.session_id, terminal_id=turn.terminal_id, run_id=turn.run_id, turn_id=turn.id))
        if turn.state == "queued" or (turn.state == "waiting" and approvals.awaits_recovery(tx, turn.id)):
            settle(tx, turn.id, None, "cancelled", failure=INTERRUPTED)
    return [turn.id for turn in rows]


def interrupted(reader: Reader, session_id: str) -> set[str]:
    """The session's unsettled turns that were asked to stop."""
    rows = reader.rows(
        "SELECT id FROM turns WHERE session_id = ? AND state IN ('queued', 'running', 'waiting') AND interrupted = 1",
        (session_id,),
    )
    return {str(row["id"]) for row in rows}


def cut(tx: Transaction, turn: Turn) -> None:
    """Apply the recovery policy to a turn whose process ended in the middle of it.

    The caller has taken the session's lease, so the old runner can write nothing any more.
    """
    subject = {"session_id": turn.session_id, "terminal_id": turn.terminal_id, "run_id": turn.run_id}
    stopped = tx.number("SELECT interrupted FROM turns WHERE id = ?", (turn.id,))
    action = "cancel" if stopped else turn.recovery
    tx.emit(TurnCut(**subject, turn_id=turn.id, attempt=turn.attempt, action=action))
    if action == "cancel":
        settle(tx, turn.id, None, "cancelled", failure=INTERRUPTED)
    elif action == "retry":
        requeue(tx, turn)
    elif action == "ask":
        approval = approvals.ask_recovery(tx, turn)
        tx.update("turns", turn.id, state="waiting")
        tx.execute("UPDATE terminals SET status = 'waiting' WHERE id = ? AND status != 'closed'", (turn.terminal_id,))
        if turn.run_id:
            runs.wait(tx, runs.get(tx, turn.run_id), approval.id)
    else:
        failure = Failure(code="cut", message="the process that ran the turn ended in the middle of it")
        settle(tx, turn.id, None, "failed", failure=failure)


def requeue(tx: Transaction, turn: Turn) -> None:
    """Let the turn be claimed again, with the same id and the same messages, which are pending once more."""
    tx.execute("UPDATE turns SET state = 'queued', token = 0 WHERE id = ?", (turn.id,))
    tx.execute(
        "UPDATE messages SET state = 'pending', delivered_at = NULL WHERE turn_id = ? AND state = 'delivered'",
        (turn.id,),
    )
    tx.execute("UPDATE terminals SET status = 'running' WHERE id = ? AND status != 'closed'", (turn.terminal_id,))
    if turn.run_id:
        runs.requeue(tx, runs.get(tx, turn.run_id))
    tx.touch(turn.session_id)


def unsettled(reader: Reader, session_id: str) -> list[Turn]:
    """The session's turns that some runner holds or held."""
    sql = "SELECT * FROM turns WHERE session_id = ? AND state IN ('queued', 'running', 'waiting') ORDER BY n"
    return reader.all(Turn, sql, (session_id,))


def terminal_of(reader: Reader, turn: Turn) -> Terminal:
    """The terminal that the turn belongs to."""
    return terminals.get(reader, turn.terminal_id)
