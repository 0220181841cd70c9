"""Approvals: a question to a person, bound to exactly one action, decided once, expiring."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from cao.events import ApprovalDecided, ApprovalRequested
from cao.protocol import Conflict, InvalidInput, ListRequest, NotFound, Page
from cao.protocol.records import Approval, ApprovalState, Turn

from . import runs, turns, workflows
from .pages import page
from .transaction import Reader, Transaction

EXPIRY = 24 * 3600.0
"""Seconds after which an undecided approval counts as denied."""


def fingerprint(question: str, action: dict[str, Any]) -> str:
    """The fingerprint that a decision is bound to: another question or action needs another decision."""
    return hashlib.sha256(json.dumps([question, action], sort_keys=True).encode()).hexdigest()


def request(tx: Transaction, turn: Turn, question: str, action: dict[str, Any], expires_in: float = EXPIRY) -> Approval:
    """Ask a person before the turn goes on.

    After a crash the agent asks again: a decision on the same action that it never learned of is taken up, not asked twice.
    """
    mark = fingerprint(question, action)
    known = tx.one(
        Approval,
        "SELECT * FROM approvals WHERE turn_id = ? AND digest = ? AND used = 0 AND state IN ('pending', 'approved', 'denied') "
        "ORDER BY n LIMIT 1",
        (turn.id, mark),
    )
    approval = known or _insert(tx, _subject(turn), "action", question, action, expires_in)
    tx.update("turns", turn.id, state="waiting")
    tx.execute("UPDATE terminals SET status = 'waiting' WHERE id = ? AND status != 'closed'", (turn.terminal_id,))
    if turn.run_id:
        runs.wait(tx, runs.get(tx, turn.run_id), approval.id)
    return approval


def ask_recovery(tx: Transaction, turn: Turn) -> Approval:
    """Ask whether a turn that was cut shall be tried again. It does not expire into a repetition: silence is no."""
    question = f"The turn was cut in its attempt {turn.attempt}; what it did until then is not undone. Try it again?"
    action = {"recover": turn.id, "attempt": turn.attempt}
    return _insert(tx, _subject(turn), "recovery", question, action, EXPIRY)


def ask(tx: Transaction, *, session_id: str, run_id: str, question: str, action: dict[str, Any], expires_in: float) -> Approval:
    """Ask a person something that a run of a workflow waits for."""
    subject = {"session_id": session_id, "terminal_id": None, "run_id": run_id}
    return _insert(tx, subject, "workflow", question, {**action, "workflow": run_id}, expires_in)


def question(tx: Transaction, session_id: str, text: str, expires_in: float) -> Approval:
    """Ask a person something that a program waits for."""
    subject = {"session_id": session_id, "terminal_id": None, "run_id": None}
    return _insert(tx, subject, "question", text, {"asked_by": tx.actor}, expires_in)


def _subject(turn: Turn) -> dict[str, str | None]:
    return {"session_id": turn.session_id, "terminal_id": turn.terminal_id, "run_id": turn.run_id, "turn_id": turn.id}


def _insert(
    tx: Transaction,
    subject: dict[str, str | None],
    kind: Literal["action", "recovery", "workflow", "question"],
    question: str,
    action: dict[str, Any],
    expires_in: float,
) -> Approval:
    id = tx.new_id("apr")
    tx.insert(
        "approvals",
        id=id,
        **subject,
        kind=kind,
        question=question,
        action=action,
        digest=fingerprint(question, action),
        state="pending",
        created_at=tx.now,
        expires_at=tx.now + expires_in,
    )
    tx.touch(id)
    about = {name: subject[name] for name in ("session_id", "terminal_id", "run_id")}
    tx.emit(ApprovalRequested(**about, approval_id=id, question=question))
    return get(tx, id)


def get(reader: Reader, id: str) -> Approval:
    """The approval with this id. Raises `NotFound`."""
    found = reader.one(Approval, "SELECT * FROM approvals WHERE id = ?", (id,))
    if found is None:
        raise NotFound(f"no approval {id!r}; see: cao approval list", approval=id)
    return found


def list_page(reader: Reader, request: ListRequest, *, session_id: str | None, state: ApprovalState | None) -> Page[Approval]:
    return page(reader, Approval, "approvals", request, {"session_id": session_id, "state": state})


def decide(tx: Transaction, id: str, *, approve: bool, by: str, reason: str | None, digest: str | None = None) -> Approval:
    """Settle an approval. Raises `Conflict` when it is settled already, has expired, or asks for another action by now."""
    approval = get(tx, id)
    if digest is not None and digest != approval.digest:
        raise Conflict(f"approval {id} is for another action than the one that you saw; read it again", approval=id)
    if approval.state != "pending":
        raise Conflict(f"approval {id} is {approval.state} already", state=approval.state)
    if approval.expires_at.timestamp() <= tx.now:
        raise Conflict(f"approval {id} expired at {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC", state="expired")
    if approval.action.get("note") is True and not (reason or "").strip():
        raise InvalidInput.field("reason", "is needed here: say why")
    return _settle(tx, approval, "approved" if approve else "denied", by, reason)


def expire(tx: Transaction) -> int:
    """Settle every pending approval whose time is over; how many."""
    due = tx.all(Approval, "SELECT * FROM approvals WHERE state = 'pending' AND expires_at <= ? LIMIT 200", (tx.now,))
    for approval in due:
        _settle(tx, approval, "expired", None, "nobody decided in time")
    return len(due)


def _settle(tx: Transaction, approval: Approval, state: ApprovalState, by: str | None, reason: str | None) -> Approval:
    tx.update("approvals", approval.id, state=state, decided_by=by, reason=reason, settled_at=tx.now)
    tx.touch(approval.id)
    tx.emit(
        ApprovalDecided(
            session_id=approval.session_id,
            terminal_id=approval.terminal_id,
            run_id=approval.run_id,
            approval_id=approval.id,
            state=state,
            decided_by=by,
        )
    )
    kind = _kind(tx, approval.id)
    if kind == "recovery":
        _recover(tx, approval, state)
    elif kind == "workflow" and state != "withdrawn":
        workflows.answered(tx, get(tx, approval.id))
    return get(tx, approval.id)


def _recover(tx: Transaction, approval: Approval, state: ApprovalState) -> None:
    assert approval.turn_id is not None  # noqa: S101 - only turns are recovered this way
    turn = turns.get(tx, approval.turn_id)
    if state == "approved":
        turns.requeue(tx, turn)
    elif state != "withdrawn":
        failure = turns.Failure(code="cut", message="the turn was cut and nobody wanted it repeated")
        turns.settle(tx, turn.id, None, "failed", failure=failure)


def take(tx: Transaction, approval_id: str, turn: Turn) -> Approval:
    """The agent learns of the decision: the approval is used up and the turn goes on."""
    tx.execute("UPDATE approvals SET used = 1 WHERE id = ?", (approval_id,))
    tx.execute("UPDATE turns SET state = 'running' WHERE id = ? AND state = 'waiting'", (turn.id,))
    tx.execute("UPDATE terminals SET status = 'running' WHERE id = ? AND status = 'waiting'", (turn.terminal_id,))
    if turn.run_id:
        runs.start(tx, turn.run_id, turn)
    return get(tx, approval_id)


def withdraw(tx: Transaction, turn_id: str) -> None:
    """The turn is over: nobody needs an answer to its open questions."""
    for approval in tx.all(Approval, "SELECT * FROM approvals WHERE turn_id = ? AND state = 'pending'", (turn_id,)):
        _settle(tx, approval, "withdrawn", None, "the turn is over")


def withdraw_of_run(tx: Transaction, run_id: str) -> None:
    """A workflow's run is over: nobody needs an answer to its open questions."""
    for approval in pending_of_run(tx, run_id):
        _settle(tx, approval, "withdrawn", None, "the run is over")


