"""Servers and ticks that share a data directory and a clock, and are meant to be killed: `schedule_process.py HOME CLOCK`.

Each line on standard input, `server` or `tick`, starts one more; its process id is printed. They are forked from here, where
all is imported already, so that dozens can be killed in the time that one takes to start. The clock is a file of eight bytes:
what a process sees of time is what the test wrote last.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import sys
import traceback
from pathlib import Path

from cao.control import Control
from cao.settings import load


class FileClock:
    """Seconds since 1970, as a file says."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)

    def now(self) -> float:
        return float(struct.unpack("d", os.pread(self._file, 8, 0))[0])


async def server(home: Path, clock: Path) -> None:
    """Perform what falls due, for ever, as the watch of a server does; agents are not run."""
    async with Control(load(home), work=False, clock=FileClock(clock)) as control:
        while True:
            control.duties.begin()
            await asyncio.sleep(0.02)


async def tick(home: Path, clock: Path) -> None:
    """What `cao tick` does, again and again, each time in a control of its own."""
    while True:
        async with Control(load(home), work=False, clock=FileClock(clock)) as control:
            await control.daemon.tick(timeout=0.3)


def main(home: Path, clock: Path) -> None:
    kinds = {"server": server, "tick": tick}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                asyncio.run(kinds[line.strip()](home, clock))
            finally:
                traceback.print_exc()
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
