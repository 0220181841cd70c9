"""`cao mcp`: the operations as tools on standard input and output, done by the server of the data directory."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cao.discovery import ServerRecord, local_token, read_server
from cao.operations.context import Progress
from cao.settings import Settings

from .catalogue import INSTRUCTIONS, Offer, chosen, groups_named
from .toolset import Tool, UnknownTool

if TYPE_CHECKING:
    from .sdk import Forwarder

START_SECONDS = 30.0


class HomeServer:
    """The server of a data directory: the one that runs, else one that is started."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starting = asyncio.Lock()

    async def find(self) -> ServerRecord:
        """Where it answers now. Raises `Unavailable` when none can be started."""
        async with self._starting:
            found = await asyncio.to_thread(read_server, self._settings.home)
            return found or await self._start()

    async def _start(self) -> ServerRecord:
        from cao.client.daemon import start_server

        _say(f"no server runs for {self._settings.home}; starting one")
        started = await start_server(self._settings, START_SECONDS)
        _say(f"started one at {started.url}")
        return started


class ForwardedTools:
    """The operator's tools, done elsewhere: by the server's own `/mcp`, which knows how far they are and when to stop.

    Implements `Toolset`. The server is looked up for every call, so it may be started again meanwhile.
    """

    def __init__(self, server: HomeServer, forwarder: Forwarder, offers: Mapping[str, Offer]) -> None:
        self._server = server
        self._forwarder = forwarder
        self._offers = offers

    def tools(self) -> Sequence[Tool]:
        return [offer.tool for offer in self._offers.values()]

    async def use(self, name: str, arguments: Mapping[str, Any], report: Progress) -> Mapping[str, Any]:
        if name not in self._offers:
            raise UnknownTool(name)
        server = await self._server.find()
        return await self._forwarder.use(f"{server.url.rstrip('/')}/mcp", name, arguments, report)


async def run(settings: Settings, groups: str | None = None) -> None:
    """Serve until the client closes standard input. Standard output carries the protocol and nothing else.

    A server is sought or started meanwhile: it has begun to come up before the first call needs it. groups: offer the tools
    of these only. Raises `InvalidInput` for one that is none.
    """
    wanted = groups_named(groups)
    server = HomeServer(settings)
    seeking = asyncio.create_task(server.find())
    try:
        await asyncio.to_thread(importlib.import_module, "cao.mcp.sdk")
        offers = await asyncio.to_thread(chosen, wanted)
        from . import sdk

        token = await asyncio.to_thread(local_token, settings.home)
        async with sdk.Forwarder(token) as forwarder:
            tools = ForwardedTools(server, forwarder, offers)
            await sdk.serve_stdio(sdk.build("cao", INSTRUCTIONS, lambda _: tools))
    finally:
        seeking.cancel()
        _, *_ = await asyncio.gather(seeking, return_exceptions=True)


def _say(sentence: str) -> None:
    sys.stderr.write(f"cao: {sentence}\n")
