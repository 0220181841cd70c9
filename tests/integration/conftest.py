"""Real servers for the tests: the HTTP application in this process, and a whole server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from cao.control import Control
from cao.graphql.app import GraphqlApp
from cao.http.app import build_app
from cao.http.streams import Pace
from cao.settings import load

TOKEN = "cao_test-token-that-nobody-else-has"
START = """
import sys, pathlib
from cao.http.server import serve
from cao.protocol import CaoError
from cao.settings import load
try:
    serve(load(pathlib.Path(sys.argv[1])))
except CaoError as error:
    print(error.code, error.message, file=sys.stderr)
    sys.exit(error.exit_status)
"""


@dataclass
class Site:
    """An application that is served on a free port by this process."""

    control: Control
    url: str
    closing: asyncio.Event
    client: httpx.AsyncClient

    async def launch(self, name: str = "greeting", prompt: str | None = None) -> dict[str, Any]:
        """A session on the scripted provider; nothing runs it."""
        body = {"profile": "developer", "provider": "scripted", "name": name, "prompt": prompt}
        answer = await self.client.post("/sessions", json={key: value for key, value in body.items() if value is not None})
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False) as opened:
        yield opened


@pytest.fixture
async def site(control: Control) -> AsyncIterator[Site]:
    closing = asyncio.Event()
    mounts = {"/graphql": GraphqlApp(control, Pace(closing, heartbeat=0.2, stalled=4.0))}
    app = build_app(control, token=TOKEN, mounts=mounts, closing=closing, heartbeat=0.2, stalled=4.0, now=lambda: 0.0)
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=2)  # pyright: ignore[reportArgumentType]
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([_socket()]))  # pyright: ignore[reportPrivateUsage] - without its signals
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
            yield Site(control, url, closing, client)
    finally:
        closing.set()
        server.should_exit = True
        await serving


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until `condition` holds. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


def _socket() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


@dataclass
class Served:
    """A whole server in a process of its own."""

    home: Path
    process: subprocess.Popen[bytes]
    url: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer " + (self.home / "token").read_text().strip()}

    def stop(self, seconds: float = 20.0) -> float:
        """SIGTERM; how long it took to end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds)
        return time.monotonic() - began


def start_process(home: Path, **variables: str) -> subprocess.Popen[bytes]:
    """`serve` on a free port. Prefect is one that does not exist, so that its cold start costs nothing."""
    environment = {**os.environ, "CAO_PORT": "0", "CAO_PREFECT_API_URL": "http://127.0.0.1:9/api", **variables}
    command = [sys.executable, "-c", START, str(home)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_until_served(home: Path, process: subprocess.Popen[bytes], seconds: float = 60.0) -> str:
    """The URL, once `server.json` says it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            return str(json.loads((home / "server.json").read_text())["url"])
        except (OSError, ValueError):
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            time.sleep(0.02)
    raise TimeoutError("the server did not start")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    home = tmp_path / "served"
    process = start_process(home)
    try:
        yield Served(home, process, wait_until_served(home, process))
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that a test started, however it is."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def problem(answer: httpx.Response) -> Mapping[str, Any]:
    """The problem document of an answer, checked for its form."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "status", "code", "detail", "instance"} <= body.keys()
    return body
