"""Deliveries: one notification to one notifier, with a receipt for each attempt."""

from __future__ import annotations

from cao.operations.context import Context
from cao.protocol import ListRequest, NotFound, Page, Reference, Request, WriteRequest, operation
from cao.store import Transaction

from .. import deliveries, notifiers
from ..deliveries import Patience
from ..records import Delivery, DeliveryState


class ListDeliveries(ListRequest):
    """Which deliveries."""

    notifier: Reference | None = None
    """Only those of this notifier: its name or id."""
    state: DeliveryState | None = None
    """Only those in this state; `dead` is what nobody got."""


@operation("delivery.list", path="/deliveries", errors=(NotFound,), example={"state": "dead"}, positional=())
async def list_deliveries(ctx: Context, request: ListDeliveries) -> Page[Delivery]:
    """List deliveries, newest first."""
    reader = ctx.store.read()
    name = notifiers.get(reader, request.notifier).name if request.notifier is not None else None
    return deliveries.list_page(reader, request, notifier=name, state=request.state)


class GetDelivery(Request):
    """Which delivery."""

    delivery: Reference
    """Its id."""


@operation("delivery.get", path="/deliveries/{delivery}", example={"delivery": "dlv_000000000"})
async def get(ctx: Context, request: GetDelivery) -> Delivery:
    """Show one delivery with the receipts of its attempts."""
    return deliveries.get(ctx.store.read(), request.delivery)


class Retry(WriteRequest):
    """Which delivery."""

    delivery: Reference
    """The id of a dead one."""


@operation(
    "delivery.retry",
    path="/deliveries/{delivery}/retry",
    effect="write",
    status=200,
    example={"delivery": "dlv_000000000"},
)
async def retry(ctx: Context, request: Retry) -> Delivery:
    """Try a dead delivery again, as often as a new one."""
    settings = ctx.services.settings
    patience = Patience(settings.notify_attempts, settings.notify_backoff_seconds)

    def change(tx: Transaction) -> Delivery:
        return deliveries.retry(tx, request.delivery, patience)

    return await ctx.transact(change, Delivery)
