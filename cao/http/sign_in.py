"""`/page/session`: a browser signs in with a link's code or a token, and gets a cookie that no script can read.

POST    {"code": …} or {"token": …}: sign in
GET     who is signed in
DELETE  sign out

Cookies do not tell ports apart, so the cookie's name holds ours: two servers on one computer do not sign each other out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, cast

from litestar.types import HTTPScope, Receive, Scope, Send, WebSocketScope
from pydantic import StringConstraints, ValidationError

from cao.admission import Admission, Credential
from cao.protocol import CaoError, Denied, InvalidInput, Request, Unauthenticated

from .attempts import Attempts, address_of
from .replies import NO_STORE, MethodNotAllowed, Refusal, Reply
from .requests import ClientLeft, header, read_body, require_json

PATH = "/page/session"

Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SignIn(Request):
    """What a browser shows, one of the two."""

    code: Secret | None = None
    """What followed `#code=` in the link of `cao page`."""
    token: Secret | None = None
    """A personal access token, or the local one."""


class SignInPage:
    """The ASGI application. The perimeter has admitted the caller of all but POST, in `scope["cao.credential"]`."""

    def __init__(self, admission: Admission, attempts: Attempts) -> None:
        self._admission = admission
        self._attempts = attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = cast("HTTPScope", scope)
        try:
            reply = await self._answer(request, receive)
        except CaoError as error:
            reply = Refusal(error, request["path"])
        except ClientLeft:
            reply = Reply(499, b"")
        await reply(request, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive) -> Reply:
        match scope["method"]:
            case "POST":
                return await self._sign_in(scope, receive)
            case "GET" | "HEAD":
                return _who(_credential(scope))
            case "DELETE":
                await self._admission.sign_out(_browser(scope))
                return Reply(204, b"", headers=(NO_STORE, _cookie(scope, "", "; Max-Age=0")))
            case method:
                raise MethodNotAllowed(f"{PATH} does not answer to {method}", allow=["DELETE", "GET", "HEAD", "POST"])

    async def _sign_in(self, scope: HTTPScope, receive: Receive) -> Reply:
        shown = _read(scope, await read_body(scope, receive))
        try:
            cookie, credential = await self._admission.sign_in(shown)
        except Unauthenticated as error:
            raise await self._attempts.failed(address_of(scope), "web", error) from None
        return _who(credential, 201, _cookie(scope, cookie))


def _read(scope: HTTPScope, body: bytes) -> str:
    require_json(scope, body)
    try:
        asked = SignIn.model_validate_json(body or b"{}", strict=True)
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from None
    if (asked.code is None) == (asked.token is None):
        raise InvalidInput.field("", "give a code or a token")
    return asked.code or asked.token or ""


def _who(credential: Credential, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    caller = credential.caller
    body = {"actor": caller.actor, "surface": caller.surface, "scopes": sorted(caller.scopes)}
    return Reply(status, json.dumps(body).encode(), headers=(NO_STORE, *headers))


def _credential(scope: HTTPScope) -> Credential:
    return cast("Credential", scope["cao.credential"])  # pyright: ignore[reportGeneralTypeIssues]


def _browser(scope: HTTPScope) -> Credential:
    credential = _credential(scope)
    if credential.kind != "browser":
        raise Denied("only a browser that is signed in can sign out; a token ends by: cao token revoke")
    return credential


def _cookie(scope: HTTPScope, value: str, more: str = "") -> tuple[bytes, bytes]:
    """No `Max-Age`: it ends with the browser, or after its rest in the store."""
    name = cookie_name((header(scope, b"host") or "").encode("latin-1"))
    secure = "; Secure" if (header(scope, b"origin") or "").startswith("https:") else ""
    return b"set-cookie", f"{name}={value}; HttpOnly; SameSite=Strict; Path=/{secure}{more}".encode("latin-1")


def cookie_name(host: bytes) -> str:
    """The cookie of the server that is called by this `Host`."""
    port = host.rpartition(b":")[2] if b":" in host else b""
    return f"cao_page_{port.decode()}" if port.isdigit() else "cao_page"


def read_cookie(headers: Mapping[bytes, bytes]) -> str | None:
    """What our cookie holds, if the browser sends one."""
    wanted = cookie_name(headers.get(b"host", b"")).encode()
    for part in headers.get(b"cookie", b"").split(b";"):
        name, _, value = part.strip().partition(b"=")
        if name == wanted and value:
            return value[:200].decode("latin-1")
    return None


def is_own_page(scope: HTTPScope | WebSocketScope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request with our cookie comes from a page of ours, as far as it must: changes and WebSockets.

    A form or a link on another site cannot set a header, and names its own origin. Prefect's UI is a page of ours that does not
    know the header; browsers let its scripts send JSON to their own origin only.
    """
    if scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    if b"origin" not in headers:
        return False
    ours = headers.get(b"cao-surface") == b"web"
    return ours or scope["type"] == "websocket" or scope["path"].startswith("/prefect/")
