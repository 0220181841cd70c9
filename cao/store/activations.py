"""Activations: the time for which a session is hot, and the Prefect flow run that stands for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cao.protocol.records import Session

from . import approvals, leases, sessions, turns
from .leases import Lease
from .transaction import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Activation:
    """A session that one runner holds; `flow_run_id` is known when an earlier runner died with it."""

    id: str
    session_id: str
    lease: Lease
    flow_run_id: str | None


def lease_name(session_id: str) -> str:
    return f"session:{session_id}"


def enter(tx: Transaction, session_id: str, owner: str, is_alive: Callable[[str], bool]) -> Activation | None:
    """Become the session's runner, or None while another lives.

    An activation that was left open by a dead runner is entered again under its own id, after the turns that were cut have
    followed their policy.
    """
    lease = leases.acquire(tx, lease_name(session_id), owner, is_alive)
    if lease is None:
        return None
    left = tx.row("SELECT * FROM activations WHERE session_id = ? AND state = 'running'", (session_id,))
    if left is None:
        id = tx.new_id("act")
        tx.insert("activations", id=id, session_id=session_id, state="running", token=lease.token, created_at=tx.now)
        return Activation(id, session_id, lease, None)
    recover(tx, session_id)
    tx.execute("UPDATE activations SET token = ? WHERE id = ?", (lease.token, left["id"]))
    return Activation(str(left["id"]), session_id, lease, left["flow_run_id"])


def recover(tx: Transaction, session_id: str) -> int:
    """Apply its policy to every turn of the session that was under way when its runner died; how many."""
    orphans = [
        turn
        for turn in turns.unsettled(tx, session_id)
        if turn.state == "running" or (turn.state == "waiting" and not approvals.awaits_recovery(tx, turn.id))
    ]
    for turn in orphans:
        turns.cut(tx, turn)
    return len(orphans)


def bind(tx: Transaction, activation: Activation, flow_run_id: str) -> None:
    """Remember which flow run stands for the activation."""
    leases.fence(tx, activation.lease)
    tx.execute("UPDATE activations SET flow_run_id = ? WHERE id = ?", (flow_run_id, activation.id))


def leave(tx: Transaction, activation: Activation) -> bool:
    """End the activation and give the lease back, unless work came in meanwhile: then False, and it goes on."""
    leases.fence(tx, activation.lease)
    if turns.claimable(tx, activation.session_id):
        return False
    tx.execute("UPDATE activations SET state = 'ended', ended_at = ? WHERE id = ?", (tx.now, activation.id))
    leases.release(tx, activation.lease)
    return True


def abandon(tx: Transaction, activation: Activation) -> None:
    """End an activation that broke or was cut: its turns follow their policy. Nothing happens if it was taken over or left."""
    if leases.holds(tx, activation.lease):
        recover(tx, activation.session_id)
        tx.execute("UPDATE activations SET state = 'ended', ended_at = ? WHERE id = ?", (tx.now, activation.id))
        leases.release(tx, activation.lease)


def recover_all(tx: Transaction, owner: str, is_alive: Callable[[str], bool]) -> list[str]:
    """Take over every session whose runner died, and apply the policy of the turns that were cut; the sessions' ids.

    The activations stay open: whoever enters one again ends what its agents left running, and its flow run.
    """
    taken = [id for id in orphans(tx, owner, is_alive, tx.now) if leases.acquire(tx, lease_name(id), owner, is_alive)]
    for session_id in taken:
        recover(tx, session_id)
    return taken


def orphans(reader: Reader, owner: str, is_alive: Callable[[str], bool], now: float) -> list[str]:
    """Sessions whose runner died: their activation is open, and no living owner holds their lease."""
    rows = reader.rows(
        "SELECT a.session_id, l.owner, l.expires_at FROM activations a "
        "LEFT JOIN leases l ON l.name = 'session:' || a.session_id WHERE a.state = 'running'"
    )
    return [
        str(row["session_id"])
        for row in rows
        if row["owner"] != owner and not (row["owner"] and row["expires_at"] > now and is_alive(row["owner"]))
    ]


def hot(reader: Reader, is_alive: Callable[[str], bool], now: float) -> set[str]:
    """The sessions that a living runner holds."""
    rows = reader.rows("SELECT session_id FROM activations WHERE state = 'running'")
    return {str(row["session_id"]) for row in rows} - set(orphans(reader, "", is_alive, now))


def any_open(reader: Reader) -> bool:
    """Whether a session is hot, or was when its runner died."""
    return reader.row("SELECT 1 FROM activations WHERE state = 'running' LIMIT 1") is not None


def open_flow_runs(reader: Reader) -> list[tuple[str, str]]:
    """The session and flow run of every open activation."""
    rows = reader.rows("SELECT session_id, flow_run_id FROM activations WHERE state = 'running' AND flow_run_id IS NOT NULL")
    return [(str(row["session_id"]), str(row["flow_run_id"])) for row in rows]


def owner_of(reader: Reader, session_id: str) -> str | None:
    """Who holds the session's lease."""
    row = reader.row("SELECT owner FROM leases WHERE name = ?", (lease_name(session_id),))
    return row["owner"] if row else None


def session_of(reader: Reader, activation: Activation) -> Session:
    """The session that the activation is of."""
    return sessions.get(reader, activation.session_id, terminals_too=False)
