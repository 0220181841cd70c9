"""Turns: begin, settle; and what happens to one that a crash cut in the middle.

    start ──► running ──settle──► completed | failed | cancelled
      ▲         │  ▲
      │        cut └── decided ── waiting
    queued ◄────┘

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
    FINAL_RUN_STATES,
    Failure,
    Message,
    RecoveryPolicy,
    Run,
    RunState,
    Terminal,
    TerminalStatus,
    Turn,
    TurnState,
    Usage,
)

from . import approvals, messages, runs, steps, terminals
from .hub import work_topic
from .leases import Lease, fence
from .transaction import Reader, Transaction

MAIL_BATCH = 20
"""Messages from other agents that one turn reads at most."""
MAIL_BYTES = 256 * 1024
"""Their text at most, so that a flood of mail does not fill one prompt."""

INTERRUPTED = Failure(code="interrupted", message="the turn was interrupted")


_SETTLED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Ready:
    """A turn that could begin."""

    turn_id: str | None
    """The turn to try again; None for a new one."""
    terminal: Terminal


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


def exists(reader: Reader, id: str) -> bool:
    """Whether the turn ever began."""
    return reader.number("SELECT count(*) FROM turns WHERE id = ?", (id,)) > 0


def of_terminal(reader: Reader, terminal_id: str, limit: int = 1) -> list[Turn]:
    """A terminal's turns, newest first."""
    return reader.all(Turn, "SELECT * FROM turns WHERE terminal_id = ? ORDER BY n DESC LIMIT ?", (terminal_id, limit))


def ready(reader: Reader, session_id: str) -> list[Ready]:
    """What a runner can begin: for each free terminal with unread messages, its next turn.

    A turn that was cut and shall be tried again comes back under its own id.
    """
    rows = reader.rows(
        "SELECT t.*, m.turn_id FROM terminals t JOIN messages m ON m.n = ("
        "SELECT min(n) FROM messages WHERE session_id = t.session_id AND terminal_id = t.id AND state = 'pending') "
        "WHERE t.session_id = ? AND t.status IN ('idle', 'failed') ORDER BY t.n",
        (session_id,),
    )
    return [Ready(row["turn_id"], Terminal.model_validate(row)) for row in rows]


def claimable(reader: Reader, session_id: str) -> bool:
    """Whether the session has a turn to begin."""
    return bool(
        reader.number(
            "SELECT EXISTS (SELECT 1 FROM messages m JOIN terminals t ON t.id = m.terminal_id "
            "WHERE m.session_id = ? AND m.state = 'pending' AND t.status IN ('idle', 'failed'))",
            (session_id,),
        )
    )


def start(
    tx: Transaction,
    turn_id: str,
    terminal_id: str,
    lease: Lease,
    *,
    recovery: RecoveryPolicy,
    flow_run_id: str | None,
    task_run_id: str | None,
) -> Begun | None:
    """The agent begins, or begins again: the messages are delivered now. None when there is nothing left to do.

    A turn that was asked to stop between two attempts ends here.

    turn_id: a new id, or that of a turn to try again.
    """
    fence(tx, lease)
    row = tx.row("SELECT * FROM terminals WHERE id = ?", (terminal_id,))
    known = tx.one(Turn, "SELECT * FROM turns WHERE id = ?", (turn_id,))
    if row is None or (known is not None and known.state in _SETTLED) or (known is None and row["status"] == "closed"):
        return None
    if known is not None and tx.number("SELECT EXISTS (SELECT 1 FROM turns WHERE id = ? AND interrupted = 1)", (turn_id,)):
        settle(tx, turn_id, lease, "cancelled", failure=INTERRUPTED)
        return None
    terminal = Terminal.model_validate({**row, "status": "running"})
    read = _batch(messages.pending(tx, terminal, MAIL_BATCH)) if known is None else messages.of_turn(tx, turn_id)
    if not read:
        return None
    turn = Turn(
        id=turn_id,
        session_id=row["session_id"],
        terminal_id=terminal_id,
        run_id=read[0].run_id,
        state="running",
        attempt=known.attempt + 1 if known else 1,
        recovery=steps.recovery_of(tx, read[0].run_id) or recovery,
        flow_run_id=flow_run_id,
        task_run_id=task_run_id,
        created_at=known.created_at if known else tx.time,
        started_at=known.started_at if known and known.started_at else tx.time,
    )
    _write_started(tx, turn, lease, new=known is None)
    _deliver(tx, turn, read)
    if turn.run_id:
        runs.start(tx, turn.run_id, turn)
    return Begun(turn, terminal, read, row["conversation"] or {})


