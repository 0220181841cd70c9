"""Many at once: fifty assignments whose results all arrive once, and many sessions while the server stays awake."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from pathlib import Path

import pytest

import cao
from cao.client.daemon import start_server
from cao.client.remote import Remote
from cao.settings import load

pytestmark = [pytest.mark.timeout(400)]

WORKERS = 50
SESSIONS = int(os.environ.get("CAO_LOAD_SESSIONS", "12"))

PROBE = """
import select, sys, time
import http.client
connection = http.client.HTTPConnection(sys.argv[1].removeprefix("http://"), timeout=60)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    began = time.perf_counter()
    connection.request("GET", "/health")
    answer = connection.getresponse()
    answer.read()
    print(round(time.perf_counter() - began, 4))
    assert answer.status == 200
"""
"""Asks `/health` over and over and prints how long each answer took; a process of its own, which nothing else keeps waiting."""


@pytest.fixture
async def control(tmp_path: Path):
    settings = load(tmp_path / "home", port=0, linger_seconds=2.0)
    await start_server(settings, 60)
    async with cao.connect(home=settings.home, timeout=120) as connected:
        try:
            yield connected
        finally:
            await connected.daemon.stop()


async def test_fifty_assignments_all_come_back(control: Remote, tmp_path: Path) -> None:
    steps = [
        {"assign": {"profile": "developer", "message": f'<script>[{{"say": "result {n}"}}]</script>'}} for n in range(WORKERS)
    ]
    prompt = f"<script>{json.dumps(steps)}</script>"
    session = await control.session.launch(profile="supervisor", provider="scripted", directory=str(tmp_path), prompt=prompt)
    rest = await control.session.wait(session.id, timeout=300)
    assert rest.at_rest
    supervisor = session.terminals[0].id
    mail = (await control.message.list(terminal=supervisor, kind="result", limit=200)).items
    assert Counter(message.text for message in mail) == {f"result {n}": 1 for n in range(WORKERS)}
    assert {message.state for message in mail} == {"done"}
    runs = (await control.run.list(session=session.id, limit=200)).items
    assert Counter(run.state for run in runs) == {"completed": WORKERS + 1}


async def test_many_sessions_launched_at_once(control: Remote, tmp_path: Path) -> None:
    probe = await asyncio.create_subprocess_exec(sys.executable, "-c", PROBE, control.url, stdin=PIPE, stdout=PIPE)
    launched = await asyncio.gather(
        *(
            control.session.launch(
                profile="developer",
                provider="scripted",
                directory=str(tmp_path),
                prompt=f'<script>[{{"sleep": 0.05}}, {{"say": "{n}"}}]</script>',
            )
            for n in range(SESSIONS)
        )
    )
    runs = await asyncio.gather(*(control.run.wait(str(session.run_id), timeout=300) for session in launched))
    assert Counter(run.state for run in runs) == {"completed": SESSIONS}
    assert sorted(str(run.result) for run in runs) == sorted(str(n) for n in range(SESSIONS))
    told, _ = await asyncio.wait_for(probe.communicate(b"enough\n"), 30)
    taken = [float(line) for line in told.split()]
    assert taken
    print(f"slowest of {len(taken)} /health: {max(taken) * 1000:.0f} ms, and {sum(t > 0.25 for t in taken)} over 250 ms")
