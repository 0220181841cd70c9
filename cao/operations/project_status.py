"""One screen: how a project stands."""

from __future__ import annotations

import asyncio

from cao.protocol import NotFound, Reference, Request, operation
from cao.protocol.standing import Standing
from cao.store import projects, standing

from .context import Context


class ReadStanding(Request):
    """Which project."""

    project: Reference | None = None
    """Its id or name; the current one unless given, and without any what belongs to none."""


@operation("project.status", path="/status", errors=(NotFound,), example={"project": "docs"}, positional=("project",))
async def status(ctx: Context, request: ReadStanding) -> Standing:
    """Show how a project stands: what waits for you, what is in progress, blocked, next, failed lately, and the queue."""
    return await asyncio.to_thread(_read, ctx, request)


def _read(ctx: Context, request: ReadStanding) -> Standing:
    reader = ctx.store.read()
    project = projects.get(reader, request.project) if request.project else projects.current(reader)
    return standing.of(reader, project, ctx.store.clock.now())
