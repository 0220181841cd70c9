"""Dispatchers that share a data directory and a clock: `python -m tests.chaos.queue_process HOME CLOCK`.

Each line on standard input starts one more process; its process id is printed. `crowd` is four dispatchers, each with a store
and a name of its own. `frozen` is one that stops itself with SIGSTOP between the claim of its first item and its start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from cao.control import Control
from cao.plugins import Plugin, before
from cao.protocol import Caller
from cao.settings import load

from .schedule_process import FileClock

DISPATCHERS = 4
"""In each process."""


class Freeze(Plugin):
    """Stops its whole process once, when a claimed item is about to be started."""

    name = "freeze"
    done = False

    @before("session.launch")
    async def stop(self, operation: Any, request: Any, caller: Caller) -> None:
        if not self.done:
            self.done = True
            os.kill(os.getpid(), signal.SIGSTOP)


async def dispatch(home: Path, clock: Path) -> None:
    """Perform what falls due, for ever, as the watch of a server does; agents are not run."""
    async with Control(load(home), work=False, clock=FileClock(clock)) as control:
        while True:
            control.duties.begin()
            await asyncio.sleep(0.02)


async def crowd(home: Path, clock: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(DISPATCHERS):
            group.create_task(dispatch(home, clock))


async def frozen(home: Path, clock: Path) -> None:
    """One look; a file `thawed-PID` says what came of it."""
    async with Control(load(home), work=False, clock=FileClock(clock)) as control:
        await control.plugins.add(Freeze)
        done = await control.services.queue.perform(60)
        (home / f"thawed-{os.getpid()}").write_text(",".join(sorted(kind for kind, count in done.items() if count)))


def main(home: Path, clock: Path) -> None:
    kinds = {"crowd": crowd, "frozen": frozen}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                asyncio.run(kinds[line.strip()](home, clock))
                os._exit(0)
            finally:
                traceback.print_exc()
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