def _write_started(tx: Transaction, turn: Turn, lease: Lease, *, new: bool) -> None:
    columns = {
        "state": turn.state,
        "attempt": turn.attempt,
        "recovery": turn.recovery,
        "token": lease.token,
        "flow_run_id": turn.flow_run_id,
        "task_run_id": turn.task_run_id,
        "started_at": turn.started_at.timestamp() if turn.started_at else tx.now,
    }
    if new:
        subject = {"id": turn.id, "session_id": turn.session_id, "terminal_id": turn.terminal_id, "run_id": turn.run_id}
        tx.insert("turns", **subject, **columns, created_at=tx.now)
    else:
        tx.update("turns", turn.id, **columns)
    tx.execute("UPDATE terminals SET status = 'running' WHERE id = ? AND status != 'closed'", (turn.terminal_id,))
    tx.emit(
        TurnStarted(
            session_id=turn.session_id,
            terminal_id=turn.terminal_id,
            run_id=turn.run_id,
            turn_id=turn.id,
            attempt=turn.attempt,
        )
    )


def _deliver(tx: Transaction, turn: Turn, read: list[Message]) -> None:
    for message in read:
        if message.state != "pending":
            continue
        tx.execute(
            "UPDATE messages SET state = 'delivered', turn_id = ?, delivered_at = ? WHERE id = ?",
            (turn.id, tx.now, message.id),
        )
        tx.emit(
            MessageDelivered(
                session_id=turn.session_id,
                terminal_id=turn.terminal_id,
                run_id=message.run_id,
                message_id=message.id,
                turn_id=turn.id,
            )
        )


def _batch(waiting: list[Message]) -> list[Message]:
    """A prompt gets a turn of its own; mail is read together, up to the next prompt."""
    if not waiting or waiting[0].kind == "prompt":
        return waiting[:1]
    batch: list[Message] = []
    size = 0
    for message in waiting:
        size += len(message.text)
        if message.kind == "prompt" or (batch and size > MAIL_BYTES):
            break
        batch.append(message)
    return batch


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
    if turn.state in _SETTLED:
        return
    tx.update("turns", turn_id, state=state, result=result, failure=failure, usage=usage, settled_at=tx.now)
    subject = {"session_id": turn.session_id, "terminal_id": turn.terminal_id, "run_id": turn.run_id}
    tx.emit(TurnSettled(**subject, turn_id=turn_id, state=state, failure=failure))
    approvals.withdraw(tx, turn_id)
    for message in messages.of_turn(tx, turn_id):
        if message.state in ("pending", "delivered"):
            messages.settle(tx, message, failure)
    _free(tx, turn, "failed" if state == "failed" else "idle", conversation)
    tx.touch(work_topic(turn.session_id))
    if turn.run_id:
        ends: dict[TurnState, RunState] = {"completed": "completed", "cancelled": "cancelled"}
        runs.settle(tx, runs.get(tx, turn.run_id), ends.get(state, "failed"), result=result, failure=failure)


def _free(tx: Transaction, turn: Turn, status: TerminalStatus, conversation: dict[str, Any] | None) -> None:
    if conversation is not None:
        terminals.remember(tx, turn.terminal_id, conversation)
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
        tx.touch(work_topic(turn.session_id))
        tx.emit(TurnInterrupted(session_id=turn.session_id, terminal_id=turn.terminal_id, run_id=turn.run_id, turn_id=turn.id))
        if turn.state == "queued" or (turn.state == "waiting" and approvals.awaits_recovery(tx, turn.id)):
            settle(tx, turn.id, None, "cancelled", failure=INTERRUPTED)
    return [turn.id for turn in rows]


def cancel(tx: Transaction, run: Run) -> None:
    """Give up a turn's run: one that waits never begins, one under way is asked to stop. One that is over stays as it is."""
    if run.state in FINAL_RUN_STATES or run.message_id is None or run.terminal_id is None:
        return
    message = messages.get(tx, run.message_id)
    if message.turn_id is None:
        messages.give_up(tx, message, Failure(code="cancelled", message="the run was cancelled before it began"))
    else:
        interrupt(tx, run.terminal_id)


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
    tx.execute("UPDATE turns SET state = 'queued' WHERE id = ?", (turn.id,))
    tx.execute(
        "UPDATE messages SET state = 'pending', delivered_at = NULL WHERE turn_id = ? AND state = 'delivered'",
        (turn.id,),
    )
    tx.execute("UPDATE terminals SET status = 'idle' WHERE id = ? AND status != 'closed'", (turn.terminal_id,))
    if turn.run_id:
        runs.requeue(tx, turn.run_id)
    tx.touch(turn.session_id, work_topic(turn.session_id))


def unsettled(reader: Reader, session_id: str) -> list[Turn]:
    """The session's turns that some runner holds or held."""
    sql = "SELECT * FROM turns WHERE session_id = ? AND state IN ('queued', 'running', 'waiting') ORDER BY n"
    return reader.all(Turn, sql, (session_id,))
