"""One attempt: from a sealed address and a message to a truthful result, in a thread that nobody has to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cao.foreign import Misbehaviour, OwnThread, attended
from cao.protocol import CaoError, Unavailable
from cao.store.redaction import Redactor
from cao.vault import Vault

from . import addresses
from .deliveries import Result
from .records import Kind
from .text import ERROR_LIMIT, line

STEPS = 3
"""A whole attempt may take so many times the limit of one wait: services may be asked several times for one message."""

_THREAD = "cao-notifier"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    title: str
    body: Sequence[str]
    """Pieces of text; every second one is a link."""
    kind: Kind


class Courier:
    """Carries messages to one address, one at a time. It counts the attempts that it gave up and that still go on."""

    STUCK = 2
    """So many attempts may be given up; with more, the courier is `stuck` until one of them ends."""

    def __init__(self, vault: Vault, redactor: Redactor, seconds: float) -> None:
        """seconds: the limit of one wait for the service."""
        self._vault = vault
        self._redactor = redactor
        self._seconds = seconds
        self._thread = OwnThread(_THREAD)
        self._given_up: list[threading.Event] = []

    @property
    def stuck(self) -> bool:
        """Whether the service holds so many attempts that no further one is made."""
        self._given_up = [ended for ended in self._given_up if not ended.is_set()]
        return len(self._given_up) >= self.STUCK

    def rest(self) -> None:
        """Let go of the thread until there is something to carry again."""
        self._thread.stop()
        self._thread = OwnThread(_THREAD)

    async def carry(self, sealed: str, message: Message) -> Result:
        """Make one attempt. It never raises for what the service or the address does."""
        began, ended = time.monotonic(), threading.Event()
        try:
            error, final = await attended(self._thread.call(self._carry, sealed, message, ended), STEPS * self._seconds)
        except TimeoutError:
            self._given_up.append(ended)
            self.rest()
            return Result("timed-out", time.monotonic() - began, "no answer in time; it may have arrived")
        except Misbehaviour as misbehaviour:
            error, final = str(misbehaviour), False
        took = time.monotonic() - began
        if error is None:
            return Result("accepted", took)
        if took >= self._seconds and not final:
            return Result("timed-out", took, f"{error} (after {took:.1f} s; it may have arrived)")
        return Result("failed", took, error, final)

    def _carry(self, sealed: str, message: Message, ended: threading.Event) -> tuple[str | None, bool]:
        try:
            return self._attempt(sealed, message)
        finally:
            ended.set()

    def _attempt(self, sealed: str, message: Message) -> tuple[str | None, bool]:
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