def withdraw_one(tx: Transaction, id: str) -> None:
    """Nobody needs an answer to this question any more."""
    approval = get(tx, id)
    if approval.state == "pending":
        _settle(tx, approval, "withdrawn", None, "it is not needed any more")


def of_run(reader: Reader, run_id: str) -> list[Approval]:
    """What a run of a workflow asked, oldest first."""
    return reader.all(Approval, "SELECT * FROM approvals WHERE run_id = ? AND kind = 'workflow' ORDER BY n", (run_id,))


def pending_of_run(reader: Reader, run_id: str) -> list[Approval]:
    """What a run of a workflow waits for."""
    return [approval for approval in of_run(reader, run_id) if approval.state == "pending"]


def seconds_waited(reader: Reader, terminal_id: str, since: datetime, now: float) -> float:
    """How long the agent of a terminal has waited for people since then."""
    row = reader.row(
        "SELECT sum(coalesce(settled_at, :now) - created_at) AS seconds FROM approvals "
        "WHERE terminal_id = :terminal AND created_at >= :since",
        {"now": now, "terminal": terminal_id, "since": since.timestamp()},
    )
    return float(row["seconds"] or 0.0) if row else 0.0


def awaits_recovery(reader: Reader, turn_id: str) -> bool:
    """Whether the turn stands still because it was cut, and not because its agent asked."""
    sql = "SELECT count(*) FROM approvals WHERE turn_id = ? AND state = 'pending' AND kind = 'recovery'"
    return reader.number(sql, (turn_id,)) > 0


def _kind(reader: Reader, id: str) -> str:
    row = reader.row("SELECT kind FROM approvals WHERE id = ?", (id,))
    return str(row["kind"]) if row else ""


def next_expiry(reader: Reader) -> float:
    """When the next pending approval expires; infinity when none is pending."""
    row = reader.row("SELECT min(expires_at) AS at FROM approvals WHERE state = 'pending'")
    return float(row["at"]) if row and row["at"] is not None else float("inf")
