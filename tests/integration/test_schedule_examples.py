"""The files of `examples/schedules` do what they say."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import yaml

import cao

EXAMPLES = Path(__file__).parents[2] / "examples" / "schedules"
NOWHERE = "http://127.0.0.1:9/api"
"""A Prefect that does not exist: what is fired is recorded, and nothing is worked off."""


def shell(command: str, directory: Path, home: Path) -> str:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "CAO_HOME": str(home / "agents"),
        "CAO_PREFECT_API_URL": NOWHERE,
    }
    done = subprocess.run(
        ["bash", "-ec", command], cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES, folder / "examples" / "schedules")
    commit = "git -c user.name=T -c user.email=t@example.org commit --quiet --allow-empty -m"
    shell(f"git init --quiet && {commit} first && {commit} 'second \"one\"'", folder, tmp_path)
    return folder


def test_the_steps_of_the_workflow(repository: Path, tmp_path: Path) -> None:
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    assert workflow[True]["schedule"] == [{"cron": "*/15 * * * *"}]  # YAML reads a bare `on` as true
    commands = [step["run"] for step in workflow["jobs"]["tick"]["steps"] if step.get("run", "").startswith("cao")]
    assert len(commands) == 3
    for command in [*commands[:1], *commands]:  # a second run finds the schedule there
        shell(command, repository, tmp_path)


def test_the_script_asks_for_new_commits_once(repository: Path, tmp_path: Path) -> None:
    script = str(repository / "examples" / "schedules" / "new-commits.sh")
    first = json.loads(shell(script, repository, tmp_path))
    assert (first["execute"], first["output"]["count"]) == (True, 1)
    assert first["output"]["commits"].endswith('second "one"')
    assert json.loads(shell(script, repository, tmp_path)) == {"execute": False}


async def test_a_run_by_hand_fills_the_prompt(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with cao.open(tmp_path / "agents", work=False) as control:
        file = repository / "examples" / "schedules" / "triage.md"
        await control.schedule.add(file=str(file), directory=str(repository))
        fire = await control.schedule.run("triage")
        assert (fire.state, fire.reason) == ("fired", None)
        assert fire.session_id is not None
        said = (await control.message.list(session=fire.session_id)).items[0].text
        assert said.startswith("1 commits are new since the last look:\n\n")
        again = await control.schedule.run("triage")
        assert (again.state, again.reason) == ("skipped", f"run {fire.run_id} of an earlier due time is still at work")


def test_the_crontab_line() -> None:
    lines = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 1
    assert re.fullmatch(r"(\S+\s+){5}(CAO_\w+=\S+ )+cao --local tick --timeout \d+", lines[0])


class Context:
    """What a platform tells its function."""

    def get_remaining_time_in_millis(self) -> int:
        return 11_000


def load_serverless(home: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("CAO_HOME", str(home))
    monkeypatch.setenv("CAO_PREFECT_API_URL", NOWHERE)
    monkeypatch.setenv("API_KEY", "open-sesame")
    spec = importlib.util.spec_from_file_location("serverless", EXAMPLES / "serverless.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def lifespan(application: Any, talk: Any) -> list[str]:
    """Start the application, let `talk` be asked, and stop it; what it said."""
    said: list[str] = []
    asked = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> dict[str, str]:
        kind = next(asked)
        if kind == "lifespan.shutdown":
            await talk()
        return {"type": kind}

    async def send(message: dict[str, str]) -> None:
        said.append(message["type"])

    await application({"type": "lifespan"}, receive, send)
    return said


def test_the_serverless_handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load_serverless(tmp_path / "home", monkeypatch)

    async def talk() -> None:
        transport = httpx.ASGITransport(module.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://agents.example") as client:
            fields = {"name": "often", "every": "1s", "provider": "scripted", "prompt": "go", "directory": str(tmp_path)}
            assert (await client.post("/schedules", json=fields)).status_code == 401
            added = await client.post("/schedules", json=fields, headers={"Authorization": "Bearer open-sesame"})
            assert added.status_code == 201, added.text
            await asyncio.sleep(1.0)  # the schedule's own clock

    said = asyncio.run(lifespan(module.application, talk))
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    report = module.scheduled({}, Context())
    assert report["done"]["schedules.fired"] >= 1

    async def ledger() -> set[str]:
        async with cao.open(work=False) as control:
            return {fire.state for fire in (await control.schedule.history("often")).items}

    assert asyncio.run(ledger()) == {"fired"}
