"""The host: all plugins of one control. It finds, seats and ends them, and stands between them and everybody else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from cao.protocol import Caller, Conflict, NotFound, Operation, Request
from cao.protocol.plugins import PluginInfo
from cao.protocol.records import Event
from cao.signals import Signals
from cao.store import Store, Transaction, plugins

from .contract import Plugin
from .gate import Gate
from .seat import House, Seat
from .source import Source, installed

if TYPE_CHECKING:
    from cao.control import Control


class Host:
    """The plugins of one control; another control has its own instances of them."""

    def __init__(self, control: Control, store: Store, signals: Signals) -> None:
        self._store = store
        gate = Gate(control.settings.receiver_seconds, store.redactor)
        self._house = House(control, store, signals, gate, control.settings.plugin_seconds)
        self._seats: dict[str, Seat] = {}
        self._lock = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Set up every installed plugin that is not disabled. One that fails is shown as failed and stops nobody."""
        self._seats = {source.name: Seat(source, self._house) for source in installed()}
        self._store.recorders.append(self._record)
        await self.reconcile()
        self._watching = asyncio.create_task(self._watch(), name="cao-plugins")

    async def close(self) -> None:
        """Tear all down, the last one first."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        for seat in reversed(self._seats.values()):
            if seat.status == "on":
                await seat.leave()
        with contextlib.suppress(ValueError):  # it never came so far
            self._store.recorders.remove(self._record)

    async def add(self, kind: type[Plugin]) -> PluginInfo:
        """Set up a plugin that no package brings: an application's own, or one that is being tested.

        Raises `Conflict` for a name that is taken. A failure to set up is told by the answer's `status` and `trouble`.
        """
        if kind.name in self._seats:
            raise Conflict(f"there is a plugin {kind.name!r} already", plugin=kind.name)
        self._seats = {**self._seats, kind.name: Seat(Source(kind.name, given=kind), self._house)}
        await self.reconcile()
        return self.info(kind.name)

    async def admit(self, operation: Operation, request: Request, caller: Caller) -> None:
        """Let the plugins decide on an operation. Raises `Denied` with the name of the one that refuses and its reason."""
        await self._house.gate.admit(operation, request, caller)

    def list(self) -> list[PluginInfo]:
        """All of them, by name."""
        return [self._seats[name].info() for name in sorted(self._seats)]

    def info(self, name: str) -> PluginInfo:
        """One of them. Raises `NotFound`."""
        if name not in self._seats:
            raise NotFound(f"no plugin {name!r} is installed; see: cao plugin list", plugin=name)
        return self._seats[name].info()

    async def reconcile(self, retry: str | None = None) -> None:
        """Set up and tear down until all are as the store says. retry: one that failed, to be tried again."""
        async with self._lock:
            off = plugins.disabled(self._store.read())
            async with asyncio.TaskGroup() as group:
                for seat in self._seats.values():
                    if seat.name in off and seat.status != "off":
                        group.create_task(seat.leave())
                    elif seat.name not in off and (seat.status == "off" or (seat.status, seat.name) == ("failed", retry)):
                        group.create_task(seat.enter())

    def _record(self, tx: Transaction, event: Event) -> None:
        """What the store calls in its writing thread; the seats are never changed in place."""
        for seat in self._seats.values():
            seat.record(tx, event)

    async def _watch(self) -> None:
        """See what another process switches on or off."""
        known = plugins.disabled(self._store.read())
        with self._store.hub.subscribe(plugins.TOPIC) as commits:
            while True:
                await commits.wait(60)
                now = plugins.disabled(self._store.read())
                if now != known:
                    known = now
                    await self.reconcile()
