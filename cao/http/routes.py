"""One route for each operation of the registry."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol, cast

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope, Method, Receive, Send

from cao.control import Control
from cao.operations.context import Progress
from cao.protocol import Caller, CaoError, Operation

from .attempts import Attempts
from .attendance import attend
from .metrics import Requests
from .replies import Refusal, Reply
from .requests import ClientLeft, RequestReader, header, place
from .streams import LongCall, Pace, begin


class Answer(Protocol):
    """What a route gives back: an ASGI application with its status known."""

    status: int

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None: ...


@dataclass(slots=True)
class Site:
    """What all routes share."""

    control: Control
    pace: Pace
    attempts: Attempts | None = None
    """Failed sign-ins, where the server sees to them; None inside another application."""
    requests: Requests = field(default_factory=Requests)
    writes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WRITES_AT_ONCE))

    @property
    def failed_sign_ins(self) -> int:
        return self.attempts.total if self.attempts else 0


WRITES_AT_ONCE = 8
"""Writes that are under way at once. The store has one writer; more would only crowd the event loop."""

Answerer = Callable[[HTTPScope, Receive], Awaitable[Answer]]


def route(operation: Operation, site: Site) -> HTTPRouteHandler:
    """The handler of one operation. It gets the raw request: the registry validates, and Litestar finds the way."""
    answer = _answerer(operation, site)

    async def endpoint(request: Request[Any, Any, Any]) -> Reply:
        started = perf_counter()
        scope = request.scope
        try:
            reply = await answer(scope, request.receive)
        except CaoError as error:
            reply = Refusal(error, place(scope))
        except ClientLeft:
            reply = Reply(499, b"")  # nobody reads it; the number is what proxies log for this
        site.requests.observe(operation.name, reply.status, perf_counter() - started)
        return cast("Reply", reply)  # Litestar looks at the annotation only, and takes any ASGI application for it

    endpoint.__name__ = operation.identifier
    path, method = _litestar_path(operation.path), cast("Method", operation.method)
    return HTTPRouteHandler(path, http_method=method, status_code=operation.status, name=operation.name)(endpoint)


def methods_of(path: str, operations: Iterable[Operation]) -> HTTPRouteHandler:
    """OPTIONS: what a path can be asked. Litestar's own answer names only one of its handlers."""
    methods = {str(operation.method) for operation in operations}
    allowed = sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))

    async def endpoint(request: Request[Any, Any, Any]) -> Reply:
        return Reply(204, b"", headers=[(b"allow", ", ".join(allowed).encode())])

    return HTTPRouteHandler(_litestar_path(path), http_method="OPTIONS", status_code=200)(endpoint)


def _litestar_path(path: str) -> str:
    return re.sub(r"{(\w+)}", r"{\1:str}", path)


def _answerer(operation: Operation, site: Site) -> Answerer:
    if operation.effect == "stream":
        return _streaming(operation, site)
    if operation.waits:
        return _waiting(operation, site)
    return _plain(operation, site) if operation.effect == "read" else _by_turns(_plain(operation, site), site.writes)


def _by_turns(answer: Answerer, places: asyncio.Semaphore) -> Answerer:
    """Begin so many at once only: a burst of writes waits here, and not in front of everybody else in the event loop."""

    async def answer_in_turn(scope: HTTPScope, receive: Receive) -> Answer:
        async with places:
            return await answer(scope, receive)

    return answer_in_turn


def _plain(operation: Operation, site: Site) -> Answerer:
    read, call, dump = RequestReader(operation).read, site.control.call, operation.adapter.dump_json

    async def answer(scope: HTTPScope, receive: Receive) -> Answer:
        request = await read(scope, receive)
        return Reply(operation.status, dump(await call(operation, request, caller_of(scope))))

    return answer


def _waiting(operation: Operation, site: Site) -> Answerer:
    read, dump, pace = RequestReader(operation).read, operation.adapter.dump_json, site.pace

    async def answer(scope: HTTPScope, receive: Receive) -> Answer:
        request = await read(scope, receive)

        async def call(report: Progress | None = None) -> Any:
            return await site.control.call(operation, request, caller_of(scope), report)

        if "text/event-stream" in (header(scope, b"accept") or ""):
            return LongCall(operation, call, pace)
        return Reply(operation.status, dump(await attend(call(), receive=receive, closing=pace.closing)))

    return answer


def _streaming(operation: Operation, site: Site) -> Answerer:
    read, dump = RequestReader(operation).read, operation.adapter.dump_json

    async def answer(scope: HTTPScope, receive: Receive) -> Answer:
        request = await read(scope, receive)
        start = int(getattr(request, "after", -1))
        if start < 0:  # what is new from now on: as a number, so that a stream that is cut at once has a place to go on from
            start = site.control.last_seq
            request = request.model_copy(update={"after": start})
        items = cast("AsyncGenerator[Any]", site.control.stream(operation, request, caller_of(scope)))
        return await begin(items, dump, site.pace, start)

    return answer


def caller_of(scope: HTTPScope) -> Caller:
    """Who asks, as the perimeter attested it."""
    return cast("Caller", scope["cao.caller"])  # pyright: ignore[reportGeneralTypeIssues]
