"""Signals: one blinker signal for each event type, sent after the commit, in the order of the log.

    control.signals.on("run.completed").connect(receiver)

A receiver is called as `receiver(control_signals, event=Event)`; it may be async. Each has a lane of its own, so a slow or
broken one delays no other: its exceptions and time-outs are counted and shown by `cao daemon health`. A lane holds its receiver
weakly and ends when that is gone or connected to nothing any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakMethod, ref

from blinker import ANY, Namespace, Signal

from cao.events import EVENT_TYPES
from cao.foreign import OwnThread, attended, loudness
from cao.protocol import NotFound
from cao.protocol.records import Event
from cao.store import Store, log

LANE = 1000
"""Events that wait for one receiver at most; beyond that the oldest are dropped for it, counted and shown."""

EVERY = "*"
"""The signal of all events."""

CONNECTED = "signals"
"""The hub's topic of receivers that were connected or disconnected."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ReceiverHealth:
    """What became of the calls of one receiver."""

    name: str
    calls: int = 0
    errors: int = 0
    timeouts: int = 0
    dropped: int = 0
    last_error: str | None = None


@dataclass(slots=True)
class _Lane:
    receiver: Callable[[], Callable[..., Any] | None]
    """The receiver, or None when it is gone."""
    health: ReceiverHealth
    thread: OwnThread | None
    """Where it is called, unless it is async."""
    ignored: str | None = None
    """The actor whose events this receiver is not told."""
    waiting: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue[Event | None])
    """`LANE` events at most; None is the end."""
    task: asyncio.Task[None] = field(init=False)

    def put(self, event: Event) -> None:
        if event.actor == self.ignored:
            return
        if self.waiting.qsize() >= LANE:
            self.waiting.get_nowait()
            self.health.dropped += 1
        self.waiting.put_nowait(event)

    def finish(self) -> None:
        """End after what waits."""
        self.waiting.put_nowait(None)

    def let_go(self) -> None:
        """End without what waits; a call that is under way may finish."""
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.finish()


