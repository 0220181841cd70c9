"""A session of real agents: one leads over ACP and assigns work through our MCP endpoint, two others edit a git repository."""

from __future__ import annotations

import asyncio
import gc
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cao.control import Control
from cao.protocol.records import Message, Terminal
from cao.settings import load
from tests.agents import installed
from tests.agents.rigs import processes_of
from tests.agents.scripted_model import ScriptedModel, script

PREFECT_LEAVES = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
"""Prefect does not close the synchronous client of its own with which it enters flows."""

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings(PREFECT_LEAVES),
]

SECONDS = 180
WORKERS = ("claude", "codex")


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit: a file for each worker."""
    place = tmp_path / "repository"
    place.mkdir()
    for agent in WORKERS:
        (place / f"{agent}.md").write_text("# Notes\n")
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Begin the notes"]):
        _git(place, *command)
    return place


@pytest.fixture
async def control(tmp_path: Path, model: ScriptedModel) -> AsyncIterator[Control]:
    profiles = tmp_path / "home" / "profiles"
    profiles.mkdir(parents=True)
    path = installed.agents_path()
    for agent in WORKERS:
        environment = installed.environment(agent, tmp_path / f"home-{agent}", model.url, path)
        worker = installed.profile_text(agent, environment, allowed_tools=["shell"])
        (profiles / f"{agent}-worker.md").write_text(worker)
        (profiles / f"{agent}-lead.md").write_text(installed.profile_text(agent, environment, role="supervisor"))
    async with Control(load(tmp_path / "home", {}, linger_seconds=1)) as control:
        yield control
    gc.collect()  # what Prefect left open is told of here, and not in some later test
    assert processes_of(tmp_path) == []


def _git(place: Path, *command: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    return subprocess.run(["git", *identity, *command], cwd=place, check=True, capture_output=True, text=True).stdout


def _lead() -> str:
    """The leader's script: two assignments side by side, then both results, then a report."""
    work = [{"profile": f"{agent}-worker", "name": agent, "message": _work(agent)} for agent in WORKERS]
    return script(
        *({"tool": "assign", "args": arguments} for arguments in work),
        *({"tool": "get_result", "args": {"run": f"{{{{{number}.id}}}}", "timeout": SECONDS}} for number in (0, 1)),
        {"text": "{{2.text}}, {{3.text}}"},
    )


def _work(agent: str) -> str:
    return script(
        {"tool": "shell", "args": {"command": f"echo 'by {agent}' >> {agent}.md"}}, {"text": f"{agent} wrote its notes"}
    )


@pytest.mark.parametrize("lead", WORKERS)
async def test_a_real_agent_leads_two_others(control: Control, repository: Path, lead: str) -> None:
    session = await control.session.launch(profile=f"{lead}-lead", prompt=_lead(), name="notes", directory=str(repository))
    assert session.run_id is not None
    run = await control.run.wait(session.run_id, timeout=SECONDS)
    assert (run.state, run.failure) == ("completed", None)
    assert run.result == "claude wrote its notes, codex wrote its notes"
    assert _git(repository, "status", "--porcelain") == " M claude.md\n M codex.md\n"
    assert {line for line in _git(repository, "diff").splitlines() if line.startswith("+by")} == {"+by claude", "+by codex"}

    leader = session.terminals[0]
    results = await _results(control, leader)
    seats = (await control.terminal.list(session=session.id)).items
    workers = [seat for seat in seats if seat.parent_id == leader.id]
    assert {seat.name for seat in workers} == set(WORKERS)
    assert {result.sender for result in results} == {f"terminal:{seat.id}" for seat in workers}
    await _shown_by_prefect(control, session.id)


async def _results(control: Control, leader: Terminal) -> list[Message]:
    """The results in the leader's inbox, once it has read both."""
    async with asyncio.timeout(SECONDS):
        with control.services.store.hub.subscribe("log") as commits:
            while True:
                results = (await control.message.list(terminal=leader.id, kind="result")).items
                if len(results) == len(WORKERS) and all(message.state == "done" for message in results):
                    return results
                await commits.wait(5)


async def _shown_by_prefect(control: Control, session_id: str) -> None:
    """Prefect lists the activation as a flow run and every turn as a task run, under names that a person knows."""
    events = (await control.event.list(session=session_id, limit=200)).items
    turns = {event.data["turn_id"]: event.terminal_id for event in events if event.type == "turn.started"}
    names = {seat.id: seat.name for seat in (await control.terminal.list(session=session_id)).items}
    async with httpx.AsyncClient(base_url=control.services.engine.status().api_url or "") as prefect:
        flow_runs = await _filter(prefect, "flow_runs", {"flow_runs": {"tags": {"all_": [f"session:{session_id}"]}}})
        assert {run["name"] for run in flow_runs} == {"notes"}
        wanted = {"flow_runs": {"id": {"any_": [run["id"] for run in flow_runs]}}}
        task_runs = await _filter(prefect, "task_runs", wanted)
        for _ in range(100):  # Prefect records what tasks did a moment later
            if len(task_runs) >= len(turns) and all(run["tags"] for run in task_runs):
                break
            await asyncio.sleep(0.1)
            task_runs = await _filter(prefect, "task_runs", wanted)
    assert {run["name"] for run in task_runs} == {f"{names[terminal]} · {turn}" for turn, terminal in turns.items()}
    for run in task_runs:
        name = run["name"].partition(" · ")[0]
        assert {f"session:{session_id}", f"terminal:{name}", "provider:acp"} <= set(run["tags"])


async def _filter(prefect: httpx.AsyncClient, kind: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await prefect.post(f"{kind}/filter", json=wanted)
    found: list[dict[str, Any]] = answer.raise_for_status().json()
    return found
