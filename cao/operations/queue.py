"""The queue: work that waits until there is room for it, in an order that people may change.

What is enqueued is dispatched once, by a server or by `cao tick`: the most urgent first, then by place in line, as far as
`queue_limit`, `queue_project_limits` and `queue_provider_limits` allow. `cao daemon pause` holds all of it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from cao.protocol import (
    DestructiveRequest,
    ListRequest,
    Name,
    NotFound,
    Page,
    Reference,
    Request,
    Text,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.queue import ItemKind, ItemState, Moment, Outcomes, QueueItem, QueueStats
from cao.protocol.tasks import Priority
from cao.store import Reader, Transaction, queue
from cao.store.line import To

from .context import Context
from .enqueuing import new_item
from .scope import only_project

AT_MOST = 100
"""Items that one request names."""


class Enqueue(WriteRequest):
    """What to do: one of a prompt, a task, a requirement and a workflow; and when."""

    prompt: Text | None = None
    """Work for one agent in a session of its own, at most 1 MiB."""
    task: Reference | None = None
    """A task that is ready: its workflow is run, with `task`, `title` and `description` as far as it declares these inputs; or
    an agent is given it as a prompt."""
    requirement: Reference | None = None
    """A requirement: it is made into tasks, and they are started."""
    workflow: Name | None = None
    """A workflow's name."""
    inputs: Annotated[dict[str, Any], Field(max_length=100)] | None = None
    """A value for each input that the workflow declares."""
    profile: Name | None = None
    """Who is given the prompt, or the task; the one that the task is for, else developer, unless given."""
    provider: Name | None = None
    """How that agent is run; the profile's choice unless given."""
    directory: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    """Where the prompt or the workflow works; the project's directory unless given."""
    project: Reference | None = None
    """Instead of `directory`, a project's id or name; the current project unless given."""
    priority: Priority | None = None
    """How urgent it is: the task's or `medium` unless given."""
    not_before: Moment | None = None
    """When it may be dispatched at the earliest: `2027-03-01T09:00:00Z`, or `10m` for ten minutes from now."""
    expires: Moment | None = None
    """When it is given up if it still waits; written likewise."""

    @model_validator(mode="after")
    def _one_kind(self) -> Enqueue:
        if len([kind for kind in _FITTING if getattr(self, kind) is not None]) != 1:
            raise ValueError("give one of prompt, task, requirement and workflow")
        unfit = [name for name in _OPTIONS if getattr(self, name) is not None and name not in _FITTING[self.kind]]
        if unfit:
            raise ValueError(f"{unfit[0]} does not go with a {self.kind}")
        if self.directory and self.project:
            raise ValueError("give directory or project, not both")
        return self

    @property
    def kind(self) -> ItemKind:
        """What is to be done."""
        return next(kind for kind in _FITTING if getattr(self, kind) is not None)


_OPTIONS = ("inputs", "profile", "provider", "directory", "project")
_FITTING: dict[ItemKind, tuple[str, ...]] = {
    "prompt": ("profile", "provider", "directory", "project"),
    "task": ("profile", "provider"),
    "requirement": (),
    "workflow": ("inputs", "directory", "project"),
}


@operation(
    "queue.enqueue",
    path="/queue",
    effect="write",
    positional=("prompt",),
    errors=(NotFound, Unavailable),
    example={"prompt": "Say hello.", "provider": "scripted", "priority": "high", "not_before": "1d"},
)
async def enqueue(ctx: Context, request: Enqueue) -> QueueItem:
    """Put work in line: a prompt, a ready task, a requirement or a workflow.

    It is dispatched once, when its time has come and there is room. A task is in the queue once at a time.
    """
    if (before := ctx.replay(QueueItem)) is not None:
        return before
    new = await new_item(ctx, request)

    def change(tx: Transaction) -> QueueItem:
        return queue.get(tx, queue.add(tx, new(tx)), ctx.services.queue.limits, tx.now)

    return await ctx.transact(change, QueueItem)


class ListQueue(ListRequest):
    """Which items."""

    state: ItemState | None = None
    """Only those in this state; unless given, those that wait or are in flight."""
    kind: ItemKind | None = None
    """Only those of this kind."""
    project: Reference | None = None
    """Only those of this project: its id or name."""


@operation("queue.list", path="/queue", errors=(NotFound,), example={"state": "ready"}, positional=())
async def list_queue(ctx: Context, request: ListQueue) -> Page[QueueItem]:
    """List the queue in the order of dispatch: what is in flight, then what waits, and why.

    Items in a final state are listed when `state` asks for them, newest first.
    """
    reader = ctx.store.read()
    project = only_project(ctx, request.project)
    return queue.list_page(
        reader,
        request,
        ctx.services.queue.limits,
        ctx.store.clock.now(),
        state=request.state,
        project_id=project,
        kind=request.kind,
    )


class GetItem(Request):
    """Which item."""

    item: Reference
    """Its id."""


