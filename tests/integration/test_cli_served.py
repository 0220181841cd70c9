"""The `cao` program and its server: found, started, asked, and the same answers as without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cao.client import catalog
from cao.client.daemon import start
from cao.client.wire import Wire, WireError, discover
from cao.discovery import read_server
from cao_cli.places import Local, Served

PROGRAM = [sys.executable, "-m", "cao_cli"]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "CAO_HOME": str(home), "CAO_PORT": "0", "NO_COLOR": "1"}


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, env=environment(home), timeout=90, check=False)


def data(home: Path, *words: str) -> Any:
    done = run(home, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def stop(home: Path) -> None:
    run(home, "daemon", "stop")
    deadline = time.monotonic() + 30
    while read_server(home) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert read_server(home) is None


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with a server, a project and one finished session."""
    home = tmp_path_factory.mktemp("served") / "home"
    done = run(home, "launch", "Say hello.", "--provider", "scripted", "--name", "greeting", "--wait", "--json")
    try:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["data"]["result"]["text"] == "scripted: Say hello."
        yield home
    finally:
        stop(home)


def test_a_command_that_needs_a_server_starts_one_and_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        done = run(home, "launch", "--provider", "scripted", "--name", "first")
        assert done.returncode == 0, done.stderr
        assert f"no server runs for {home}; starting one" in done.stderr
        assert (home / "cao.log").stat().st_mode & 0o777 == 0o600
        again = run(home, "session", "send", "first", "hello")
        assert "starting" not in again.stderr
        assert data(home, "daemon", "status")["running"] is True
    finally:
        stop(home)


def test_a_server_that_cannot_start_is_told_of_with_its_log(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text('host = "203.0.113.7"\n')
    begun = time.monotonic()
    with pytest.raises(WireError, match="ended at once") as caught:
        start(home, 30)
    assert time.monotonic() - begun < 20
    assert caught.value.code == "unavailable"
    assert str(home / "cao.log") in caught.value.message
    assert (home / "cao.log").read_text()


def test_starting_twice_gives_the_one_server(home: Path) -> None:
    first = read_server(home)
    assert start(home, 5) == first
    assert data(home, "daemon", "start")["home"] == str(home)
    assert read_server(home) == first


def reads() -> list[str]:
    entries = [catalog.entry(name) for name in catalog.content()["operations"]]
    of_one_process = ("daemon", "plugin", "runner")  # what they tell is counted by the process that is asked
    of_the_moment = ("error.stats",)  # it says since when it counts
    return [
        entry.name
        for entry in entries
        if entry.effect == "read" and not entry.waits and entry.group not in of_one_process and entry.name not in of_the_moment
    ]


@pytest.fixture(scope="module")
def known(home: Path) -> dict[str, str]:
    """Something that exists, for each field that names something."""
    return {
        "session": "greeting",
        "operation": "session.get",
        "terminal": data(home, "session", "get", "greeting")["terminals"][0]["id"],
        "run": data(home, "run", "list")["items"][-1]["id"],
        "message": data(home, "message", "list")["items"][-1]["id"],
        "profile": "developer",
        "provider": "scripted",
    }


def said(call: Callable[[], Any]) -> Any:
    """An answer, or the error in its place."""
    try:
        return call()
    except WireError as error:
        return error.body()


@pytest.mark.parametrize("name", reads())
def test_a_read_says_the_same_with_and_without_the_server(home: Path, known: dict[str, str], name: str) -> None:
    entry = catalog.entry(name)
    fields = {**entry.example, **{field: known[field] for field in entry.positional if field in known}}
    where = discover(home)
    assert where is not None
    served = said(lambda: Served(Wire(where)).call(entry, fields, None))
    assert served == said(lambda: Local(home).call(entry, fields, None))


def test_the_program_prints_the_same_with_and_without_the_server(home: Path) -> None:
    words = ("session", "get", "greeting", "--json")
    served, local = run(home, *words), run(home, *words, "--local")
    assert (served.returncode, served.stdout, served.stderr) == (local.returncode, local.stdout, local.stderr)


def test_a_wait_reports_how_far_it_is(home: Path) -> None:
    where = discover(home)
    assert where is not None
    session = data(home, "launch", "--provider", "scripted")
    run_id = data(home, "session", "send", session["id"], "Say so.")["id"]
    heard = list[str]()
    answer = Wire(where).call(
        catalog.entry("run.wait"), {"run": run_id, "timeout": 30}, lambda *report: heard.append(report[2])
    )
    assert answer["state"] == "completed"


def test_a_bad_token_and_a_server_that_is_gone_are_told_apart(home: Path, tmp_path: Path) -> None:
    where = discover(home)
    assert where is not None
    wrong = tmp_path / "token"
    wrong.write_text("cao_wrong\n")
    assert run(home, "session", "list", "--url", where.url, "--token-file", str(wrong)).returncode == 6
    assert run(home, "session", "list", "--url", "http://127.0.0.1:9").returncode == 5


def test_the_served_path_loads_no_models_and_no_event_loop(home: Path) -> None:
    probe = "import sys\nfrom cao_cli.__main__ import main\nassert main(['session', 'list', '--json']) == 0\n"
    probe += "print([name for name in ('pydantic', 'asyncio', 'httpx', 'rich') if name in sys.modules], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, env=environment(home), timeout=60, check=False
    )
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["data"]["items"]


def test_a_stream_ends_with_its_limit(home: Path) -> None:
    done = run(home, "event", "follow", "--after", "0", "--limit", "5", "--json")
    assert [json.loads(line)["data"]["seq"] for line in done.stdout.splitlines()] == [1, 2, 3, 4, 5]


def test_a_failed_run_is_exit_1_wherever_it_is_waited_for(home: Path) -> None:
    run_id = data(home, "launch", '<script>[{"fail": "no way"}]</script>', "--provider", "scripted")["run_id"]
    waited = run(home, "run", "wait", run_id, "--timeout", "60", "--json")
    assert (waited.returncode, json.loads(waited.stdout)["data"]["state"]) == (1, "failed")
    result = run(home, "run", "result", run_id)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "failed: no way\n")
    assert data(home, "run", "get", run_id)["state"] == "failed"


def test_a_text_is_printed_as_it_is_followed(home: Path) -> None:
    run_id = data(home, "run", "list", "--state", "completed")["items"][-1]["id"]
    assert run(home, "output", "follow", run_id).stdout == "scripted: Say hello.\n"
