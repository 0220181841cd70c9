"""Leases: exactly one runner for a thing, and a number that keeps a late runner from writing.

The owner is a process on this data directory; the kernel tells whether it lives (`locks`), so a crash is noticed at once and
not only when the lease runs out. The token grows with every change of hands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .transaction import Transaction

DURATION = 30.0
"""Seconds for which a lease holds without renewal."""


class LeaseLost(Exception):
    """Another runner took over; nothing may be written under this lease any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run `name`, for as long as `token` is the newest."""

    name: str
    owner: str
    token: int


def acquire(tx: Transaction, name: str, owner: str, is_alive: Callable[[str], bool]) -> Lease | None:
    """Take the lease unless a living owner holds it unexpired. Taking one's own again gives a new token."""
    held = tx.row("SELECT owner, token, expires_at FROM leases WHERE name = ?", (name,))
    if held and held["owner"] not in (None, owner) and held["expires_at"] > tx.now and is_alive(held["owner"]):
        return None
    token = held["token"] + 1 if held else 1
    tx.execute(
        "INSERT INTO leases (name, owner, token, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
        "owner = excluded.owner, token = excluded.token, expires_at = excluded.expires_at",
        (name, owner, token, tx.now + DURATION),
    )
    return Lease(name, owner, token)


def renew_all(tx: Transaction, owner: str) -> int:
    """Prolong every lease of `owner`; how many."""
    return tx.execute("UPDATE leases SET expires_at = ? WHERE owner = ?", (tx.now + DURATION, owner))


def release(tx: Transaction, lease: Lease) -> None:
    """Give the lease back; the row stays, so that tokens never repeat."""
    tx.execute(
        "UPDATE leases SET owner = NULL, expires_at = 0 WHERE name = ? AND token = ?",
        (lease.name, lease.token),
    )


def fence(tx: Transaction, lease: Lease) -> None:
    """Refuse to go on unless `lease` is the newest of its name; called first in every write of a runner."""
    if not holds(tx, lease):
        raise LeaseLost(f"{lease.name} was taken over from {lease.owner}")


def holds(tx: Transaction, lease: Lease) -> bool:
    """Whether `lease` is the newest of its name and was not given back."""
    held = tx.row("SELECT token, owner FROM leases WHERE name = ?", (lease.name,))
    return held is not None and held["token"] == lease.token and held["owner"] == lease.owner
