"""Other ASGI applications under our address: MCP, the agents' tools, and Prefect's API and UI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from cao.protocol import Unavailable

from .replies import NO_STORE, Refusal, Reply
from .requests import header

_WAITING_PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>Prefect is starting</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 20vh auto; padding: 0 1rem }
</style>
<h1>Prefect is starting&hellip;</h1>
<p>Its cold start takes a few seconds. Work that is sent meanwhile waits and is not lost.</p>
<p>This page looks again every two seconds.</p>
"""


class Mounts:
    """Sends requests under a mount's path to its application, with the scope as it came, and all others on.

    Litestar's own mounts cut the path and add a slash to it, which Prefect's UI does not bear.
    """

    def __init__(self, app: ASGIApp, mounts: Mapping[str, ASGIApp]) -> None:
        """mounts: applications by path, without a slash at the end."""
        self._app = app
        longest_first = sorted(mounts.items(), key=lambda mount: -len(mount[0]))
        self._mounts = [(path, f"{path}/", mounted) for path, mounted in longest_first]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._find(scope)(scope, receive, send)

    def _find(self, scope: Scope) -> ASGIApp:
        path = scope["path"]
        for exactly, under, app in self._mounts:
            if path == exactly or path.startswith(under):
                return app
        return self._app


Bridge = Callable[[Any, Any, Any], Awaitable[None]]


class PrefectMount:
    """Prefect's API and UI, or word that they are not there yet."""

    def __init__(self, bridge: Bridge) -> None:
        """bridge: serves one ASGI request with Prefect; raises `Unavailable` until it can."""
        self._bridge = bridge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._bridge(scope, receive, send)
        except Unavailable as error:
            await say_unavailable(error, scope, receive, send)


async def say_unavailable(error: Unavailable, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that a mount is not there, in the form that the client reads: a page, a problem document, a closed WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1013, "reason": error.code})
        return
    request = cast("HTTPScope", scope)
    if "text/html" in (header(request, b"accept") or ""):
        page = Reply(error.http_status, _WAITING_PAGE, b"text/html; charset=utf-8", (NO_STORE, (b"retry-after", b"2")))
        await page(request, receive, send)
    else:
        await Refusal(error, request["path"])(request, receive, send)
