"""The note that lets a tick end before anything is loaded: it is there when all is at rest, and never a moment longer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cao
from cao.control import Control
from cao.operations.daemon import Ticked
from cao.rest import NOTHING_DONE, rests
from cao.settings import load

TICK = """
import sys
from cao_cli.__main__ import main
status = main(["tick", "--local", "--json", "--home", sys.argv[1], *sys.argv[2:]])
loaded = [name for name in ("cao.control", "pydantic", "prefect", "sqlite_utils") if name in sys.modules]
print(status, *loaded, file=sys.stderr)
"""


def tick(home: Path, *options: str) -> tuple[dict[str, object], list[str]]:
    """What a tick answers, and which of the heavy modules it loaded."""
    command = [sys.executable, "-c", TICK, str(home), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    status, *loaded = done.stderr.split()
    assert status == "0"
    return json.loads(done.stdout)["data"], loaded


async def test_a_tick_with_nothing_due_loads_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with Control(load(home), work=False) as control:
        await control.schedule.add(
            "yearly", cron="0 0 29 2 *", profile="developer", provider="scripted", directory=str(tmp_path), prompt="go"
        )
    assert tick(home) == (dict(NOTHING_DONE), [])
    answer, loaded = tick(home, "--idempotency-key", "once")
    assert (answer, "cao.control" in loaded, "prefect" in loaded) == (dict(NOTHING_DONE), True, False)
    assert tick(home) == (dict(NOTHING_DONE), [])


def test_the_quick_answer_is_the_operations_own() -> None:
    empty = Ticked.model_validate(NOTHING_DONE)
    assert empty.model_dump() == NOTHING_DONE
    assert not any(empty.model_dump().values())


async def test_it_counts_until_something_is_due(tmp_path: Path) -> None:
    async with cao.open(tmp_path, work=False) as control:
        added = await control.schedule.add("hourly", every="1h", provider="scripted", directory=str(tmp_path), prompt="go")
    assert added.next_due is not None
    due = added.next_due.timestamp()
    assert rests(tmp_path)
    assert rests(tmp_path, due - 1)
    assert not rests(tmp_path, due)


async def test_a_commit_removes_it(tmp_path: Path) -> None:
    async with cao.open(tmp_path, work=False):
        pass
    assert rests(tmp_path)
    async with cao.open(tmp_path, work=False) as control:
        assert rests(tmp_path)
        await control.event.list()
        assert rests(tmp_path)
        await control.session.launch(provider="scripted", directory=str(tmp_path))
        assert not rests(tmp_path)
    assert rests(tmp_path)


async def test_waiting_work_is_no_rest(tmp_path: Path) -> None:
    async with cao.open(tmp_path, work=False) as control:
        await control.session.launch(prompt="work", provider="scripted", directory=str(tmp_path))
    assert not rests(tmp_path)


async def test_another_configuration_makes_it_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with cao.open(tmp_path, work=False):
        pass
    with monkeypatch.context() as changed:
        changed.setenv("CAO_LOG_LEVEL", "debug")
        assert not rests(tmp_path)
    assert rests(tmp_path)
    (tmp_path / "config.toml").write_text("max_turns = 3\n")
    assert not rests(tmp_path)


def test_in_doubt_it_is_not_there(tmp_path: Path) -> None:
    assert not rests(tmp_path)
    assert not (tmp_path / "cao.db").exists()
    (tmp_path / "cao.db").write_text("no database")
    assert not rests(tmp_path, time.time())
