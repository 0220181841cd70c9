"""A simulated hour of one-minute schedules, while servers and ticks race and are killed: each due time is one run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import struct
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.protocol import REGISTRY
from cao.protocol.schedules import Fire
from cao.settings import load

from .schedule_process import FileClock

HERE = Path(__file__).parent
MINUTES = 60
CROWD = ("server", "server", "tick")
SEED = int(os.environ.get("CAO_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC).timestamp()


class Crowd:
    """The processes that keep the schedules, and the time that they see."""

    def __init__(self, nursery: asyncio.subprocess.Process, clock: Path) -> None:
        self._nursery = nursery
        self._clock = clock
        self._living: list[tuple[str, int]] = []
        self.killed = 0

    @classmethod
    async def gather(cls, home: Path, clock: Path) -> Crowd:
        command = (sys.executable, str(HERE / "schedule_process.py"), str(home), str(clock))
        with (home / "crowd.log").open("ab") as log:
            pipe = asyncio.subprocess.PIPE
            crowd = cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=log), clock)
        for kind in CROWD:
            await crowd.start(kind)
        return crowd

    async def start(self, kind: str) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(f"{kind}\n".encode())
        async with asyncio.timeout(60):
            self._living.append((kind, int(await self._nursery.stdout.readline())))

    async def replace_one(self, dice: random.Random) -> None:
        kind, victim = self._living.pop(dice.randrange(len(self._living)))
        os.kill(victim, signal.SIGKILL)
        self.killed += 1
        await self.start(kind)

    def set_time(self, now: float) -> None:
        set_time(self._clock, now)

    async def end(self) -> None:
        for _, process in self._living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._nursery.kill()
        await self._nursery.communicate()


def set_time(clock: Path, now: float) -> None:
    """In one write of eight bytes, so that no process reads half a time."""
    file = os.open(clock, os.O_WRONLY | os.O_CREAT, 0o600)
    os.pwrite(file, struct.pack("d", now), 0)
    os.close(file)


async def call(control: Control, name: str, /, **fields: Any) -> Any:
    operation = REGISTRY[name]
    return await control.call(operation, operation.parse(fields))


@pytest.mark.timeout(300)
async def test_an_hour_of_minutes_among_killed_processes(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"CAO_CHAOS_SEED={SEED}")
    home, clock, place = tmp_path / "home", tmp_path / "clock", tmp_path / "place"
    home.mkdir(mode=0o700)
    place.mkdir()
    set_time(clock, NOON)
    async with Control(load(home), work=False, clock=FileClock(clock)) as control:
        await call(control, "schedule.add", name="plain", cron="* * * * *", directory=str(place), catch_up="all", **AGENT)
        await call(control, "schedule.add", file=str(gated(place)), catch_up="all", provider="scripted")
        crowd = await Crowd.gather(home, clock)
        try:
            for minute in range(1, MINUTES + 1):
                crowd.set_time(NOON + 60 * minute)
                await asyncio.sleep(dice.uniform(0.0, 0.25))  # chance, not a wait for something
                await crowd.replace_one(dice)
            await settled(control)
        finally:
            await crowd.end()
        assert crowd.killed == MINUTES
        for name in ("plain", "gated"):
            await check(control, name)


AGENT = {"provider": "scripted", "prompt": "Say hello."}


def gated(place: Path) -> Path:
    """A schedule with a script, so that many are killed while they wait for it."""
    script = place / "gate.sh"
    script.write_text('#!/bin/sh\nsleep 0.03\necho "{\\"execute\\": true, \\"output\\": {\\"pid\\": $$}}"\n')
    script.chmod(0o755)
    file = place / "gated.md"
    file.write_text("---\nname: gated\nschedule: '* * * * *'\nscript: gate.sh\n---\nProcess [[pid]] let you.\n")
    return file


async def settled(control: Control) -> None:
    """Wait until the crowd has settled every due time."""
    async with asyncio.timeout(120):
        while len(await ledger(control, None)) < 2 * MINUTES or await ledger(control, "pending"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def ledger(control: Control, state: str | None, schedule: str | None = None) -> list[Fire]:
    page = await call(control, "schedule.history", limit=200, state=state, schedule=schedule)
    return page.items


async def check(control: Control, name: str) -> None:
    """One row and one session for each minute, and no session besides."""
    fires = [fire for fire in await ledger(control, None, name)]
    assert sorted(fire.due.timestamp() for fire in fires if fire.due) == [NOON + 60 * n for n in range(1, MINUTES + 1)]
    assert set(Counter(fire.state for fire in fires)) <= {"fired", "caught_up"}
    sessions = (await call(control, "session.list", limit=200)).items
    ours = [session for session in sessions if session.labels["schedule"] == name]
    assert {session.id for session in ours} == {fire.session_id for fire in fires}
    assert len(ours) == MINUTES
    assert len({fire.run_id for fire in fires}) == MINUTES
    events = (await call(control, "event.list", types=["schedule.fired"], limit=200)).items
    assert len([event for event in events if event.data["name"] == name]) == MINUTES
