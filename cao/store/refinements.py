"""Refinements: that an agent was asked to rewrite something, in which run, and what became of it."""

from __future__ import annotations

from cao.events import RefinementAsked, RefinementSettled
from cao.protocol import Conflict
from cao.protocol.records import Session
from cao.protocol.requirements import Refinement, RefinementState, Subject

from .transaction import Reader, Transaction

_OF = "subject = ? AND coalesce(requirement_id, project_id, '') = ?"


def ask(
    tx: Transaction, subject: Subject, session: Session, version: int, *, requirement_id: str | None, project_id: str | None
) -> Refinement:
    """Note that a session's run is to rewrite something. Raises `Conflict` while another run is at it."""
    if (earlier := last(tx, subject, requirement_id or project_id or "")) and earlier.state == "asked":
        raise Conflict(
            f"run {earlier.run_id} is at work on it; wait for it: cao run wait {earlier.run_id}, "
            f"or give it up: cao run cancel {earlier.run_id}",
            run=earlier.run_id,
        )
    about = {"subject": subject, "requirement_id": requirement_id, "project_id": project_id}
    origin = {"run_id": session.run_id, "session_id": session.id}
    state = {"state": "asked", "base_version": version}
    tx.insert("refinements", **about, **origin, **state, created_at=tx.now)
    tx.emit(RefinementAsked.model_validate({**about, **origin}))
    return Refinement.model_validate({**about, **origin, **state, "created_at": tx.time})


def of_run(reader: Reader, run_id: str) -> Refinement | None:
    """The refinement that this run is for, if it is for one."""
    return reader.one(Refinement, "SELECT * FROM refinements WHERE run_id = ?", (run_id,))


def last(reader: Reader, subject: Subject, id: str) -> Refinement | None:
    """The newest refinement of a requirement's id, or of a project's vision."""
    return reader.one(Refinement, f"SELECT * FROM refinements WHERE {_OF} ORDER BY n DESC LIMIT 1", (subject, id))  # noqa: S608


def settle(tx: Transaction, refinement: Refinement, state: RefinementState, reason: str | None = None) -> None:
    """Write what became of it."""
    tx.execute(
        "UPDATE refinements SET state = ?, reason = ?, settled_at = ? WHERE run_id = ?",
        (state, reason, tx.now, refinement.run_id),
    )
    about = refinement.model_dump(include={"run_id", "session_id", "subject", "requirement_id", "project_id"})
    tx.emit(RefinementSettled.model_validate({**about, "state": state, "reason": reason}))
