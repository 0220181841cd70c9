"""The application: perimeter, mounts and the registry's routes, as one Litestar app.

app = build_app(control, token=local_token(control.settings.home))
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from cao import links
from cao.admission import Admission
from cao.control import Control
from cao.operations.daemon import GetHealth, Status
from cao.protocol import REGISTRY, CaoError, Internal, InvalidInput, NotFound, Operation
from cao.web import files

from . import metrics, openapi, page, sign_in
from .approval_page import ApprovalPage
from .attempts import Attempts
from .binding import is_loopback
from .mounts import Mounts
from .perimeter import Perimeter
from .replies import MethodNotAllowed, Refusal, Reply
from .requests import header, place, prefix
from .routes import Site, caller_of, methods_of, route
from .streams import HEARTBEAT_SECONDS, STALLED_SECONDS, Pace

logger = logging.getLogger(__name__)


def build_app(
    control: Control,
    *,
    token: str,
    mounts: Mapping[str, ASGIApp] | None = None,
    closing: asyncio.Event | None = None,
    heartbeat: float = HEARTBEAT_SECONDS,
    stalled: float = STALLED_SECONDS,
    now: Callable[[], float] = time.monotonic,
) -> Litestar:
    """The HTTP surface of an open control.

    token: the local one, which may do everything. mounts: ASGI applications by path. closing: set it when the server begins to
    stop, and all streams end. heartbeat: seconds of silence before a stream says that it lives. stalled: seconds after which a
    client that takes nothing is cut. now: seconds, from any beginning; failed attempts are counted by its minutes.
    """
    settings, admission = control.settings, Admission(control.services.store, token)
    attempts = Attempts(admission, control.settings.failed_sign_ins, now)
    pace = Pace(closing or asyncio.Event(), heartbeat, stalled)
    own: dict[str, ASGIApp] = {
        sign_in.PATH: sign_in.SignInPage(admission, attempts),
        links.PATH: ApprovalPage(links.ApprovalLinks(control)),
    }
    mounts = {**own, **(mounts or {})}
    app = build_surface(control, pace, mounts, attempts)
    # Litestar's middleware does not see what it has no route for; the perimeter must see everything.
    app.asgi_handler = Perimeter(
        app.asgi_handler,
        admission=admission,
        attempts=attempts,
        hosts=(settings.host, *settings.hosts),
        public_url=settings.public_url,
        exposed=not is_loopback(settings.host),
    )
    return app


def build_surface(
    control: Control,
    pace: Pace,
    mounts: Mapping[str, ASGIApp] | None = None,
    attempts: Attempts | None = None,
    *,
    page: bool = True,
) -> Litestar:
    """The routes and mounts with nothing before them: whoever serves this puts a `Caller` into `scope["cao.caller"]`.

    page: with the page for people, which signs them in itself and stands at the root.
    """
    site = Site(control, pace, attempts)
    app = Litestar(
        [*_operations(site), *_descriptions(site), *(_page() if page else ())],
        openapi_config=None,
        logging_config=None,
        exception_handlers={HTTPException: _routing_problem, Exception: _defect},
    )
    app.asgi_handler = Mounts(_answer_head(app.asgi_handler), mounts or {})
    return app


def _operations(site: Site) -> list[HTTPRouteHandler]:
    by_path: dict[str, list[Operation]] = {}
    for operation in REGISTRY.on("http"):
        by_path.setdefault(operation.path, []).append(operation)
    routes = [route(operation, site) for operations in by_path.values() for operation in operations]
    # Those for OPTIONS come first: Litestar makes one of its own for a path that has none.
    return [methods_of(path, operations) for path, operations in by_path.items()] + routes


def _page() -> list[HTTPRouteHandler]:
    """The page for people, and its scripts and styles."""

    @get("/")
    async def home(request: Request[Any, Any, Any]) -> Reply:
        return _sent(request.scope, files.document(prefix(request.scope) or ""))

    @get("/page/{build:str}/{name:str}")
    async def part(request: Request[Any, Any, Any]) -> Reply:
        found = files.find(**request.scope["path_params"])
        if found is None:
            raise NotFound("this page has no such file; load it again", path=request.scope["path"][:200])
        return _sent(request.scope, found)

    return [home, part]


def _descriptions(site: Site) -> list[HTTPRouteHandler]:
    """What stands beside the operations: the description of this surface, and numbers."""

    @get("/openapi.json")
    async def description(request: Request[Any, Any, Any]) -> Reply:
        return Reply(200, json.dumps(openapi.document(prefix(request.scope))).encode())

    @get("/docs")
    async def documentation(request: Request[Any, Any, Any]) -> Reply:
        return Reply(200, page.render(prefix(request.scope)), b"text/html; charset=utf-8", page.HEADERS)

    @get("/metrics")
    async def numbers(request: Request[Any, Any, Any]) -> Reply:
        caller, call = caller_of(request.scope), site.control.call
        status = await call(REGISTRY["daemon.status"], Status(), caller)
        health = await call(REGISTRY["daemon.health"], GetHealth(), caller)
        return Reply(200, metrics.render(status, health, site.requests, site.failed_sign_ins).encode(), metrics.MEDIA)

    return [description, documentation, numbers]


def _sent(scope: HTTPScope, file: files.File) -> Reply:
    if header(scope, b"if-none-match") == file.etag:
        return Reply(304, b"", file.media.encode(), file.headers)
    return Reply(200, file.body, file.media.encode(), file.headers)


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
    path, method = place(request.scope), request.scope["method"]
    allow = (error.headers or {}).get("allow", "")
    match error.status_code:
        case 404:
            documentation = f"{prefix(request.scope) or ''}/docs"
            problem: CaoError = NotFound(f"there is nothing at {path[:200]}; see {documentation}", path=path[:200])
        case 405:
            problem = MethodNotAllowed(f"{path[:200]} does not answer to {method}", allow=allow.split(", "))
        case _:
            problem = InvalidInput("the request cannot be read")
    return _Answered(Refusal(problem, path, [(b"allow", allow.encode())] if allow else ()))


def _defect(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if isinstance(error, CaoError):
        return _Answered(Refusal(error, place(request.scope)))
    incident = secrets.token_hex(4)
    logger.error("incident %s at %s", incident, place(request.scope), exc_info=error)
    return _Answered(Refusal(Internal.masked(incident), place(request.scope)))
