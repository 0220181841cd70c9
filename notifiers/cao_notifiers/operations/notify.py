"""Notifications by hand."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from cao.events import NotificationQueued
from cao.operations.context import Context
from cao.protocol import Answer, InvalidInput, NotFound, Reference, WriteRequest, operation
from cao.store import Transaction

from .. import deliveries, notifiers
from ..deliveries import Notice
from ..records import Kind
from ..text import BODY_LIMIT, TITLE_LIMIT, clean, line
from .fields import Tags


class Send(WriteRequest):
    """What to say, and to whom."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=1 << 17)]
    """What to say. Beyond 1500 characters it is cut."""
    title: Annotated[str, StringConstraints(min_length=1, max_length=TITLE_LIMIT)] = "A message"
    """Its title."""
    notifier: Reference | None = None
    """Only this notifier: its name or id."""
    tags: Tags = Field(default_factory=list[str])
    """Only notifiers with any of these; without these and without `notifier`, all of them."""
    kind: Kind = "info"
    """How much it wants: the service may show it accordingly."""


class Queued(Answer):
    """What is in the outbox now."""

    deliveries: list[str]
    """One id for each notifier; see `delivery.get`."""


@operation(
    "notify.send",
    path="/notify",
    effect="write",
    positional=("text",),
    errors=(NotFound,),
    example={"text": "The build is green.", "tags": ["ops"]},
)
async def send(ctx: Context, request: Send) -> Queued:
    """Send a message to notifiers. It goes through the outbox, so it is tried again where it fails."""
    if request.notifier is not None and request.tags:
        raise InvalidInput.field("tags", "choose among notifiers, and `notifier` names one; give one of them")
    settings = ctx.services.settings
    notice = Notice(request.kind, line(request.title, TITLE_LIMIT) or "A message", clean(request.text, BODY_LIMIT) or "…")

    def change(tx: Transaction) -> Queued:
        chosen = _chosen(tx, request)
        queued = [deliveries.queue(tx, notifier, notice, settings.notify_attempts) for notifier in chosen]
        ids = [id for id in queued if id is not None]
        tx.emit(NotificationQueued(title=notice.title, deliveries=ids))
        return Queued(deliveries=ids)

    return await ctx.transact(change, Queued)


def _chosen(tx: Transaction, request: Send) -> list[notifiers.Notifier]:
    one = notifiers.get(tx, request.notifier).id if request.notifier is not None else None
    found = notifiers.chosen(notifiers.every(tx), one, request.tags)
    if not found:
        what = f"no notifier has any of the tags {', '.join(request.tags)}" if request.tags else "there is no notifier"
        raise NotFound(f"{what}; see: cao notifier list, cao notifier add --help")
    return found
