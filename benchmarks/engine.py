"""Turns and activations against bare Prefect tasks and flows, in one process, with the same Prefect API and settings."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import cao
from cao.control import Control
from cao_flows.prefect_settings import configured

from .figures import Figure, median

TURNS = 60
ROUNDS = 3


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cao-bench-") as place:
        async with cao.open(Path(place) / "home", linger_seconds=30.0) as control:
            session = await control.session.launch(profile="developer", provider="scripted", directory=place, prompt="warm up")
            await control.run.wait(str(session.run_id), timeout=120)
            return [
                await _turn(control, session.id),
                await _activation(control, place),
                await _to_warm_terminal(control, session.id),
                await _handoff(control, session.id),
            ]


async def _turn(control: Control, session: str) -> Figure:
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(await _bare_tasks(control))
        ours.append(await _turns(control, session))
    value, base = median(ours), median(bare)
    return Figure("turn in an active session", value, "ms", base, "bare Prefect task", "<= 2x", value / base <= 2)


async def _turns(control: Control, session: str) -> float:
    """Milliseconds for each of many turns of one terminal, queued before the first begins."""
    sent = [await control.session.send(session, text="again") for _ in range(TURNS)]
    await control.run.wait(sent[-1].id, timeout=120)
    read = [await control.message.get(run.message_id) for run in sent]
    began = max(message.created_at for message in read)  # from here on nothing but turns goes on
    ends = sorted(message.settled_at for message in read if message.settled_at and message.settled_at > began)
    return (ends[-1] - ends[0]).total_seconds() * 1000 / (len(ends) - 1)


async def _bare_tasks(control: Control) -> float:
    async def work() -> float:
        from prefect import flow, task

        @task
        async def nothing(number: int) -> int:
            return number

        @flow
        async def many() -> float:
            await nothing(0)
            began = time.perf_counter()
            for number in range(TURNS):
                await nothing(number)
            return (time.perf_counter() - began) * 1000 / TURNS

        return await many()

    return await in_engine(control, work)


async def in_engine(control: Control, work: Any) -> float:
    """Run a coroutine in a loop of its own, with Prefect set up as the engine has it."""
    status = control.services.engine.status()

    def run() -> float:
        with configured(control.settings.home / "prefect", status.api_url, ""):
            return asyncio.run(work())

    return await asyncio.to_thread(run)


async def _activation(control: Control, place: str) -> Figure:
    async def work() -> float:
        from prefect import flow

        @flow
        async def nothing() -> None:
            return None

        await nothing()
        began = time.perf_counter()
        for _ in range(5):
            await nothing()
        return (time.perf_counter() - began) * 1000 / 5

    bare = await in_engine(control, work)
    ours = []
    for _ in range(5):
        began = time.perf_counter()
        session = await control.session.launch(profile="developer", provider="scripted", directory=place, prompt="hello")
        await control.run.wait(str(session.run_id), timeout=60)
        ours.append((time.perf_counter() - began) * 1000)
    return Figure("launch to first result, cold session", median(ours), "ms", bare, "bare Prefect flow, empty")


async def _to_warm_terminal(control: Control, session: str) -> Figure:
    waits = []
    for _ in range(20):
        run = await control.session.send(session, text="now")
        await control.run.wait(run.id, timeout=60)
        message = await control.message.get(run.message_id)
        assert message.delivered_at
        waits.append((message.delivered_at - message.created_at).total_seconds() * 1000)
    value = median(waits)
    return Figure("message to turn start, idle warm terminal", value, "ms", aim="<= 30 ms", met=value <= 30)


async def _handoff(control: Control, session: str) -> Figure:
    script = f"<script>{json.dumps([{'sleep': 0.05}, {'say': 'done'}])}</script>"
    taken = []
    for _ in range(15):
        began = time.perf_counter()
        run = await control.terminal.handoff(session, message=script, profile="developer", provider="scripted", timeout=60)
        assert run.state == "completed"
        taken.append((time.perf_counter() - began) * 1000)
    value = median(taken)
    return Figure("handoff to a 50 ms agent", value, "ms", 50.0, "the agent itself", "overhead <= 150 ms", value <= 200)
