"""The queue: work that waits to be dispatched, as the operations answer with it, and the one table of how an item moves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .machine import Machine, Move
from .models import Answer
from .tasks import Priority

ItemKind = Literal["prompt", "task", "requirement", "workflow"]
ItemState = Literal["ready", "held", "dispatching", "dispatched", "done", "failed", "cancelled", "dropped", "expired"]

Moment = Annotated[
    str,
    StringConstraints(
        max_length=40,
        pattern=r"^([1-9][0-9]{0,4}[smhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{5,15}([Zz]|[+-][0-9]{2}:[0-9]{2}))$",
    ),
]
"""A time: as RFC 3339 has it, such as `2027-03-01T09:00:00Z`, or so long from now, such as `30s`, `10m`, `6h` or `1d`."""

WAITING: frozenset[ItemState] = frozenset(("ready", "held"))
LIVE: frozenset[ItemState] = frozenset(("ready", "held", "dispatching", "dispatched"))
"""States that an item may leave again."""

QUEUE_MACHINE: Machine[ItemState] = Machine(
    "item",
    "cao queue get {id}",
    (
        Move("ready", "ready", "its place or its priority changes, or it is not held anyway", ("reorder", "release")),
        Move("ready", "held", "somebody holds it back", ("hold",)),
        Move("held", "ready", "somebody lets it go", ("release",)),
        Move("held", "held", "its place or its priority changes, or there is another reason", ("reorder", "hold")),
        Move("ready", "dispatching", "a dispatcher takes it: its time has come, and there is room", ("claim",)),
        Move("dispatching", "ready", "its dispatcher died, stood still too long, or is to try again later", ("return",)),
        Move("dispatching", "dispatched", "its run is queued", ("start",)),
        Move("dispatching", "done", "its work was done on the spot and has no run", ("finish",)),
        Move("dispatching", "failed", "it cannot be started", ("refuse",)),
        Move("dispatched", "done", "its run completed", ("complete",)),
        Move("dispatched", "failed", "its run failed", ("fail",)),
        Move("dispatched", "cancelled", "its run was cancelled", ("cancel",)),
        Move("ready", "dropped", "nobody wants it", ("drop",)),
        Move("held", "dropped", "nobody wants it", ("drop",)),
        Move("ready", "expired", "it still waits when its time is over", ("expire",)),
        Move("held", "expired", "it still waits when its time is over", ("expire",)),
    ),
)
"""How an item moves. `hold`, `release`, `reorder` and `drop` are for people, the others for dispatchers, runs and the clock."""


class QueueItem(Answer):
    """Work that waits to be dispatched, or was."""

    id: str
    kind: ItemKind
    what: str
    """What it is, in one line: the prompt's first words, the task's or requirement's title, the workflow's name."""
    subject: str | None = None
    """The task's or requirement's id, or the workflow's name; null for a prompt."""
    project_id: str | None = None
    provider: str | None = None
    """How its agent is run, where that is known: what the providers' limits count."""
    priority: Priority
    position: int | None = None
    """Its place in line: 1 is dispatched next, as far as holds, times and limits allow. Null once it stands there no more."""
    state: ItemState
    """`ready` and `held` wait; `dispatching` is being started; `dispatched` has a run under way; the others are final."""
    reason: str | None = None
    """Why it waits, is held, failed or was dropped."""
    not_before: datetime | None = None
    expires_at: datetime | None = None
    """When it is no more dispatched, if it still waits then."""
    attempts: int = 0
    """How often a dispatcher took it."""
    run_id: str | None = None
    """The work, once it was dispatched."""
    session_id: str | None = None
    """The session in which it is done."""
    created_by: str
    created_at: datetime
    dispatched_at: datetime | None = None
    settled_at: datetime | None = None


class ItemOutcome(Answer):
    """What became of one of several items."""

    item: str
    """The id that was given."""
    ok: bool
    state: ItemState | None = None
    """The item's state now; null when there is no such item."""
    code: str | None = None
    """The error's code, where it was refused."""
    message: str | None = None


class Outcomes(Answer):
    """What became of several items."""

    succeeded: int
    failed: int
    outcomes: list[ItemOutcome]
    """One for each item that was named, in that order; of `all`, the first 100."""
    dry_run: bool = False


class Room(Answer):
    """How much of a limit is taken."""

    name: str
    in_flight: int
    limit: int | None
    """Null is as many as the whole queue may."""


class QueueStats(Answer):
    """How the queue stands."""

    paused: bool
    """Nothing is dispatched until `cao daemon resume`."""
    paused_by: str | None = None
    paused_reason: str | None = None
    states: dict[str, int] = Field(default_factory=dict[str, int])
    """How many items are in each state."""
    waiting: dict[str, int] = Field(default_factory=dict[str, int])
    """How many of each priority wait, held ones included."""
    in_flight: int
    """How many are being started or under way."""
    limit: int
    """How many may be."""
    projects: list[Room]
    """The projects that have work under way or a limit of their own."""
    providers: list[Room]
    """The providers that have."""
    oldest_ready_at: datetime | None = None
    """Since when the oldest ready item waits."""
    next_due_at: datetime | None = None
    """When the next item's `not_before` comes."""
