"""The agents' own tools: who calls is attested by a token, and work that is given is never lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import MCPError

from cao.control import Control
from cao.mcp.gateway import Gateway
from cao.mcp.port import served
from cao.mcp.tokens import TOKEN_SECONDS, Tokens
from cao.protocol import REGISTRY
from cao.protocol.records import Terminal
from cao.settings import load
from cao.store import runs
from cao.store.clock import ManualClock
from tests.integration.mcp_clients import ERAS, connected, error_of

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(params=list(ERAS))
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        yield control


@pytest.fixture
async def gateway(control: Control) -> AsyncGenerator[Gateway]:
    async with Gateway(control.use_tool) as gateway:
        yield gateway


async def ask(control: Control, operation_name: str, /, **fields: Any) -> Any:
    operation = REGISTRY[operation_name]
    return await control.call(operation, operation.parse(fields))


@pytest.fixture
async def boss(control: Control, tmp_path: Path) -> Terminal:
    session = await ask(control, "session.launch", provider="scripted", name="house", directory=str(tmp_path))
    return session.terminals[0]


@pytest.fixture
async def peer(control: Control, boss: Terminal, tmp_path: Path) -> Terminal:
    return await ask(control, "terminal.add", session="house", provider="scripted", name="peer", directory=str(tmp_path))


async def eventually(condition: Callable[[], Any], control: Control, seconds: float = 10) -> Any:
    """What `condition` gives once it is true; it is asked after every commit."""
    async with asyncio.timeout(seconds):
        with control.services.store.hub.subscribe("log") as commits:
            while not (found := condition()):
                await commits.wait(0.2)
    return found


async def test_an_agent_finds_five_tools_and_nothing_that_says_who_it_is(gateway: Gateway, boss: Terminal, era: str) -> None:
    url, token = await gateway.endpoint(boss)
    async with connected(url, token, era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["handoff", "assign", "send_message", "get_result", "list_agents"]
    for tool in tools.values():
        Draft202012Validator.check_schema(tool.input_schema)
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema and tool.output_schema["type"] == "object"
        assert {"session", "sender", "idempotency_key"}.isdisjoint(tool.input_schema["properties"])
    assert tools["list_agents"].annotations and tools["list_agents"].annotations.read_only_hint


async def test_the_sender_is_whose_token_it_is(
    gateway: Gateway, control: Control, boss: Terminal, peer: Terminal, era: str
) -> None:
    url, token = await gateway.endpoint(boss)
    async with connected(url, token, era) as client:
        sent = await client.call_tool("send_message", {"terminal": "peer", "text": "hello"})
        for forged in ({"sender": f"terminal:{peer.id}"}, {"session": "other"}, {"terminal_id": peer.id}):
            refused = error_of(await client.call_tool("send_message", {"terminal": "peer", "text": "hello", **forged}))
            assert refused["code"] == "invalid_input"
    assert sent.structured_content and sent.structured_content["sender"] == f"terminal:{boss.id}"
    inbox = await ask(control, "message.list", terminal=peer.id)
    assert [(message.sender, message.kind) for message in inbox.items] == [(f"terminal:{boss.id}", "message")]


async def test_an_agent_reaches_only_its_own_session(
    gateway: Gateway, control: Control, boss: Terminal, tmp_path: Path, era: str
) -> None:
    foreign = (await ask(control, "session.launch", provider="scripted", directory=str(tmp_path))).terminals[0]
    url, token = await gateway.endpoint(boss)
    async with connected(url, token, era) as client:
        message = error_of(await client.call_tool("send_message", {"terminal": foreign.id, "text": "hello"}))
        listed = await client.call_tool("list_agents", {})
        with pytest.raises(MCPError, match="session_list"):
            await client.call_tool("session_list", {})
    assert message["code"] == "not_found"
    assert listed.structured_content and [one["id"] for one in listed.structured_content["items"]] == [boss.id]


async def test_arguments_are_read_as_the_schema_says(gateway: Gateway, boss: Terminal, era: str) -> None:
    url, token = await gateway.endpoint(boss)
    async with connected(url, token, era) as client:
        refused = error_of(await client.call_tool("list_agents", {"limit": "5"}))
    assert refused["details"]["errors"][0]["pointer"] == "/limit"


async def test_without_a_live_token_nothing_is_answered(control: Control, boss: Terminal, peer: Terminal) -> None:
    clock = ManualClock()
    async with Gateway(control.use_tool, tokens=Tokens(clock)) as gateway, httpx2.AsyncClient(trust_env=False) as http:
        url, token = await gateway.endpoint(boss)

        async def status(authorization: str | None) -> int:
            headers = {**ACCEPT, **({"Authorization": authorization} if authorization else {})}
            return (await http.post(url, json=HELLO, headers=headers)).status_code

        assert await status(None) == 401
        assert await status(f"Bearer {token}x") == 401
        assert await status(f"Basic {token}") == 401
        assert await status(f"Bearer {token}") == 200
        assert (await gateway.endpoint(boss))[1] == token
        url, other = await gateway.endpoint(peer)
        clock.advance(TOKEN_SECONDS - 1)
        assert await status(f"Bearer {other}") == 200
        clock.advance(TOKEN_SECONDS)
        assert await status(f"Bearer {other}") == 401


async def test_a_closed_terminal_asks_for_nothing_any_more(
    gateway: Gateway, control: Control, boss: Terminal, era: str
) -> None:
    url, token = await gateway.endpoint(boss)
    async with connected(url, token, era) as client:
        assert not (await client.call_tool("list_agents", {})).is_error
        await control.terminal.close(boss.id)
        answer = await client.call_tool("list_agents", {})
    assert answer.is_error
    assert "is closed" in str(answer.content)


async def test_a_session_is_of_no_use_to_another_terminal(gateway: Gateway, boss: Terminal, peer: Terminal) -> None:
    url, mine = await gateway.endpoint(boss)
    _, theirs = await gateway.endpoint(peer)
    async with httpx2.AsyncClient(headers=ACCEPT, trust_env=False) as http:
        opened = await http.post(url, json=HELLO, headers={"Authorization": f"Bearer {mine}"})
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        stolen = await http.post(url, json=ping, headers={"Authorization": f"Bearer {theirs}", **session})
    assert (opened.status_code, stolen.status_code) == (200, 404)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_web_pages_are_refused(gateway: Gateway, boss: Terminal, headers: dict[str, str], status: int) -> None:
    url, token = await gateway.endpoint(boss)
    async with httpx2.AsyncClient(headers={**ACCEPT, "Authorization": f"Bearer {token}"}, trust_env=False) as http:
        assert (await http.post(url, json=HELLO, headers=headers)).status_code == status


async def test_the_agent_of_a_closed_terminal_can_do_nothing_more(
    gateway: Gateway, control: Control, boss: Terminal, peer: Terminal, era: str
) -> None:
    url, token = await gateway.endpoint(boss)
    await ask(control, "terminal.close", terminal=boss.id)
    async with connected(url, token, era) as client:
        refused = error_of(await client.call_tool("send_message", {"terminal": "peer", "text": "hello"}))
    assert refused["code"] == "conflict"


async def test_it_can_be_mounted_elsewhere(control: Control, boss: Terminal) -> None:
    mounted: list[Gateway] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await mounted[0].app(scope, receive, send)

    async with served(app) as origin, Gateway(control.use_tool, url=f"{origin}/agents/mcp") as gateway:
        mounted.append(gateway)
        url, token = await gateway.endpoint(boss)
        assert url == f"{origin}/agents/mcp"
        async with connected(url, token) as client:
            assert len((await client.list_tools()).tools) == 5


async def test_two_turns_that_ask_at_once_from_another_loop_find_one_gateway(
    control: Control, boss: Terminal, peer: Terminal
) -> None:
    found: list[tuple[str, str]] = []

    async def both() -> None:
        tools = [control._tools_for(terminal) for terminal in (boss, peer, boss)]  # pyright: ignore[reportPrivateUsage]
        found.extend(await asyncio.gather(*(one.endpoint() for one in tools)))

    engine = threading.Thread(target=lambda: asyncio.run(both()))
    engine.start()
    await asyncio.to_thread(engine.join, 20)
    assert len({url for url, _ in found}) == 1
    assert found[0] == found[2] != found[1]
    async with connected(*found[0]) as client:  # the loop that asked is gone, the gateway is not
        assert len((await client.list_tools()).tools) == 5


async def handed_off(control: Control, parent: Terminal) -> Any:
    """The run that `parent` handed off, as soon as there is one."""
    return await eventually(lambda: run_of(control, parent), control)


def run_of(control: Control, parent: Terminal) -> Any:
    reader = control.services.store.read()
    return reader.row("SELECT id, deliver FROM runs WHERE parent_terminal_id = ?", (parent.id,))


async def test_a_handoff_that_its_client_gives_up_becomes_an_assignment(
    gateway: Gateway, control: Control, boss: Terminal, era: str
) -> None:
    url, token = await gateway.endpoint(boss)
    async with connected(url, token, era) as client:
        waiting = asyncio.create_task(client.call_tool("handoff", {"message": "Count.", "name": "worker"}))
        given = await handed_off(control, boss)
        assert given["deliver"] == 0
        waiting.cancel()
        await eventually(lambda: run_of(control, boss)["deliver"] == 1, control)
    await settle(control, given["id"], "three")
    inbox = await ask(control, "message.list", terminal=boss.id)
    assert [(message.kind, message.text) for message in inbox.items] == [("result", "three")]


async def test_a_handoff_whose_client_runs_out_of_time_becomes_an_assignment(
    gateway: Gateway, control: Control, boss: Terminal, era: str
) -> None:
    url, token = await gateway.endpoint(boss)
    async with connected(url, token, era) as client:
        with pytest.raises(MCPError, match=r"(?i)timed out"):
            await client.call_tool("handoff", {"message": "Count.", "name": "worker"}, read_timeout_seconds=0.5)
        await eventually(lambda: run_of(control, boss)["deliver"] == 1, control)


async def test_a_handoff_whose_client_is_gone_becomes_an_assignment(
    gateway: Gateway, control: Control, boss: Terminal, era: str
) -> None:
    """The connection breaks, as when the agent's process is killed: nobody sends a cancellation."""
    url, token = await gateway.endpoint(boss)
    http = httpx2.AsyncClient(headers={**ACCEPT, "Authorization": f"Bearer {token}"}, trust_env=False)
    async with http:
        session = await opened(http, url) if era == "handshake" else {}
        call = asyncio.create_task(http.post(url, json=handoff(era), headers={**session, **routing(era)}, timeout=30))
        await handed_off(control, boss)
        call.cancel()
        await asyncio.wait((call,))
        await eventually(lambda: run_of(control, boss)["deliver"] == 1, control)


