"""Answers as ASGI applications: their bytes are ready before the first one is sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from litestar.types import HTTPScope, Receive, Send

from cao.protocol import CaoError, Denied, InvalidInput

Header = tuple[bytes, bytes]

FRAME_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
NO_STORE: Header = (b"cache-control", b"no-store")

JSON = b"application/json"
PROBLEM = b"application/problem+json"


class MethodNotAllowed(InvalidInput):
    """The resource exists, and this method is not one of its own."""

    http_status = 405


class TooSlow(InvalidInput):
    """The body did not arrive in time."""

    http_status = 408


class TooLarge(InvalidInput):
    """The body is larger than any request can be."""

    http_status = 413


class UnsupportedMedia(InvalidInput):
    """The body is not JSON."""

    http_status = 415


class Misdirected(Denied):
    """The request names a host that this server does not answer for: DNS rebinding, or a wrong address."""

    http_status = 421


class TooManyAttempts(Denied):
    """Too much that was wrong came from one address; `details.retry_after` is the seconds to wait."""

    http_status = 429


class Reply:
    """A whole answer."""

    __slots__ = ("_body", "_start", "status")

    def __init__(self, status: int, body: bytes, media: bytes = JSON, headers: Sequence[Header] = (NO_STORE,)) -> None:
        self.status = status
        self._body: dict[str, Any] = {"type": "http.response.body", "body": body, "more_body": False}
        described = ((b"content-type", media), (b"content-length", str(len(body)).encode())) if status != 204 else ()
        self._start: dict[str, Any] = {
            "type": "http.response.start",
            "status": status,
            "headers": [*described, *FRAME_HEADERS, *headers],
        }

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        await send(self._start)  # pyright: ignore[reportArgumentType]
        await send(self._body)  # pyright: ignore[reportArgumentType]


class Refusal(Reply):
    """A `CaoError` as a problem document."""

    RETRY_SECONDS: ClassVar[bytes] = b"1"

    def __init__(self, error: CaoError, instance: str | None = None, headers: Sequence[Header] = ()) -> None:
        extra = [NO_STORE, *headers]
        if error.http_status == HTTPStatus.UNAUTHORIZED:
            extra.append((b"www-authenticate", b'Bearer realm="cao"'))
        if error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
            extra.append((b"retry-after", self.RETRY_SECONDS))
        if error.http_status == HTTPStatus.TOO_MANY_REQUESTS:
            extra.append((b"retry-after", str(error.details.get("retry_after", 1)).encode()))
        super().__init__(error.http_status, json.dumps(problem(error, instance)).encode(), PROBLEM, extra)


def problem(error: CaoError, instance: str | None = None) -> dict[str, Any]:
    """The problem document of an error.

    >>> problem(InvalidInput("no"))["type"]
    'urn:cao:error:invalid_input'
    """
    document: dict[str, Any] = {
        "type": f"urn:cao:error:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.http_status,
        "code": error.code,
        "detail": error.message,
    }
    if error.details:
        document["details"] = error.details
    if instance is not None:
        document["instance"] = instance
    return document