class Signals:
    """The signals of one control. Two controls in one process do not hear each other."""

    def __init__(self, store: Store, seconds: float) -> None:
        """seconds: the longest that one call of a receiver may take."""
        self._store = store
        self._seconds = seconds
        self._namespace = Namespace()
        self._signals: dict[str, Signal] = {name: self._namespace.signal(name) for name in (*EVENT_TYPES, EVERY)}
        self._lanes: dict[object, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        """Those of all lanes, also of those that were let go of and finish a call."""
        self._pump: asyncio.Task[None] | None = None
        self._seq: int | None = 0
        """Up to where the log was read; None while nobody listens, so that commits need not wake the loop."""
        self._is_any_disconnected = False
        self._lock = threading.Lock()
        for signal in self._signals.values():
            signal.receiver_connected.connect(self._begin_to_listen)
            signal.receiver_disconnected.connect(self._wake)

    def on(self, type: str) -> Signal:
        """The signal of an event type, or of all with "*". Raises `NotFound` for a type that does not exist."""
        try:
            return self._signals[type]
        except KeyError:
            raise NotFound(f"no event type {type!r}; see the reference of events", type=type) from None

    def health(self) -> list[ReceiverHealth]:
        """One entry for each receiver that is connected and was told of an event."""
        return [lane.health for lane in self._lanes.values()]

    def attach(self, type: str, receiver: Callable[..., Any], *, name: str, ignored: str | None = None) -> ReceiverHealth:
        """Connect a receiver for good, as plugins are: it is not let go of before `detach`. Its health from now on.

        ignored: the actor whose events it is not told, so that what it does itself does not call it again.
        """
        lane = self._lane(receiver, name)
        lane.ignored = ignored
        self.on(type).connect(receiver, weak=False)
        return lane.health

    async def detach(self, receiver: Callable[..., Any]) -> None:
        """Call a receiver no more; a call that is under way is cancelled."""
        for signal in self._signals.values():
            signal.disconnect(receiver)
        if (lane := self._lanes.pop(_key(receiver), None)) is not None:
            await _end(lane.task)

    async def open(self) -> None:
        """Begin to send, from the next event on, on the running loop."""
        self._seq = log.last_seq(self._store.read())
        self._pump = asyncio.create_task(self._run(), name="cao-signals")

    async def close(self) -> None:
        """Send what was committed until now, then stop; receivers that are still busy get their time-out and no more."""
        if self._pump is None:
            return
        self._pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pump
        last = log.last_seq(self._store.read())
        while self._seq is not None and self._seq < last:
            self._forward()
        self._seq = 0
        for lane in self._lanes.values():
            lane.finish()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._seconds)
        await _end(*self._tasks)
        self._pump = None

    def _heard(self) -> list[str]:
        """The signals that somebody listens to."""
        return [name for name, signal in self._signals.items() if signal.receivers]

    def _begin_to_listen(self, _: Signal, **connected: Any) -> None:
        with self._lock:
            if self._seq is None:
                self._seq = log.last_seq(self._store.read())
        self._store.hub.publish([CONNECTED])

    def _wake(self, _: Signal, **disconnected: Any) -> None:
        self._is_any_disconnected = True
        self._store.hub.publish([CONNECTED])

    async def _run(self) -> None:
        while True:
            is_heard = bool(self._heard())
            with self._store.hub.subscribe(CONNECTED, *([log.LOG] if is_heard else [])) as news:
                self._let_go()
                if not self._forward() and is_heard == bool(self._heard()):
                    await news.wait(60)
                await asyncio.sleep(0)

    def _forward(self) -> bool:
        """Hand the next events to their receivers' lanes; whether there may be more."""
        with self._lock:
            heard = self._heard()
            self._seq = self._seq if heard else None
        if self._seq is None:
            return False
        batch, seq = log.advance(self._store.read(), self._seq, log.Filter(types=[] if EVERY in heard else heard))
        if heard != self._heard():  # a receiver came meanwhile, and may want what was filtered out
            return True
        self._seq = seq
        for event in batch:
            for name in (event.type, EVERY):
                signal = self._signals.get(name)
                for receiver in signal.receivers_for(ANY) if signal else ():
                    self._lane(receiver).put(event)
        return bool(batch)

    def _let_go(self) -> None:
        """End the lanes of receivers that are gone or were disconnected."""
        if self._is_any_disconnected or any(lane.receiver() is None for lane in self._lanes.values()):
            self._is_any_disconnected = False
            connected = {_key(receiver) for signal in self._signals.values() for receiver in signal.receivers_for(ANY)}
            for key in self._lanes.keys() - connected:
                self._lanes.pop(key).let_go()

    def _lane(self, receiver: Callable[..., Any], name: str | None = None) -> _Lane:
        """The receiver's lane. name: what to call it if it is new; where it is defined unless given."""
        key = _key(receiver)
        lane = self._lanes.get(key)
        if lane is not None and lane.receiver() is not None:
            return lane
        if lane is not None:  # the new receiver is where the one that is gone was in memory
            lane.let_go()
        name = name or f"{getattr(receiver, '__module__', '?')}.{getattr(receiver, '__qualname__', type(receiver).__name__)}"
        self._lanes[key] = lane = self._begin(receiver, name)
        return lane

    def _begin(self, receiver: Callable[..., Any], name: str) -> _Lane:
        title = f"cao-receiver-{name}"
        thread = None if inspect.iscoroutinefunction(receiver) else OwnThread(title)
        lane = _Lane(_weak(receiver), ReceiverHealth(name), thread)
        lane.task = asyncio.create_task(self._serve(lane), name=title)
        self._tasks.add(lane.task)
        lane.task.add_done_callback(self._tasks.discard)
        return lane

    async def _serve(self, lane: _Lane) -> None:
        try:
            while (event := await lane.waiting.get()) is not None:
                await self._call(lane, event)
        finally:
            if lane.thread is not None:
                lane.thread.stop()

    async def _call(self, lane: _Lane, event: Event) -> None:
        receiver = lane.receiver()
        if receiver is None:
            return
        lane.health.calls += 1
        try:
            work = receiver if lane.thread is None else partial(lane.thread.call, receiver)
            await attended(work(self, event=event), self._seconds)
        except TimeoutError:
            lane.health.timeouts += 1
            lane.health.last_error = f"took longer than {self._seconds:g} s for event {event.seq}"
        except Exception as error:  # noqa: BLE001 - counted, shown and logged
            lane.health.errors += 1
            lane.health.last_error = self._store.redactor.text(f"{type(error).__name__}: {error}")[:300]
            logger.log(
                loudness(lane.health.errors), "receiver %s failed on event %s", lane.health.name, event.seq, exc_info=error
            )


def _key(receiver: Callable[..., Any]) -> object:
    """What makes a receiver the same one: a bound method is a new object whenever it is looked up."""
    return (id(receiver.__self__), id(receiver.__func__)) if inspect.ismethod(receiver) else id(receiver)


def _weak(receiver: Callable[..., Any]) -> Callable[[], Callable[..., Any] | None]:
    """A reference to the receiver: weak, unless it is one that can only be connected for good."""
    try:
        return WeakMethod(receiver) if inspect.ismethod(receiver) else ref(receiver)
    except TypeError:
        return lambda: receiver


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
