"""Waiting for the store to reach a state: by commits, with a deadline, never by polling."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from cao.protocol.records import FINAL_RUN_STATES, Run
from cao.store import Store, runs

from .context import Context

T = TypeVar("T")

_REPORT_EVERY = 5.0


async def until(store: Store, topic: str, ready: Callable[[], T | None], seconds: float) -> T | None:
    """What `ready` returns once it is not None, or None after `seconds`. It is asked after every commit on `topic`."""
    deadline = time.monotonic() + seconds
    with store.hub.subscribe(topic) as commits:
        while (found := ready()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not await commits.wait(left):
                return ready()
    return found


async def patiently(
    ctx: Context, topic: str, ready: Callable[[], T | None], seconds: float, describe: Callable[[], str]
) -> T | None:
    """The same as `until`, and tells the caller what it waits for every few seconds."""
    started = time.monotonic()
    while True:
        left = started + seconds - time.monotonic()
        found = await until(ctx.store, topic, ready, min(_REPORT_EVERY, max(left, 0)))
        if found is not None or left <= _REPORT_EVERY:
            return found
        await ctx.progress(time.monotonic() - started, None, describe())


async def settled(ctx: Context, run_id: str, seconds: float) -> Run:
    """The run once it is settled, or as it is after `seconds`; tells the caller of its state meanwhile."""

    def now() -> Run:
        return runs.get(ctx.store.read(), run_id)

    def final() -> Run | None:
        run = now()
        return run if run.state in FINAL_RUN_STATES else None

    def describe() -> str:
        run, engine = now(), ctx.services.engine.status()
        detail = f"; engine {engine.state}: {engine.detail}" if run.state == "queued" and engine.detail else ""
        return f"run {run.id} is {run.state}{detail}"

    return await patiently(ctx, run_id, final, seconds, describe) or now()
