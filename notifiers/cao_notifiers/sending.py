"""One attempt: from a sealed address and a message to a truthful result, in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cao.protocol import CaoError, Unavailable
from cao.store.redaction import Redactor
from cao.vault import Vault

from . import addresses
from .deliveries import Result
from .records import Kind
from .text import ERROR_LIMIT, line

T = TypeVar("T")

STEPS = 3
"""A whole attempt may take so many times the limit of one wait: services may be asked several times for one message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    title: str
    body: Sequence[str]
    """Pieces of text; every second one is a link."""
    kind: Kind


class Courier:
    """Carries messages to one address. What it started and gave up goes on in threads, of which it keeps count."""

    STUCK = 2
    """Threads that may be given up; with more, the courier is `stuck` until one of them ends."""

    def __init__(self, vault: Vault, redactor: Redactor, seconds: float) -> None:
        """seconds: the limit of one wait for the service."""
        self._vault = vault
        self._redactor = redactor
        self._seconds = seconds
        self._threads: list[threading.Thread] = []

    @property
    def stuck(self) -> bool:
        """Whether the service holds so many threads that no further one is given to it."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return len(self._threads) >= self.STUCK

    async def carry(self, sealed: str, message: Message) -> Result:
        """Make one attempt. It never raises for what the service or the address does."""
        began = time.monotonic()
        thread, outcome = in_thread(lambda: self._carry(sealed, message))
        self._threads.append(thread)
        try:
            async with asyncio.timeout(STEPS * self._seconds):
                error, final = await outcome
        except TimeoutError:
            return Result("timed-out", time.monotonic() - began, "no answer in time; it may have arrived")
        took = time.monotonic() - began
        if error is None:
            return Result("accepted", took)
        if took >= self._seconds and not final:
            return Result("timed-out", took, f"{error} (after {took:.1f} s; it may have arrived)")
        return Result("failed", took, error, final)

    def _carry(self, sealed: str, message: Message) -> tuple[str | None, bool]:
        """What went wrong, and whether trying again is useless. Blocks."""
        try:
            url = self._vault.open(sealed)
            self._redactor.learn(*addresses.secrets(url))
            service = addresses.read(url)
        except Unavailable as error:
            return error.message, True
        except CaoError as error:
            return f"Apprise does not understand its address any more: {error.message}", True
        from .apprise_library import send

        error = send(service, message.title, message.body, message.kind, self._seconds)
        return (None if error is None else line(self._redactor.text(error), ERROR_LIMIT)), False


def in_thread(function: Callable[[], T]) -> tuple[threading.Thread, asyncio.Future[T]]:
    """Run a blocking function in a thread of its own, which ends with the process if it does not before."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(set: Callable[[], None]) -> None:
        if not outcome.done():
            set()

    def tell(set: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, set)

    def run() -> None:
        try:
            value = function()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever awaits it
            tell(lambda error=error: outcome.set_exception(error))
        else:
            tell(lambda: outcome.set_result(value))

    thread = threading.Thread(target=run, name="cao-notifier", daemon=True)
    thread.start()
    return thread, outcome
