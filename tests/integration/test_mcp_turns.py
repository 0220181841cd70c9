"""Work that really runs: handed off over MCP, played by the scripted provider, on Prefect."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cao.control import Control
from cao.mcp.gateway import Gateway
from cao.protocol import REGISTRY
from cao.protocol.records import Terminal
from cao.settings import load
from tests.integration.mcp_clients import connected

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("turns")


async def ask(control: Control, operation_name: str, /, **fields: Any) -> Any:
    operation = REGISTRY[operation_name]
    return await control.call(operation, operation.parse(fields))


def script(*steps: dict[str, Any]) -> str:
    return f"<script>{json.dumps(steps)}</script>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seated(place: Path) -> AsyncGenerator[tuple[Control, Terminal, str, str]]:
    """A control at work, a terminal at rest in it, and the endpoint of that terminal's tools."""
    async with Control(load(place / "home", {})) as control, Gateway(control.use_tool) as gateway:
        session = await ask(control, "session.launch", provider="scripted", directory=str(place))
        boss = session.terminals[0]
        yield control, boss, *await gateway.endpoint(boss)


async def test_a_handoff_answers_with_what_the_other_agent_said(seated: tuple[Control, Terminal, str, str]) -> None:
    control, boss, url, token = seated
    heard: list[tuple[float, str]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message or ""))

    work = script({"sleep": 6}, {"say": "three"})
    async with connected(url, token) as client:
        done = await client.call_tool("handoff", {"message": work, "name": "counter"}, progress_callback=on_progress)
    assert done.structured_content
    assert (done.structured_content["state"], done.structured_content["result"]) == ("completed", "three")
    assert done.structured_content["parent_terminal_id"] == boss.id
    assert heard and done.structured_content["id"] in heard[0][1]
    assert not (await ask(control, "message.list", terminal=boss.id)).items


async def test_the_result_of_an_assignment_is_read_or_comes_by_itself(seated: tuple[Control, Terminal, str, str]) -> None:
    _, _, url, token = seated
    async with connected(url, token) as client:
        given = await client.call_tool("assign", {"message": script({"say": "green"}), "name": "tester"})
        assert given.structured_content
        result = await client.call_tool("get_result", {"run": given.structured_content["id"], "timeout": 60})
    assert result.structured_content
    assert (result.structured_content["state"], result.structured_content["text"]) == ("completed", "green")


async def test_a_handoff_that_outlasts_its_own_time_comes_to_the_inbox(seated: tuple[Control, Terminal, str, str]) -> None:
    control, boss, url, token = seated
    async with connected(url, token) as client:
        work = {"message": script({"sleep": 1}, {"say": "late"}), "name": "slow", "timeout": 0.1}
        given = await client.call_tool("handoff", work)
    assert given.structured_content and given.structured_content["state"] in ("queued", "running")
    await ask(control, "session.wait", session=boss.session_id, timeout=60)
    inbox = await ask(control, "message.list", terminal=boss.id, kind="result")
    assert "late" in [message.text for message in inbox.items]
