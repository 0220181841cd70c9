"""Duties: what falls due by itself. A server performs them when their time has come, a tick all of them once.

An approval's expiry is one, and so are schedules and the outbox of notifications; a plugin adds its own.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from cao.protocol import CaoError
from cao.store import Reader, Store, approvals

SLICE_SECONDS = 30.0
"""What a duty gets at once in a server; it is called again when more is due."""

PAUSE_SECONDS = 5.0
"""After a failure, until the duty is tried again."""

logger = logging.getLogger(__name__)


class Duty(Protocol):
    """One kind of thing that falls due."""

    @property
    def name(self) -> str:
        """Its word in the report of a tick."""
        ...

    def due_at(self, reader: Reader) -> float:
        """When the next thing is due, in seconds since 1970; infinity for never. One indexed query: it is asked often."""
        ...

    async def perform(self, seconds: float) -> Mapping[str, int]:
        """Do what is due now, in so many seconds at most; what was done, counted by kind. Safe in several processes at once."""
        ...


class Duties:
    """The duties of one control: each has one task at most, so that a slow one delays no other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._duties: dict[str, Duty] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._paused: dict[str, float] = {}
        self.done: Counter[str] = Counter()
        """What was done since the control was opened, as `duty.kind`."""

    def add(self, duty: Duty) -> None:
        """From now on, perform this one too. Raises `ValueError` for a name that is taken."""
        if duty.name in self._duties:
            raise ValueError(f"there is a duty {duty.name!r} already")
        self._duties[duty.name] = duty

    def remove(self, name: str) -> None:
        """Perform it no more; a performance that is under way is ended."""
        self._duties.pop(name, None)
        if task := self._tasks.pop(name, None):
            task.cancel()

    def begin(self, seconds: float = SLICE_SECONDS) -> bool:
        """Begin what is due; whether anything is being performed now. Returns at once."""
        reader = self._store.read()
        for name, duty in self._duties.items():
            if name not in self._tasks and not self._rests(name) and self._is_due(duty, reader):
                task = self._tasks[name] = asyncio.create_task(self._perform(duty, seconds), name=f"cao-duty-{name}")
                task.add_done_callback(lambda task, name=name: self._forget(name, task))
        return bool(self._tasks)

    def _due_at(self, duty: Duty, reader: Reader) -> float | None:
        """When the duty is due, or None when it cannot tell: then it rests a while, and keeps no other from its work."""
        try:
            return duty.due_at(reader)
        except Exception:
            self._pause(duty)
            logger.exception("the duty %s cannot tell when it is due", duty.name)
            return None

    def _is_due(self, duty: Duty, reader: Reader) -> bool:
        due = self._due_at(duty, reader)
        return due is not None and due <= self._store.clock.now()  # read after the duty did: it may have answered "now"

    async def wait(self, seconds: float) -> None:
        """Wait until one of the performances that are under way has ended, so many seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def next(self, reader: Reader) -> float:
        """When anything is due next, in seconds since 1970; infinity for never. A duty that cannot tell may be due now."""
        return min((self._due_at(duty, reader) or 0.0 for duty in self._duties.values()), default=math.inf)

    async def close(self) -> None:
        """End what is under way: it is done again by the next server or tick."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _perform(self, duty: Duty, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds + PAUSE_SECONDS):
                counts = await duty.perform(seconds)
            self.done.update({f"{duty.name}.{kind}": count for kind, count in counts.items() if count})
        except CaoError as error:
            self._pause(duty)
            logger.warning("the duty %s failed: %s", duty.name, error.message)
        except Exception:
            self._pause(duty)
            logger.exception("the duty %s failed", duty.name)

    def _pause(self, duty: Duty) -> None:
        self._paused[duty.name] = time.monotonic() + PAUSE_SECONDS

    def _rests(self, name: str) -> bool:
        return self._paused.get(name, 0.0) > time.monotonic()

    def _forget(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]


class Expiry:
    """Approvals that nobody answered in time."""

    name = "approvals"

    def __init__(self, store: Store, resume: Callable[[], object] = lambda: None) -> None:
        """resume: makes what waited for a decision go on."""
        self._store = store
        self._resume = resume

    def due_at(self, reader: Reader) -> float:
        return approvals.next_expiry(reader)

    async def perform(self, seconds: float) -> Mapping[str, int]:
        expired = await self._store.write(approvals.expire)
        if expired:
            self._resume()
        return {"expired": expired}
