"""Facts of the queue."""

from __future__ import annotations

from datetime import datetime

from .base import EventData


class QueueEnqueued(EventData, type="queue.enqueued"):
    """Work waits to be dispatched."""

    item_id: str
    kind: str
    what: str
    priority: str
    project_id: str | None = None


class QueueHeld(EventData, type="queue.held"):
    """Items are not dispatched until they are released."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int
    reason: str | None = None


class QueueReleased(EventData, type="queue.released"):
    """Items that were held may be dispatched."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int


class QueueReordered(EventData, type="queue.reordered"):
    """Items got another place in line."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int
    to: str


class QueueDropped(EventData, type="queue.dropped"):
    """Items will never be dispatched; their records stay."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int


class QueueExpired(EventData, type="queue.expired"):
    """The time of items was over while they waited."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int


class QueueDispatched(EventData, type="queue.dispatched"):
    """An item's run is queued: this is told once for each item, in the transaction that makes the run."""

    item_id: str
    kind: str
    what: str
    attempt: int


class QueueReturned(EventData, type="queue.returned"):
    """An item could not be started and waits again; `until` says how long."""

    item_id: str
    what: str
    reason: str
    until: datetime


class QueueRefused(EventData, type="queue.refused"):
    """An item could not be started, and is given up: there is no run of it."""

    item_id: str
    kind: str
    what: str
    reason: str


class QueueSettled(EventData, type="queue.settled"):
    """An item is done, failed or cancelled, with its run."""

    item_id: str
    kind: str
    what: str
    state: str
    reason: str | None = None


class DaemonPaused(EventData, type="daemon.paused"):
    """The queue is dispatched no more. What is under way goes on, and schedules keep their times."""

    reason: str | None = None


class DaemonResumed(EventData, type="daemon.resumed"):
    """The queue is dispatched again."""
