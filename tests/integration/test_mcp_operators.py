"""The operator's tools, as a stock MCP client over streamable HTTP sees them, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import MCPError

from cao.control import Control
from cao.mcp.app import McpApp
from cao.mcp.catalogue import catalogue
from cao.protocol import REGISTRY, Caller, Operation
from cao.settings import load
from tests.integration.mcp_clients import ERAS, connected, error_of, operators_port

CALLERS = {
    "owner": Caller(surface="http"),
    "reader": Caller("token:reader", "http", frozenset({"*:read"})),
    "other": Caller("token:other", "http", frozenset({"*"})),
}


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        yield control


@pytest.fixture
async def url(control: Control) -> AsyncGenerator[str]:
    async with operators_port(control, CALLERS) as url:
        yield url


@pytest.fixture(params=list(ERAS))
def era(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_every_operation_on_mcp_is_a_tool_with_schemas_and_annotations(url: str, era: str) -> None:
    async with connected(url, "owner", era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    offered = {operation.identifier: operation for operation in REGISTRY.on("mcp")}
    assert list(tools) == list(offered)
    assert "daemon_start" not in tools
    for name, tool in tools.items():
        operation = offered[name]
        assert tool.description == operation.help
        assert tool.title and tool.annotations and tool.output_schema
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema["type"] == "object"
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema)
        assert tool.annotations.read_only_hint == (operation.effect in ("read", "stream"))
        assert tool.annotations.destructive_hint == (operation.effect == "destructive")
        assert tool.annotations.idempotent_hint == operation.idempotent
        assert tool.annotations.open_world_hint is False
        assert tool.meta == {"cao/operation": operation.name, "cao/scope": operation.scope}


@pytest.mark.parametrize("operation", [op for op in REGISTRY.on("mcp") if op.effect != "stream"], ids=lambda op: op.name)
def test_every_example_fits_its_tool(operation: Operation) -> None:
    offer = catalogue()[operation.identifier]
    Draft202012Validator(offer.tool.input_schema).validate(dict(operation.example))


async def test_a_call_answers_with_structured_content_and_the_same_as_text(url: str, control: Control, era: str) -> None:
    async with connected(url, "owner", era) as client:
        made = await client.call_tool("session_launch", {"provider": "scripted", "name": "docs"})
        read = await client.call_tool("session_get", {"session": "docs"})
    assert not made.is_error
    assert made.structured_content and made.structured_content["name"] == "docs"
    assert read.structured_content == made.structured_content
    row = control.services.store.read().row("SELECT actor, surface, outcome FROM audit WHERE operation = 'session.launch'")
    assert row == {"actor": "owner", "surface": "mcp", "outcome": "ok"}


async def test_arguments_are_read_as_the_schema_says(url: str, era: str) -> None:
    async with connected(url, "owner", era) as client:
        typo = error_of(await client.call_tool("session_list", {"limt": 5}))
        text = error_of(await client.call_tool("session_list", {"limit": "5"}))
        whole = await client.call_tool("session_list", {"limit": 5.0})
    assert typo["code"] == text["code"] == "invalid_input"
    assert typo["details"]["errors"][0]["pointer"] == "/limt"
    assert text["details"]["errors"][0] == {
        "pointer": "/limit",
        "message": "Input should be a valid integer",
        "kind": "int_type",
    }
    assert not whole.is_error


async def test_errors_are_the_same_as_on_every_surface(url: str, control: Control, era: str) -> None:
    async with connected(url, "owner", era) as client:
        missing = error_of(await client.call_tool("session_get", {"session": "nobody"}))
        await client.call_tool("session_launch", {"provider": "scripted", "name": "twice"})
        twice = error_of(await client.call_tool("session_launch", {"provider": "scripted", "name": "twice"}))
        unknown = error_of(await client.call_tool("session_launch", {"provider": "nothing"}))
    async with connected(url, "reader", era) as reader:
        denied = error_of(await reader.call_tool("session_launch", {"provider": "scripted"}))
    assert (missing["code"], missing["exit_code"]) == ("not_found", 3)
    assert (twice["code"], twice["exit_code"]) == ("conflict", 4)
    assert unknown["code"] == "not_found"
    assert (denied["code"], denied["details"]) == ("denied", {"scope": "session:write"})


async def test_an_unknown_tool_is_an_error_of_the_protocol(url: str, era: str) -> None:
    async with connected(url, "owner", era) as client:
        with pytest.raises(MCPError, match="daemon_start"):
            await client.call_tool("daemon_start", {})


async def test_a_caller_sees_only_the_tools_that_its_scopes_allow(url: str, era: str) -> None:
    async with connected(url, "reader", era) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    assert names == [op.identifier for op in REGISTRY.on("mcp") if op.effect in ("read", "stream")]


async def test_the_same_idempotency_key_is_one_session(url: str) -> None:
    asked = {"provider": "scripted", "idempotency_key": "once"}
    async with connected(url, "owner") as client:
        first = await client.call_tool("session_launch", asked)
        again = await client.call_tool("session_launch", asked)
        other = error_of(await client.call_tool("session_launch", {**asked, "name": "other"}))
    assert first.structured_content == again.structured_content
    assert other["code"] == "conflict"


async def test_a_stream_is_collected_up_to_its_limit_and_goes_on_where_it_ended(url: str, era: str) -> None:
    async with connected(url, "owner", era) as client:
        for name in ("one", "two", "three"):
            await client.call_tool("session_launch", {"provider": "scripted", "name": name})
        first = await client.call_tool("event_follow", {"after": 0, "limit": 2})
        assert first.structured_content and len(first.structured_content["events"]) == 2
        last = first.structured_content["last_seq"]
        rest = await client.call_tool("event_follow", {"after": last, "limit": 100, "timeout": 0.2})
        assert rest.structured_content
        assert [event["seq"] for event in rest.structured_content["events"]] == list(
            range(last + 1, rest.structured_content["last_seq"] + 1)
        )
        nothing = await client.call_tool("event_follow", {"timeout": 0.05})
        assert nothing.structured_content == {"events": [], "last_seq": None}
        assert error_of(await client.call_tool("event_follow", {"limit": 101}))["code"] == "invalid_input"
        assert error_of(await client.call_tool("event_follow", {"limit": 0}))["code"] == "invalid_input"


async def test_a_long_call_reports_progress(url: str, era: str) -> None:
    heard: list[str] = []
    two = asyncio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")
        if len(heard) == 2:
            two.set()

    async with connected(url, "owner", era) as client, asyncio.timeout(20):
        await client.call_tool("session_launch", {"provider": "scripted", "name": "quiet"})
        await client.call_tool("event_follow", {"after": 0, "limit": 2}, progress_callback=on_progress)
        await two.wait()
    assert heard == ["1 of at most 2", "2 of at most 2"]


async def test_a_session_belongs_to_the_credential_that_opened_it(url: str) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    accept = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(headers=accept, trust_env=False) as http:
        opened = await http.post(url, json=hello, headers={"Authorization": "Bearer owner"})
        assert opened.status_code == 200
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        mine = await http.post(url, json=ping, headers={"Authorization": "Bearer owner", **session})
        stolen = await http.post(url, json=ping, headers={"Authorization": "Bearer other", **session})
    assert (mine.status_code, stolen.status_code) == (200, 404)


async def test_the_first_request_need_not_be_warmed_up_and_warming_up_twice_is_fine(control: Control) -> None:
    async with McpApp(control) as mcp:
        await mcp.warm()
        await mcp.warm()


def test_importing_it_does_not_load_the_sdk() -> None:
    code = (
        "import sys, cao.mcp.app, cao.mcp.gateway, cao.mcp.stdio, cao.mcp.catalogue, cao.mcp.agents\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('mcp', 'mcp_types', 'uvicorn', 'starlette')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


async def test_an_agent_is_offered_the_groups_that_its_configuration_names(url: str, era: str) -> None:
    async with connected(f"{url}?groups=session,run", "owner", era) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {name.partition("_")[0] for name in tools} == {"session", "run"}
        assert "run_wait" in tools
        with pytest.raises(MCPError, match="task_list"):
            await client.call_tool("task_list", {})


@pytest.mark.parametrize(("query", "word"), [("groups=session,sesion", "sesion"), ("group=run", "groups and nothing else")])
async def test_a_group_that_there_is_not_is_refused(url: str, query: str, word: str) -> None:
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer owner"}) as client:
        answer = await client.post(f"{url}?{query}", json={})
    assert answer.status_code == 422
    assert word in answer.text
