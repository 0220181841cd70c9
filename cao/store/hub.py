"""Tells waiters that something was committed: by topic, across threads and event loops, without a queue.

A topic is the id of a session, terminal, run or approval, or `LOG` for the event log as a whole. A subscription holds one
flag, not a buffer: whoever wakes reads the store, so a slow waiter costs nothing and misses nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Self

LOG = "log"
"""The topic of every commit that appended events."""

DUE = "due"
"""The topic of commits that make something fall due at once: whoever performs duties need not wait for the next look."""


def work_topic(session_id: str) -> str:
    """The topic of commits that give a session's runner something to do: a message, a free terminal, an interruption."""
    return f"work:{session_id}"


class Subscription:
    """A flag that is raised by commits on its topics. Use as a context manager, in the loop that made it."""

    def __init__(self, hub: Hub, topics: Iterable[str]) -> None:
        self._hub = hub
        self.topics = frozenset(topics)
        self.loop = asyncio.get_running_loop()
        self._raised = asyncio.Event()

    def __enter__(self) -> Self:
        self._hub.attach(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._hub.detach(self)

    def raise_flag(self) -> None:
        self._raised.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until a commit touches the topics, `seconds` at most; lower the flag. Read the store before and after."""
        try:
            async with asyncio.timeout(seconds):
                await self._raised.wait()
        except TimeoutError:
            return False
        self._raised.clear()
        return True


class Hub:
    """Where commits meet those who wait for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_topic: dict[str, set[Subscription]] = {}

    def subscribe(self, *topics: str) -> Subscription:
        """A subscription for the running loop; enter it before the first read, so that no commit falls between."""
        return Subscription(self, topics)

    def attach(self, subscription: Subscription) -> None:
        with self._lock:
            for topic in subscription.topics:
                self._by_topic.setdefault(topic, set()).add(subscription)

    def detach(self, subscription: Subscription) -> None:
        with self._lock:
            for topic in subscription.topics:
                waiting = self._by_topic[topic]
                waiting.discard(subscription)
                if not waiting:
                    del self._by_topic[topic]

    def waiting(self, topic: str) -> int:
        """How many wait for a topic now."""
        with self._lock:
            return len(self._by_topic.get(topic, ()))

    def publish(self, topics: Iterable[str] | None) -> None:
        """Raise the flags of everybody who waits for one of the topics, or for any (None). Safe to call from any thread."""
        with self._lock:
            wanted = list(self._by_topic) if topics is None else topics
            found = {subscription for topic in wanted for subscription in self._by_topic.get(topic, ())}
        by_loop: dict[asyncio.AbstractEventLoop, list[Subscription]] = {}
        for subscription in found:
            by_loop.setdefault(subscription.loop, []).append(subscription)
        for loop, subscriptions in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_raise_flags, subscriptions)


def _raise_flags(subscriptions: list[Subscription]) -> None:
    for subscription in subscriptions:
        subscription.raise_flag()
