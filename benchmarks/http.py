"""HTTP reads and writes against bare Litestar, a GraphQL read and an MCP call: each server a process of its own, one client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncGenerator

from cao.discovery import local_token
from cao.graphql.documents import document
from cao.protocol import REGISTRY

from .figures import Figure, median
from .places import engine_ready, server

CONNECTIONS = 16
SECONDS = 3.0
ROUNDS = 3

BARE = """
import sys
import uvicorn
from litestar import Litestar, get, post
from pydantic import BaseModel

class Thing(BaseModel):
    name: str
    labels: dict[str, str] = {}

SHELF = Thing(name="thing", labels={"a": "b"})

@get("/things/{name:str}")
async def read(name: str) -> Thing:
    return SHELF

@post("/things")
async def write(data: Thing) -> Thing:
    return data

uvicorn.run(Litestar([read, write], openapi_config=None), port=int(sys.argv[1]), log_level="error", access_log=False)
"""


async def measure() -> list[Figure]:
    async with server() as (control, settings), bare() as port:
        await engine_ready(control)
        session = await control.session.launch(profile="developer", provider="scripted", name="bench")
        ours = int(control.url.rpartition(":")[2])
        head = f"Authorization: Bearer {local_token(settings.home)}\r\n"
        read = request("GET", f"/sessions/{session.id}", head)
        reads = await by_turns((ours, read), (port, request("GET", "/things/thing")))
        query = json.dumps({"query": document(REGISTRY["session.get"], ["session"]), "variables": {"session": session.id}})
        asked = await by_turns((ours, request("POST", "/graphql", head, query)), (ours, read))
        body = json.dumps({"profile": "developer", "provider": "scripted", "labels": {"a": "b"}})
        thing = json.dumps({"name": "thing", "labels": {"a": "b"}})
        writes = await by_turns((ours, request("POST", "/sessions", head, body)), (port, request("POST", "/things", "", thing)))
        return [
            Figure("HTTP read (session.get)", reads[0], "/s", reads[1], "bare Litestar", ">= 0.6x", reads[0] / reads[1] >= 0.6),
            Figure("HTTP write (session.launch, durable)", writes[0], "/s", writes[1], "bare Litestar, stores nothing"),
            Figure("GraphQL read (sessionGet, all fields)", asked[0], "/s", asked[1], "the HTTP read"),
            await mcp_call(control.url, local_token(settings.home), reads[0]),
        ]


async def mcp_call(url: str, token: str, rate: float) -> Figure:
    import httpx2
    from mcp.client import Client
    from mcp.client.streamable_http import streamable_http_client

    taken = []
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        await client.call_tool("session_get", {"session": "bench"})
        for _ in range(100):
            began = time.perf_counter()
            await client.call_tool("session_get", {"session": "bench"})
            taken.append((time.perf_counter() - began) * 1000)
    return Figure("MCP call (session_get)", median(taken), "ms", CONNECTIONS * 1000 / rate, "the HTTP read, 16 at once")


@contextlib.asynccontextmanager
async def bare() -> AsyncGenerator[int]:
    """A Litestar application that does nothing of ours, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", BARE, str(port))
    try:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(OSError):
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


def request(method: str, path: str, head: str = "", body: str = "") -> bytes:
    sized = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}{sized}\r\n{body}".encode()


async def by_turns(ours: tuple[int, bytes], bare: tuple[int, bytes]) -> tuple[float, float]:
    """Requests in a second of both, measured by turns, so that both see the same neighbours."""
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine.append(await rate(*ours))
        theirs.append(await rate(*bare))
    return median(mine), median(theirs)


async def rate(port: int, message: bytes) -> float:
    deadline = time.perf_counter() + SECONDS
    counts = await asyncio.gather(*(_keep_asking(port, message, deadline) for _ in range(CONNECTIONS)))
    return sum(counts) / SECONDS


async def _keep_asking(port: int, message: bytes, deadline: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < deadline:
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        assert status in (200, 201), head
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count
