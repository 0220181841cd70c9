"""The seat of one plugin in one control: from its loading to its end, and what its methods did in between."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import sqlite3
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cao.foreign import OwnThread, attended
from cao.protocol import Unavailable
from cao.protocol.plugins import PluginInfo, PluginMethod
from cao.protocol.records import Event
from cao.signals import ReceiverHealth, Signals
from cao.store import Store, Transaction, plugins

from .contract import Mark, Plugin, actor, matches
from .gate import Gate, Guard, GuardHealth
from .source import Source

if TYPE_CHECKING:
    from cao.control import Control

_OURS = re.compile(r"importlib|\bcao[/\\](plugins|foreign)")
"""Files whose lines say nothing of where a plugin failed."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class House:
    """What every seat of a control uses."""

    control: Control
    store: Store
    signals: Signals
    gate: Gate
    seconds: float
    """The longest that loading and setting up may take together, and tearing down."""


@dataclass(slots=True)
class _Within:
    mark: Mark
    method: Callable[[Transaction, Event], None]
    health: ReceiverHealth


class Seat:
    """One plugin of one control."""

    def __init__(self, source: Source, house: House) -> None:
        self.name = source.name
        self.status: Literal["on", "off", "failed"] = "off"
        self.reason: str | None = None
        self._source = source
        self._house = house
        self._kind: type[Plugin] | None = None
        self._plugin: Plugin | None = None
        self._owed: frozenset[str] = frozenset()
        self._receivers: dict[str, Callable[..., Any]] = {}
        self._within: list[_Within] = []
        self._guards: list[Guard] = []
        self._duties: list[str] = []
        self._health: dict[tuple[str, Mark], ReceiverHealth] = {}

    async def enter(self) -> None:
        """Load it, set it up and let its methods be called. A failure is kept as `reason`, and not raised."""
        self.reason = "it was cut off while it was set up"
        try:
            await attended(self._set_up(), self._house.seconds)
        except TimeoutError:
            await self._fail(f"it was not ready within {self._house.seconds:g} s", None)
        except Exception as error:  # noqa: BLE001 - logged by `_fail`
            await self._fail(self._described(error), error)
        except asyncio.CancelledError:
            self.status = "failed"
            await self._withdraw()
            raise

    async def _set_up(self) -> None:
        thread = OwnThread(f"cao-plugin-{self.name}")
        try:
            kind = self._kind = await thread.call(self._source.load)
        finally:
            thread.stop()
        if kind.migrations is not None:
            await self._house.store.extend(kind.migrations)
        plugin = kind(self._house.control)
        await plugin.set_up()
        self._plugin = plugin
        self._engage(plugin)
        await self._remember(kind)
        self.status, self.reason, self._owed = "on", None, frozenset()

    def _engage(self, plugin: Plugin) -> None:
        """Let its methods be called from now on, and count from nought."""
        self._health = {(name, mark): self._engage_method(name, mark, getattr(plugin, name)) for name, mark in plugin.marked()}
        self._house.gate.add(self._guards)
        for duty in plugin.duties():
            self._house.control.duties.add(duty)
            self._duties.append(duty.name)

    def _engage_method(self, name: str, mark: Mark, method: Callable[..., Any]) -> ReceiverHealth:
        title = f"{self.name}.{name}"
        match mark.kind:
            case "hook":  # of several event types, too, a method is one receiver, so that it hears them in order
                receiver = self._receivers.setdefault(name, _receiver(method))
                return self._house.signals.attach(mark.target, receiver, name=title, ignored=actor(self.name))
            case "before":
                guard = Guard(self.name, mark, method, GuardHealth(title))
                self._guards.append(guard)
                return guard.health
            case "within":
                recorder = _Within(mark, method, ReceiverHealth(title))
                self._within.append(recorder)
                return recorder.health

    async def _remember(self, kind: type[Plugin]) -> None:
        types = _recorded_by(kind)
        if types != plugins.recorded(self._house.store.read(), self.name):
            await self._house.store.write(lambda tx: plugins.remember(tx, self.name, types))

    async def _fail(self, reason: str, error: Exception | None) -> None:
        """Keep why. What it should have recorded in transactions cannot happen while it is like this."""
        logger.error("the plugin %s is not on: %s", self.name, reason)
        logger.debug("how the plugin %s failed", self.name, exc_info=error)
        owed = _recorded_by(self._kind) if self._kind else plugins.recorded(self._house.store.read(), self.name)
        self.status, self.reason, self._owed = "failed", reason, owed
        await self._withdraw()

    async def leave(self) -> None:
        """Call its methods no more, and tear it down."""
        self.status, self.reason, self._owed = "off", None, frozenset()
        await self._withdraw()

    async def _withdraw(self) -> None:
        self._house.gate.remove(self.name)
        self._guards, self._within = [], []
        for duty in self._duties:
            self._house.control.duties.remove(duty)
        for receiver in self._receivers.values():
            await self._house.signals.detach(receiver)
        self._duties, self._receivers = [], {}
        plugin, self._plugin = self._plugin, None
        if plugin is not None:
            await self._tear_down(plugin)

    async def _tear_down(self, plugin: Plugin) -> None:
        try:
            await attended(plugin.tear_down(), self._house.seconds)
        except Exception:
            logger.exception("the plugin %s did not end well", self.name)

    def record(self, tx: Transaction, event: Event) -> None:
        """Let it record an event in the event's own transaction. Raises `Unavailable`, which undoes it, where it cannot."""
        if event.type in self._owed:
            raise Unavailable(self._told(f"is broken and should have recorded {event.type}"), plugin=self.name)
        for one in self._within:
            if one.mark.target == event.type or (one.mark.target == "*" and not matches("plugin.*", event.type)):
                self._record(one, tx, event)

    def _record(self, one: _Within, tx: Transaction, event: Event) -> None:
        one.health.calls += 1
        try:
            one.method(tx, event)
        except (Exception, SystemExit) as error:
            one.health.errors += 1
            one.health.last_error = self._described(error)
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname != "SQLITE_ERROR":
                raise  # the disk, and not the plugin
            raise Unavailable(self._told(f"could not record {event.type}"), plugin=self.name) from error

    def _described(self, error: BaseException) -> str:
        """An exception in a line: its class, its text without secrets, and where in the plugin it was raised."""
        text = self._house.store.redactor.text(f"{type(error).__name__}: {error}")
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [frame for frame in frames if not _OURS.search(frame.filename)]
        return text[:300] + (f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else "")

    def _told(self, what: str) -> str:
        return (
            f"the plugin {self.name} {what}, so nothing was changed; "
            f"see: cao plugin info {self.name}, or do without it: cao plugin disable {self.name}"
        )

    def info(self) -> PluginInfo:
        """All that there is to know of it."""
        kind = self._kind
        return PluginInfo(
            name=self.name,
            status=self.status,
            trouble=self._trouble(),
            package=self._source.package,
            summary=(inspect.getdoc(kind) or "").partition("\n")[0] if kind else "",
            methods=[self._method(name, mark, health) for (name, mark), health in self._health.items()],
            duties=self._duties,
            options=sorted(self._house.control.settings.plugins.get(self.name, {})),
        )

    def _trouble(self) -> str | None:
        if self.status != "on":
            return self.reason
        return next((one.last_error for one in self._health.values() if one.last_error), None)

    def _method(self, name: str, mark: Mark, health: ReceiverHealth) -> PluginMethod:
        return PluginMethod(
            method=name,
            kind=mark.kind,
            target=mark.target,
            order=mark.order,
            calls=health.calls,
            refused=health.refused if isinstance(health, GuardHealth) else 0,
            errors=health.errors,
            timeouts=health.timeouts,
            dropped=health.dropped,
            last_error=health.last_error,
        )


def _recorded_by(kind: type[Plugin]) -> frozenset[str]:
    return frozenset(mark.target for _, mark in kind.marked() if mark.kind == "within" and mark.target != "*")


def _receiver(method: Callable[[Event], Any]) -> Callable[..., Any]:
    """What the signals call: a receiver, as they know it, of a plugin's method."""
    if inspect.iscoroutinefunction(method):

        async def receive(_: Signals, event: Event) -> None:
            await method(event)

        return receive

    def receive_in_thread(_: Signals, event: Event) -> None:
        method(event)

    return receive_in_thread
