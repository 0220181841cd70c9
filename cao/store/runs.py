"""Runs: the caller's durable handle on work, from before it begins until after everybody forgot it."""

from __future__ import annotations

from cao.events import RunCancelled, RunCompleted, RunFailed, RunStarted, RunWaiting
from cao.protocol import ListRequest, NotFound, Page
from cao.protocol.records import FINAL_RUN_STATES, Failure, Run, RunState, Terminal, Turn

from . import messages
from .pages import page
from .transaction import Reader, Transaction


def get(reader: Reader, id: str) -> Run:
    """The run with this id. Raises `NotFound`."""
    found = reader.one(Run, "SELECT * FROM runs WHERE id = ?", (id,))
    if found is None:
        raise NotFound(f"no run {id!r}; see: cao run list", run=id)
    return found


def list_page(
    reader: Reader,
    request: ListRequest,
    *,
    session_id: str | None,
    terminal_id: str | None,
    state: RunState | None,
) -> Page[Run]:
    filters = {"session_id": session_id, "terminal_id": terminal_id, "state": state}
    return page(reader, Run, "runs", request, filters)


def start(tx: Transaction, run_id: str, turn: Turn) -> None:
    """The run's turn begins, or goes on after a person decided."""
    tx.execute("UPDATE runs SET state = 'running', started_at = coalesce(started_at, ?) WHERE id = ?", (tx.now, run_id))
    tx.emit(RunStarted(session_id=turn.session_id, terminal_id=turn.terminal_id, run_id=run_id, attempt=turn.attempt))


def wait(tx: Transaction, run: Run, approval_id: str) -> None:
    """The run stands still until a person decides."""
    tx.update("runs", run.id, state="waiting")
    tx.emit(RunWaiting(session_id=run.session_id, terminal_id=run.terminal_id, run_id=run.id, approval_id=approval_id))


def requeue(tx: Transaction, run_id: str) -> None:
    """The run's turn was cut and will be tried again."""
    tx.execute("UPDATE runs SET state = 'queued' WHERE id = ?", (run_id,))


def settle(tx: Transaction, run: Run, state: RunState, *, result: str | None = None, failure: Failure | None = None) -> None:
    """End a run once; a settled run stays as it is. Its result goes to the caller's inbox where that was promised."""
    if run.state in FINAL_RUN_STATES:
        return
    tx.update("runs", run.id, state=state, result=result, failure=failure, settled_at=tx.now)
    subject = {"session_id": run.session_id, "terminal_id": run.terminal_id, "run_id": run.id}
    if state == "completed":
        tx.emit(RunCompleted(**subject))
    elif state == "cancelled":
        tx.emit(RunCancelled(**subject))
    else:
        tx.emit(RunFailed(**subject, failure=failure or Failure(code="internal", message="unknown")))
    if run.parent_terminal_id and tx.number("SELECT deliver FROM runs WHERE id = ?", (run.id,)):
        _deliver(tx, run, result, failure)


def promise_delivery(tx: Transaction, run_id: str) -> Run:
    """Turn a handoff that its caller no longer waits for into an assignment; the run as it stands now.

    A run that was settled meanwhile is delivered at once, so that the result is never lost between the two.
    """
    run = get(tx, run_id)
    if run.parent_terminal_id and not tx.number("SELECT deliver FROM runs WHERE id = ?", (run.id,)):
        tx.execute("UPDATE runs SET deliver = 1 WHERE id = ?", (run.id,))
        if run.state in FINAL_RUN_STATES:
            _deliver(tx, run, run.result, run.failure)
    return run


def _deliver(tx: Transaction, run: Run, result: str | None, failure: Failure | None) -> None:
    parent = tx.one(Terminal, "SELECT * FROM terminals WHERE id = ?", (run.parent_terminal_id,))
    worker = tx.one(Terminal, "SELECT * FROM terminals WHERE id = ?", (run.terminal_id,))
    if parent is None or worker is None or parent.status == "closed":
        return
    text = result if failure is None else f"[{failure.code}] {failure.message}"
    messages.result_mail(tx, parent, text or "(no text)", sender=f"terminal:{worker.id}", about_run_id=run.id)
