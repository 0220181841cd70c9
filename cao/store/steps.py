"""Steps: each attempt at each phase of a workflow's run, written down as it begins and as it ends.

begin ──► running ──settle──► settled
             │  ▲
            ask answered
             ▼  │
           waiting
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cao.events import PhaseDecided, PhaseStarted
from cao.protocol import NotFound
from cao.protocol.records import Failure, RecoveryPolicy
from cao.protocol.workflows import AGAIN, CUT, Decision, Step

from . import approvals
from .transaction import Reader, Transaction

BRIEF = 4000
"""Characters of an output, as JSON, that are told with its run."""


@dataclass(frozen=True, slots=True)
class NewStep:
    """An attempt that begins."""

    session_id: str
    run_id: str
    path: str
    kind: str
    attempt: int
    within: int
    effect: str
    begun: float
    directory: str | None = None
    branch: str | None = None
    task_run_id: str | None = None


def begin(tx: Transaction, new: NewStep) -> Step:
    """Write down that an attempt begins, before it does anything."""
    columns = {"kind": new.kind, "within": new.within, "effect": new.effect, "begun": new.begun, "directory": new.directory}
    tx.insert(
        "steps",
        id=_id(new.run_id, new.path, new.attempt),
        run_id=new.run_id,
        path=new.path,
        attempt=new.attempt,
        state="running",
        branch=new.branch,
        task_run_id=new.task_run_id,
        started_at=tx.now,
        **columns,
    )
    subject = {"session_id": new.session_id, "run_id": new.run_id}
    tx.emit(PhaseStarted(**subject, path=new.path, kind=new.kind, attempt=new.attempt))
    return get(tx, new.run_id, new.path, new.attempt)


def take_over(tx: Transaction, run_id: str, step: Step) -> None:
    """Write down an attempt of another run as one of this."""
    columns = step.model_dump(exclude={"n", "run_id", "started_at", "settled_at", "task_run_id", "approval_id"})
    tx.insert(
        "steps",
        id=_id(run_id, step.path, step.attempt),
        run_id=run_id,
        effect="idempotent",
        started_at=step.started_at.timestamp(),
        settled_at=(step.settled_at or tx.time).timestamp(),
        **columns,
    )


def get(reader: Reader, run_id: str, path: str, attempt: int) -> Step:
    """One attempt. Raises `NotFound`."""
    found = reader.one(Step, "SELECT * FROM steps WHERE id = ?", (_id(run_id, path, attempt),))
    if found is None:
        raise NotFound(f"run {run_id} has no attempt {attempt} at {path}; see: cao workflow get {run_id}", run=run_id)
    return found


def of_run(reader: Reader, run_id: str) -> list[Step]:
    """All attempts of a run in the order in which they began."""
    return reader.all(Step, "SELECT * FROM steps WHERE run_id = ? ORDER BY n", (run_id,))


def brief(step: Step) -> Step:
    """The same with a long output cut; `workflow outputs` tells it whole."""
    if len(json.dumps(step.output)) <= BRIEF:
        return step
    kept = {"text": step.output["text"][:BRIEF] + "…"} if isinstance(step.output.get("text"), str) else {}
    return step.model_copy(update={"output": {**kept, "cut": True}})


def unsettled(reader: Reader, run_id: str) -> list[Step]:
    """The attempts of a run that are under way or wait."""
    return reader.all(Step, "SELECT * FROM steps WHERE run_id = ? AND state != 'settled' ORDER BY n", (run_id,))


def settle(
    tx: Transaction,
    step: Step,
    decision: Decision,
    output: dict[str, Any] | None = None,
    failure: Failure | None = None,
) -> Step:
    """End an attempt once; a settled one stays as it is."""
    now = get(tx, step.run_id, step.path, step.attempt)
    if now.state == "settled":
        return now
    id, kept = _id(step.run_id, step.path, step.attempt), now.output if output is None else output
    tx.update("steps", id, state="settled", decision=decision, output=kept, failure=failure, settled_at=tx.now)
    tx.emit(
        PhaseDecided(
            session_id=_session(tx, step.run_id),
            run_id=step.run_id,
            path=step.path,
            kind=step.kind,
            attempt=step.attempt,
            verdict=decision.verdict,
            by=decision.by,
            failure=failure,
        )
    )
    return get(tx, step.run_id, step.path, step.attempt)


def ask(tx: Transaction, step: Step, question: str, action: dict[str, Any], seconds: float) -> Step:
    """Let an attempt wait for a person."""
    approval = approvals.ask(
        tx,
        session_id=_session(tx, step.run_id),
        run_id=step.run_id,
        question=question,
        action={"phase": step.path, "attempt": step.attempt, **action},
        expires_in=seconds,
    )
    tx.update("steps", _id(step.run_id, step.path, step.attempt), state="waiting", approval_id=approval.id)
    return get(tx, step.run_id, step.path, step.attempt)


def of_approval(reader: Reader, approval_id: str) -> Step | None:
    """The attempt that an approval was asked for."""
    return reader.one(Step, "SELECT * FROM steps WHERE approval_id = ?", (approval_id,))


def send(tx: Transaction, step: Step, terminal_id: str, turn_run_id: str, *, reminder: bool = False) -> None:
    """Remember which terminal and which turn's run an agent's phase waits for."""
    tx.execute(
        "UPDATE steps SET terminal_id = ?, turn_run_id = ?, reminders = reminders + ? WHERE id = ?",
        (terminal_id, turn_run_id, int(reminder), _id(step.run_id, step.path, step.attempt)),
    )


def reminders(reader: Reader, step: Step) -> int:
    """How often the step's agent was asked for its decision again."""
    return reader.number("SELECT reminders FROM steps WHERE id = ?", (_id(step.run_id, step.path, step.attempt),))


