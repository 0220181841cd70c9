"""A process that sends what is due, and is meant to be killed: `python notifier_process.py HOME SECONDS`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cao.control import Control
from cao.settings import load


async def main(home: Path, seconds: float) -> None:
    async with Control(load(home, notify_seconds=seconds, notify_backoff_seconds=0.05, notify_attempts=10)):
        print("sending", flush=True)
        await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