async def test_a_handoff_in_progress_when_the_gateway_closes_becomes_an_assignment(control: Control, boss: Terminal) -> None:
    async with Gateway(control.use_tool) as gateway:
        url, token = await gateway.endpoint(boss)
        async with httpx2.AsyncClient(headers={**ACCEPT, "Authorization": f"Bearer {token}"}, trust_env=False) as http:
            call = asyncio.create_task(http.post(url, json=handoff("stateless"), headers=routing("stateless"), timeout=30))
            await handed_off(control, boss)
            await gateway.__aexit__(None, None, None)
            assert run_of(control, boss)["deliver"] == 1
            answer = await call
    assert error_in(answer)["code"] == "unavailable"


def error_in(answer: httpx2.Response) -> dict[str, Any]:
    return answer.json()["result"]["_meta"]["cao/error"]


async def settle(control: Control, run_id: str, result: str) -> None:
    """End a run as the engine would."""
    await control.services.store.write(lambda tx: runs.settle(tx, runs.get(tx, run_id), "completed", result=result))


async def opened(http: httpx2.AsyncClient, url: str) -> dict[str, str]:
    answer = await http.post(url, json=HELLO)
    return {"Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}


def handoff(era: str) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {
            "name": "handoff",
            "arguments": {"message": "Count.", "name": "worker"},
            **({"_meta": meta} if era == "stateless" else {}),
        },
    }


def routing(era: str) -> dict[str, str]:
    modern = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "handoff"}
    return modern if era == "stateless" else {}
