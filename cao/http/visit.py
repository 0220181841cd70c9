"""A request that may outlive its credential: streams and WebSockets end when their token is revoked or expires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from litestar.types import ASGIApp, HTTPScope, Receive, Send, WebSocketScope

from cao.protocol import CaoError

from .replies import Refusal
from .requests import place

Over = Callable[[], Coroutine[Any, Any, CaoError]]
"""Waits until the credential has ended; why it did."""


async def visit(app: ASGIApp, scope: HTTPScope | WebSocketScope, receive: Receive, send: Send, over: Over) -> None:
    """Serve a request while its credential holds. Then the application hears that its client is gone, and the client why."""
    connection = _Connection(scope, receive, send)
    watching = asyncio.create_task(connection.watch(over))
    try:
        await app(scope, cast("Receive", connection.receive), connection.send)
    finally:
        watching.cancel()
        await asyncio.wait((watching,))
    await connection.finish()


class _Connection:
    """A connection that can be ended from our side, whatever the application does."""

    def __init__(self, scope: HTTPScope | WebSocketScope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._ended: asyncio.Future[CaoError] = asyncio.get_running_loop().create_future()
        self._last = ""
        self._told = False

    async def watch(self, over: Over) -> None:
        try:
            self._ended.set_result(await over())
        except CaoError as error:  # a store that cannot say whether it holds keeps nobody in
            self._ended.set_result(error)

    async def receive(self) -> Any:
        if self._ended.done():
            return self._gone()
        incoming = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait((incoming, self._ended), return_when=asyncio.FIRST_COMPLETED)
            return incoming.result() if incoming.done() else self._gone()
        finally:
            incoming.cancel()

    def _gone(self) -> dict[str, Any]:
        self._told = True
        return {"type": "http.disconnect"} if self._scope["type"] == "http" else {"type": "websocket.disconnect", "code": 1008}

    async def send(self, message: Any) -> None:
        """Pass on what the application says. Once the credential has ended, only an answer that is complete goes out, such as
        that of signing out, and none of an application that knows that its client is gone."""
        if self._told or (self._ended.done() and message.get("more_body", False)):
            return
        self._last = "complete" if _is_last(message) else message["type"]
        await self._send(message)

    async def finish(self) -> None:
        """Say what is still to be said, if the credential ended before the application did."""
        if not self._ended.done() or self._last == "complete":
            return
        error = self._ended.result()
        if self._scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": 1008, "reason": error.code})
        elif self._last:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await Refusal(error, place(self._scope))(cast("HTTPScope", self._scope), self._receive, self._send)


def _is_last(message: dict[str, Any]) -> bool:
    return message["type"] == "websocket.close" or (
        message["type"] == "http.response.body" and not message.get("more_body", False)
    )
