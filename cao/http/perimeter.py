"""Who may come in: checks that stand before every HTTP request and WebSocket, mounted applications included.

A page in the user's browser must not reach this server: not by rebinding a name (`Host`), not across origins (`Origin`,
`Sec-Fetch-Site`), not with the cookie of our own page (`is_own_page`). A program must show a token: the local one, which only
this user can read, or a personal access token.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send, WebSocketScope

from cao import links
from cao.admission import Admission, Credential
from cao.protocol import Caller, CaoError, Denied, Surface, Unauthenticated
from cao.protocol.tokens import TokenSurface

from . import sign_in
from .attempts import Attempts, address_of
from .replies import Misdirected, Refusal
from .requests import place
from .visit import visit


class Mounted:
    """Some paths, and all that is under them."""

    def __init__(self, *paths: str) -> None:
        self._paths = frozenset(paths)
        self._under = tuple(f"{path}/" for path in paths)

    def __contains__(self, path: str) -> bool:
        return path in self._paths or path.startswith(self._under)


LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
OPEN_PATHS = frozenset(("/", "/health"))
"""What anybody may read without a token. The page shows nothing before somebody signs in."""
OPEN_AT_HOME = frozenset(("/metrics", "/docs", "/openapi.json"))
"""What anybody at this computer may read, as long as only this computer reaches the server."""
PAGE_FILES = "/page/"
"""Where the page's own scripts and styles stand: as open as the page."""
OPEN_MOUNTS = Mounted("/agents/mcp", links.PATH)
"""Mounts without a token of ours: the agents' catalogue has tokens of its own, and so has every approval link."""
PREFECT = Mounted("/prefect")
"""Prefect's API and UI know no tokens: open at home, elsewhere for those who may do everything."""
MCP, GRAPHQL, LINKS = Mounted("/mcp"), Mounted("/graphql"), Mounted(links.PATH)
SURFACES: Mapping[bytes, Surface] = {b"cli": "cli", b"python": "python", b"web": "web"}

Headers = Mapping[bytes, bytes]
Connection = HTTPScope | WebSocketScope

_PORT = re.compile(rb":\d*$")
_ANYBODY = Credential(Caller("anybody", "http", frozenset({"daemon:read"})), "none")
_HOW = "show a token: Authorization: Bearer TOKEN; the local one is the text of the file `token` in the data directory"


