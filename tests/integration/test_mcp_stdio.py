"""`cao mcp` as a stock client starts it: on standard input and output, with the work done by the server of the directory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from cao.client.daemon import start
from cao.discovery import read_server
from cao.mcp.catalogue import catalogue
from cao.store.locks import FileLock
from tests.integration.mcp_clients import ERAS, error_of

READY_SECONDS = 60.0
"""Far more than it takes (about 1.5 s on an idle computer): the bench measures, this only notices that something hangs."""


def cao(home: Path, *command: str) -> None:
    program = [sys.executable, "-m", "cao_cli", "--home", str(home)]
    subprocess.run([*program, *command], check=True, timeout=60, capture_output=True)


def wait_for_end(home: Path) -> None:
    """Until the server of `home` has let go of its lock."""
    lock = FileLock(home / "server.lock")
    lock.acquire(wait=True)
    lock.release()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose server is stopped afterwards, whoever started it."""
    home = tmp_path / "home"
    yield home
    if read_server(home) is not None:
        cao(home, "daemon", "stop")
        wait_for_end(home)


def program(home: Path) -> StdioServerParameters:
    environment = {**os.environ, "CAO_HOME": str(home), "CAO_PORT": "0"}
    return StdioServerParameters(command=sys.executable, args=["-m", "cao_cli", "mcp"], env=environment)


@pytest.fixture(params=list(ERAS))
def mode(request: pytest.FixtureRequest) -> str:
    return ERAS[request.param]


async def test_it_starts_a_server_and_says_so(home: Path, mode: str) -> None:
    with (home.parent / "said").open("w+") as said:
        async with Client(stdio_client(program(home), errlog=said), mode=mode) as client:
            made = await client.call_tool("session_launch", {"provider": "scripted", "name": "docs"})
            status = await client.call_tool("daemon_status", {})
        said.seek(0)
        words = said.read()
    running = read_server(home)
    assert running is not None
    assert made.structured_content and made.structured_content["name"] == "docs"
    assert status.structured_content and status.structured_content["url"] == running.url
    assert words.splitlines() == [f"cao: no server runs for {home}; starting one", f"cao: started one at {running.url}"]


async def test_it_uses_the_server_that_runs(home: Path, mode: str) -> None:
    running = start(home, 30, {"CAO_PORT": "0"})
    async with Client(program(home), mode=mode) as client:
        async with asyncio.timeout(READY_SECONDS):
            tools = (await client.list_tools()).tools
        status = await client.call_tool("daemon_status", {})
        missing = error_of(await client.call_tool("session_get", {"session": "nobody"}))
        typo = error_of(await client.call_tool("session_list", {"limt": 1}))
        with pytest.raises(MCPError, match="daemon_start"):
            await client.call_tool("daemon_start", {})
    assert [tool.name for tool in tools] == list(catalogue())
    assert status.structured_content and status.structured_content["pid"] == running.pid
    assert (missing["code"], typo["details"]["errors"][0]["pointer"]) == ("not_found", "/limt")


async def test_progress_comes_through(home: Path, mode: str) -> None:
    start(home, 30, {"CAO_PORT": "0"})
    heard: list[str] = []
    told = asyncio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")
        told.set()

    async with Client(program(home), mode=mode) as client, asyncio.timeout(60), asyncio.TaskGroup() as group:
        await client.call_tool("session_launch", {"provider": "scripted", "name": "docs"})
        newest = (await client.call_tool("event_list", {})).structured_content["items"][-1]["seq"]  # type: ignore[index]
        following = group.create_task(
            client.call_tool("event_follow", {"after": newest - 1, "limit": 2}, progress_callback=on_progress)
        )
        await told.wait()  # one of two is there, and the answer is not
        await client.call_tool("session_launch", {"provider": "scripted", "name": "more"})
    collected = following.result()
    assert collected.structured_content and len(collected.structured_content["events"]) == 2
    assert heard[0] == "1 of at most 2"


async def test_it_finds_the_server_again_after_a_restart(home: Path) -> None:
    start(home, 30, {"CAO_PORT": "0"})
    async with Client(program(home), mode="legacy") as client:
        first = await client.call_tool("daemon_status", {})
        await asyncio.to_thread(cao, home, "daemon", "stop")
        await asyncio.to_thread(wait_for_end, home)
        second = await client.call_tool("daemon_status", {})
    assert first.structured_content and second.structured_content
    assert first.structured_content["pid"] != second.structured_content["pid"]
