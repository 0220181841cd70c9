"""Deliveries: the outbox. Each is one notification to one notifier, claimed by one sender at a time.

An attempt is recorded before it is made. When its process ends in the middle, its claim runs out, the receipt says `lost`, and
another attempt is made: a notification arrives at least once, or its delivery is dead and that is an event.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cao.events import DeliveryAccepted, DeliveryDead, DeliveryRetried
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.store import Reader, Row, Transaction
from cao.store.pages import page

from .records import Delivery, DeliveryState, Kind, Notifier, Outcome, Receipt
from .text import shown

BACKOFF_LIMIT = 1800.0
"""The longest pause between two attempts, in seconds."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told, and why."""

    kind: Kind
    title: str
    body: str
    rule_id: str | None = None
    event_seq: int | None = None
    event_type: str | None = None
    approval_id: str | None = None
    about: str | None = None
    """The notifier whose delivery is dead, when that is what it tells of."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how slowly a delivery is tried."""

    attempts: int
    backoff: float
    """Seconds after the first attempt; doubled after each further one."""

    def pause(self, attempt: int) -> float:
        """Seconds until the next attempt: chance spreads those that failed together."""
        return min(self.backoff * 2.0 ** (attempt - 1), BACKOFF_LIMIT) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is to be made now."""

    id: str
    notifier: str
    """The notifier's name."""
    attempt: int
    title: str
    body: str
    """May hold `text.LINK`."""
    kind: Kind
    approval_id: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended."""

    outcome: Outcome
    seconds: float
    error: str | None = None
    final: bool = False
    """Trying again cannot help."""


def queue(tx: Transaction, notifier: Notifier, notice: Notice, attempts: int) -> str | None:
    """Put a notice into the outbox, to be sent at once; its id, or None when it is there already."""
    if notice.about and _is_told(tx, notifier.id, notice.about):
        return None
    id = tx.new_id("dlv")
    tx.insert(
        "notifiers_deliveries",
        id=id,
        notifier_id=notifier.id,
        notifier=notifier.name,
        rule_id=notice.rule_id,
        event_seq=notice.event_seq,
        event_type=notice.event_type,
        kind=notice.kind,
        title=notice.title,
        body=notice.body,
        approval_id=notice.approval_id,
        about=notice.about,
        state="held" if notifier.paused else "pending",
        allowed=attempts,
        due_at=tx.now,
        created_at=tx.now,
    )
    return id


def _is_told(reader: Reader, notifier_id: str, about: str) -> bool:
    """Whether word of the same trouble waits already: a hundred dead letters of one notifier are one alarm."""
    sql = """SELECT count(*) FROM notifiers_deliveries
             WHERE notifier_id = ? AND about = ? AND state IN ('pending', 'sending', 'held')"""
    return reader.number(sql, (notifier_id, about)) > 0


def due_at(reader: Reader, *, without: Sequence[str] = ()) -> float:
    """When the next delivery is due, or the next claim runs out; infinity for never. without: ids of notifiers left out."""
    marks = ", ".join("?" * len(without))
    sql = f"""SELECT min(due_at) AS at FROM notifiers_deliveries
              WHERE state IN ('pending', 'sending') AND notifier_id NOT IN ({marks})"""  # noqa: S608
    row = reader.row(sql, without)
    return math.inf if row is None or row["at"] is None else float(row["at"])


def due_notifiers(reader: Reader, now: float) -> list[str]:
    """The ids of the notifiers that have something due."""
    sql = """SELECT id FROM notifiers AS one WHERE EXISTS (
                 SELECT 1 FROM notifiers_deliveries
                 WHERE notifier_id = one.id AND state IN ('pending', 'sending') AND due_at <= ?)"""
    return [str(row["id"]) for row in reader.rows(sql, (now,))]


def claim(tx: Transaction, notifier_id: str, lease: float) -> Claim | None:
    """Take the notifier's next due delivery for so many seconds. One whose sender ended is taken from it."""
    while (row := _next(tx, notifier_id, tx.now)) is not None:
        if row["state"] == "sending":
            error = "the process that sent it ended; it may have arrived"
            tx.execute(
                "UPDATE notifiers_receipts SET outcome = 'lost', error = ? WHERE delivery_id = ? AND outcome = 'sending'",
                (error, row["id"]),
            )
            if row["attempts"] >= row["allowed"]:
                _die(tx, row, error)
                continue
        return _take(tx, row, lease)
    return None


def _next(reader: Reader, notifier_id: str, now: float) -> Row | None:
    sql = """SELECT * FROM notifiers_deliveries WHERE notifier_id = ? AND state IN ('pending', 'sending') AND due_at <= ?
             ORDER BY due_at, n LIMIT 1"""
    return reader.row(sql, (notifier_id, now))


