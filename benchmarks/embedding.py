"""What a FastAPI application feels of 20 sessions inside it: its own route, with and without them, asked by another process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx

from .figures import Figure
from .http import request

SESSIONS = 20
CONNECTIONS = 4
PAUSE = 0.016
"""Seconds between the requests of one connection: the application is busy, not overrun."""
ROUND_SECONDS = 0.5
ROUNDS = 60
WORK = [step for _ in range(1200) for step in ({"think": "still at it"}, {"sleep": 0.25})]
"""Five minutes of a live agent: four entries of its transcript in a second."""

HOST = """
import sys
from contextlib import asynccontextmanager
import cao, uvicorn
from fastapi import Body, FastAPI

control = cao.open(sys.argv[2], linger_seconds=0, engine_rest_seconds=1, max_activations=64) if len(sys.argv) > 2 else None

@asynccontextmanager
async def lifespan(app):
    if control is None:
        yield
    else:
        async with control:
            yield

app = FastAPI(lifespan=lifespan)

@app.get("/ping")
async def ping():
    return {"pong": True}

@app.post("/launch")
async def launch(prompt: str = Body(), count: int = Body()):
    for _ in range(count):
        await control.session.launch(prompt, provider="scripted")

@app.get("/engine")
async def engine():
    runs = (await control.run.list(limit=200)).items
    return {"engine": (await control.daemon.status()).engine.state, "runs": [run.state for run in runs]}

uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cao-bench-") as place:
        async with host() as plain, host(Path(place) / "home") as ours:
            await launch(ours, json.dumps([{"say": "hello"}]))
            await until(ours, "stopped", "completed")
            rest = await compare(ours, plain, "at rest", aim=1.05)
            await launch(ours, json.dumps(WORK))
            await until(ours, "ready", "running")
            return [*rest, *await compare(ours, plain, "at work")]


async def compare(ours: int, plain: int, state: str, aim: float | None = None) -> list[Figure]:
    """Both by turns, in short rounds, so that they see the same neighbours."""
    taken: dict[int, list[float]] = {ours: [], plain: []}
    for _ in range(ROUNDS):
        for port in (ours, plain):
            taken[port] += await latencies(port)
    figures: list[Figure] = []
    for name, index in (("p50", 49), ("p99", 98)):
        mine, theirs = (statistics.quantiles(taken[port], n=100)[index] for port in (ours, plain))
        met = None if aim is None else mine / theirs <= aim
        label = f"FastAPI route, {SESSIONS} sessions {state}, {name}"
        figures.append(Figure(label, mine, "ms", theirs, "no sessions", "" if aim is None else f"<= {aim:g}x", met))
    return figures


async def latencies(port: int) -> list[float]:
    """Milliseconds of each answer in one round."""
    deadline = time.perf_counter() + ROUND_SECONDS
    taken = await asyncio.gather(*(_keep_asking(port, deadline, start * PAUSE / CONNECTIONS) for start in range(CONNECTIONS)))
    return [one for each in taken for one in each]


async def _keep_asking(port: int, deadline: float, start: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    message, taken = request("GET", "/ping"), list[float]()
    await asyncio.sleep(start)
    while (began := time.perf_counter()) < deadline:
        writer.write(message)
        await reader.readuntil(b'{"pong":true}')
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PAUSE)
    writer.close()
    return taken


async def launch(port: int, script: str) -> None:
    prompt = f"<script>{script}</script>"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        (await client.post("/launch", json={"prompt": prompt, "count": SESSIONS})).raise_for_status()


async def until(port: int, engine: str, run: str, seconds: float = 240) -> None:
    """Wait until the engine is so, and all the newest runs are."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client, asyncio.timeout(seconds):
        while True:
            state = (await client.get("/engine")).json()
            if state["engine"] == engine and set(state["runs"][:SESSIONS]) == {run}:
                return
            await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def host(home: Path | None = None) -> AsyncGenerator[int]:
    """The application in a process of its own, with sessions inside if it has a home for them; its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HOST, str(port), *([str(home)] if home else []))
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/ping")
                    break
                await asyncio.sleep(0.1)
        yield port
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
