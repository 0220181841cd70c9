"""`/graphql` of our server: HTTP and WebSocket under one path."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from litestar.types import HTTPScope, Receive, Scope, Send

from cao.http.streams import Pace
from cao.protocol import Caller

if TYPE_CHECKING:
    from cao.control import Control

    from .execution import Executor


class GraphqlApp:
    """An ASGI application for a server that has authenticated the caller (`scope["cao.caller"]`).

    It loads graphql-core and makes the schema with its first request, in a thread.
    """

    def __init__(self, control: Control, pace: Pace) -> None:
        self._control = control
        self._pace = pace
        self._executor: Executor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        executor = self._executor or await asyncio.to_thread(self._load)
        caller = cast("Caller", cast("Any", scope)["cao.caller"])
        if scope["type"] == "websocket":
            from .websocket import Connection

            await Connection(executor, caller, self._pace, receive, send).serve(scope)
        else:
            from .http import Post

            await Post(executor, caller, self._pace, cast("HTTPScope", scope), receive).answer(send)

    def _load(self) -> Executor:
        from .execution import Executor

        self._executor = Executor(self._control)
        return self._executor
