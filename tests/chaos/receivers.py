"""Receivers of notifications that are as bad as the world: they hang, refuse, or take a message and drop it.

What a receiver does with an attempt follows from the message and the number of the attempt, so that each run is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import random
import re
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, Envelope

Manner = Literal["hang", "refuse", "drop", "take"]
NOTE = re.compile(r"note-(\d+)")


@dataclass
class Receiver:
    """One target, and what it did with each message."""

    name: str
    url: str = ""
    seen: Counter[int] = field(default_factory=Counter[int])
    did: dict[Manner, Counter[int]] = field(
        default_factory=lambda: {"hang": Counter(), "refuse": Counter(), "drop": Counter(), "take": Counter()}
    )

    def decide(self, text: str) -> Manner:
        """30 % of all attempts hang, 10 % are refused, 5 % of the messages are taken and dropped."""
        found = NOTE.search(text)
        assert found, text
        note = int(found.group(1))
        self.seen[note] += 1
        chance = random.Random(f"{self.name} {note} {self.seen[note]}").random()
        manner: Manner = "hang" if chance < 0.30 else "refuse" if chance < 0.40 else "drop" if chance < 0.45 else "take"
        self.did[manner][note] += 1
        return manner

    def taken(self, note: int) -> int:
        """How often it said that it took the message."""
        return self.did["take"][note] + self.did["drop"][note]


@contextlib.asynccontextmanager
async def http(name: str, url: str) -> AsyncGenerator[Receiver]:
    """A receiver of one of Apprise's HTTP kinds. url: with `PORT` for its port."""
    receiver = Receiver(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(receiver, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the sender was killed
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.url = url.replace("PORT", str(server.sockets[0].getsockname()[1]))
    async with server:
        yield receiver


async def _answer(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = re.search(r"content-length: (\d+)", head)
    body = await reader.readexactly(int(length.group(1)) if length else 0)
    match receiver.decide(body.decode()):
        case "hang":
            await reader.read()  # until the sender has enough
        case "refuse":
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        case _:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


class _Mailbox:
    """The handler of the SMTP server."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        part = message.get_body()
        assert part is not None
        match self._receiver.decide(str(part.get_content())):
            case "hang":
                await asyncio.sleep(30)
                return "451 too late"
            case "refuse":
                return "451 not now"
            case _:
                return "250 taken"


@contextlib.asynccontextmanager
async def smtp(name: str) -> AsyncGenerator[Receiver]:
    """A mail server."""
    receiver = Receiver(name)
    loop = asyncio.get_running_loop()
    handler = _Mailbox(receiver)
    server = await loop.create_server(lambda: SMTP(handler, hostname="localhost", loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"mailto://127.0.0.1:{port}/?from=cao@example.org&to=you@example.org&mode=insecure"
    async with server:
        yield receiver