class Perimeter:
    """ASGI middleware. It puts the `Caller` into `scope["cao.caller"]` and the `Credential` into `scope["cao.credential"]`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        admission: Admission,
        attempts: Attempts,
        hosts: Collection[str] = (),
        public_url: str | None = None,
        exposed: bool = False,
    ) -> None:
        """hosts: names besides the loopback ones by which this server is called. public_url: how it is reached through a proxy.
        exposed: other computers can reach it.
        """
        self._app = app
        self._admission = admission
        self._attempts = attempts
        self._exposed = exposed
        public = urlsplit(public_url or "")
        self._public = (public.netloc.lower().encode(), (public_url or "").lower().encode())
        self._hosts = frozenset(map(_bracketed, (*LOOPBACK_HOSTS, *hosts, *filter(None, (public.hostname,)))))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            credential = await self._admit(scope)
        except CaoError as error:
            await refuse(scope, receive, send, error)
            return
        if credential.ends:
            await visit(self._app, scope, receive, send, lambda: self._admission.over(credential))
        else:
            await self._app(scope, receive, send)

    async def _admit(self, scope: Connection) -> Credential:
        headers = dict(scope["headers"])
        self._check_host(headers)
        check_origin(scope, headers, self._public_origin(headers))
        credential = _ANYBODY if self._is_open(scope) else await self._identify(scope, headers)
        caller = credential.caller
        if credential.kind != "browser":
            caller = _seen_on(caller, SURFACES.get(headers.get(b"cao-surface", b""), "http"))
        scope["cao.caller"] = caller  # pyright: ignore[reportGeneralTypeIssues]
        scope["cao.credential"] = credential  # pyright: ignore[reportGeneralTypeIssues]
        return credential

    def _check_host(self, headers: Headers) -> None:
        if _PORT.sub(b"", headers.get(b"host", b"")).lower() not in self._hosts:
            raise Misdirected(
                "this server does not answer for the host of the request; call it 127.0.0.1, or name it in CAO_HOSTS"
            )

    def _public_origin(self, headers: Headers) -> bytes:
        """The origin of our page for who calls us by our public name: the proxy before us speaks another scheme than we do."""
        netloc, origin = self._public
        return origin if headers.get(b"host", b"").lower() == netloc else b""

    def _is_open(self, scope: Connection) -> bool:
        path = scope["path"]
        if path in OPEN_MOUNTS or (path in PREFECT and not self._exposed):
            return True
        if scope["type"] != "http":
            return False
        if path == sign_in.PATH:
            return scope["method"] == "POST"
        known = path in OPEN_PATHS or path.startswith(PAGE_FILES) or (path in OPEN_AT_HOME and not self._exposed)
        return known and scope["method"] in ("GET", "HEAD")

    async def _identify(self, scope: Connection, headers: Headers) -> Credential:
        """Whose credential the request shows, fit for the way that it comes."""
        try:
            credential = self._shown(scope, headers)
        except Unauthenticated as error:
            raise await self._attempts.failed(address_of(scope), "http", error) from None
        if credential is None:
            raise Unauthenticated(_HOW)
        if credential.kind == "local" and self._exposed and not is_here(scope):
            raise Unauthenticated("the local token is for this computer; make another: cao token create NAME --scopes SCOPE")
        _check_way(scope, credential)
        if credential.use_due:
            await self._admission.note_use(credential)
        return credential

    def _shown(self, scope: Connection, headers: Headers) -> Credential | None:
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer" and token.strip():
            return self._admission.bearer(token.strip().decode("latin-1"))
        cookie = sign_in.read_cookie(headers)
        if cookie is None:
            return None
        if not sign_in.is_own_page(scope, headers):
            raise Denied("with a cookie, changes are for the page: they need its Origin and the header Cao-Surface: web")
        return self._admission.browser(cookie)


def _check_way(scope: Connection, credential: Credential) -> None:
    """Refuse a token where it is kept from, and Prefect to whoever may not do everything."""
    path, caller = scope["path"], credential.caller
    if path in PREFECT:
        caller.require("*")
    if credential.surfaces is None:
        return
    plain: TokenSurface = "web" if credential.kind == "browser" else "http"
    way: TokenSurface = "mcp" if path in MCP else "graphql" if path in GRAPHQL else plain
    if way not in credential.surfaces:
        raise Denied(f"{caller.actor} is kept from here: it is for {', '.join(sorted(credential.surfaces))}", surface=way)


@lru_cache(1024)
def _seen_on(caller: Caller, surface: Surface) -> Caller:
    return replace(caller, surface=surface)


def is_here(scope: Connection) -> bool:
    """Whether the client runs on this computer: it comes from a loopback address, or from the very one that it called."""
    client = address_of(scope)
    server = cast("Mapping[str, tuple[str, int] | None]", scope).get("server")
    if client and server and client == server[0]:
        return True
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def check_origin(scope: Connection, headers: Headers, public: bytes = b"") -> None:
    """Refuse what another site's page sends. public: another origin that is ours."""
    origin = headers.get(b"origin")
    if origin is not None and origin.lower() not in (_own_origin(scope, headers), public or None, _mute_origin(scope)):
        raise Denied("requests from other origins are refused", origin=origin[:200].decode("latin-1"))
    site = headers.get(b"sec-fetch-site", b"none")
    if site not in (b"none", b"same-origin") and not _is_visit(scope, headers):
        raise Denied("requests from other sites are refused", site=site[:40].decode("latin-1"))


def _own_origin(scope: Connection, headers: Headers) -> bytes:
    scheme = b"https" if scope["scheme"] in ("https", "wss") else b"http"
    return scheme + b"://" + headers.get(b"host", b"").lower()


def _mute_origin(scope: Connection) -> bytes | None:
    """What a browser says for the form of a page that must not be told of: an approval link, which is a secret."""
    return b"null" if scope["type"] == "http" and scope["path"] in LINKS else None


def _is_visit(scope: Connection, headers: Headers) -> bool:
    """Somebody followed a link to a page of ours: it opens, and the other site sees nothing of it."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and (scope["path"] in ("/", "/docs") or scope["path"] in LINKS)
        and (headers.get(b"sec-fetch-mode"), headers.get(b"sec-fetch-dest")) == (b"navigate", b"document")
    )


async def refuse(scope: Connection, receive: Receive, send: Send, error: CaoError) -> None:
    """Answer with an error: a problem document, or a closed WebSocket."""
    if scope["type"] == "http":
        await Refusal(error, place(scope))(cast("HTTPScope", scope), receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})


def _bracketed(host: str) -> bytes:
    """A host as the header Host names it."""
    return (f"[{host}]" if ":" in host and not host.startswith("[") else host).lower().encode()
