"""Upkeep: what a control does unasked. It recovers what crashes cut, watches what others commit, and performs the duties.

A server does it all the time, a tick once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import cache
from typing import Any

from cao import rest
from cao.duties import Duties
from cao.engine import Engine, EngineStatus
from cao.liveness import Owner
from cao.operations.context import Progress
from cao.protocol import CaoError
from cao.settings import Settings
from cao.store import Reader, Store, Transaction, activations, entries, log, sessions, workflows
from cao.store.hub import DUE

WATCH_SECONDS = 0.25
"""How often the store is asked whether another process changed it, and the clock whether something is due. A commit of this
process that makes something due is seen at once."""

DEATH_SECONDS = 1.0
"""How often it is asked whether a process died that held work: a death is no commit."""

logger = logging.getLogger(__name__)


class Parked:
    """The engine of a control that only asks and records: work waits for a server or a `tick`."""

    def submit(self, work_id: str) -> None:
        """Somebody else will see the work in the store."""

    def start(self) -> None:
        """Nothing to start."""

    def status(self) -> EngineStatus:
        return EngineStatus("stopped", "this process only records; work waits for a server or a tick")

    async def stop(self, grace: float) -> None:
        """Nothing to stop."""


class Upkeep:
    """The upkeep of one control."""

    def __init__(self, store: Store, owner: Owner, settings: Settings) -> None:
        self._store = store
        self._owner = owner
        self._settings = settings
        self.duties = Duties(store)
        self.engine: Engine = Parked()
        """Where work is submitted to."""

    async def recover(self) -> None:
        """Take back what dead processes held. Sessions are entered again even if they have no work left."""
        owner = self._owner

        def change(tx: Transaction) -> list[str]:
            entries.recover_all(tx, owner.name, owner.is_alive, self._settings.approval_seconds)
            return activations.recover_all(tx, owner.name, owner.is_alive)

        for session_id in await self._store.write(change):
            self.engine.submit(session_id)

    def submit_waiting(self) -> list[str]:
        """Hand the sessions and workflows that somebody should work on to the engine; their ids."""
        waiting = _with_work(self._store.read())
        for id in waiting:
            self.engine.submit(id)
        return waiting

    async def watch(self) -> None:
        """See what other processes commit, which of them die, and what falls due, until cancelled."""
        version = await self._store.foreign_version()
        loop, look_at, deaths_at = asyncio.get_running_loop(), 0.0, 0.0
        with self._store.hub.subscribe(DUE) as due:
            while True:
                await due.wait(max(look_at - loop.time(), 0.0))
                try:
                    if loop.time() >= look_at:
                        look_at = loop.time() + WATCH_SECONDS
                        version = await self._look(version)
                    if loop.time() >= deaths_at:
                        deaths_at = loop.time() + DEATH_SECONDS
                        await self._look_for_deaths()
                    self.duties.begin()
                except CaoError:
                    logger.warning("the store could not be watched", exc_info=True)

    async def _look(self, version: int) -> int:
        """Take up what other processes have committed since `version`; the version now."""
        now = await self._store.foreign_version()
        if now != version:
            self._store.hub.publish(None)
            await self._take_up()
        return now

    async def _look_for_deaths(self) -> None:
        """Take up what processes held that are dead by now. Only what is open is read: at rest, that is nothing."""
        reader, owner, now = self._store.read(), self._owner.name, self._store.clock.now()
        is_alive = cache(self._owner.is_alive)  # one look at each process, however much it holds
        if activations.orphans(reader, owner, is_alive, now) or entries.orphans(reader, owner, is_alive, now):
            await self._take_up()

    async def _take_up(self) -> None:
        await self.recover()
        self.submit_waiting()

    async def tick(self, seconds: float, report: Progress | None) -> dict[str, Any]:
        """Recover, perform the duties and wait for the sessions that have work, until nothing is left or the time is over."""
        store, loop = self._store, asyncio.get_running_loop()
        before, done, deadline = log.last_seq(store.read()), self.duties.done.copy(), loop.time() + seconds
        await self.recover()
        entered: set[str] = set()
        with store.hub.subscribe(log.LOG) as commits:
            while True:
                left, rest = self.submit_waiting(), deadline - loop.time()
                entered.update(left)
                busy = self.duties.begin(max(rest, 0.0))  # after the look at sessions: one that ends may let the queue go on
                if rest <= 0 or not (left or busy):
                    break
                if report is not None:
                    await self._report(report, entered, left)
                await (self.duties.wait(rest) if busy and not left else commits.wait(min(rest, WATCH_SECONDS if busy else 5.0)))
        return {
            "recovered": _count(store, "turn.cut", before),
            "done": dict(self.duties.done - done),
            "sessions": len(entered),
            "settled": sum(_count(store, f"run.{state}", before) for state in ("completed", "failed", "cancelled")),
            "left": len(left),
        }

    async def _report(self, report: Progress, entered: set[str], left: list[str]) -> None:
        engine, total = self.engine.status(), float(len(entered))
        await report(total - len(left), total, f"{len(left)} sessions at work; engine {engine.state} {engine.detail}")

    async def note_rest(self) -> None:
        """When all is at rest, leave word for the next tick; see `cao.rest`."""
        store, home = self._store, self._settings.home
        left = store.read().row("SELECT value FROM settings WHERE key = ?", (rest.KEY,))
        if left and rest.counts(home, left["value"]):
            return

        def write(tx: Transaction) -> None:
            if not (_with_work(tx) or activations.any_open(tx)) and (due := self.duties.next(tx)) > tx.now:
                tx.execute("INSERT INTO settings (key, value) VALUES (?, ?)", (rest.KEY, rest.note(home, due)))

        with contextlib.suppress(CaoError):  # whoever cannot write here has no word to leave
            await store.write(write)


def _with_work(reader: Reader) -> list[str]:
    """Sessions and workflows that somebody should work on."""
    return sessions.with_work(reader) + workflows.with_work(reader)


def _count(store: Store, type: str, after: int) -> int:
    return store.read().number("SELECT count(*) FROM events WHERE type = ? AND seq > ?", (type, after))
