"""GraphQL over HTTP: a POST answers once, or as server-sent events (GraphQL over SSE, distinct connections).

There is no GET, so nothing can be asked by a link or an image of another site.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from litestar.types import HTTPScope, Receive, Send

from cao.http.attendance import attend
from cao.http.replies import JSON, NO_STORE, Header, MethodNotAllowed, Reply, UnsupportedMedia
from cao.http.requests import ClientLeft, header, read_body
from cao.http.streams import Channel, Pace
from cao.protocol import Caller, CaoError, InvalidInput, Unavailable

from .wire import Answer, Refused, asked, dumps, loads, shown

if TYPE_CHECKING:
    from .execution import Executor, Prepared

RESULT = b"application/graphql-response+json"
"""The media type for clients that ask for it: there, a document that is refused has a status of its own."""
STREAM = "text/event-stream"


class Post:
    """One POST."""

    def __init__(self, executor: Executor, caller: Caller, pace: Pace, scope: HTTPScope, receive: Receive) -> None:
        self._executor = executor
        self._caller = caller
        self._pace = pace
        self._scope = scope
        self._receive = receive
        self._accept = header(scope, b"accept") or ""

    async def answer(self, send: Send) -> None:
        """Read it, run it, and send what came of it."""
        with contextlib.suppress(ClientLeft):
            try:
                await self._serve(await self._prepared(), send)
            except CaoError as error:
                allow = [(b"allow", b"POST")] if isinstance(error, MethodNotAllowed) else []
                await self._reply({"errors": [shown(error)]}, error.http_status, send, allow)
            except Refused as refused:
                await self._refuse(refused, send)

    async def _prepared(self) -> Prepared:
        if self._scope["method"] != "POST":
            raise MethodNotAllowed("GraphQL is asked by POST; see docs/how-to/graphql.md", allow=["POST"])
        if (header(self._scope, b"content-type") or "").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMedia("send JSON: Content-Type: application/json")
        return self._executor.prepare(asked(loads(await read_body(self._scope, self._receive))))

    async def _serve(self, prepared: Prepared, send: Send) -> None:
        if prepared.streams and STREAM not in self._accept:
            raise InvalidInput.field("query", f"a subscription is a stream: send Accept: {STREAM}, or open a WebSocket here")
        if prepared.streams or self._only_streams:
            await self._play(self._answers(prepared), send)
        else:
            await self._reply(await self._run(prepared), 200, send)

    async def _run(self, prepared: Prepared) -> Answer:
        """Whoever leaves ends their waiting, and nothing else."""
        running = self._executor.run(prepared, self._caller)
        if not prepared.waits:
            return await running
        return await attend(running, receive=self._receive, closing=self._pace.closing)

    async def _answers(self, prepared: Prepared) -> AsyncGenerator[Answer]:
        try:
            if prepared.streams:
                async with contextlib.aclosing(self._executor.stream(prepared, self._caller)) as answers:
                    async for answer in answers:
                        yield answer
            else:
                yield await self._executor.run(prepared, self._caller)
        except Refused as refused:
            yield refused.answer

    async def _play(self, answers: AsyncGenerator[Answer], send: Send) -> None:
        channel = Channel(send, self._pace)
        await channel.open()
        with contextlib.suppress(Unavailable):  # the server stops; the client comes back by its cursor
            await attend(_send_all(channel, answers), channel.beat(), receive=self._receive, closing=self._pace.closing)
        await channel.close()

    async def _refuse(self, refused: Refused, send: Send) -> None:
        if self._only_streams:
            await self._play(_once(refused.answer), send)
        else:
            await self._reply(refused.answer, 400 if self._knows_results else 200, send)

    async def _reply(self, answer: Answer, status: int, send: Send, extra: Sequence[Header] = ()) -> None:
        media = RESULT if self._knows_results else JSON
        await Reply(status, dumps(answer).encode(), media, (NO_STORE, *extra))(self._scope, self._receive, send)

    @property
    def _only_streams(self) -> bool:
        return STREAM in self._accept and "json" not in self._accept

    @property
    def _knows_results(self) -> bool:
        return RESULT.decode() in self._accept


async def _once(answer: Answer) -> AsyncGenerator[Answer]:
    yield answer


async def _send_all(channel: Channel, answers: AsyncGenerator[Answer]) -> None:
    async with contextlib.aclosing(answers):
        async for answer in answers:
            await channel.event("next", dumps(answer).encode())
    await channel.event("complete", b"")
