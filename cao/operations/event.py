"""Events: the log of everything that happened, read page by page or followed as it grows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field, StringConstraints

from cao.protocol import ListRequest, NotFound, Page, Reference, Request, operation
from cao.protocol.paging import seal, unseal
from cao.protocol.records import Event
from cao.store import log, sessions

from .context import Context

EventType = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.([a-z]+|\*)$", max_length=64)]


class ListEvents(ListRequest):
    """Which events."""

    types: Annotated[list[EventType], Field(max_length=32)] = Field(default_factory=list[str])
    """Only these types; `run.*` means all of a group."""
    session: Reference | None = None
    """Only those of this session: its id or name."""
    after: Annotated[int, Field(ge=0, le=2**62)] = 0
    """Only those with a greater `seq`."""


@operation("event.list", path="/events/log", errors=(NotFound,), example={"types": ["run.*"], "limit": 10}, positional=())
async def list_events(ctx: Context, request: ListEvents) -> Page[Event]:
    """Read the event log, oldest first."""
    question = request.model_dump(mode="json")
    start = unseal(request.cursor, question, int)[0] if request.cursor else request.after
    found = log.after(ctx.store.read(), start, _filter(ctx, request.types, request.session), request.limit + 1)
    items = found[: request.limit]
    return Page[Event](items=items, next_cursor=seal([items[-1].seq], question) if len(found) > request.limit else None)


class FollowEvents(Request):
    """From where, and which events."""

    after: Annotated[int, Field(ge=-1, le=2**62)] = -1
    """Start with the event after this `seq`: 0 replays everything, -1 gives only what is new."""
    types: Annotated[list[EventType], Field(max_length=32)] = Field(default_factory=list[str])
    """Only these types; `run.*` means all of a group."""
    session: Reference | None = None
    """Only those of this session: its id or name."""
    limit: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Stop after so many events; 0 never stops."""


@operation("event.follow", path="/events", effect="stream", errors=(NotFound,), positional=(), example={"after": 0, "limit": 5})
async def follow(ctx: Context, request: FollowEvents) -> AsyncIterator[Event]:
    """Follow the event log: replay from any `seq`, then live, each event once and in order.

    To go on after a cut, give the last `seq` that you saw as `after`.
    """
    wanted = _filter(ctx, request.types, request.session)
    start = log.last_seq(ctx.store.read()) if request.after < 0 else request.after
    left = request.limit
    async for event in log.follow(ctx.store, start, wanted):
        if event is not None:
            yield event
            left -= 1
            if left == 0:
                return


def _filter(ctx: Context, types: list[str], session: str | None) -> log.Filter:
    reference = sessions.get(ctx.store.read(), session, terminals_too=False).id if session else None
    return log.Filter(types=tuple(types), session_id=reference)
