"""Facts of notifications. The plugin that sends them has no other place for its events."""

from __future__ import annotations

from .base import EventData


class NotifierAdded(EventData, type="notifier.added"):
    """There is a new place for notifications to go."""

    notifier_id: str
    name: str
    target: str
    """Its address, masked."""


class NotifierPaused(EventData, type="notifier.paused"):
    """A notifier's deliveries are held from now on, or go on."""

    notifier_id: str
    name: str
    paused: bool


class NotifierTested(EventData, type="notifier.tested"):
    """Somebody sent a test notification."""

    notifier_id: str
    name: str
    outcome: str


class NotifierRemoved(EventData, type="notifier.removed"):
    """A notifier was forgotten, with its address; what it had not delivered is withdrawn."""

    notifier_id: str
    name: str


class RuleAdded(EventData, type="rule.added"):
    """From now on more events are told to notifiers."""

    rule_id: str
    events: list[str]


class RuleRemoved(EventData, type="rule.removed"):
    """A rule tells of no more events; what it caused is still delivered."""

    rule_id: str
    events: list[str]


class NotificationQueued(EventData, type="notification.queued"):
    """Somebody sent a notification by hand."""

    title: str
    deliveries: list[str]


class DeliveryAccepted(EventData, type="delivery.accepted"):
    """A notifier's service took a notification."""

    delivery_id: str
    notifier: str
    attempts: int


class DeliveryRetried(EventData, type="delivery.retried"):
    """Somebody asked to try a dead notification again."""

    delivery_id: str
    notifier: str


class DeliveryDead(EventData, type="delivery.dead"):
    """A notification was given up after its last attempt. The other notifiers are told, unless it was about one itself."""

    delivery_id: str
    notifier: str
    title: str
    attempts: int
    error: str
    alarm: bool = False
    """It told of another dead notification; nobody is told of this one, so that alarms cannot cause alarms."""
