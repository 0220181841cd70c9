"""The nouns of notifications, as the operations answer with them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from cao.protocol import Answer

Kind = Literal["needs-you", "done", "info"]
"""How much a notification wants: a person's decision or help, a glance at finished work, or nothing."""

DeliveryState = Literal["pending", "sending", "held", "accepted", "dead", "withdrawn"]
Outcome = Literal["sending", "accepted", "failed", "timed-out", "lost"]


class Notifier(Answer):
    """Somewhere that notifications go."""

    id: str
    name: str
    """Unique among the notifiers."""
    target: str
    """Its address with everything masked that could be a secret, such as `tgram://***` or `mailto://mail.example.com/***`."""
    tags: list[str] = Field(default_factory=list[str])
    """What rules may choose it by."""
    paused: bool = False
    """Its deliveries are held until it goes on."""
    created_at: datetime


class Rule(Answer):
    """Which events reach which notifiers, and in which words."""

    id: str
    name: str | None = None
    events: list[str]
    """Classes (`needs-you`, `done`, `info`) and types of events."""
    notifier: str | None = None
    """The id of the one notifier that it is for."""
    tags: list[str] = Field(default_factory=list[str])
    """It is for the notifiers that have any of these; without these and without `notifier`, for all."""
    title: str | None = None
    """The template of the title; null is the one that belongs to the event."""
    body: str | None = None
    """The template of the text; null is the one that belongs to the event."""
    created_at: datetime


class Receipt(Answer):
    """What became of one attempt."""

    attempt: int
    """Counted from 1."""
    at: datetime
    """When it began."""
    seconds: float | None = None
    """How long it took; null while it is under way, and when nobody knows."""
    outcome: Outcome
    """`accepted`: the service took it, and what it did with it nobody here can know. `failed`: it refused, or could not be
    reached. `timed-out`: no answer in time. `lost`: the process that sent it ended. After these two it may have arrived."""
    error: str | None = None
    """Why, without secrets."""


class Delivery(Answer):
    """One notification to one notifier."""

    id: str
    notifier: str
    """The notifier's name."""
    notifier_id: str
    rule_id: str | None = None
    """The rule that caused it; null when somebody sent it by hand."""
    event_seq: int | None = None
    """The event that caused it."""
    event_type: str | None = None
    kind: Kind
    title: str
    body: str
    approval_id: str | None = None
    """The approval that its link is for."""
    state: DeliveryState
    """`pending` waits for its time or its turn, `sending` is under way, `held` waits for a paused notifier, `accepted` was
    taken by the service, `dead` was given up after its last attempt, `withdrawn` lost its notifier."""
    attempts: int
    due_at: datetime | None = None
    """When it is tried next, while it is pending."""
    error: str | None = None
    """What the last attempt met."""
    created_at: datetime
    settled_at: datetime | None = None
    receipts: list[Receipt] = Field(default_factory=list[Receipt])
    """One for each attempt; left out of lists."""
