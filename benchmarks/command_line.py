"""The command line against `python -c pass`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .figures import Figure, median
from .places import server

ROUNDS = 15


def timed(command: list[str], home: Path | None = None) -> float:
    environment = {**os.environ, **({"CAO_HOME": str(home)} if home else {})}
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


def compare(command: list[str], home: Path | None) -> tuple[float, float]:
    """Milliseconds of the command and of bare Python, by turns, so that both see the same neighbours."""
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(timed([sys.executable, "-c", "pass"]))
        ours.append(timed(command, home))
    return median(ours), median(bare)


async def measure() -> list[Figure]:
    program = str(Path(sys.executable).parent / "cao")
    figures = []
    async with server() as (_, settings):
        for name, arguments, aim in (
            ("cao --help", ["--help"], 8.0),
            ("cao session list (served)", ["session", "list"], 12.0),
            ("cao session list --local", ["session", "list", "--local"], None),
        ):
            ours, bare = await asyncio.to_thread(compare, [program, *arguments], settings.home)
            met = None if aim is None else ours / bare <= aim
            figures.append(Figure(name, ours, "ms", bare, "python -c pass", f"<= {aim:g}x" if aim else "", met))
    return [*figures, *await asyncio.to_thread(_ticks, program), await asyncio.to_thread(_healthy)]


def _ticks(program: str) -> list[Figure]:
    """A tick with nothing due: with the note that the process before left, and without, as after a crash."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        add = [
            "schedule",
            "add",
            "yearly",
            "--cron",
            "0 0 1 1 *",
            "--provider",
            "scripted",
            "--prompt",
            "go",
            "--directory",
            folder,
        ]
        timed([program, "--local", *add], home)
        ours, bare = compare([program, "--local", "tick"], home)
        keyed = ["--local", "tick", "--idempotency-key", "k"]  # a key has to be looked up, so the note is of no use
        whole, _ = compare([program, *keyed], home)
    return [
        Figure("cao tick, nothing due", ours, "ms", bare, "python -c pass", "<= 400 ms", ours <= 400),
        Figure("cao tick, nothing due, no note", whole, "ms", bare, "python -c pass"),
    ]


def _healthy() -> Figure:
    """From the start of the process to the first answer of `/health`."""

    async def once() -> float:
        began = time.perf_counter()
        async with server():
            return time.perf_counter() - began

    seconds = median([asyncio.run(once()) for _ in range(5)])
    return Figure("server healthy after", seconds, "s", aim="<= 1.5 s", met=seconds <= 1.5)
