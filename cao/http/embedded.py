"""Our HTTP surface inside another ASGI application: under its prefix, and for the callers that it knows.

    control = cao.open()
    application.mount("/agents", cao.asgi(control, authenticate=who))

The application keeps its server, its event loop, its host names, its users and its logging. It enters the control in its own
lifespan; until then, and after, requests are answered with `unavailable`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, cast

import litestar.types
from litestar.types import HTTPScope, WebSocketScope

from cao.control import Control
from cao.graphql.app import GraphqlApp
from cao.protocol import Caller, CaoError, InvalidInput, NotFound, Unauthenticated, Unavailable

from .app import build_surface
from .perimeter import check_origin, refuse
from .requests import PREFIX
from .streams import HEARTBEAT_SECONDS, STALLED_SECONDS, Pace

Scope = MutableMapping[str, Any] | litestar.types.Scope
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

Authenticate = Callable[[Any], Awaitable[Caller | None]]
"""Says who sends a request, from its ASGI scope as the application's own middleware left it; None for nobody it knows."""

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_OF_ASGI = (
    *("type", "asgi", "http_version", "method", "scheme", "query_string", "headers", "client", "server", "subprotocols"),
    "extensions",
)
"""What our routes are given of a scope. What frameworks keep there is for their own eyes: a Litestar in a Litestar would find
the other's."""
_DEFAULTS: Mapping[str, Any] = {"scheme": "http", "query_string": b"", "headers": (), "subprotocols": ()}


class Embedded:
    """An ASGI application for HTTP and WebSockets. Made by `cao.asgi`."""

    def __init__(
        self,
        control: Control,
        *,
        authenticate: Authenticate,
        prefix: str = "",
        heartbeat: float = HEARTBEAT_SECONDS,
        stalled: float = STALLED_SECONDS,
    ) -> None:
        """See `cao.asgi`. heartbeat, stalled: see `build_app`."""
        if not _PREFIX.fullmatch(prefix):
            raise InvalidInput.field("prefix", "begins with a slash and does not end with one, as in /agents", "pattern")
        self._control = control
        self._authenticate = authenticate
        self._prefix = prefix
        self._pace = Pace(control.closing, heartbeat, stalled)
        self._surface = _surface(control, self._pace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outside = cast("dict[str, Any]", scope)
        if outside["type"] not in ("http", "websocket"):
            raise RuntimeError("this has no lifespan of its own: enter the control in that of the application")
        inside = self._inside(outside)
        try:
            inside["cao.caller"] = await self._admit(outside, inside)
        except CaoError as error:
            await refuse(cast("HTTPScope", inside), cast("Any", receive), cast("Any", send), error)
        else:
            await self._current()(cast("Any", inside), cast("Any", receive), cast("Any", send))

    def _inside(self, outside: dict[str, Any]) -> dict[str, Any]:
        """The scope for our routes. Who mounts us passes the whole path and `root_path`, or cuts it and ends with a slash."""
        root, path = str(outside.get("root_path", "")).rstrip("/"), str(outside["path"])
        if root and (path == root or path.startswith(root + "/")):
            path = path[len(root) :]
        prefix = root if root.endswith(self._prefix) else root + self._prefix
        kept: dict[str, Any] = {key: outside[key] for key in _OF_ASGI if key in outside}
        return {**_DEFAULTS, **kept, "path": path.rstrip("/") or "/", "root_path": "", PREFIX: prefix}

    async def _admit(self, outside: dict[str, Any], inside: dict[str, Any]) -> Caller:
        """Who asks. Whatever the application says, they came over HTTP: they may not name files of this computer."""
        if not inside["path"].startswith("/"):
            raise NotFound("there is nothing here")
        check_origin(cast("HTTPScope | WebSocketScope", inside), dict(inside["headers"]))
        if not self._control.is_open:
            raise Unavailable("the agents are not there: their control is opened and closed with the application")
        caller = await self._authenticate(outside)
        if caller is None:
            raise Unauthenticated("the application does not know who asks; sign in as it wants it")
        return replace(caller, surface="http", terminal=None)

    def _current(self) -> litestar.types.ASGIApp:
        """The surface for this opening of the control: streams end with the opening that they began in."""
        if self._pace.closing is not self._control.closing:
            self._pace = replace(self._pace, closing=self._control.closing)
            self._surface = _surface(self._control, self._pace)
        return self._surface


def _surface(control: Control, pace: Pace) -> litestar.types.ASGIApp:
    """What works wherever it stands and for whomever asks: not the page, which signs people in itself."""
    surface = build_surface(control, pace, {"/graphql": GraphqlApp(control, pace)}, page=False)
    return cast("litestar.types.ASGIApp", surface)
