"""Where the agent of a turn finds its tools: streamable HTTP under a bearer token that attests its terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from cao.protocol import Denied, Unauthenticated, Unavailable
from cao.protocol.records import Terminal
from cao.toolbox import Call

from .agents import INSTRUCTIONS, TerminalTools, catalogue
from .http import HttpServer, Receive, Scope, Send, refuse
from .port import served
from .tokens import Tokens, digest


class Gateway:
    """Serves the agents' tools while it is entered: on a port of its own, or as `app` where `url` says that it is mounted.

    The token says who calls; nothing in a call can. On its own port it also refuses what a browser sends; a server that
    mounts it does that for itself.
    """

    def __init__(self, use_tool: Call, url: str | None = None, *, tokens: Tokens | None = None) -> None:
        """use_tool: runs an operation for an agent. url: where `app` is mounted; None serves 127.0.0.1 on a free port."""
        self._url = url
        self._mounted = url is not None
        self._tokens = tokens or Tokens()
        self._use_tool = use_tool
        self._server = HttpServer("cao-agents", INSTRUCTIONS, self._tools, catalogue)
        self._exit = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as entering:
            if not self._mounted:
                self._url = await entering.enter_async_context(served(self.app)) + "/mcp"
            await entering.enter_async_context(self._server)
            self._exit = entering.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def endpoint(self, terminal: Terminal) -> tuple[str, str]:
        """The URL and the bearer token for a terminal's agent. May be awaited on any loop, in any thread."""
        if self._url is None:
            raise Unavailable("the agents' gateway is not served yet")
        return self._url, self._tokens.mint(terminal)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._mounted and (refusal := self._refusal(headers)):
            await refuse(send, *refusal)
            return
        token = headers.get("authorization", "").removeprefix("Bearer ")
        try:
            terminal = self._tokens.terminal_of(token)
        except Unauthenticated as error:
            await refuse(send, error)
            return
        await self._server.handle({**scope, "cao.terminal": terminal}, receive, send, digest(token))

    def _tools(self, scope: Mapping[str, Any]) -> TerminalTools:
        return TerminalTools(scope["cao.terminal"], self._use_tool)

    def _refusal(self, headers: Mapping[str, str]) -> tuple[Denied, int] | None:
        """A page under a name that was turned to our address (DNS rebinding) shows in Host, any other page in Origin."""
        if headers.get("host") != (self._url or "").split("/")[2]:
            return Denied("this address is not served under that name"), 421
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            return Denied("the agents' tools are not for web pages"), 403
        return None
