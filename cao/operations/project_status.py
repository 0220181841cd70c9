"""One screen: how a project stands."""

from __future__ import annotations

import asyncio

from cao.protocol import NotFound, Reference, Request, operation
from cao.protocol.standing import Standing
from cao.store import standing

from .context import Context
from .scope import find_project


class ReadStanding(Request):
    """Which project."""

    project: Reference | None = None
    """Its id or name; the current one unless given, and without any what belongs to none."""


@operation("project.status", path="/status", errors=(NotFound,), example={"project": "docs"}, positional=("project",))
async def status(ctx: Context, request: ReadStanding) -> Standing:
    """Show how a project stands: what waits for you, what is in progress, blocked, next, failed lately, and the queue."""
    return await asyncio.to_thread(_read, ctx, request)


def _read(ctx: Context, request: ReadStanding) -> Standing:
    return standing.of(ctx.store.read(), find_project(ctx, request.project), ctx.store.clock.now())
