"""Servers and data directories for measurements."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import cao
from cao.client.daemon import start_server
from cao.client.remote import Remote
from cao.settings import Settings, load


@contextlib.asynccontextmanager
async def server(**settings: object) -> AsyncGenerator[tuple[Remote, Settings]]:
    """A real server on a new data directory, and a client of it."""
    with tempfile.TemporaryDirectory(prefix="cao-bench-") as place:
        chosen = load(Path(place) / "home", port=0, **settings)
        await start_server(chosen, 60)
        async with cao.connect(home=chosen.home, timeout=120) as control:
            try:
                yield control, chosen
            finally:
                pid = (await control.daemon.status()).pid
                await control.daemon.stop()
                await gone(pid)  # so that its end is not measured with what follows


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(60):
        while is_alive(pid):  # noqa: ASYNC110 - a process tells nobody that it has ended
            await asyncio.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that ended and that nobody asked for does not."""
    with contextlib.suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


async def engine_ready(control: Remote, seconds: float = 120.0) -> None:
    """Wait until the server's engine is ready, so that its cold start is not measured with what follows."""
    if (await control.daemon.status()).engine.state == "ready":
        return
    async for event in control.event.follow(after=0, types=["engine.changed"]):
        if event.data["state"] == "ready":
            return


def rss(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} tells no VmRSS")
