"""What ten thousand sessions at rest cost: memory of the server, processes beside it, and the first page of the list."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from cao.store import Store, messages, sessions, terminals
from cao.store.terminals import Limits, NewTerminal
from cao.store.transaction import Transaction

from .figures import Figure, median
from .places import engine_ready, rss, server

SESSIONS = 10_000
REST_SECONDS = 2.0
"""In place of five minutes, so that the measurement need not wait for so long."""


async def measure() -> list[Figure]:
    async with server(engine_rest_seconds=REST_SECONDS) as (control, settings):
        await engine_ready(control)
        pid = (await control.daemon.status()).pid
        await at_rest(pid)
        await control.session.list()
        empty = rss(pid)
        await asyncio.to_thread(fill, settings.home, SESSIONS)
        taken = []
        for _ in range(30):
            began = time.perf_counter()
            await control.session.list()
            taken.append((time.perf_counter() - began) * 1000)
        full, page, beside = rss(pid), median(taken), len(children(pid))
    return [
        Figure(f"server memory with {SESSIONS} sessions at rest", full, "MB", empty, "empty", "+20 MB", full - empty <= 20),
        Figure("processes beside the server", beside, "", aim="0", met=beside == 0),
        Figure("session list, first page", page, "ms", aim="<= 20 ms", met=page <= 20),
    ]


def fill(home: Path, count: int) -> None:
    """Write sessions that have worked and are at rest, as another process."""
    store = Store(home / "cao.db")
    for start in range(0, count, 500):
        store.submit(lambda tx, start=start: _some(tx, range(start, min(start + 500, count)))).result()
    store.close()


def _some(tx: Transaction, numbers: range) -> None:
    seat = NewTerminal(profile="developer", provider="scripted", directory="/")
    for number in numbers:
        session = sessions.launch(tx, name=f"rest-{number}", project_id=None, labels={})
        terminal = terminals.add(tx, session, seat, None, Limits())
        messages.settle(tx, messages.mail(tx, terminal, "hello", sender="owner"), None)


async def at_rest(pid: int) -> None:
    """Wait until the engine has ended what it needs for work."""
    async with asyncio.timeout(60):
        while children(pid):  # noqa: ASYNC110 - a process tells nobody that it has ended
            await asyncio.sleep(0.1)


def children(pid: int) -> list[int]:
    """Ids of the processes that a process started and that still live."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
