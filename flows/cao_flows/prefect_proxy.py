"""Prefect's API and UI under our own address: one request passed on to its process, and the answer passed back as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from cao.protocol import Unavailable

from .prefect_api import Receive, Scope, Send

if TYPE_CHECKING:
    import httpx

SECONDS = 60.0
"""The longest that Prefect may be silent within an answer."""

_KEPT_BACK = frozenset(
    (b"host", b"authorization", b"cookie", b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te")
)
"""Headers that are not passed on: those of one connection, and our own credentials."""


class PrefectProxy:
    """Passes ASGI requests on. Belongs to the event loop that uses it first."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def serve(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request with the Prefect at `origin`. Raises `Unavailable` when it does not answer.

        A WebSocket is refused: what Prefect would send there is turned off.
        """
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": "unavailable"})
            return
        response = await self._ask(origin, scope, receive)
        try:
            await send(
                {"type": "http.response.start", "status": response.status_code, "headers": _passed(response.headers.raw)}
            )
            async for chunk in response.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()

    async def _ask(self, origin: str, scope: Scope, receive: Receive) -> httpx.Response:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=SECONDS, trust_env=False)
        content = None if scope["method"] in ("GET", "HEAD") else _body(receive)
        request = self._client.build_request(
            scope["method"], origin + _path(scope), headers=_passed(scope["headers"]), content=content
        )
        try:
            return await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise Unavailable(f"Prefect does not answer ({type(error).__name__}): try again in a moment") from error

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()


def _path(scope: Scope) -> str:
    query = scope.get("query_string", b"")
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def _passed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in _KEPT_BACK]


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
