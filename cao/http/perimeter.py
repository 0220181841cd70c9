"""Who may come in: checks that stand before every HTTP request and WebSocket, mounted applications included.

A page in the user's browser must not reach this server: not by rebinding a name (`Host`), not across origins (`Origin`,
`Sec-Fetch-Site`). A program must show the local token, which only this user can read.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send, WebSocketScope

from cao.protocol import Caller, CaoError, Denied, Surface, Unauthenticated

from .replies import Misdirected, Refusal

LOOPBACK_HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")
OPEN_PATHS = frozenset(("/health", "/metrics", "/docs", "/openapi.json"))
"""What anybody at this computer may read without a token."""
OPEN_MOUNTS = ("/prefect", "/agents/mcp")
"""Mounts without a token of ours: Prefect's own API and UI, and the agents' catalogue, which has tokens of its own."""
SURFACES: Mapping[bytes, Surface] = {b"cli": "cli", b"python": "python"}

Headers = Mapping[bytes, bytes]

_PORT = re.compile(rb":\d*$")


class Perimeter:
    """ASGI middleware. It puts the `Caller` into `scope["cao.caller"]`."""

    def __init__(self, app: ASGIApp, *, token: str, host: str | None = None) -> None:
        """host: a name besides the loopback ones by which this server is called."""
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset((*LOOPBACK_HOSTS, _bracketed(host or "localhost")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._admit(scope)
        except CaoError as error:
            await _refuse(scope, receive, send, error)
        else:
            await self._app(scope, receive, send)

    def _admit(self, scope: HTTPScope | WebSocketScope) -> None:
        headers = dict(scope["headers"])
        self._check_host(headers)
        _check_origin(scope, headers)
        surface = SURFACES.get(headers.get(b"cao-surface", b""), "http")
        if not is_open(scope):
            self._check_token(headers)
        scope["cao.caller"] = Caller(surface=surface)  # pyright: ignore[reportGeneralTypeIssues]

    def _check_host(self, headers: Headers) -> None:
        if _PORT.sub(b"", headers.get(b"host", b"")).lower() not in self._hosts:
            raise Misdirected("this server does not answer for the host of the request; call it 127.0.0.1 or localhost")

    def _check_token(self, headers: Headers) -> None:
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
            raise Unauthenticated(
                "show the local token: Authorization: Bearer <text of the file `token` in the data directory>"
            )


def is_open(scope: HTTPScope | WebSocketScope) -> bool:
    """Whether the path needs no token."""
    path = scope["path"]
    if any(path == mount or path.startswith(mount + "/") for mount in OPEN_MOUNTS):
        return True
    return path in OPEN_PATHS and scope["type"] == "http" and scope["method"] in ("GET", "HEAD")


def _check_origin(scope: HTTPScope | WebSocketScope, headers: Headers) -> None:
    origin = headers.get(b"origin")
    if origin is not None and origin.lower() != _own_origin(scope, headers):
        raise Denied("requests from other origins are refused", origin=origin[:200].decode("latin-1"))
    site = headers.get(b"sec-fetch-site", b"none")
    if site not in (b"none", b"same-origin") and not _is_visit(scope, headers):
        raise Denied("requests from other sites are refused", site=site[:40].decode("latin-1"))


def _own_origin(scope: HTTPScope | WebSocketScope, headers: Headers) -> bytes:
    scheme = b"https" if scope["scheme"] in ("https", "wss") else b"http"
    return scheme + b"://" + headers.get(b"host", b"").lower()


def _is_visit(scope: HTTPScope | WebSocketScope, headers: Headers) -> bool:
    """Somebody followed a link to the documentation: the page opens, and the other site sees nothing of it."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and scope["path"] == "/docs"
        and (headers.get(b"sec-fetch-mode"), headers.get(b"sec-fetch-dest")) == (b"navigate", b"document")
    )


async def _refuse(scope: HTTPScope | WebSocketScope, receive: Receive, send: Send, error: CaoError) -> None:
    if scope["type"] == "http":
        await Refusal(error, scope["path"])(cast("HTTPScope", scope), receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})


def _bracketed(host: str) -> bytes:
    """A host as the header Host names it."""
    return (f"[{host}]" if ":" in host and not host.startswith("[") else host).lower().encode()