def cut(tx: Transaction, step: Step, seconds: float) -> None:
    """A command's process ended in the middle: repeat it if that is allowed, else ask a person.

    The caller has taken the run's lease, so the old runner can write nothing any more.
    """
    row = tx.row("SELECT effect FROM steps WHERE id = ?", (_id(step.run_id, step.path, step.attempt),))
    if row is not None and row["effect"] == "idempotent":
        failure = Failure(code=CUT, message="the process that ran it ended in the middle of it")
        settle(tx, step, Decision(verdict="rework", reason=failure.message), failure=failure)
        return
    question = f"{step.path} was cut in its attempt {step.attempt}; what it did until then is not undone. Do it again?"
    ask(tx, step, question, {"about": "cut"}, seconds)


def answered(tx: Transaction, step: Step, *, yes: bool, by: str | None, reason: str | None, action: dict[str, Any]) -> None:
    """A person decided what an attempt waits for, or nobody did in time."""
    said = Decision(verdict="advance" if yes else str(action.get("denied", "fail")), reason=reason or "", by="person")
    if action.get("about") != "cut":
        settle(tx, step, said, {"text": reason or "", "json": {"approved": yes, "by": by}})
    elif yes:
        settle(tx, step, said.model_copy(update={"verdict": "rework"}), failure=Failure(code=AGAIN, message="done again"))
    else:
        message = f"it was cut, and nobody wanted it done again{': ' + reason if reason else ''}"
        settle(tx, step, said.model_copy(update={"verdict": "fail"}), failure=Failure(code="abandoned", message=message))


def recovery_of(reader: Reader, run_id: str | None) -> RecoveryPolicy | None:
    """What happens to a turn that a crash cuts, where the turn is a phase's: as the phase's effect says."""
    row = reader.row("SELECT effect FROM steps WHERE turn_run_id = ?", (run_id,)) if run_id else None
    return None if row is None else "retry" if row["effect"] == "idempotent" else "ask"


def _id(run_id: str, path: str, attempt: int) -> str:
    return f"{run_id}:{path}:{attempt}"


def _session(reader: Reader, run_id: str) -> str:
    row = reader.row("SELECT session_id FROM runs WHERE id = ?", (run_id,))
    return str(row["session_id"]) if row else ""
