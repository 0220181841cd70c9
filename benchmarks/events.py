"""The event log: appending, and reaching fifty readers."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import cao
from cao.control import Control
from cao.events import RunQueued

from .figures import Figure, median

READERS = 50
EVENTS = 500


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cao-bench-") as place:
        async with cao.open(Path(place) / "home", work=False) as control:
            alone = await _append(control, 2000)
            batch = await _append_together(control, 2000)
            reached = await _fan_out(control)
    return [
        Figure("events appended, one in a transaction", alone, "/s", batch, "all in one transaction"),
        Figure(f"event to the last of {READERS} readers", reached, "ms"),
    ]


async def _append(control: Control, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        await control.services.store.write(lambda tx: tx.emit(RunQueued(run_id="run_bench")))
    return count / (time.perf_counter() - began)


async def _append_together(control: Control, count: int) -> float:
    began = time.perf_counter()
    await control.services.store.write(lambda tx: [tx.emit(RunQueued(run_id="run_bench")) for _ in range(count)])
    return count / (time.perf_counter() - began)


async def _fan_out(control: Control) -> float:
    """Milliseconds from an append until every reader has it, one event after another."""
    seen = [asyncio.Queue[float](EVENTS) for _ in range(READERS)]

    async def read(queue: asyncio.Queue[float]) -> None:
        async for _ in control.event.follow(limit=EVENTS):
            queue.put_nowait(time.perf_counter())

    taken: list[float] = []
    async with asyncio.TaskGroup() as group:
        for queue in seen:
            group.create_task(read(queue))
        await asyncio.sleep(0.2)
        for _ in range(EVENTS):
            began = time.perf_counter()
            await control.services.store.write(lambda tx: tx.emit(RunQueued(run_id="run_bench")))
            arrived = [await queue.get() for queue in seen]
            taken.append((max(arrived) - began) * 1000)
    return median(taken)
