"""The bearer tokens of terminals: who holds one is the terminal's agent."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass

from cao.protocol import Unauthenticated
from cao.protocol.records import Terminal
from cao.store.clock import Clock

TOKEN_SECONDS = 2 * 86400.0
"""How long a token lives after it was last used or asked for: longer than the longest turn."""


class _Monotonic:
    """Time that no change of the computer's clock moves."""

    def now(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class _Seat:
    """A terminal with a live token, which is not kept: `salt` and the key of all make it again."""

    terminal: Terminal
    salt: bytes
    digest: str
    expires_at: float


class Tokens:
    """The live tokens, in memory only. Every method may be called from any thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or _Monotonic()
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._by_terminal: dict[str, _Seat] = {}
        self._by_digest: dict[str, _Seat] = {}

    def mint(self, terminal: Terminal) -> str:
        """The terminal's token: the live one, else a new one."""
        with self._lock:
            self._drop_expired()
            seat = self._by_terminal.get(terminal.id) or self._seat(terminal)
            seat.expires_at = self._clock.now() + TOKEN_SECONDS
            return self._token(seat.terminal.id, seat.salt)

    def terminal_of(self, token: str) -> Terminal:
        """Whom a token attests. Raises `Unauthenticated`."""
        with self._lock:
            self._drop_expired()
            seat = self._by_digest.get(digest(token))
            if seat is None:
                raise Unauthenticated("this needs the bearer token that the terminal's turn was given")
            seat.expires_at = self._clock.now() + TOKEN_SECONDS
            return seat.terminal

    def _seat(self, terminal: Terminal) -> _Seat:
        salt = secrets.token_bytes(16)
        seat = _Seat(terminal, salt, digest(self._token(terminal.id, salt)), 0.0)
        self._by_terminal[terminal.id] = self._by_digest[seat.digest] = seat
        return seat

    def _token(self, terminal_id: str, salt: bytes) -> str:
        return "caot_" + hmac.new(self._key, salt + terminal_id.encode(), hashlib.sha256).hexdigest()

    def _drop_expired(self) -> None:
        now = self._clock.now()
        for terminal_id in [id for id, seat in self._by_terminal.items() if seat.expires_at <= now]:
            self._drop(terminal_id)

    def _drop(self, terminal_id: str) -> None:
        seat = self._by_terminal.pop(terminal_id, None)
        if seat is not None:
            del self._by_digest[seat.digest]


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
