"""Code that is not ours: called with a deadline, in a thread of its own where it blocks, and kept from ending its caller."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Misbehaviour(Exception):
    """It tried to end the task or the process that called it."""


async def attended(work: Awaitable[T], seconds: float) -> T:
    """Await it for so many seconds. Raises `TimeoutError` then, and whatever it raises as an `Exception`.

    A `SystemExit` would end the whole process, and the cancellation of what it waits for would be taken for its caller's.
    """
    caller = asyncio.current_task()
    before = caller.cancelling() if caller else 0
    try:
        async with asyncio.timeout(seconds):
            return await work
    except SystemExit as error:
        raise Misbehaviour(f"it tried to end the process with {error.code!r}") from error
    except asyncio.CancelledError as error:
        if caller is None or caller.cancelling() > before:
            raise
        raise Misbehaviour("it was waiting for something that was cancelled") from error


def loudness(failures: int) -> int:
    """The level to log a failure at: the 1st, 2nd, 4th and so on are warnings, so that a flood of them fills no log."""
    return logging.DEBUG if failures & (failures - 1) else logging.WARNING


class OwnThread:
    """Makes one call at a time. A call that never returns holds this thread and no other, nor the end of the process.

    The event loop's own pool is shared, so a few receivers that block would stop everybody who needs a thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._last: Future[None] | None = None
        """Done when the last call has returned. It holds nothing of it: an exception would hold what was called."""

    async def call(self, function: Callable[..., T], /, *arguments: Any, **named: Any) -> T:
        """What `function` returns or raises. Waits first for the call before, whose caller may have given it up."""
        if self._last is not None and not self._last.done():
            await asyncio.wait([asyncio.wrap_future(self._last)])
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: Future[T] = Future()
        self._last = returned = Future[None]()
        self._calls.put(lambda: _run(future, returned, lambda: function(*arguments, **named)))
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """End the thread when its call has returned."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # it holds what was called, and the next may be long in coming


def _run(future: Future[T], returned: Future[None], call: Callable[[], T]) -> None:
    try:
        if future.set_running_or_notify_cancel():
            future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is raised where the call was asked for
        future.set_exception(error)
    finally:
        returned.set_result(None)
