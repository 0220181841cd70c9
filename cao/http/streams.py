"""Server-sent events: streams of items, and long calls that tell how far they are.

Nothing is queued for a client. Each item is made when the one before is on its way, so a client that stops reading costs the
batch at which the stream stands, and is cut after `STALLED_SECONDS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from litestar.types import HTTPScope, Receive, Send

from cao.operations.context import Progress
from cao.protocol import CaoError, Operation, Unavailable

from .attendance import attend
from .replies import FRAME_HEADERS, NO_STORE
from .requests import ClientLeft

MEDIA = b"text/event-stream"
HEARTBEAT_SECONDS = 15.0
"""A comment after so much silence, so that proxies keep the connection and dead clients are noticed."""
STALLED_SECONDS = 60.0
"""A client that takes nothing for so long is cut; it comes back by `Last-Event-ID`."""
_BREATH = 4
"""Items after which other requests get a turn, and the loop a chance to see that the client is gone: a replay waits for
nothing by itself."""

_START: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", MEDIA), (b"x-accel-buffering", b"no"), NO_STORE, *FRAME_HEADERS],
}


@dataclass(frozen=True, slots=True)
class Pace:
    """What all streams of a server share."""

    closing: asyncio.Event
    """Set when the server begins to stop: all streams end."""
    heartbeat: float = HEARTBEAT_SECONDS
    stalled: float = STALLED_SECONDS


class Channel:
    """One client's event stream."""

    def __init__(self, send: Send, pace: Pace) -> None:
        self._send = send
        self._pace = pace
        self._lively = True

    async def open(self) -> None:
        await self._send(_START)  # pyright: ignore[reportArgumentType]

    async def place(self, id: int) -> None:
        """Tell where the stream stands: to come back to when it is cut before its first event."""
        await self._write(b"id: %d\n\n" % id)

    async def event(self, kind: str, data: bytes, id: int | None = None) -> None:
        """Send one event; its data is one line of JSON."""
        place = b"id: %d\n" % id if id is not None else b""
        await self._write(b"%sevent: %s\ndata: %s\n\n" % (place, kind.encode(), data))

    async def end(self) -> None:
        """Tell that nothing follows, so that the client does not come back for more."""
        await self._write(b"event: end\ndata:\n\n")

    async def beat(self) -> None:
        """For ever: send a comment whenever nothing else was sent for a while."""
        while True:
            self._lively = False
            await asyncio.sleep(self._pace.heartbeat)
            if not self._lively:
                await self._write(b": quiet\n\n")

    async def close(self) -> None:
        await self._write(b"", more=False)

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        self._lively = True
        try:
            async with asyncio.timeout(self._pace.stalled):
                await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError:
            raise ClientLeft from None


class EventStream:
    """The answer of a streaming operation. Its first item is on its way already: see `begin`."""

    status = 200

    def __init__(
        self, first: asyncio.Task[Any], items: AsyncGenerator[Any], dump: Callable[[Any], bytes], pace: Pace, start: int
    ) -> None:
        self._first, self._items, self._dump, self._pace, self._start = first, items, dump, pace, start

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        channel = Channel(send, self._pace)
        try:
            with contextlib.suppress(ClientLeft):
                await channel.open()
                if "cao.head" not in scope:
                    await self._attended(channel, receive)
                await channel.close()
        finally:
            self._first.cancel()
            await asyncio.gather(self._first, return_exceptions=True)
            await self._items.aclose()

    async def _attended(self, channel: Channel, receive: Receive) -> None:
        try:
            await attend(self._play(channel), channel.beat(), receive=receive, closing=self._pace.closing)
        except Unavailable:
            return  # the server stops; the client comes back by its last id
        except CaoError as error:
            await channel.event("error", json.dumps(error.body()).encode())

    async def _play(self, channel: Channel) -> None:
        await channel.place(self._start)
        count = 0
        async for item in self._all():
            await channel.event(item.type, self._dump(item), item.seq)
            count += 1
            if count % _BREATH == 0:
                await asyncio.sleep(0)
        await channel.end()

    async def _all(self) -> AsyncIterator[Any]:
        try:
            yield await self._first
        except StopAsyncIteration:
            return
        async for item in self._items:
            yield item


async def begin(items: AsyncGenerator[Any], dump: Callable[[Any], bytes], pace: Pace, start: int) -> EventStream:
    """Start a stream after the event `start`. What its operation refuses before it waits for anything is raised here, while it
    can be a problem document."""
    first = asyncio.create_task(_next(items))
    await asyncio.sleep(0)
    if first.done() and not first.cancelled() and isinstance(error := first.exception(), CaoError):
        raise error
    return EventStream(first, items, dump, pace, start)


async def _next(items: AsyncGenerator[Any]) -> Any:
    return await anext(items)


class LongCall:
    """A long call as a stream: `progress` as it comes, then one `result` or one `error`.

    Only the newest progress is kept for a slow client.
    """

    status = 200

    def __init__(self, operation: Operation, call: Callable[[Progress], Coroutine[Any, Any, Any]], pace: Pace) -> None:
        self._operation, self._call, self._pace = operation, call, pace
        self._newest: asyncio.Queue[bytes] = asyncio.Queue(1)

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        channel = Channel(send, self._pace)
        with contextlib.suppress(ClientLeft):
            await channel.open()
            kind, data = await self._outcome(channel, receive)
            await channel.event(kind, data)
            await channel.close()

    async def _outcome(self, channel: Channel, receive: Receive) -> tuple[str, bytes]:
        beside = (channel.beat(), self._tell(channel))
        try:
            answer = await attend(self._call(self._report), *beside, receive=receive, closing=self._pace.closing)
        except CaoError as error:
            return "error", json.dumps(error.body()).encode()
        return "result", self._operation.adapter.dump_json(answer)

    async def _report(self, done: float, total: float | None, message: str) -> None:
        if self._newest.full():
            self._newest.get_nowait()
        self._newest.put_nowait(json.dumps({"progress": done, "total": total, "message": message}).encode())

    async def _tell(self, channel: Channel) -> None:
        while True:
            await channel.event("progress", await self._newest.get())
