"""Agents without a server that runs: an ASGI application for requests, and a function for the platform's timer.

`application` records what is asked and works nothing off; `scheduled` does all that is due and ends before its time does. Both
use the data directory that `CAO_HOME` names: a volume that every instance mounts and that can lock files. Requests carry
`Authorization: Bearer` with what `API_KEY` holds.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from typing import Any

import cao

MARGIN_SECONDS = 10.0
"""What is left of a timer's time for the tick to end in good order."""


async def who(scope: Any) -> cao.Caller | None:
    """Who sends a request: whoever shows the key."""
    shown = dict(scope["headers"]).get(b"authorization", b"")
    return cao.Caller(actor="key") if hmac.compare_digest(shown, f"Bearer {os.environ['API_KEY']}".encode()) else None


control = cao.open(work=False)
surface = cao.asgi(control, authenticate=who)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request, or live as long as the instance does."""
    if scope["type"] != "lifespan":
        await surface(scope, receive, send)
        return
    await receive()
    async with control:
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


def scheduled(event: Any, context: Any) -> dict[str, Any]:
    """What the timer calls. event: not looked at. context: tells how many milliseconds are left."""
    seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    return asyncio.run(tick(max(seconds, 1.0)))


async def tick(seconds: float) -> dict[str, Any]:
    """Do what is due; the report goes to the platform's log."""
    async with cao.open() as working:
        report = await working.daemon.tick(timeout=seconds)
    return report.model_dump(mode="json")
