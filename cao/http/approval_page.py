"""`/approve/<token>`: what an approval link leads to. GET shows the action, POST decides; the token is the authority.

No script, nothing from elsewhere, no decision before a button is pressed: scanners of mail and previews of chats fetch links.
"""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Literal, cast
from urllib.parse import parse_qs

from litestar.types import HTTPScope, Receive, Scope, Send

from cao.links import PATH, ApprovalLinks, Question
from cao.protocol import CaoError, InvalidInput

from .replies import NO_STORE, Header, MethodNotAllowed, Reply, UnsupportedMedia
from .requests import ClientLeft, header, read_body

Decision = Literal["approve", "deny"]

_DECISIONS: dict[bytes, Decision] = {b"approve": "approve", b"deny": "deny"}
_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ddd8cf, #363b44); --soft: light-dark(#6b665d, #a09d95);
  --yes: light-dark(#1b6e4b, #2f8f66); --no: light-dark(#a3281f, #b8483f) }
body { font: 17px/1.55 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 6vh 1.2rem;
  background: light-dark(#fbfaf8, #15171a); color: light-dark(#23211d, #e4e2dd) }
h1 { font-size: 1.4rem; margin: 0 0 .3rem } p { margin: .4rem 0 } .soft { color: var(--soft) }
pre { border: 1px solid var(--line); border-radius: 8px; padding: .9rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .9rem/1.5 ui-monospace, Menlo, Consolas, monospace; background: light-dark(#fff, #1c1f24) }
form { display: flex; gap: .8rem; margin-top: 1.4rem }
button { font: inherit; font-weight: 600; color: #fff; border: 0; border-radius: 8px; padding: .7rem 1.6rem; cursor: pointer;
  min-height: 44px } .yes { background: var(--yes) } .no { background: var(--no) }
:focus-visible { outline: 3px solid currentColor; outline-offset: 2px }
"""
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: tuple[Header, ...] = (
    NO_STORE,
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'".encode(),
    ),
    (b"x-robots-tag", b"noindex"),
)
_FORM_LIMIT = 100


class ApprovalPage:
    """The ASGI application, mounted at `cao.links.PATH`."""

    def __init__(self, links: ApprovalLinks) -> None:
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "not_found"})
            return
        request = cast("HTTPScope", scope)
        try:
            reply = await self._answer(request, receive)
        except CaoError as error:
            reply = _refusal(error)
        except ClientLeft:
            reply = Reply(499, b"")
        await reply(request, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive) -> Reply:
        token = scope["path"].removeprefix(PATH).removeprefix("/")
        match scope["method"]:
            case "GET" | "HEAD":
                return _question(self._links.show(token))
            case "POST":
                approval = await self._links.decide(token, _decision(scope, await read_body(scope, receive)))
                return _page(200, f"You {approval.state} it", ["<p>The agent goes on. You may close this page.</p>"])
            case method:
                raise MethodNotAllowed(f"an approval link does not answer to {method[:20]}", allow=["GET", "HEAD", "POST"])


def _decision(scope: HTTPScope, body: bytes) -> Decision:
    media = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise UnsupportedMedia("press one of the buttons: the form sends application/x-www-form-urlencoded")
    values = parse_qs(body[:_FORM_LIMIT]).get(b"decision", []) if len(body) <= _FORM_LIMIT else []
    if len(values) != 1 or values[0] not in _DECISIONS:
        raise InvalidInput.field("decision", "is approve or deny; go back and press one of the buttons")
    return _DECISIONS[values[0]]


def _question(question: Question) -> Reply:
    approval = question.approval
    parts = [
        f'<p class="soft">{_shown(question.terminal)} in session {_shown(question.session)} asks. '
        f"Until {approval.expires_at:%Y-%m-%d %H:%M} UTC; then it counts as denied.</p>",
        f"<pre>{_shown(approval.question)}</pre>",
        f"<p class=soft>The action, as a program sees it:</p><pre>{_shown(json.dumps(approval.action, indent=2))}</pre>",
        '<form method="post"><button class="yes" name="decision" value="approve">Approve</button>'
        '<button class="no" name="decision" value="deny">Deny</button></form>',
    ]
    return _page(200, "An agent asks for your approval", parts)


def _refusal(error: CaoError) -> Reply:
    extra: tuple[Header, ...] = ()
    if isinstance(error, MethodNotAllowed):
        extra = ((b"allow", b"GET, HEAD, POST"),)
    return _page(error.http_status, "Nothing was decided", [f"<p>{_shown(error.message)}</p>"], extra)


def _page(status: int, title: str, parts: Iterable[str], headers: tuple[Header, ...] = ()) -> Reply:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>cao · {escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>"
    )
    return Reply(status, text.encode("utf-8", "replace"), b"text/html; charset=utf-8", (*_HEADERS, *headers))


def _shown(text: str) -> str:
    """An agent's words: as text, with what is invisible or turns text around made visible."""
    return escape("".join(one if one == "\n" or unicodedata.category(one)[0] != "C" else f"\\u{ord(one):04x}" for one in text))
