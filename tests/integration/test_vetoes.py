"""A veto is shown on every surface: the same code, the plugin's name and its reason."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

import cao
from cao.control import Control
from cao.mcp.gateway import Gateway
from cao.plugins import Plugin, Veto, before
from cao.protocol import Caller, Operation, Request
from cao.settings import load

from .conftest import Served, problem, start_process, wait_until_served
from .installed import install
from .mcp_clients import connected, error_of

REASON = "no sessions before the release"
PACKAGE = f"""
from cao.plugins import Plugin, Veto, before

class Main(Plugin):
    name = "freeze"

    @before("session.launch")
    async def refuse(self, operation, request, caller):
        raise Veto({REASON!r})
"""
EXPECTED = {"operation": "session.launch", "plugin": "freeze", "reason": REASON}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("freeze") / "site", "freeze", PACKAGE)


@pytest.fixture(scope="module")
def frozen(site: Path) -> Iterator[Served]:
    """A server whose plugin refuses every launch."""
    home = site.parent / "home"
    process = start_process(home, PYTHONPATH=str(site))
    try:
        yield Served(home, process, wait_until_served(home, process))
    finally:
        process.terminate()
        process.wait(20)
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def by_program(home: Path, site: Path, *words: str) -> tuple[int, Mapping[str, Any]]:
    """The exit status and the error of a command line."""
    environment = {**os.environ, "CAO_HOME": str(home), "PYTHONPATH": str(site), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "cao_cli", "session", "launch", "--provider", "scripted", "--json", *words]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert done.stdout == b""
    return done.returncode, json.loads(done.stderr)["error"]


async def test_over_http(frozen: Served) -> None:
    async with httpx.AsyncClient(base_url=frozen.url, headers=frozen.headers, timeout=60, trust_env=False) as client:
        answer = await client.post("/sessions", json={"provider": "scripted"})
        body = problem(answer)
        assert (answer.status_code, body["code"], body["details"]) == (403, "denied", EXPECTED)
        assert REASON in body["detail"]
        query = 'mutation { sessionLaunch(provider: "scripted") { id } }'
        [error] = (await client.post("/graphql", json={"query": query})).json()["errors"]
        assert (error["extensions"]["code"], error["extensions"]["details"]) == ("denied", EXPECTED)
        assert REASON in error["message"]


async def test_in_the_python_client(frozen: Served) -> None:
    async with cao.connect(home=frozen.home) as control:
        with pytest.raises(cao.Denied, match=REASON) as caught:
            await control.session.launch(provider="scripted")
        assert caught.value.details == EXPECTED
        assert (await control.plugin.info("freeze")).methods[0].refused > 0


@pytest.mark.parametrize("place", ["served", "local"])
def test_on_the_command_line(frozen: Served, site: Path, place: str, tmp_path: Path) -> None:
    status, error = by_program(frozen.home, site) if place == "served" else by_program(tmp_path / "home", site, "--local")
    assert (status, error["code"], error["details"]) == (6, "denied", EXPECTED)
    assert REASON in error["message"]


async def test_over_mcp(frozen: Served) -> None:
    token = frozen.headers["Authorization"].removeprefix("Bearer ")
    async with connected(f"{frozen.url}/mcp", token) as client:
        error = error_of(await client.call_tool("session_launch", {"provider": "scripted"}))
    assert (error["code"], error["details"]) == ("denied", EXPECTED)
    assert REASON in error["message"]


def test_each_refusal_is_in_the_audit_trail(frozen: Served, site: Path) -> None:
    by_program(frozen.home, site)
    with sqlite3.connect(frozen.home / "cao.db") as store:
        rows = store.execute("SELECT surface, outcome, request FROM audit WHERE operation = 'session.launch'").fetchall()
    store.close()
    assert ("cli", "denied") in {row[:2] for row in rows}
    assert {json.loads(row[2])["reason"] for row in rows} == {REASON}


class NoMail(Plugin):
    """Lets agents write to nobody."""

    name = "nomail"

    @before("message.send")
    async def refuse(self, operation: Operation, request: Request, caller: Caller) -> None:
        if caller.surface == "agent":
            raise Veto(f"{caller.actor.partition(':')[0]}s do not write here")


async def test_an_agents_own_tools_are_refused_too(tmp_path: Path) -> None:
    async with Control(load(tmp_path / "home", {}), work=False) as control, Gateway(control.use_tool) as gateway:
        await control.plugins.add(NoMail)
        session = await control.session.launch(provider="scripted", directory=str(tmp_path))
        peer = await control.terminal.add(session=session.id, provider="scripted", name="peer", directory=str(tmp_path))
        url, token = await gateway.endpoint(session.terminals[0])
        async with connected(url, token) as client:
            error = error_of(await client.call_tool("send_message", {"terminal": "peer", "text": "hello"}))
        assert (error["code"], error["details"]["reason"]) == ("denied", "terminals do not write here")
        await control.message.send(peer.id, text="a person may")
