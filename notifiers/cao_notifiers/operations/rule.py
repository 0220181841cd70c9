"""Rules: which events are told to which notifiers, and in which words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from cao.operations.context import Context
from cao.protocol import Answer, DestructiveRequest, InvalidInput, ListRequest, Name, Page, Reference, WriteRequest, operation
from cao.store import Transaction

from .. import kinds, notifiers, rules, templates
from ..records import Rule
from .fields import Tags

Selector = Annotated[str, StringConstraints(pattern=r"^[a-z]+([.-][a-z]+)?$", max_length=64)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class AddRule(WriteRequest):
    """Which events, for whom, and how to say it."""

    events: Annotated[list[Selector], Field(min_length=1, max_length=50)]
    """Classes and types of events. `needs-you`: approvals, failed runs, missed and failed schedules, dead deliveries. `done`:
    completed runs that no agent asked for. `info`: the rest. Or a type, such as `session.launched`."""
    notifier: Reference | None = None
    """Only this notifier: its name or id."""
    tags: Tags = Field(default_factory=list[str])
    """Only notifiers with any of these; without these and without `notifier`, all of them."""
    name: Name | None = None
    """What to call it."""
    title: Title | None = None
    """A template in place of the event's own title, such as `$session: $event`."""
    body: Body | None = None
    """A template in place of the event's own text. `$text` is the question, the answer or the failure."""


@operation(
    "rule.add",
    path="/rules",
    effect="write",
    positional=("events",),
    example={"events": ["needs-you"], "tags": ["ops"], "name": "call-me"},
)
async def add(ctx: Context, request: AddRule) -> Rule:
    """Tell notifiers of events from now on. An event reaches a notifier once, by the oldest rule that asks for it.

    Templates replace `$event`, `$kind`, `$at`, `$actor`, `$session`, `$terminal`, `$run`, `$approval`, `$text` and `$link`.
    """
    kinds.check(request.events)
    templates.check("title", request.title)
    templates.check("body", request.body)
    if request.notifier is not None and request.tags:
        raise InvalidInput.field("tags", "choose among notifiers, and `notifier` names one; give one of them")

    def change(tx: Transaction) -> Rule:
        notifier = notifiers.get(tx, request.notifier) if request.notifier is not None else None
        return rules.add(
            tx,
            name=request.name,
            events=request.events,
            notifier=notifier,
            tags=request.tags,
            title=request.title,
            body=request.body,
        )

    return await ctx.transact(change, Rule)


class ListRules(ListRequest):
    """Nothing to say."""


@operation("rule.list", path="/rules", example={}, positional=())
async def list_rules(ctx: Context, request: ListRules) -> Page[Rule]:
    """List the rules, newest first."""
    return rules.list_page(ctx.store.read(), request)


class RemoveRule(DestructiveRequest):
    """Which rule."""

    rule: Reference
    """Its id, or its name."""


class RuleGone(Answer):
    """What was removed, or would be (`dry_run`)."""

    id: str
    name: str | None
    dry_run: bool = False


@operation(
    "rule.remove",
    path="/rules/{rule}",
    effect="destructive",
    method="DELETE",
    example={"rule": "call-me", "dry_run": True},
)
async def remove(ctx: Context, request: RemoveRule) -> RuleGone:
    """Tell of its events no more. What it caused already is still delivered."""

    def change(tx: Transaction) -> RuleGone:
        rule = rules.get(tx, request.rule)
        rules.remove(tx, rule)
        return RuleGone(id=rule.id, name=rule.name, dry_run=request.dry_run)

    return await ctx.transact(change, RuleGone)
