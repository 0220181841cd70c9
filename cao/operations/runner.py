"""The runner: the processes on this data directory, what a crash left behind, and how often things began again."""

from __future__ import annotations

import asyncio
from collections import Counter

from cao.protocol import DestructiveRequest, ListRequest, Page, Request, operation
from cao.protocol.runner import CleanedUp, Orphan, OrphanKind, OwnerInfo, RunnerHealth, RunnerStats
from cao.protocol.schedules import Interval
from cao.schedules.timing import seconds
from cao.store import Transaction, activations, runners

from . import leftovers
from .context import Context
from .pages import by_key

OWNERS = 200


class ReadHealth(Request):
    """Nothing to say."""


@operation("runner.health", path="/runner/health", example={})
async def health(ctx: Context, request: ReadHealth) -> RunnerHealth:
    """Show how the engine is, which processes work here, and whether a dead one still holds work."""
    reader, engine = ctx.store.read(), ctx.services.engine.status()
    owners = await asyncio.to_thread(_owners, ctx)
    orphans = activations.orphans(reader, "", leftovers.is_alive(ctx), ctx.store.clock.now())
    trouble = engine.state == "failed" or any(one.leases and not one.alive for one in owners)
    return RunnerHealth(
        status="degraded" if trouble or orphans else "ok",
        engine=engine.state,
        detail=engine.detail,
        active=engine.active,
        queued=engine.queued,
        open_activations=runners.open_activations(reader),
        orphans=len(orphans),
        owners=owners[:OWNERS],
    )


def _owners(ctx: Context) -> list[OwnerInfo]:
    holding = Counter(lease.owner for lease in runners.held(ctx.store.read()))
    names = {file.stem for file in leftovers.owners_folder(ctx).glob("*.lock")} | set(holding)
    alive = leftovers.is_alive(ctx)
    return [OwnerInfo(name=name, alive=alive(name), leases=holding[name]) for name in sorted(names)]


class ListOrphans(ListRequest):
    """Which leftovers."""

    kind: OrphanKind | None = None
    """Only those of this kind."""


@operation("runner.orphans", path="/runner/orphans", example={"kind": "activation"}, positional=())
async def orphans(ctx: Context, request: ListOrphans) -> Page[Orphan]:
    """List what crashes left behind: hot sessions and leases of dead processes, their agents and files, stray worktrees.

    A server mends hot sessions by itself within a second; what is told here is what is so now.
    """
    found = [one for one in await leftovers.find(ctx) if request.kind in (None, one.kind)]
    return by_key(Orphan, sorted(found, key=_key), request, _key)


def _key(orphan: Orphan) -> str:
    return f"{orphan.kind} {orphan.id}"


class CleanUp(DestructiveRequest):
    """What to mend."""

    kind: OrphanKind | None = None
    """Only leftovers of this kind."""


@operation(
    "runner.cleanup",
    path="/runner/cleanup",
    effect="destructive",
    status=200,
    idempotent=True,
    example={"dry_run": True},
    positional=(),
)
async def cleanup(ctx: Context, request: CleanUp) -> CleanedUp:
    """Mend what crashes left behind. Turns that were cut follow their recovery policy; work in worktrees is never touched.

    A worktree without a record gets one, and a record without a worktree is closed.
    """
    if (before := ctx.replay(CleanedUp)) is not None:
        return before
    found = [one for one in sorted(await leftovers.find(ctx), key=_key) if request.kind in (None, one.kind)]
    mendable = [one for one in found if one.fix == leftovers.CLEANUP]
    changes = [] if request.dry_run else [await leftovers.mend(ctx, one) for one in mendable]

    def change(tx: Transaction) -> CleanedUp:
        for write in changes:
            if write is not None:
                write(tx)
        return CleanedUp(mended=mendable, left=[one for one in found if one not in mendable], dry_run=request.dry_run)

    answer = await ctx.transact(change, CleanedUp)
    for one in mendable:
        if one.kind == "activation" and not request.dry_run:
            ctx.services.engine.submit(one.id)
    return answer


class CountStarts(Request):
    """Since when."""

    within: Interval = "7d"
    """This time until now."""


@operation("runner.stats", path="/runner/stats", example={"within": "24h"}, positional=())
async def stats(ctx: Context, request: CountStarts) -> RunnerStats:
    """Count, from the event log, how often servers, the engine, Prefect and turns began, were cut, and began again."""
    return runners.stats(ctx.store.read(), ctx.store.clock.now() - seconds(request.within))
