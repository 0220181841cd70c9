"""Notifiers: where notifications go, each an address that Apprise understands."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from cao.events import NotifierTested
from cao.operations.context import Context
from cao.protocol import (
    Answer,
    DestructiveRequest,
    ListRequest,
    Name,
    NotFound,
    Page,
    Reference,
    Request,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.store import Transaction
from cao.vault import Vault

from .. import addresses, notifiers
from ..records import Notifier, Outcome
from ..sending import Courier, Message
from .fields import Address, Tags


class AddNotifier(WriteRequest):
    """Where to, and what to call it."""

    name: Name
    """A new name."""
    address: Address
    """An Apprise URL, such as `tgram://<bot token>/<chat id>`. It is a secret: sealed in the store and never shown again. On
    the command line give `-` (standard input) or `@FILE`, so that it is in no list of processes."""
    tags: Tags = Field(default_factory=list[str])
    """Words by which rules choose it."""


@operation(
    "notifier.add",
    path="/notifiers",
    effect="write",
    positional=("name", "address"),
    errors=(Unavailable,),
    example={"name": "team", "address": "json://127.0.0.1:8000/", "tags": ["ops"]},
)
async def add(ctx: Context, request: AddNotifier) -> Notifier:
    """Add a place for notifications to go. Nothing is sent before a rule says so: cao rule add, or: cao notifier test."""
    # Before anything is written: a request is part of the audit trail.
    ctx.store.redactor.learn(*addresses.secrets(request.address))
    service = await asyncio.to_thread(addresses.read, request.address)
    sealed = await asyncio.to_thread(Vault(ctx.services.settings.home).seal, request.address)

    def change(tx: Transaction) -> Notifier:
        return notifiers.add(tx, request.name, sealed, addresses.mask(service), request.tags)

    return await ctx.transact(change, Notifier)


class ListNotifiers(ListRequest):
    """Nothing to say."""


@operation("notifier.list", path="/notifiers", example={}, positional=())
async def list_notifiers(ctx: Context, request: ListNotifiers) -> Page[Notifier]:
    """List the notifiers, newest first."""
    return notifiers.list_page(ctx.store.read(), request)


class GetNotifier(Request):
    """Which notifier."""

    notifier: Reference
    """Its name or id."""


@operation("notifier.get", path="/notifiers/{notifier}", example={"notifier": "team"})
async def get(ctx: Context, request: GetNotifier) -> Notifier:
    """Show one notifier. Its address is masked."""
    return notifiers.get(ctx.store.read(), request.notifier)


class TestNotifier(WriteRequest):
    """Which notifier."""

    __test__ = False  # pytest collects what is called Test…

    notifier: Reference
    """Its name or id; it may be paused."""


class Tested(Answer):
    """What became of a test notification."""

    notifier: str
    """Its name."""
    outcome: Outcome
    """`accepted` says that the service took it; whether it reached you, only you can see."""
    seconds: float
    error: str | None = None
    """Why not, without secrets."""


@operation(
    "notifier.test",
    path="/notifiers/{notifier}/test",
    effect="write",
    status=200,
    waits=True,
    example={"notifier": "team"},
)
async def test(ctx: Context, request: TestNotifier) -> Tested:
    """Send one notification now, once, past the outbox, and tell what the service said."""
    if (before := ctx.replay(Tested)) is not None:
        return before
    settings, store = ctx.services.settings, ctx.store
    notifier = notifiers.get(store.read(), request.notifier)
    sealed = notifiers.sealed(store.read(), notifier.id)
    if sealed is None:
        raise NotFound(f"notifier {notifier.name!r} was removed just now", notifier=notifier.name)
    message = Message("cao: a test", ("This is a test. Notifications arrive here.",), "info")
    courier = Courier(Vault(settings.home), store.redactor, settings.notify_seconds)
    try:
        result = await courier.carry(sealed, message)
    finally:
        courier.rest()

    def change(tx: Transaction) -> Tested:
        tx.emit(NotifierTested(notifier_id=notifier.id, name=notifier.name, outcome=result.outcome))
        return Tested(notifier=notifier.name, outcome=result.outcome, seconds=round(result.seconds, 3), error=result.error)

    return await ctx.transact(change, Tested)


class PauseNotifier(WriteRequest):
    """Which notifier."""

    notifier: Reference
    """Its name or id."""


@operation(
    "notifier.pause",
    path="/notifiers/{notifier}/pause",
    effect="write",
    status=200,
    idempotent=True,
    example={"notifier": "team"},
)
async def pause(ctx: Context, request: PauseNotifier) -> Notifier:
    """Hold its deliveries until it is resumed. Nothing is dropped meanwhile."""
    return await ctx.transact(lambda tx: notifiers.pause(tx, notifiers.get(tx, request.notifier), True), Notifier)


@operation(
    "notifier.resume",
    path="/notifiers/{notifier}/resume",
    effect="write",
    status=200,
    idempotent=True,
    example={"notifier": "team"},
)
async def resume(ctx: Context, request: PauseNotifier) -> Notifier:
    """Let its deliveries go on, those first that were held."""
    return await ctx.transact(lambda tx: notifiers.pause(tx, notifiers.get(tx, request.notifier), False), Notifier)


class RemoveNotifier(DestructiveRequest):
    """Which notifier."""

    notifier: Reference
    """Its name or id."""


class Removed(Answer):
    """What was removed, or would be (`dry_run`)."""

    id: str
    name: str
    withdrawn: Annotated[int, Field(ge=0)]
    """Deliveries that it had not made, and will not."""
    dry_run: bool = False


@operation(
    "notifier.remove",
    path="/notifiers/{notifier}",
    effect="destructive",
    method="DELETE",
    example={"notifier": "team", "dry_run": True},
)
async def remove(ctx: Context, request: RemoveNotifier) -> Removed:
    """Forget a notifier, its address and the rules for it alone. What it did stays in the list of deliveries."""

    def change(tx: Transaction) -> Removed:
        notifier = notifiers.get(tx, request.notifier)
        withdrawn = notifiers.remove(tx, notifier)
        return Removed(id=notifier.id, name=notifier.name, withdrawn=withdrawn, dry_run=request.dry_run)

    return await ctx.transact(change, Removed)
