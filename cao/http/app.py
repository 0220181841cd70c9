"""The application: perimeter, mounts and the registry's routes, as one Litestar app.

app = build_app(control, token=local_token(control.settings.home))
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any, cast

from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from cao.control import Control
from cao.operations.daemon import GetHealth, Status
from cao.protocol import REGISTRY, CaoError, Internal, InvalidInput, NotFound, Operation

from . import metrics, openapi, page
from .mounts import Mounts
from .perimeter import Perimeter
from .replies import MethodNotAllowed, Refusal, Reply
from .routes import Site, caller_of, methods_of, route
from .streams import HEARTBEAT_SECONDS, STALLED_SECONDS, Pace

logger = logging.getLogger(__name__)


def build_app(
    control: Control,
    *,
    token: str,
    mounts: Mapping[str, ASGIApp] | None = None,
    host: str | None = None,
    closing: asyncio.Event | None = None,
    heartbeat: float = HEARTBEAT_SECONDS,
    stalled: float = STALLED_SECONDS,
) -> Litestar:
    """The HTTP surface of an open control.

    token: what clients must show. mounts: ASGI applications by path. host: a name of this server besides the loopback ones.
    closing: set it when the server begins to stop, and all streams end. heartbeat: seconds of silence before a stream says
    that it lives. stalled: seconds after which a client that takes nothing is cut.
    """
    site = Site(control, Pace(closing or asyncio.Event(), heartbeat, stalled))
    app = Litestar(
        [*_operations(site), *_pages(site)],
        openapi_config=None,
        logging_config=None,
        exception_handlers={HTTPException: _routing_problem, Exception: _defect},
    )
    # Litestar's middleware does not see what it has no route for; the perimeter must see everything.
    app.asgi_handler = Perimeter(Mounts(_answer_head(app.asgi_handler), mounts or {}), token=token, host=host)
    return app


def _operations(site: Site) -> list[HTTPRouteHandler]:
    by_path: dict[str, list[Operation]] = {}
    for operation in REGISTRY.on("http"):
        by_path.setdefault(operation.path, []).append(operation)
    routes = [route(operation, site) for operations in by_path.values() for operation in operations]
    # Those for OPTIONS come first: Litestar makes one of its own for a path that has none.
    return [methods_of(path, operations) for path, operations in by_path.items()] + routes


def _pages(site: Site) -> list[HTTPRouteHandler]:
    """What stands beside the operations: the description of this surface, and numbers."""

    @get("/openapi.json")
    async def description(request: Request[Any, Any, Any]) -> Reply:
        return Reply(200, json.dumps(openapi.document()).encode())

    @get("/docs")
    async def documentation(request: Request[Any, Any, Any]) -> Reply:
        return Reply(200, page.render(), b"text/html; charset=utf-8", page.HEADERS)

    @get("/metrics")
    async def numbers(request: Request[Any, Any, Any]) -> Reply:
        caller, call = caller_of(request.scope), site.control.call
        status = await call(REGISTRY["daemon.status"], Status(), caller)
        health = await call(REGISTRY["daemon.health"], GetHealth(), caller)
        return Reply(200, metrics.render(status, health, site.requests).encode(), metrics.MEDIA)

    return [description, documentation, numbers]


def _answer_head(app: ASGIApp) -> ASGIApp:
    """HEAD is GET without a body, which the server leaves out by itself; a stream then gives no items."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = cast("HTTPScope", {**scope, "method": "GET", "cao.head": True})
        await app(scope, receive, send)

    return answer


class _Answered(Response[bytes]):
    """A reply where Litestar wants a response of its own kind: from exception handlers."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(b"")
        self._reply = reply

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> Any:
        return self._reply


def _routing_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar found no way for the request, or could not read it."""
    path, method = request.scope["path"], request.scope["method"]
    allow = (error.headers or {}).get("allow", "")
    match error.status_code:
        case 404:
            problem: CaoError = NotFound(f"there is nothing at {path[:200]}; see /docs", path=path[:200])
        case 405:
            problem = MethodNotAllowed(f"{path[:200]} does not answer to {method}", allow=allow.split(", "))
        case _:
            problem = InvalidInput("the request cannot be read")
    return _Answered(Refusal(problem, path, [(b"allow", allow.encode())] if allow else ()))


def _defect(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if isinstance(error, CaoError):
        return _Answered(Refusal(error, request.scope["path"]))
    incident = secrets.token_hex(4)
    logger.error("incident %s at %s", incident, request.scope["path"], exc_info=error)
    return _Answered(Refusal(Internal.masked(incident), request.scope["path"]))