def _take(tx: Transaction, row: Row, lease: float) -> Claim:
    attempt = int(row["attempts"]) + 1
    tx.update("notifiers_deliveries", row["id"], state="sending", attempts=attempt, due_at=tx.now + lease)
    tx.insert("notifiers_receipts", delivery_id=row["id"], attempt=attempt, at=tx.now, outcome="sending")
    return Claim(row["id"], row["notifier"], attempt, row["title"], row["body"], row["kind"], row["approval_id"])


def settle(tx: Transaction, claim: Claim, result: Result, patience: Patience) -> None:
    """Write down how an attempt ended. One that was claimed by another sender meanwhile only completes its receipt."""
    tx.execute(
        "UPDATE notifiers_receipts SET outcome = ?, seconds = ?, error = ? WHERE delivery_id = ? AND attempt = ?",
        (result.outcome, round(result.seconds, 3), result.error, claim.id, claim.attempt),
    )
    row = tx.row("SELECT * FROM notifiers_deliveries WHERE id = ?", (claim.id,))
    if row is None or (row["state"], row["attempts"]) != ("sending", claim.attempt):
        return
    if result.outcome == "accepted":
        tx.update("notifiers_deliveries", claim.id, state="accepted", settled_at=tx.now, error=None)
        tx.emit(DeliveryAccepted(delivery_id=claim.id, notifier=row["notifier"], attempts=claim.attempt))
    elif result.final or claim.attempt >= row["allowed"]:
        _die(tx, row, result.error or result.outcome)
    else:
        state = "held" if _is_paused(tx, row["notifier_id"]) else "pending"
        due = tx.now + patience.pause(claim.attempt)
        tx.update("notifiers_deliveries", claim.id, state=state, due_at=due, error=result.error)


def _is_paused(reader: Reader, notifier_id: str) -> bool:
    return reader.number("SELECT count(*) FROM notifiers WHERE id = ? AND paused = 1", (notifier_id,)) > 0


def _die(tx: Transaction, row: Row, error: str) -> None:
    tx.update("notifiers_deliveries", row["id"], state="dead", settled_at=tx.now, error=error)
    tx.emit(
        DeliveryDead(
            delivery_id=row["id"],
            notifier=row["notifier"],
            title=row["title"],
            attempts=row["attempts"],
            error=error,
            alarm=row["about"] is not None,
        )
    )


def retry(tx: Transaction, id: str, patience: Patience) -> Delivery:
    """Give a dead delivery as many attempts again. Raises `Conflict` unless it is dead and its notifier exists."""
    delivery = get(tx, id)
    if delivery.state != "dead":
        raise Conflict(f"delivery {id} is {delivery.state}; only a dead one can be tried again", state=delivery.state)
    if not tx.number("SELECT count(*) FROM notifiers WHERE id = ?", (delivery.notifier_id,)):
        raise Conflict(f"the notifier of delivery {id} was removed; send it anew: cao notify send", notifier=delivery.notifier)
    state = "held" if _is_paused(tx, delivery.notifier_id) else "pending"
    allowed = delivery.attempts + patience.attempts
    tx.update("notifiers_deliveries", id, state=state, allowed=allowed, due_at=tx.now, settled_at=None)
    tx.emit(DeliveryRetried(delivery_id=id, notifier=delivery.notifier))
    return get(tx, id)


def hold(tx: Transaction, notifier_id: str) -> None:
    """Keep what is not under way until `release`."""
    tx.execute("UPDATE notifiers_deliveries SET state = 'held' WHERE notifier_id = ? AND state = 'pending'", (notifier_id,))


def release(tx: Transaction, notifier_id: str) -> None:
    """Let go of what was held."""
    tx.execute("UPDATE notifiers_deliveries SET state = 'pending' WHERE notifier_id = ? AND state = 'held'", (notifier_id,))


def withdraw(tx: Transaction, notifier_id: str) -> int:
    """Give up what is not delivered, because the notifier is gone; how many."""
    sql = """UPDATE notifiers_deliveries SET state = 'withdrawn', settled_at = ?
             WHERE notifier_id = ? AND state IN ('pending', 'sending', 'held')"""
    return tx.execute(sql, (tx.now, notifier_id))


def get(reader: Reader, id: str) -> Delivery:
    """The delivery with its receipts. Raises `NotFound`."""
    row = reader.row("SELECT * FROM notifiers_deliveries WHERE id = ?", (id,))
    if row is None:
        raise NotFound(f"no delivery {id!r}; see: cao delivery list", delivery=id)
    receipts = reader.all(Receipt, "SELECT * FROM notifiers_receipts WHERE delivery_id = ? ORDER BY attempt", (id,))
    return _load(row).model_copy(update={"receipts": receipts})


def list_page(reader: Reader, request: ListRequest, *, notifier: str | None, state: DeliveryState | None) -> Page[Delivery]:
    return page(reader, Delivery, "notifiers_deliveries", request, {"notifier": notifier, "state": state}, load=_load)


def _load(row: Row) -> Delivery:
    read: dict[str, Any] = {**row, "body": shown(row["body"])}
    if row["state"] != "pending":
        read["due_at"] = None
    return Delivery.model_validate(read)
