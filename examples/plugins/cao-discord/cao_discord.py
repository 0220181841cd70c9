"""Show in a Discord channel what agents write to each other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import httpx

from cao.events import MessageQueued
from cao.plugins import Plugin, hook
from cao.protocol.records import Event

POST = 2000
"""Characters that Discord takes in one post."""
WAITING = 2000
"""Messages that wait at most; a channel that is slower than its agents misses what comes beyond."""
TRIES = 6
FAREWELL = 5.0
"""Seconds for what still waits when the control closes."""

logger = logging.getLogger(__name__)


class Discord(Plugin):
    """Shows in a Discord channel what agents write to each other."""

    name = "discord"

    async def set_up(self) -> None:
        if not isinstance(self.options.get("webhook"), str):
            raise ValueError('config.toml needs: [plugins.discord] webhook = "https://discord.com/api/webhooks/..."')
        self._lines: deque[str] = deque()
        self._news, self._closing = asyncio.Event(), False
        self._client = httpx.AsyncClient(timeout=10)
        self._posting = asyncio.create_task(self._post_all(), name="cao-discord")

    async def tear_down(self) -> None:
        self._closing = True
        self._news.set()
        try:
            await asyncio.wait_for(self._posting, FAREWELL)
        finally:
            await self._client.aclose()

    @hook(MessageQueued)
    async def tell(self, event: Event) -> None:
        queued = MessageQueued.of(event)
        if not (self.control.works and queued.sender.startswith("terminal:")):
            return  # every process that has the data directory open hears of it; the one where agents work tells it
        if len(self._lines) >= WAITING:
            raise OverflowError("Discord is slower than the agents; a message is not shown there")
        message = await self.operations.message.get(queued.message_id)
        writer = await self.operations.terminal.get(message.sender.removeprefix("terminal:"))
        reader = await self.operations.terminal.get(message.terminal_id)
        self._lines.append(f"**{writer.name} to {reader.name}:** {message.text}"[:POST])
        self._news.set()

    async def _post_all(self) -> None:
        while self._lines or not self._closing:
            if self._lines:
                await self._post(self._next())
            else:
                self._news.clear()
                await self._news.wait()

    def _next(self) -> str:
        """As many lines as fit into one post."""
        text = self._lines.popleft()
        while self._lines and len(text) + 1 + len(self._lines[0]) <= POST:
            text += "\n" + self._lines.popleft()
        return text

    async def _post(self, text: str) -> None:
        body: dict[str, Any] = {"content": text, "allowed_mentions": {"parse": []}}  # agents call nobody by @everyone
        for attempt in range(TRIES):
            pause = 2.0**attempt
            try:
                answer = await self._client.post(self.options["webhook"], json=body)
            except httpx.HTTPError as error:
                logger.warning("Discord is not reached: %s", type(error).__name__)  # its text has the URL, a secret
            else:
                if answer.status_code != 429 and not answer.is_server_error:
                    return await self._settle(answer)
                pause = float(answer.headers.get("retry-after", pause))
            await asyncio.sleep(pause)
        return logger.error("Discord did not take a post in %s tries; it is given up", TRIES)

    async def _settle(self, answer: httpx.Response) -> None:
        if answer.is_error:
            logger.error("Discord refuses a post with status %s", answer.status_code)
        if answer.headers.get("x-ratelimit-remaining") == "0":
            await asyncio.sleep(float(answer.headers.get("x-ratelimit-reset-after", 1)))
