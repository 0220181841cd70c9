"""A process that opens a data directory, works for ever, and is meant to be killed: `python session_process.py HOME`.

It prints one JSON line when the control is open (recovery is done by then) and one when the engine is ready.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from cao.control import Control
from cao.settings import load


async def main(home: Path) -> None:
    began = time.monotonic()
    async with Control(load(home, linger_seconds=5)) as control:
        print(json.dumps({"open": time.monotonic() - began, "open_cpu": time.process_time()}), flush=True)
        control.services.engine.start()
        with control.services.store.hub.subscribe("log") as commits:
            while control.services.engine.status().state != "ready":
                await commits.wait(1)
        api = control.services.engine.status().api_url
        print(json.dumps({"ready": time.monotonic() - began, "api": api}), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1])))
