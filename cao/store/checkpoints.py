"""Looking back at a run: its decisions, its outputs, how it stood after each; and dropping what nobody needs any more."""

from __future__ import annotations

from collections.abc import Sequence

from cao.events import CheckpointsPruned, WorkflowDeleted
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.paging import seal, unseal
from cao.protocol.records import FINAL_RUN_STATES
from cao.protocol.workflows import Checkpoint, CheckpointDetail, PhaseDecision, PhaseOutput, Pruned, PrunedWorkflows

from . import workflows
from .pages import page
from .transaction import Reader, Row, Transaction

MOST = 1000
"""Runs that are deleted at once."""

_SETTLED = "SELECT * FROM steps WHERE run_id = ? AND state = 'settled' ORDER BY settled_at, n"


def decisions(reader: Reader, request: ListRequest, run_id: str, path: str | None) -> Page[PhaseDecision]:
    """Settled attempts, in the order in which they began."""
    workflows.row_of(reader, run_id)
    filters = {"run_id": run_id, "state": "settled", "path": path}
    return page(reader, PhaseDecision, "steps", request, filters, oldest_first=True)


def outputs(reader: Reader, request: ListRequest, run_id: str, path: str | None) -> Page[PhaseOutput]:
    """The output of each phase's last settled attempt."""
    workflows.row_of(reader, run_id)
    question = request.model_dump(mode="json")
    start = unseal(request.cursor, question, int)[0] if request.cursor else 0
    rows = reader.rows(
        "SELECT s.* FROM steps s WHERE s.run_id = :run AND s.state = 'settled' AND s.n > :start "
        "AND (:path IS NULL OR s.path = :path) AND s.n = (SELECT max(n) FROM steps WHERE run_id = s.run_id AND path = s.path "
        "AND state = 'settled') ORDER BY s.n LIMIT :most",
        {"run": run_id, "start": start, "path": path, "most": request.limit + 1},
    )
    items = [PhaseOutput.model_validate(row) for row in rows[: request.limit]]
    more = len(rows) > request.limit
    return Page[PhaseOutput](items=items, next_cursor=seal([rows[request.limit - 1]["n"]], question) if more else None)


def checkpoints(reader: Reader, request: ListRequest, run_id: str) -> Page[Checkpoint]:
    """A run's checkpoints, oldest first."""
    workflows.row_of(reader, run_id)
    question = request.model_dump(mode="json")
    start = unseal(request.cursor, question, int)[0] if request.cursor else 0
    rows = reader.rows(f"{_SETTLED} LIMIT ? OFFSET ?", (run_id, request.limit + 1, max(start, 0)))
    items = [_checkpoint(number, row) for number, row in enumerate(rows[: request.limit], start + 1)]
    more = len(rows) > request.limit
    return Page[Checkpoint](items=items, next_cursor=seal([start + request.limit], question) if more else None)


def checkpoint(reader: Reader, run_id: str, number: int) -> CheckpointDetail:
    """One checkpoint. Raises `NotFound`."""
    workflows.row_of(reader, run_id)
    rows = reader.rows(f"{_SETTLED} LIMIT ?", (run_id, number))
    if len(rows) < number:
        raise NotFound(f"run {run_id} has {len(rows)} checkpoints; see: cao checkpoint list {run_id}", run=run_id)
    standing = {str(row["path"]): str(row["decision"]["verdict"]) for row in rows}
    brief = _checkpoint(number, rows[-1])
    return CheckpointDetail(**brief.model_dump(), output=rows[-1]["output"], standing=standing)


def _checkpoint(number: int, row: Row) -> Checkpoint:
    return Checkpoint.model_validate({**row, "number": number, "verdict": row["decision"]["verdict"]})


def prune(tx: Transaction, run_id: str, keep: int) -> Pruned:
    """Drop the outputs of superseded attempts, but for the last `keep` of each phase. Raises `Conflict` for a run under way."""
    row = over(tx, run_id)
    found = tx.rows(
        "SELECT n, length(output) AS bytes FROM (SELECT *, row_number() OVER (PARTITION BY path ORDER BY attempt DESC) AS age "
        "FROM steps WHERE run_id = ?) WHERE age > ? AND pruned = 0",
        (run_id, keep),
    )
    for step in found:
        tx.execute("UPDATE steps SET output = '{}', pruned = 1 WHERE n = ?", (step["n"],))
    if found:
        tx.emit(CheckpointsPruned(session_id=row["session_id"], run_id=run_id, count=len(found)))
    return Pruned(count=len(found), bytes=sum(step["bytes"] for step in found))


def delete(tx: Transaction, run_id: str) -> Pruned:
    """Forget a run that is over: its definitions, its steps. Raises `Conflict` for one under way."""
    row = over(tx, run_id)
    size = len(row["snapshot"]) + tx.number("SELECT sum(length(output)) FROM steps WHERE run_id = ?", (run_id,))
    count = tx.execute("DELETE FROM steps WHERE run_id = ?", (run_id,))
    tx.execute("DELETE FROM flow_code WHERE run_id = ?", (run_id,))
    tx.execute("DELETE FROM workflows WHERE id = ?", (run_id,))
    tx.emit(WorkflowDeleted(session_id=row["session_id"], run_id=run_id, definition=row["definition"]))
    return Pruned(count=count, bytes=size)


def delete_old(tx: Transaction, *, before: float, keep: int, states: Sequence[str]) -> PrunedWorkflows:
    """Forget runs that ended before a time, but for the newest `keep`; at most 1,000 at once."""
    marks = ", ".join("?" * len(states))
    rows = tx.rows(
        f"SELECT id FROM (SELECT id, settled_at, state, row_number() OVER (ORDER BY n DESC) AS age FROM workflow_runs) "  # noqa: S608
        f"WHERE age > ? AND settled_at < ? AND state IN ({marks}) LIMIT ?",
        (keep, before, *states, MOST),
    )
    dropped = [delete(tx, str(row["id"])) for row in rows]
    ids = [str(row["id"]) for row in rows]
    return PrunedWorkflows(count=len(ids), bytes=sum(one.bytes for one in dropped), run_ids=ids)


def over(tx: Transaction, run_id: str) -> Row:
    """The row of a run that is over. Raises `Conflict` for one under way."""
    row = workflows.row_of(tx, run_id)
    if row["run_state"] not in FINAL_RUN_STATES:
        raise Conflict(f"run {run_id} is {row['state']}; end it first: cao workflow cancel {run_id}", state=row["state"])
    return row
