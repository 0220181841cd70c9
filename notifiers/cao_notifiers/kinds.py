"""Which class an event belongs to, and what a rule may name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from cao.events import EVENT_TYPES
from cao.protocol import InvalidInput
from cao.protocol.records import Event

from .records import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)

_KIND_OF: dict[str, Kind] = {
    "approval.requested": "needs-you",
    "run.failed": "needs-you",
    "schedule.missed": "needs-you",
    "schedule.failed": "needs-you",
    "queue.refused": "needs-you",
    "delivery.dead": "needs-you",
    "run.completed": "done",
}

NEVER = frozenset(("delivery.accepted", "delivery.retried", "notification.queued"))
"""Events of deliveries themselves: a rule on them would answer itself for ever."""

ONLY_BY_NAME = frozenset(("transcript.appended",))
"""Events that belong to no class, because there are too many of them."""


def kind_of(type: str) -> Kind:
    """The class of an event type: `info` unless it is one of the few that people wait for.

    >>> kind_of("run.failed"), kind_of("session.launched")
    ('needs-you', 'info')
    """
    return _KIND_OF.get(type, "info")


def selects(selectors: Iterable[str], event: Event, *, root: bool) -> bool:
    """Whether a rule on these classes and types is for the event. root: a person's own work, not an agent's.

    The class `done` leaves out what agents ask of each other; the type `run.completed` takes all.
    """
    if event.type in selectors:
        return True
    kind = kind_of(event.type)
    return kind in selectors and event.type not in ONLY_BY_NAME and (root or kind != "done")


def check(selectors: Iterable[str]) -> None:
    """Raise `InvalidInput` for what is neither a class nor a type, and for types that cannot be told."""
    for selector in selectors:
        if selector in NEVER:
            raise InvalidInput.field("events", f"{selector} tells of deliveries themselves, so it cannot cause one")
        if selector not in KINDS and selector not in EVENT_TYPES:
            known = ", ".join(KINDS)
            raise InvalidInput.field(
                "events", f"{selector!r} is neither a class ({known}) nor a type of events; see docs/reference/events.md"
            )
