"""The queue: a thousand items enqueued and dispatched, beside launching their sessions by hand and beside bare SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import cao
from cao.control import Control

from .figures import Figure

ITEMS = 1000


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cao-bench-") as place:
        folder = Path(place)
        async with cao.open(folder / "home", work=False, queue_limit=10 * ITEMS) as control:
            given = {"provider": "scripted", "directory": place}
            looks = await asyncio.to_thread(_looks, control)
            enqueued = await _rate(lambda n: control.queue.enqueue(f"item {n}", **given))
            dispatched = await _dispatch(control)
            launched = await _rate(lambda n: control.session.launch(f"item {n}", **given))
        bare = await asyncio.to_thread(_bare, folder / "bare.db")
    return [
        Figure(f"queue items enqueued, of {ITEMS}", enqueued, "/s", launched, "session.launch, one after another"),
        Figure(f"queue items dispatched, of {ITEMS}", dispatched, "/s", launched, "session.launch, one after another"),
        Figure(f"queue items dispatched, of {ITEMS}", dispatched, "/s", bare, "bare SQLite: claim, insert, commit"),
        Figure("a look at an empty queue", looks, "µs"),
    ]


async def _rate(work: Callable[[int], Awaitable[object]]) -> float:
    began = time.perf_counter()
    for number in range(ITEMS):
        await work(number)
    return ITEMS / (time.perf_counter() - began)


async def _dispatch(control: Control) -> float:
    began = time.perf_counter()
    done = await control.services.queue.perform(600)
    seconds = time.perf_counter() - began
    assert done["dispatched"] == ITEMS, done
    return ITEMS / seconds


def _looks(control: Control) -> float:
    """What a server does four times a second, in microseconds."""
    reader, looks = control.services.store.read(), 2000
    began = time.perf_counter()
    for _ in range(looks):
        control.services.queue.due_at(reader)
    return (time.perf_counter() - began) / looks * 1e6


def _bare(path: Path) -> float:
    """Two transactions for each item, as the dispatcher has them, with nothing in them but one row each."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        "CREATE TABLE queue (n INTEGER PRIMARY KEY, state TEXT)",
        "CREATE INDEX queue_state ON queue (state, n)",
        "CREATE TABLE sessions (n INTEGER PRIMARY KEY, item INTEGER)",
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ITEMS}) "
        "INSERT INTO queue SELECT i, 'ready' FROM n",
    ):
        connection.execute(statement)
    began = time.perf_counter()
    for _ in range(ITEMS):
        connection.execute("BEGIN IMMEDIATE")
        (item,) = connection.execute("SELECT n FROM queue WHERE state = 'ready' ORDER BY n LIMIT 1").fetchone()
        connection.execute("UPDATE queue SET state = 'dispatching' WHERE n = ?", (item,))
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO sessions (item) VALUES (?)", (item,))
        connection.execute("UPDATE queue SET state = 'dispatched' WHERE n = ?", (item,))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return ITEMS / seconds
