"""Work that somebody waits for: it ends when they leave or when the server stops, and not only when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar.types import Receive

from cao.protocol import Unavailable

from .requests import ClientLeft

T = TypeVar("T")


async def attend(
    work: Coroutine[Any, Any, T], *beside: Coroutine[Any, Any, None], receive: Receive, closing: asyncio.Event
) -> T:
    """What `work` returns. Raises `ClientLeft` when nobody waits any more and `Unavailable` when the server stops.

    beside: what runs while the work does; an exception of theirs ends it. Whatever is unfinished at the end is cancelled
    and awaited.
    """
    working = asyncio.create_task(work)
    others = [asyncio.create_task(_until_left(receive)), asyncio.create_task(_until(closing))]
    others += [asyncio.create_task(coroutine) for coroutine in beside]
    try:
        done, _ = await asyncio.wait((working, *others), return_when=asyncio.FIRST_COMPLETED)
        if working not in done:
            for task in done:
                task.result()
        return await working
    finally:
        for task in (working, *others):
            task.cancel()
        await asyncio.gather(working, *others, return_exceptions=True)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise ClientLeft


async def _until(closing: asyncio.Event) -> None:
    await closing.wait()
    raise Unavailable("the server is stopping; ask again when it is back")
