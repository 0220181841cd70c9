"""One session, driven five ways: Python embedded and over HTTP, `cao`, `curl`, a stock MCP client. And one key on three."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
import pytest_asyncio
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

import cao
from cao.client.daemon import start_server
from cao.discovery import local_token
from cao.protocol import REGISTRY
from cao.settings import load

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

WORK = [
    {"think": "two halves"},
    {"assign": {"profile": "developer", "message": '<script>[{"say": "half a"}]</script>'}, "as": "a"},
    {"get_result": {"run": "{{a.id}}", "timeout": 60}, "as": "one"},
    {"handoff": {"profile": "reviewer", "message": '<script>[{"say": "half b"}]</script>', "timeout": 60}, "as": "two"},
    {"say": "{{one.text}} and {{two.result}}"},
]
PROMPT = f"<script>{json.dumps(WORK)}</script>"


class Way(Protocol):
    """A way in: an operation's name and its fields, and the JSON that comes back. Errors come back as their code."""

    async def ask(self, name: str, fields: Mapping[str, Any]) -> Any: ...


@dataclass
class Place:
    home: Path
    url: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    settings = load(tmp_path_factory.mktemp("five") / "home", {}, port=0)
    record = await start_server(settings, 60)
    yield Place(settings.home, record.url)
    async with cao.connect(home=settings.home) as control:
        await control.daemon.stop()


class PythonWay:
    def __init__(self, control: Any) -> None:
        self._control = control

    async def ask(self, name: str, fields: Mapping[str, Any]) -> Any:
        group, _, verb = name.partition(".")
        try:
            answer = await getattr(getattr(self._control, group), verb)(**fields)
        except cao.CaoError as error:
            return error.code
        return answer.model_dump(mode="json")


@dataclass
class Program:
    """A program that prints JSON."""

    place: Place

    async def run(self, *command: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "CAO_HOME": str(self.place.home)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 120)
        return process.returncode or 0, out.decode(), err.decode()


class CommandLineWay(Program):
    async def ask(self, name: str, fields: Mapping[str, Any]) -> Any:
        defined = REGISTRY[name]
        words = [f"--{key.replace('_', '-')}={value}" for key, value in fields.items() if key not in defined.positional]
        words += ["--", *(str(fields[key]) for key in defined.positional if key in fields)]
        status, out, err = await self.run(sys.executable, "-m", "cao_cli", defined.group, defined.verb, "--json", *words)
        envelope = json.loads(out if status == 0 else err.splitlines()[-1])
        return envelope["data"] if envelope["ok"] else envelope["error"]["code"]


class CurlWay(Program):
    async def ask(self, name: str, fields: Mapping[str, Any]) -> Any:
        defined = REGISTRY[name]
        path = defined.path.format(**fields)
        rest = {key: value for key, value in fields.items() if key not in defined.path_fields}
        token = local_token(self.place.home)
        command = ["curl", "-sS", "-X", defined.method, "-H", f"Authorization: Bearer {token}"]
        if defined.has_body:
            command += ["-H", "Content-Type: application/json", "--data", json.dumps(rest)]
        else:
            command += ["-G", *(word for key, value in rest.items() for word in ("--data-urlencode", f"{key}={value}"))]
        _, out, _ = await self.run(*command, self.place.url + path)
        answer = json.loads(out)
        return answer["code"] if "code" in answer and "detail" in answer else answer


class McpWay:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def ask(self, name: str, fields: Mapping[str, Any]) -> Any:
        result = await self._client.call_tool(REGISTRY[name].identifier, dict(fields))
        if result.is_error:
            return json.loads(result.content[0].text)["error"]["code"]  # type: ignore[union-attr]
        return result.structured_content


@contextlib.asynccontextmanager
async def mcp_way(server: Place) -> AsyncGenerator[McpWay]:
    headers = {"Authorization": f"Bearer {local_token(server.home)}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False) as http,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
    ):
        yield McpWay(client)


async def drive(way: Way, directory: Path) -> dict[str, Any]:
    """A whole session; what can be compared of it."""
    launch = {"profile": "supervisor", "provider": "scripted", "directory": str(directory), "prompt": PROMPT}
    session = await way.ask("session.launch", launch)
    run = await way.ask("run.wait", {"run": session["run_id"], "timeout": 100})
    result = await way.ask("run.result", {"run": session["run_id"]})
    sent = await way.ask("session.send", {"session": session["id"], "text": "thanks"})
    thanks = await way.ask("run.wait", {"run": sent["id"], "timeout": 100})
    rest = await way.ask("session.wait", {"session": session["id"], "timeout": 100})
    transcript = await way.ask("session.transcript", {"session": session["id"], "limit": 100})
    messages = await way.ask("message.list", {"session": session["id"]})
    closed = await way.ask("session.shutdown", {"session": session["id"]})
    again = await way.ask("session.send", {"session": session["id"], "text": "too late"})
    nobody = await way.ask("session.get", {"session": "ses_nobody"})
    return {
        "run": run["state"],
        "result": result["text"],
        "thanks": thanks["result"],
        "at rest": rest["at_rest"],
        "said": sorted(entry["kind"] for entry in transcript["items"]),
        "mail": sorted((message["kind"], message["state"]) for message in messages["items"]),
        "closed": len(closed["session_ids"]),
        "refusals": [again, nobody],
    }


async def test_the_same_session_five_ways(server: Place, tmp_path: Path) -> None:
    outcomes: dict[str, Any] = {}
    async with cao.open(tmp_path / "embedded", linger_seconds=1) as control:
        outcomes["python embedded"] = await drive(PythonWay(control), tmp_path)
    async with cao.connect(home=server.home) as control:
        outcomes["python over http"] = await drive(PythonWay(control), tmp_path)
    outcomes["cao"] = await drive(CommandLineWay(server), tmp_path)
    outcomes["curl"] = await drive(CurlWay(server), tmp_path)
    async with mcp_way(server) as way:
        outcomes["mcp"] = await drive(way, tmp_path)
    first = outcomes["python embedded"]
    assert first["result"] == "half a and half b"
    assert first["refusals"] == ["conflict", "not_found"]
    assert {name: outcome for name, outcome in outcomes.items() if outcome != first} == {}


async def test_one_key_from_three_surfaces_is_one_run(server: Place, tmp_path: Path) -> None:
    async with mcp_way(server) as way:
        await one_key({"cao": CommandLineWay(server), "curl": CurlWay(server), "mcp": way}, tmp_path)


async def one_key(ways: Mapping[str, Way], tmp_path: Path) -> None:
    session = await ways["mcp"].ask(
        "session.launch", {"profile": "developer", "provider": "scripted", "directory": str(tmp_path)}
    )
    fields = {"session": session["id"], "text": "once", "idempotency_key": "the-same-key"}
    runs = {name: (await way.ask("session.send", fields))["id"] for name, way in ways.items()}
    assert len(set(runs.values())) == 1, runs
    listed = await ways["mcp"].ask("run.list", {"session": session["id"]})
    assert len(listed["items"]) == 1
    other = {**fields, "text": "something else"}
    assert {name: await way.ask("session.send", other) for name, way in ways.items()} == dict.fromkeys(ways, "conflict")
