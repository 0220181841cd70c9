"""The line between us and an agent: JSON messages on its standard input and output, in order and within bounds.

The protocol's package starts one task for each notification, without limit and without order. Here updates are handed on one
after the other as they are read, so a slow reader slows the agent down, and an answer never overtakes its updates.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cao.agents.loose import fields, parsed
from cao.agents.process import Child

SEND_SECONDS = 30.0
"""How long an agent may take to read what we send."""

Heard = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Takes the parameters of one session/update."""


class Wire:
    """A message transport of the `acp` package over a child process."""

    def __init__(self, child: Child, heard: Heard) -> None:
        self._child = child
        self._heard = heard
        self._sending = asyncio.Lock()
        self.failure: Exception | None = None
        """Why reading stopped, unless the agent simply ended."""

    async def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        async with self._sending, asyncio.timeout(SEND_SECONDS):
            await self._child.send(data)

    async def receive(self) -> dict[str, Any] | None:
        """The next message that is not an update; None at the end."""
        try:
            while line := await self._child.line():
                message = parsed(line)
                if message is None:
                    continue  # a stray line of a program's log
                if message.get("method") != "session/update":
                    return dict(message)
                await self._heard(fields(message.get("params")))
        except Exception as error:  # noqa: BLE001 - whatever it is, it fails the turn that waits at the other end
            self.failure = error
        return None

    async def close(self) -> None:
        """The child is ended by its owner."""
