"""Those who showed something wrong: counted, written down, and told to stop when they come too often.

What is shown holds 256 bits of chance, so counting does not protect it: it keeps the audit trail small. Whoever shows something
right is let in, whatever others at the same address did.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import cast

from litestar.types import HTTPScope, WebSocketScope

from cao.admission import Admission
from cao.protocol import CaoError, Denied, Surface

from .replies import TooManyAttempts

RECORDS = 200
"""Failed attempts in a minute, from all addresses, that go to the audit trail."""
ADDRESSES = 1000
"""Addresses that are remembered; the one that was silent for the longest makes way."""
MINUTE = 60.0

logger = logging.getLogger(__name__)


class Attempts:
    """Counts failed attempts by address, minute by minute."""

    def __init__(self, admission: Admission, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        """limit: how many from one address are answered in full in a minute. now: seconds, from any beginning."""
        self._admission = admission
        self._limit = limit
        self._now = now
        self._minute: int = -1
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._recorded = 0
        self.total = 0
        """All that ever failed."""

    async def failed(self, address: str, surface: Surface, error: Denied) -> Denied:
        """Count one; what to answer."""
        self.total += 1
        count = self._count(address)
        if count > self._limit:
            seconds = int(MINUTE - self._now() % MINUTE) + 1
            return TooManyAttempts(f"too many wrong tokens from {address}; wait {seconds} s", retry_after=seconds)
        if self._recorded < RECORDS:
            self._recorded += 1
            await self._record(address, surface, error)
        return error

    def _count(self, address: str) -> int:
        minute = int(self._now() // MINUTE)
        if minute != self._minute:
            self._minute, self._recorded = minute, 0
            self._counts.clear()
        self._counts[address] = self._counts.get(address, 0) + 1
        self._counts.move_to_end(address)
        if len(self._counts) > ADDRESSES:
            self._counts.popitem(last=False)
        return self._counts.get(address, 0)

    async def _record(self, address: str, surface: Surface, error: Denied) -> None:
        try:
            await self._admission.record_failure(address, surface, error)
        except CaoError:  # the answer is the same, and no stranger's attempt stops the server
            logger.warning("a failed sign-in from %s could not be written down", address, exc_info=True)


def address_of(scope: HTTPScope | WebSocketScope) -> str:
    """Where a request comes from: the next peer, which behind a proxy is the proxy. Empty when the server does not say."""
    client = cast("Mapping[str, tuple[str, int] | None]", scope).get("client")
    return client[0] if client else ""
