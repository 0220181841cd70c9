"""A program with two controls inside: `python host_program.py HOME_A HOME_B LOG`. It prints what it saw as JSON.

It has a way of its own with logging and signals, as applications do, and looks whether that is left alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import httpx

import cao
from cao.agents import Prompt
from cao.control import Control

THEIRS = ("", "host", "uvicorn", "uvicorn.error", "uvicorn.access", "fastapi", "sqlalchemy", "httpx", "asyncio")
"""Loggers that belong to the application, whoever else writes to them."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1)


def habits() -> dict[str, Any]:
    """What belongs to the program and not to a library in it."""
    loggers = {name: logging.getLogger(name) for name in THEIRS}
    return {
        "levels": {name: logger.level for name, logger in loggers.items()},
        "handlers": {name: [id(handler) for handler in logger.handlers] for name, logger in loggers.items()},
        "propagate": {name: logger.propagate for name, logger in loggers.items()},
        "disabled": [logging.root.manager.disable, *(logger.disabled for logger in loggers.values())],
        "classes": [repr(logging.getLoggerClass()), repr(logging.getLogRecordFactory())],
        "signals": [id(signal.getsignal(number)) for number in SIGNALS],
        "hooks": [repr(sys.excepthook), repr(threading.excepthook)],
    }


async def turns_of(api: str) -> list[str]:
    """The states of the task runs that Prefect knows of, once it knows of a completed one."""
    async with httpx.AsyncClient(base_url=api, trust_env=False) as prefect, asyncio.timeout(60):
        while True:
            found = [run["state_type"] for run in (await prefect.post("/task_runs/filter", json={})).json()]
            if "COMPLETED" in found:
                return found
            await asyncio.sleep(0.2)


class Side:
    """One of the two: its own home, its own agent under a name that both use, its own receiver."""

    def __init__(self, home: str) -> None:
        self.name = Path(home).name
        self.control: Control = cao.open(home, linger_seconds=0)
        self.heard: list[str] = []
        self.threads: set[str] = set()

    async def agent(self, prompt: Prompt) -> str:
        self.threads.add(threading.current_thread().name)
        return f"{self.name} heard {prompt.text}"

    async def hear(self, _: object, event: Any) -> None:
        self.heard.append(event.session_id)

    def noticed(self) -> dict[str, Any]:
        return {"heard": self.heard, "threads": sorted(self.threads)}

    async def work(self) -> dict[str, Any]:
        control = self.control
        control.register("same-name", self.agent)
        control.signals.on("run.completed").connect(self.hear)
        (control.settings.home / "profiles").mkdir(exist_ok=True)
        (control.settings.home / "profiles" / "same-name.md").write_text("---\nprovider: callable\n---\nYou listen.\n")
        session = await control.session.launch("hello", profile="same-name", name="same-session")
        result = await control.run.result(str(session.run_id), timeout=200)
        engine = (await control.daemon.status()).engine.api_url
        return {
            "session": session.id,
            "result": result.text or str(result.failure),
            "sessions": [one.id for one in (await control.session.list()).items],
            "engine": engine,
            "turns": await turns_of(str(engine)),
        }


async def run(homes: list[str]) -> dict[str, Any]:
    before = habits()  # asyncio has put its own handler of SIGINT there
    a, b = Side(homes[0]), Side(homes[1])
    async with a.control, b.control:
        both = await asyncio.gather(a.work(), b.work())
        meanwhile = habits()
    return {
        "sides": [
            {**seen, "heard": side.heard, "threads": sorted(side.threads)} for side, seen in zip((a, b), both, strict=True)
        ],
        "before": before,
        "meanwhile": meanwhile,
        "after": habits(),
    }


def main() -> None:
    file = logging.FileHandler(sys.argv[3], mode="w", encoding="utf-8")
    logging.basicConfig(level=logging.INFO, handlers=[file], format="%(name)s %(levelname)s %(message)s")
    logging.getLogger("host").setLevel(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    seen = asyncio.run(run(sys.argv[1:3]))
    logging.getLogger("host").debug("the last word")
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
