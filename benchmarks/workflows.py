"""A workflow of ten trivial phases against the same in bare Prefect, and in DBOS on SQLite."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cao
from cao.control import Control

from .engine import in_engine
from .figures import Figure, median

PHASES = 10
ROUNDS = 7
DEFINITION = "name: ten\nphases:\n" + "".join(f"  - id: p{n}\n    command: {{run: ['true']}}\n" for n in range(PHASES))


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cao-bench-") as place:
        folder = Path(place) / "project" / ".cao" / "workflows"
        folder.mkdir(parents=True)
        (folder / "ten.yaml").write_text(DEFINITION)
        async with cao.open(Path(place) / "home") as control:
            await control.project.init(path=str(folder.parent.parent), name="bench")
            await _workflow(control)
            await _bare(control)
            ours, bare = [], []
            for _ in range(ROUNDS):
                ours.append(await _workflow(control))
                bare.append(await _bare(control))
        value, base = median(ours), median(bare)
        name = f"workflow of {PHASES} commands"
        return [
            Figure(name, value, "ms", base, "bare Prefect", "<= 1.5x", value / base <= 1.5),
            Figure(name, value, "ms", median(await asyncio.to_thread(_dbos, place)), "DBOS on SQLite"),
        ]


async def _workflow(control: Control) -> float:
    """Milliseconds from the request to the end."""
    began = time.perf_counter()
    run = await control.workflow.run("ten")
    found = await control.workflow.wait(run.id, timeout=120)
    assert found.state == "completed", found.failure
    return (time.perf_counter() - began) * 1000


async def _true() -> int:
    process = await asyncio.create_subprocess_exec(
        "true", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await process.communicate()
    return process.returncode or 0


async def _bare(control: Control) -> float:
    async def work() -> float:
        from prefect import flow, task

        @task
        async def command(number: int) -> int:
            return await _true()

        @flow
        async def ten() -> None:
            for number in range(PHASES):
                await command(number)

        began = time.perf_counter()
        await ten()
        return (time.perf_counter() - began) * 1000

    return await in_engine(control, work)


def _dbos(place: str) -> list[float]:
    """Milliseconds of each round in DBOS, which has an environment of its own in `.cache`."""
    here = Path(__file__).parent
    environment = here.parent / ".cache" / "dbos"
    python = environment / "bin" / "python"
    if not (environment / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        packages = ["--require-hashes", "--no-deps", "-r", here / "dbos.lock"]
        subprocess.run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages], check=True)
        (environment / "ready").touch()
    command = [python, "-P", here / "dbos_program.py", place, str(PHASES), str(ROUNDS)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(taken) for taken in json.loads(told.splitlines()[-1])]
