"""GraphQL over WebSocket: the protocol `graphql-transport-ws`, one task for each operation of a connection.

Nothing is queued: a stream makes its next item when the one before is on its way. A client that takes nothing is cut. Who calls
is known before the WebSocket opens, so the payload of `connection_init` says nothing to us.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, cast

from litestar.types import Receive, Send, WebSocketScope

from cao.http.requests import BODY_LIMIT
from cao.http.streams import Pace
from cao.protocol import Caller, CaoError, Conflict, InvalidInput

from .wire import Answer, Refused, asked, dumps, loads, shown

if TYPE_CHECKING:
    from .execution import Executor, Prepared

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
"""How long a connection may take to say `connection_init`."""
OPERATIONS = 32
"""Operations that one connection may have under way."""
_ID_LIMIT = 128


class Hangup(Exception):
    """The connection ends, with a code of the protocol. None: it has ended, or nothing can be sent any more."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """One WebSocket, from its opening to its end."""

    def __init__(self, executor: Executor, caller: Caller, pace: Pace, receive: Receive, send: Send) -> None:
        self._executor = executor
        self._caller = caller
        self._pace = pace
        self._receive_event = receive
        self._send_event = send
        self._sending = asyncio.Lock()
        self._lively = True
        self._running: dict[str, asyncio.Task[None]] = {}

    async def serve(self, scope: WebSocketScope) -> None:
        """Talk until one side hangs up."""
        await self._receive_event()  # the opening
        spoken = PROTOCOL in scope["subprotocols"]
        try:
            await self._emit({"type": "websocket.accept", "subprotocol": PROTOCOL if spoken else None})
            if not spoken:
                raise Hangup(4406, f"speak {PROTOCOL}")
            await self._talk()
        except* Hangup as ends:
            await self._hang_up(_first(ends))

    async def _talk(self) -> None:
        await self._greet()
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._until_closing()), group.create_task(self._beat())]
            try:
                await self._listen(group)
            except Hangup as end:
                if end.code is not None:
                    raise
                for task in (*beside, *self._running.values()):  # the client has gone, which is no error
                    task.cancel()

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(INIT_SECONDS):
                message = await self._next()
        except TimeoutError:
            raise Hangup(4408, "connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise Hangup(4401, "begin with connection_init")
        await self._say({"type": "connection_ack"})

    async def _listen(self, group: asyncio.TaskGroup) -> NoReturn:
        while True:
            message = await self._next()
            match message["type"]:
                case "subscribe":
                    await self._subscribe(message, group)
                case "complete":
                    self._stop(_id(message))
                case "ping":
                    await self._say({"type": "pong"})
                case "pong":
                    pass
                case "connection_init":
                    raise Hangup(4429, "too many initialisation requests")
                case _:
                    raise Hangup(4400, "the type of the message is not one of the protocol's")

    async def _subscribe(self, message: Mapping[str, Any], group: asyncio.TaskGroup) -> None:
        id = _id(message)
        if id in self._running:
            raise Hangup(4409, "there is an operation of this id")
        if len(self._running) >= OPERATIONS:
            error = Conflict(f"{OPERATIONS} operations are under way on this connection; complete one first", limit=OPERATIONS)
            await self._say({"type": "error", "id": id, "payload": [shown(error)]})
            return
        self._running[id] = group.create_task(self._operate(id, message.get("payload")))

    def _stop(self, id: str) -> None:
        if (task := self._running.pop(id, None)) is not None:
            task.cancel()

    async def _operate(self, id: str, payload: object) -> None:
        try:
            await self._run(id, self._executor.prepare(asked(payload)))
            await self._say({"type": "complete", "id": id})
        except CaoError as error:
            await self._say({"type": "error", "id": id, "payload": [shown(error)]})
        except Refused as refused:
            await self._say({"type": "error", "id": id, "payload": refused.errors})
        finally:
            if self._running.get(id) is asyncio.current_task():
                del self._running[id]

    async def _run(self, id: str, prepared: Prepared) -> None:
        if prepared.streams:
            async with contextlib.aclosing(self._executor.stream(prepared, self._caller)) as answers:
                async for answer in answers:
                    await self._give(id, answer)
            return
        await self._give(id, await self._executor.run(prepared, self._caller))

    async def _give(self, id: str, answer: Answer) -> None:
        await self._say({"type": "next", "id": id, "payload": answer})

    async def _beat(self) -> None:
        """For ever: ask whether the client lives when nothing was sent for a while."""
        while True:
            self._lively = False
            await asyncio.sleep(self._pace.heartbeat)
            if not self._lively:
                await self._say({"type": "ping"})

    async def _until_closing(self) -> NoReturn:
        await self._pace.closing.wait()
        raise Hangup(1012, "the server is stopping; come back by your cursor")

    async def _next(self) -> Mapping[str, Any]:
        """The next message of the client."""
        event = cast("Mapping[str, Any]", await self._receive_event())
        if event["type"] != "websocket.receive":
            raise Hangup(None)
        text = event.get("text")
        if text is None or len(text) > BODY_LIMIT:
            raise Hangup(4400, f"a message is text of at most {BODY_LIMIT} characters")
        try:
            message = loads(text)
        except InvalidInput:
            raise Hangup(4400, "the message is not JSON") from None
        if not isinstance(message, dict) or not isinstance(cast("Any", message).get("type"), str):
            raise Hangup(4400, "a message is an object with a type")
        return cast("Mapping[str, Any]", message)

    async def _say(self, message: Mapping[str, Any]) -> None:
        self._lively = True
        await self._emit({"type": "websocket.send", "text": dumps(message)})

    async def _emit(self, event: Mapping[str, Any]) -> None:
        """Send, within the time that a client gets to take it."""
        try:
            async with asyncio.timeout(self._pace.stalled), self._sending:
                await self._send_event(cast("Any", event))
        except (TimeoutError, OSError):
            raise Hangup(None) from None

    async def _hang_up(self, end: Hangup) -> None:
        if end.code is not None:
            with contextlib.suppress(Hangup):
                await self._emit({"type": "websocket.close", "code": end.code, "reason": end.reason})


def _id(message: Mapping[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _ID_LIMIT:
        raise Hangup(4400, f"an id is text of 1 to {_ID_LIMIT} characters")
    return id


def _first(group: BaseExceptionGroup[Hangup]) -> Hangup:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
