"""The life of the engine's Prefect: started by work, ended at rest, replaced when it is lost, gone with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

import cao
from cao.control import Control

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

ORPHAN = """
import asyncio, sys
from pathlib import Path
import cao

async def main():
    async with cao.open(Path(sys.argv[1])) as control:
        session = await control.session.launch("hello", profile="developer", provider="scripted")
        await control.run.wait(session.run_id, timeout=120)
        print("worked", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""

HASTY = """
import asyncio, os, subprocess, sys
from pathlib import Path
import cao

def prefects():
    command = ["pgrep", "-P", str(os.getpid()), "-f", "cao_flows.prefect_server"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()

async def main():
    async with cao.open(Path(sys.argv[1])) as control:
        await control.session.launch("hello", profile="developer", provider="scripted")
        async with asyncio.timeout(30):
            while not (found := await asyncio.to_thread(prefects)):
                await asyncio.sleep(0.05)
        print(found, flush=True)

asyncio.run(main())
"""

LEAVING = """
import asyncio, sys
from pathlib import Path
import cao

async def main():
    async with cao.open(Path(sys.argv[1])) as control:
        prompt = '<script>[{"sleep": 600}]</script>'
        await control.session.launch(prompt, profile="developer", provider="scripted")
        async for event in control.event.follow(after=0, types=["turn.started"]):
            print(event.data["turn_id"], flush=True)
            break

asyncio.run(main())
"""

ENVIRONMENT = """
import asyncio, os, sys
from pathlib import Path
import cao

async def main():
    async with cao.open(Path(sys.argv[1])) as control:
        session = await control.session.launch("hello", profile="developer", provider="scripted")
        print((await control.run.wait(session.run_id, timeout=120)).state, "prefect" in sys.modules)

before = dict(os.environ)
asyncio.run(main())
print({name: value for name, value in os.environ.items() if before.get(name) != value})
"""


def prefects(parent: int) -> list[int]:
    """The Prefect servers among the children of a process."""
    found = subprocess.run(["pgrep", "-P", str(parent), "-f", "cao_flows.prefect_server"], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def is_alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return found.stdout.strip()[:1] not in ("", "Z")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - a process tells nobody that it has ended
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Control]:
    home = tmp_path_factory.mktemp("life") / "home"
    async with cao.open(home, linger_seconds=0.2, engine_rest_seconds=2) as opened:
        yield opened


async def hello(control: Control, place: Path, prompt: str = "hello") -> str:
    """Work once; the run's state."""
    session = await control.session.launch(prompt, profile="developer", provider="scripted", directory=str(place))
    return (await control.run.wait(str(session.run_id), timeout=120)).state


async def test_it_is_started_by_work_and_ended_at_rest_again_and_again(control: Control, tmp_path: Path) -> None:
    assert prefects(os.getpid()) == []
    for _ in range(2):
        assert await hello(control, tmp_path) == "completed"
        assert control.services.engine.status().state == "ready"
        await until(lambda: prefects(os.getpid()) == [])
        await until(lambda: control.services.engine.status().state == "stopped")


async def test_a_turn_outlives_the_loss_of_prefect(control: Control, tmp_path: Path) -> None:
    script = '<script>[{"append": {"path": "began.txt", "text": "x"}}, {"sleep": 2}, {"say": "done"}]</script>'
    working = asyncio.create_task(hello(control, tmp_path, script))
    await until((tmp_path / "began.txt").exists)
    (lost,) = prefects(os.getpid())
    os.kill(lost, signal.SIGKILL)
    assert await working == "completed"
    assert (tmp_path / "began.txt").read_text() == "x\n", "the turn was not begun a second time"
    assert await hello(control, tmp_path) == "completed"
    assert lost not in prefects(os.getpid())


async def test_a_program_may_leave_while_prefect_loads(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", HASTY, str(tmp_path / "home"), stdout=PIPE)
    assert parent.stdout is not None
    (prefect,) = (int(pid) for pid in (await parent.stdout.readline()).split())
    assert await asyncio.wait_for(parent.wait(), 60) == 0
    assert not is_alive(prefect)


async def test_a_program_that_leaves_work_under_way_logs_no_crash(tmp_path: Path) -> None:
    home = tmp_path / "home"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVING, str(home), stdout=PIPE, stderr=PIPE)
    said, complained = await asyncio.wait_for(child.communicate(), 120)
    assert (child.returncode, complained.decode()) == (0, "")
    async with cao.open(home, work=False) as control:
        async with asyncio.timeout(30):
            async for event in control.event.follow(after=0, types=["turn.cut"]):
                assert event.data["turn_id"] == said.decode().strip()
                break


async def test_an_application_keeps_its_environment(tmp_path: Path) -> None:
    ours = {name: value for name, value in os.environ.items() if name != "DO_NOT_TRACK"}
    program = [sys.executable, "-c", ENVIRONMENT, str(tmp_path / "home")]
    child = await asyncio.create_subprocess_exec(*program, stdout=PIPE, env=ours)
    said, _ = await asyncio.wait_for(child.communicate(), 120)
    assert said.decode().splitlines() == ["completed True", "{'DO_NOT_TRACK': '1'}"]


async def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, str(tmp_path / "home"), stdout=PIPE)
    try:
        assert parent.stdout is not None
        assert await parent.stdout.readline() == b"worked\n"
        (prefect,) = prefects(parent.pid)
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: not is_alive(prefect))
