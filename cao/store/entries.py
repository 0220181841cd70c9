"""Who runs a workflow's run: one process at a time, under a lease, as with activations.

What a runner writes is fenced by the run's lease. `version` grows with everything that others write: a runner that leaves makes
sure that it has seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cao.events import RunStarted
from cao.protocol.records import FINAL_RUN_STATES, Failure, RunState

from . import approvals, leases, runs, steps, workflows
from .leases import Lease
from .transaction import Reader, Row, Transaction


@dataclass(frozen=True, slots=True)
class Entered:
    """A run that one runner holds; `flow_run_id` is known when it was entered before."""

    id: str
    session_id: str
    definition: str
    lease: Lease
    flow_run_id: str | None


def lease_name(run_id: str) -> str:
    return f"workflow:{run_id}"


def enter(tx: Transaction, id: str, owner: str, is_alive: Callable[[str], bool], patience: float) -> Entered | None:
    """Become the run's runner, or None while another lives or nothing is to be done.

    patience: seconds for which a person may decide about phases that a dead runner left in the middle.
    """
    row = tx.row("SELECT * FROM workflow_runs WHERE id = ?", (id,))
    if row is None or not (row["run_state"] == "running" or (row["run_state"] == "queued" and not row["paused"])):
        return None
    seen = _last_seen(tx, id)
    lease = leases.acquire(tx, lease_name(id), owner, is_alive)
    if lease is None:
        return None
    if row["run_state"] == "running":
        recover(tx, row, seen, patience)
    tx.execute("UPDATE runs SET state = 'running', started_at = coalesce(started_at, ?) WHERE id = ?", (tx.now, id))
    tx.execute("UPDATE workflows SET working_since = ? WHERE id = ?", (tx.now, id))
    if row["started_at"] is None:
        tx.emit(RunStarted(session_id=row["session_id"], run_id=id))
    tx.touch(id)
    return Entered(id, row["session_id"], row["definition"], lease, row["flow_run_id"])


def _last_seen(tx: Transaction, id: str) -> float:
    held = tx.row("SELECT expires_at FROM leases WHERE name = ?", (lease_name(id),))
    return float(held["expires_at"]) - leases.DURATION if held else 0.0


def recover(tx: Transaction, row: Row, seen: float, patience: float) -> int:
    """Settle what a dead runner left in the middle, or ask about it; how many steps. Agents' turns recover by themselves."""
    if row["working_since"] is not None:
        seconds = workflows.worked(row, max(seen, float(row["working_since"])))
        tx.execute("UPDATE workflows SET worked = ?, working_since = NULL WHERE id = ?", (seconds, row["id"]))
    orphaned = [step for step in steps.unsettled(tx, row["id"]) if step.state == "running" and step.kind == "command"]
    for step in orphaned:
        steps.cut(tx, step, patience)
    return len(orphaned)


def recover_all(tx: Transaction, owner: str, is_alive: Callable[[str], bool], patience: float) -> int:
    """Take over every run whose runner died; how many phases were cut. The runs stay open, to be entered again."""
    count = 0
    for id in orphans(tx, owner, is_alive, tx.now):
        seen = _last_seen(tx, id)
        if leases.acquire(tx, lease_name(id), owner, is_alive):
            count += recover(tx, workflows.row_of(tx, id), seen, patience)
    return count


def orphans(reader: Reader, owner: str, is_alive: Callable[[str], bool], now: float) -> list[str]:
    """Runs under way that no living owner holds."""
    rows = reader.rows(
        "SELECT r.id, l.owner, l.expires_at FROM runs r LEFT JOIN leases l ON l.name = 'workflow:' || r.id "
        "WHERE r.kind = 'workflow' AND r.state = 'running'"
    )
    return [
        str(row["id"])
        for row in rows
        if row["owner"] != owner and not (row["owner"] and row["expires_at"] > now and is_alive(row["owner"]))
    ]


def open_flow_runs(reader: Reader, owner: str, is_alive: Callable[[str], bool], now: float) -> list[str]:
    """Prefect's flow runs of the runs that other living owners hold."""
    rows = reader.rows(
        "SELECT w.flow_run_id, l.owner, l.expires_at FROM runs r JOIN workflows w ON w.id = r.id "
        "JOIN leases l ON l.name = 'workflow:' || r.id WHERE r.kind = 'workflow' AND r.state = 'running' "
        "AND w.flow_run_id IS NOT NULL"
    )
    held = (row for row in rows if row["owner"] not in (None, owner) and row["expires_at"] > now)
    return [str(row["flow_run_id"]) for row in held if is_alive(row["owner"])]


def bind(tx: Transaction, entered: Entered, flow_run_id: str) -> None:
    """Remember which of Prefect's flow runs stands for the run."""
    leases.fence(tx, entered.lease)
    tx.execute("UPDATE workflows SET flow_run_id = ? WHERE id = ?", (flow_run_id, entered.id))


def leave(tx: Transaction, entered: Entered, version: int) -> bool:
    """Give the run back, to wait for a person; False when somebody wrote meanwhile, and it goes on."""
    leases.fence(tx, entered.lease)
    now = workflows.header(tx, entered.id, tx.now)
    if now.version != version:
        return False
    tx.execute("UPDATE workflows SET worked = ?, working_since = NULL WHERE id = ?", (now.worked, entered.id))
    if now.state not in FINAL_RUN_STATES:
        pending = approvals.pending_of_run(tx, entered.id)
        if pending:
            runs.wait(tx, runs.get(tx, entered.id), pending[0].id)
        else:
            tx.execute("UPDATE runs SET state = 'waiting' WHERE id = ?", (entered.id,))
    leases.release(tx, entered.lease)
    tx.touch(entered.id)
    return True


def abandon(tx: Transaction, entered: Entered, patience: float) -> None:
    """Let go of a run that broke or was cut, to be entered again. Nothing happens if it was taken over or left."""
    if not leases.holds(tx, entered.lease):
        return
    row = workflows.row_of(tx, entered.id)
    if row["run_state"] == "running":
        recover(tx, row, tx.now, patience)
        tx.execute("UPDATE runs SET state = 'queued' WHERE id = ?", (entered.id,))
    leases.release(tx, entered.lease)


def conclude(
    tx: Transaction, entered: Entered, state: RunState, outputs: dict[str, Any], result: str | None, failure: Failure | None
) -> None:
    """End the run, and give it back."""
    leases.fence(tx, entered.lease)
    workflows.settle(tx, entered.id, state, outputs=outputs, result=result, failure=failure)
