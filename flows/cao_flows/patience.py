"""Writes of the engine outlast trouble with the store: a full disk, or another process that holds the file."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from cao.protocol import Unavailable
from cao.store import Store, Transaction

T = TypeVar("T")

PATIENCE_SECONDS = 300.0
"""How long the engine tries again before it gives up what it works on; that is taken up by the next life of the engine."""
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0

logger = logging.getLogger(__name__)


async def write(store: Store, change: Callable[[Transaction], T]) -> T:
    """`Store.write`, again and again while the store cannot be written. `change` may run several times; one of them counts."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, PAUSE_SECONDS
    while True:
        try:
            return await store.write(change)
        except Unavailable as error:
            if store.is_closed or time.monotonic() + pause > deadline:
                raise
            if pause == PAUSE_SECONDS:
                logger.warning("%s; the engine waits and tries again", error.message)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
