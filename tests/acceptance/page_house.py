"""A server with its browser: what the tests of the page share."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, expect

import cao
from cao.client.daemon import start_server
from cao.discovery import read_server
from cao.settings import Settings, load
from tests.browser import browser

PATIENCE = 90_000
"""Milliseconds that the browser waits for what must come. The engine's cold start is the longest of it."""
SERVER_GONE = re.compile(r"ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|status of 4")
"""What Chromium writes to the console when a server is away or refuses a request. Nothing else may stand there."""


@dataclass
class House:
    """A server with its browser."""

    settings: Settings
    url: str
    client: Any
    chromium: Browser
    complaints: list[str] = field(default_factory=list[str])

    async def enter(self, **options: Any) -> Page:
        """A page of a new visitor, signed in by the link of `cao page`."""
        link = await self.client.token.link()
        page = await self.visit(**options)
        await page.goto(link.url)
        await expect(page.locator(".connection")).to_have_text("live")
        return page

    async def visit(self, **options: Any) -> Page:
        context = await self.chromium.new_context(base_url=self.url, **options)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not SERVER_GONE.search(message.text):
            self.complaints.append(message.text)

    async def launch(self, name: str, *steps: dict[str, Any]) -> Any:
        prompt = f"<script>{json.dumps(list(steps))}</script>"
        folder = str(self.settings.home)
        return await self.client.session.launch(
            profile="developer", provider="scripted", directory=folder, name=name, prompt=prompt
        )

    async def kill_server(self) -> int:
        """Kill the server, as a crash would. Returns the port that it had."""
        server = read_server(self.settings.home)
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            await asyncio.to_thread(os.waitpid, server.pid, 0)
        return int(server.url.rpartition(":")[2])

    async def start_again(self, port: int) -> None:
        """A server at the same place, with an engine that cannot be reached: what waits stays as it is."""
        idle = self.settings.model_copy(update={"port": port, "prefect_api_url": "http://127.0.0.1:9/api"})
        await start_server(idle, 60)


@asynccontextmanager
async def open_house(home: Path) -> AsyncGenerator[House]:
    """A house whose page complained of nothing in the end."""
    expect.set_options(timeout=PATIENCE)
    settings = load(home, {}, port=0)
    record = await start_server(settings, 60)
    async with browser() as chromium, cao.connect(home=settings.home) as client:
        opened = House(settings, record.url, client, chromium)
        try:
            yield opened
            assert opened.complaints == []
        finally:
            await client.daemon.stop()