@operation("queue.get", path="/queue/items/{item}", example={"item": "itm_000000000"})
async def get_item(ctx: Context, request: GetItem) -> QueueItem:
    """Show one item: where it stands in line, why it waits, or what became of it."""
    return queue.get(ctx.store.read(), request.item, ctx.services.queue.limits, ctx.store.clock.now())


class AskStats(Request):
    """Nothing to say."""


@operation("queue.stats", path="/queue/stats", example={})
async def stats(ctx: Context, request: AskStats) -> QueueStats:
    """Count the queue by state, priority, project and provider, beside the limits, and tell whether it is paused."""
    return queue.stats(ctx.store.read(), ctx.services.queue.limits, ctx.store.clock.now())


class Chosen(WriteRequest):
    """Which items."""

    items: Annotated[list[Reference], Field(max_length=AT_MOST)] = Field(default_factory=list[str])
    """Their ids, at most 100."""
    all: bool = False
    """All that wait instead."""

    @model_validator(mode="after")
    def _some_or_all(self) -> Chosen:
        if bool(self.items) == self.all:
            raise ValueError("name items, or give all")
        return self

    def ids(self, reader: Reader, *states: ItemState) -> list[str]:
        """The chosen items; of all, those in `states`."""
        return queue.waiting_ids(reader, *states) if self.all else list(dict.fromkeys(self.items))


class HoldItems(Chosen):
    """Which items to hold."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    """Why, for those who look."""


@operation(
    "queue.hold",
    path="/queue/hold",
    effect="write",
    status=200,
    idempotent=True,
    positional=("items",),
    errors=(NotFound,),
    example={"items": ["itm_000000000"], "reason": "wait for the release"},
)
async def hold(ctx: Context, request: HoldItems) -> Outcomes:
    """Keep items from being dispatched until they are released. They keep their place in line.

    Each item has its own outcome; when none of those named can be held, the first one's error is the answer.
    """
    return await ctx.transact(lambda tx: queue.hold(tx, request.ids(tx, "ready"), request.reason), Outcomes)


class ReleaseItems(Chosen):
    """Which items to release."""


@operation(
    "queue.release",
    path="/queue/release",
    effect="write",
    status=200,
    idempotent=True,
    positional=("items",),
    errors=(NotFound,),
    example={"items": ["itm_000000000"]},
)
async def release(ctx: Context, request: ReleaseItems) -> Outcomes:
    """Let items that were held be dispatched. Outcomes are as for `queue hold`."""
    return await ctx.transact(lambda tx: queue.release(tx, request.ids(tx, "held")), Outcomes)


class DropItems(Chosen, DestructiveRequest):
    """Which items to drop."""


@operation(
    "queue.drop",
    path="/queue/drop",
    effect="destructive",
    status=200,
    positional=("items",),
    errors=(NotFound,),
    example={"items": ["itm_000000000"], "dry_run": True},
)
async def drop(ctx: Context, request: DropItems) -> Outcomes:
    """Give up items that wait. One that was dispatched is refused: its run is what to cancel.

    Outcomes are as for `queue hold`. The records stay; a task stays ready.
    """

    def change(tx: Transaction) -> Outcomes:
        return queue.drop(tx, request.ids(tx, "ready", "held")).model_copy(update={"dry_run": request.dry_run})

    return await ctx.transact(change, Outcomes)


class ReorderItems(Chosen):
    """Which items to put where."""

    to: To
    """`front` or `back` of their priority's line, or `before` or `after` the `anchor`."""
    anchor: Reference | None = None
    """The item beside which they are put; they take its priority."""
    priority: Priority | None = None
    """Their new priority; they keep theirs unless given. Not together with `anchor`."""

    @model_validator(mode="after")
    def _anchored(self) -> ReorderItems:
        if (self.to in ("before", "after")) != bool(self.anchor):
            raise ValueError("give an anchor with before and after, and only with them")
        if self.anchor and self.priority:
            raise ValueError("give anchor or priority, not both: beside an anchor, items take its priority")
        if self.anchor in self.items:
            raise ValueError("an item cannot be put beside itself")
        return self


@operation(
    "queue.reorder",
    path="/queue/reorder",
    effect="write",
    status=200,
    idempotent=True,
    positional=("items",),
    errors=(NotFound,),
    example={"items": ["itm_000000000"], "to": "front", "priority": "critical"},
)
async def reorder(ctx: Context, request: ReorderItems) -> Outcomes:
    """Give items another place in line, in the order in which they are named, or another priority.

    Outcomes are as for `queue hold`. Held items may be moved too; what was dispatched is in line no more.
    """

    def change(tx: Transaction) -> Outcomes:
        ids = [id for id in request.ids(tx, "ready", "held") if id != request.anchor]
        return queue.reorder(tx, ids, request.to, anchor=request.anchor, priority=request.priority)

    return await ctx.transact(change, Outcomes)
