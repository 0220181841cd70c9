"""The daemon's pause, which holds the whole queue."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from cao.protocol import Answer, WriteRequest, operation
from cao.store import Reader, Transaction, pause

from .context import Context


class PauseDaemon(WriteRequest):
    """Why, for those who look."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    """What it is for; `cao queue stats` shows it."""


class ResumeDaemon(WriteRequest):
    """Nothing to say."""


class PauseState(Answer):
    """Whether the queue is held."""

    paused: bool
    by: str | None = None
    """Who paused."""
    reason: str | None = None
    since: datetime | None = None


def _state(reader: Reader) -> PauseState:
    found = pause.current(reader)
    if found is None:
        return PauseState(paused=False)
    return PauseState.model_validate({"paused": True, "by": found.by, "reason": found.reason, "since": found.since})


@operation(
    "daemon.pause",
    path="/daemon/pause",
    effect="write",
    status=200,
    idempotent=True,
    positional=(),
    example={"reason": "the release is being built"},
)
async def begin(ctx: Context, request: PauseDaemon) -> PauseState:
    """Dispatch nothing of the queue, in whatever process, until it is resumed; a restart does not end the pause.

    What was dispatched goes on, work that is given directly begins, and schedules keep their times. Items may still be
    enqueued, and they expire.
    """

    def change(tx: Transaction) -> PauseState:
        pause.begin(tx, request.reason)
        return _state(tx)

    return await ctx.transact(change, PauseState)


@operation("daemon.resume", path="/daemon/resume", effect="write", status=200, idempotent=True, example={})
async def end(ctx: Context, request: ResumeDaemon) -> PauseState:
    """Dispatch the queue again."""

    def change(tx: Transaction) -> PauseState:
        pause.end(tx)
        return _state(tx)

    return await ctx.transact(change, PauseState)
