"""Streamable HTTP for toolsets: loads the SDK when it is first needed, off the event loop, and owns what it starts."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self, cast

from cao.protocol import CaoError, Unavailable

from .toolset import Toolset

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]

LOAD_SECONDS = 50.0
"""The longest that a request waits for the SDK to load."""

STOP_SECONDS = 10.0
"""The longest that calls may take to come to an end when the server closes."""

GONE = "cao.gone"
"""The key in an ASGI scope of the event that is set when nobody waits for the answer: client or server close."""


class HttpServer:
    """Serves toolsets while it is entered. Requests that come while the SDK loads wait for it."""

    def __init__(
        self,
        name: str,
        instructions: str,
        toolset_of: Callable[[Mapping[str, Any]], Toolset],
        prepare: Callable[[], object],
    ) -> None:
        """toolset_of: what the caller behind an ASGI scope may use. prepare: loads what else is slow, in a thread."""
        self._name = name
        self._instructions = instructions
        self._toolset_of = toolset_of
        self._prepare = prepare
        self._owner: asyncio.Task[None] | None = None
        self._calls: dict[asyncio.Task[Any], asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        self._wanted = asyncio.Event()
        self._ready: asyncio.Future[Handler | None] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._serve(), name=f"cao-mcp-{self._name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        owner, self._owner = self._owner, None
        await self._end_calls()
        if owner is not None:
            owner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await owner

    async def _end_calls(self) -> None:
        for gone in self._calls.values():
            gone.set()
        if self._calls:
            await asyncio.wait(list(self._calls), timeout=STOP_SECONDS)

    async def _serve(self) -> None:
        """Everything of the SDK lives and ends in this one task: its task groups insist on that."""
        while True:
            await self._wanted.wait()
            try:
                await self._load_and_serve()
            except Exception:
                logger.exception("MCP could not be served; the next request tries again")
            self._wanted.clear()
            ready, self._ready = self._ready, asyncio.get_running_loop().create_future()
            if not ready.done():
                ready.set_result(None)

    async def _load_and_serve(self) -> None:
        await asyncio.to_thread(importlib.import_module, "cao.mcp.sdk")
        await asyncio.to_thread(self._prepare)
        from . import sdk

        server = sdk.build(self._name, self._instructions, self._toolset_of)
        async with sdk.http_handler(server) as handler:
            self._ready.set_result(handler)
            await asyncio.Event().wait()

    async def warm(self) -> None:
        """Load now. Raises `Unavailable` when this is not entered, or loading fails."""
        await self._handler()

    async def _handler(self) -> Handler:
        if self._owner is None:
            raise Unavailable("MCP is not served now")
        self._wanted.set()
        ready = self._ready
        await asyncio.wait((self._owner, ready), timeout=LOAD_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        handler = ready.result() if ready.done() else None
        if handler is None:
            raise Unavailable("MCP could not be loaded; the server's log says why: cao daemon logs")
        return handler

    async def handle(self, scope: Scope, receive: Receive, send: Send, identity: str) -> None:
        """Serve one request. identity: of the credential; a session answers only to the one that opened it."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            handler = await self._handler()
        except Unavailable as error:
            await refuse(send, error)
            return
        from . import sdk

        with self._call(scope) as gone:

            async def receive_and_see() -> Message:
                message = await receive()
                if message["type"] == "http.disconnect":
                    gone.set()
                return message

            await handler({**scope, "user": sdk.user(identity), GONE: gone}, receive_and_see, send)

    @contextlib.contextmanager
    def _call(self, scope: Scope) -> Generator[asyncio.Event]:
        """Remember a request that may be a call; a GET only listens."""
        gone, request = asyncio.Event(), cast("asyncio.Task[Any]", asyncio.current_task())
        if scope["method"] == "POST":
            self._calls[request] = gone
        try:
            yield gone
        finally:
            self._calls.pop(request, None)


async def refuse(send: Send, error: CaoError, status: int | None = None) -> None:
    """Answer a request with an error. status: instead of the error's own."""
    body = json.dumps({"error": error.body()}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if error.http_status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status or error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
