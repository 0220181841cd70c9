"""The machinery's own traces in the store: owners, leases, and what the log tells of beginnings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cao.protocol.runner import RunnerStats

from . import leases
from .activations import Activation, lease_name
from .transaction import Reader, Transaction

CLEANER = "cleanup"
"""The name under which leases of the dead are taken, for as long as it takes to settle what they held."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that somebody holds."""

    name: str
    owner: str


def held(reader: Reader, limit: int = 10_000) -> list[Held]:
    """Leases that were not given back, by name."""
    rows = reader.rows("SELECT name, owner FROM leases WHERE owner IS NOT NULL ORDER BY name LIMIT ?", (limit,))
    return [Held(str(row["name"]), str(row["owner"])) for row in rows]


def open_activations(reader: Reader) -> int:
    return reader.number("SELECT count(*) FROM activations WHERE state = 'running'")


def take_orphan(tx: Transaction, session_id: str, owner: str, is_alive: Callable[[str], bool]) -> Activation | None:
    """Take the activation of a dead process, to `abandon` it; None if a living one has it, or it has ended."""
    row = tx.row("SELECT id, flow_run_id FROM activations WHERE session_id = ? AND state = 'running'", (session_id,))
    lease = leases.acquire(tx, lease_name(session_id), owner, is_alive) if row else None
    return Activation(str(row["id"]), session_id, lease, row["flow_run_id"]) if row and lease else None


def free(tx: Transaction, name: str, is_alive: Callable[[str], bool]) -> bool:
    """Take a lease from a dead owner and give it back."""
    lease = leases.acquire(tx, name, CLEANER, is_alive)
    if lease is not None:
        leases.release(tx, lease)
    return lease is not None


def stats(reader: Reader, since: float) -> RunnerStats:
    """What the log tells since a time, in seconds since 1970."""
    first = _first_seq(reader, since)

    def count(type: str, condition: str = "1") -> int:
        sql = f"SELECT count(*) FROM events WHERE type = ? AND seq >= ? AND {condition}"  # noqa: S608 - conditions are ours
        return reader.number(sql, (type, first))

    def grouped(type: str, field: str) -> dict[str, int]:
        sql = (
            "SELECT json_extract(data, ?) AS name, count(*) AS count FROM events WHERE type = ? AND seq >= ? "
            "GROUP BY 1 ORDER BY 1 LIMIT 50"
        )
        return {str(row["name"]): row["count"] for row in reader.rows(sql, (f"$.{field}", type, first))}

    starts, restarts, failures = _engine(reader, first)
    return RunnerStats(
        since=datetime.fromtimestamp(since, UTC),
        servers_started=count("server.started"),
        engine_started=starts,
        engine_failed=failures,
        prefect_restarted=restarts,
        turns_started=count("turn.started"),
        turns_again=count("turn.started", "json_extract(data, '$.attempt') > 1"),
        turns_cut=grouped("turn.cut", "action"),
        turns_interrupted=count("turn.interrupted"),
        runs={state: count(f"run.{state}") for state in ("completed", "failed", "cancelled")},
        handovers=reader.number("SELECT coalesce(sum(max(token - 1, 0)), 0) FROM leases"),
    )


def _first_seq(reader: Reader, since: float) -> int:
    """The first event at or after a time: times grow with the number, so that halving finds it without an index."""
    low, high = 1, reader.number("SELECT coalesce(max(seq), 0) FROM events") + 1
    while low < high:
        middle = (low + high) // 2
        row = reader.row("SELECT at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,))
        if row is None or row["at"] >= since:
            high = middle
        else:
            low = middle + 1
    return low


def _engine(reader: Reader, first: int) -> tuple[int, int, int]:
    """Lives of the engine, restarts of Prefect in the middle of one, and failures."""
    rows = reader.rows(
        "SELECT state, before, count(*) AS count FROM (SELECT json_extract(data, '$.state') AS state, "
        "lag(json_extract(data, '$.state')) OVER (ORDER BY seq) AS before FROM events "
        "WHERE type = 'engine.changed' AND seq >= ?) GROUP BY 1, 2",
        (first,),
    )
    starts = sum(row["count"] for row in rows if row["state"] == "starting" and row["before"] not in ("starting", "ready"))
    restarts = sum(row["count"] for row in rows if row["state"] == "starting" and row["before"] == "ready")
    failures = sum(row["count"] for row in rows if row["state"] == "failed")
    return starts, restarts, failures
