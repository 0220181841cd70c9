"""Notifiers in the store: where notifications go. Their addresses are sealed; see `cao.vault`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cao.events import NotifierAdded, NotifierPaused, NotifierRemoved
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.store import Reader, Transaction
from cao.store.pages import page

from . import deliveries
from .records import Notifier

LIMIT = 100
"""Notifiers at most: each may have a thread of its own while it sends."""


def add(tx: Transaction, name: str, sealed: str, target: str, tags: Sequence[str]) -> Notifier:
    """Remember a notifier. Raises `Conflict` for a name that is taken, and beyond `LIMIT`."""
    if tx.number("SELECT count(*) FROM notifiers WHERE name = ?", (name,)):
        raise Conflict(f"there is a notifier {name!r} already; choose another name, or: cao notifier remove {name}", name=name)
    if tx.number("SELECT count(*) FROM notifiers") >= LIMIT:
        raise Conflict(f"there are {LIMIT} notifiers, which is the most; remove one: cao notifier list")
    id = tx.new_id("ntf")
    tx.insert("notifiers", id=id, name=name, sealed=sealed, target=target, tags=list(tags), created_at=tx.now)
    touch(tx)
    tx.emit(NotifierAdded(notifier_id=id, name=name, target=target))
    return get(tx, id)


def get(reader: Reader, reference: str) -> Notifier:
    """The notifier with this id or name. Raises `NotFound`."""
    found = reader.one(Notifier, "SELECT * FROM notifiers WHERE id = ? OR name = ?", (reference, reference))
    if found is None:
        raise NotFound(f"no notifier {reference!r}; see: cao notifier list", notifier=reference)
    return found


def sealed(reader: Reader, id: str) -> str | None:
    """The sealed address of a notifier; None when it was removed."""
    row = reader.row("SELECT sealed FROM notifiers WHERE id = ?", (id,))
    return str(row["sealed"]) if row else None


def all_sealed(reader: Reader) -> list[str]:
    """The sealed addresses of all notifiers."""
    return [str(row["sealed"]) for row in reader.rows("SELECT sealed FROM notifiers LIMIT ?", (LIMIT,))]


def every(reader: Reader) -> list[Notifier]:
    """All of them, oldest first."""
    return reader.all(Notifier, "SELECT * FROM notifiers ORDER BY n LIMIT ?", (LIMIT,))


def list_page(reader: Reader, request: ListRequest) -> Page[Notifier]:
    return page(reader, Notifier, "notifiers", request, {})


def chosen(notifiers: Sequence[Notifier], notifier: str | None, tags: Sequence[str]) -> list[Notifier]:
    """Those that a rule or a sender means: one by id, or those with any of the tags, or all."""
    if notifier is not None:
        return [one for one in notifiers if one.id == notifier]
    return [one for one in notifiers if not tags or not set(tags).isdisjoint(one.tags)]


def pause(tx: Transaction, notifier: Notifier, paused: bool) -> Notifier:
    """Hold its deliveries, or let them go."""
    if notifier.paused is not paused:
        tx.update("notifiers", notifier.id, paused=paused)
        touch(tx)
        (deliveries.hold if paused else deliveries.release)(tx, notifier.id)
        tx.emit(NotifierPaused(notifier_id=notifier.id, name=notifier.name, paused=paused))
    return get(tx, notifier.id)


def remove(tx: Transaction, notifier: Notifier) -> int:
    """Forget it, its address and the rules for it alone; how many deliveries are withdrawn."""
    tx.execute("DELETE FROM notifiers WHERE id = ?", (notifier.id,))
    tx.execute("DELETE FROM notifiers_rules WHERE notifier_id = ?", (notifier.id,))
    touch(tx)
    tx.emit(NotifierRemoved(notifier_id=notifier.id, name=notifier.name))
    return deliveries.withdraw(tx, notifier.id)


_VERSION = "notifiers.version"


def touch(tx: Transaction) -> None:
    """Say that notifiers or rules changed. The mark is chance, not a count: one that is rolled back never returns."""
    tx.execute(
        "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_VERSION, secrets.token_hex(8)),
    )


def version(reader: Reader) -> str:
    """A text that is another one after every change of notifiers and rules."""
    row = reader.row("SELECT value FROM settings WHERE key = ?", (_VERSION,))
    return str(row["value"]) if row else ""
