"""Processes that run workflows and are meant to be killed: `workflow_process.py HOME PREFECT_URL`.

It prints `ready` once all is imported. Each line on standard input then starts one more, forked from here; its process id is
printed. A line is `-`, or where the process is to end itself: `before PATH RUN` in the transaction that would begin the phase,
`during PATH RUN` once its agent works, `deciding PATH RUN` in the transaction that would settle it, `after PATH RUN` once it is
settled.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

import cao_flows.engine
import cao_flows.entries  # noqa: F401 - what takes long to import is there before the first fork
from cao.control import Control
from cao.protocol.records import Event
from cao.settings import load
from cao.store import Transaction

_IN_TRANSACTION = {"before": "phase.started", "deciding": "phase.decided"}


async def work(home: Path, api: str, moment: str, path: str, run: str) -> None:
    async with Control(load(home, prefect_api_url=api, linger_seconds=0.2)) as control:

        def record(_: Transaction, event: Event) -> None:
            if event.run_id == run and event.type == _IN_TRANSACTION.get(moment) and event.data["path"] == path:
                end()

        control.services.store.recorders.append(record)
        began = False
        async for event in control.event.follow(after=0, types=["phase.started", "turn.started", "phase.decided"]):
            is_here = event.run_id == run and event.data.get("path") == path
            began = began or is_here
            if is_here and moment == "after" and event.type == "phase.decided":
                end()
            if began and moment == "during" and event.type == "turn.started":
                end()


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(home: Path, api: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    assert threading.active_count() == 1, threading.enumerate()
    print("ready", flush=True)
    for line in sys.stdin:
        moment, path, run = (*line.split(), "", "")[:3]
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                asyncio.run(work(home, api, moment, path, run))
            finally:
                traceback.print_exc()
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
