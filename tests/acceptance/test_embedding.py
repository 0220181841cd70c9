"""Orchestration inside other programs: the examples as a user runs them, and what a host keeps to itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import cao
from cao_flows.prefect_api import PrefectApi

pytestmark = [pytest.mark.timeout(300)]

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
KEY = "key-of-the-shop"
TEXT = {"text": "Agents work. In your application."}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two data directories for all tests: making Prefect's database is most of what its first start costs."""
    place = tmp_path_factory.mktemp("homes")
    return place / "a", place / "b"


@pytest.fixture(scope="module")
def seen(homes: tuple[Path, Path]) -> dict[str, Any]:
    """What a program with two controls inside saw, and its log."""
    log = homes[0].parent / "host.log"
    command = [sys.executable, str(HERE / "host_program.py"), *map(str, homes), str(log)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "log": log.read_text(), "errors": done.stderr}


def test_two_controls_in_one_process_do_not_see_each_other(seen: dict[str, Any]) -> None:
    a, b = seen["sides"]
    assert [side["result"] for side in (a, b)] == ["a heard hello", "b heard hello"], "one name, an agent of its own each"
    for side in (a, b):
        assert side["sessions"] == side["heard"] == [side["session"]]
        assert side["threads"] == ["MainThread"], "agents that are functions run on the program's own loop"
        assert side["turns"] == ["COMPLETED"], "each engine's Prefect knows of its own work and of nothing else"
    assert a["session"] != b["session"]
    assert a["engine"] != b["engine"]


def test_the_programs_logging_and_signals_are_left_alone(seen: dict[str, Any]) -> None:
    assert seen["meanwhile"] == seen["before"]
    assert seen["after"] == seen["before"]
    assert seen["log"] == "host DEBUG the last word\n", "nobody closed its file, and nobody wrote into it"
    assert seen["errors"] == ""


@pytest.fixture(scope="module")
def environment(homes: tuple[Path, Path], seen: dict[str, Any]) -> Iterator[dict[str, str]]:
    """For the examples. They share a Prefect, so that each starts quickly; `seen` is asked for first to have its database."""
    api = PrefectApi(homes[0] / "prefect", "")
    api.spawn()
    try:
        api.wait_ready(90, lambda: False)
        yield {**os.environ, "CAO_HOME": str(homes[0]), "CAO_PREFECT_API_URL": api.url, "CAO_LINGER_SECONDS": "0"}
    finally:
        api.stop(10)


def test_a_script(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(f"This is {name}. And more.", "utf-8")
    command = [sys.executable, str(EXAMPLES / "embed_script" / "summarise.py"), "one.txt", "two.txt"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name}.txt: This is {name} (and 2 more words)" for name in ("one", "two")]
    lines = [line.partition(" summarise: ")[2] for line in done.stderr.splitlines()]
    assert len(lines) == 2, done.stderr
    assert all(re.fullmatch(r"run run_\w+ is completed", line) for line in lines)


@pytest.mark.parametrize("framework", ["fastapi", "litestar"])
def test_an_application(framework: str, environment: dict[str, str], tmp_path: Path) -> None:
    with application(framework, environment, tmp_path / "log") as (url, process):
        with httpx.Client(base_url=url, trust_env=False, timeout=150) as client:
            assert client.post("/summaries", json=TEXT).status_code == 401
            assert client.get("/agents/sessions").status_code == 401
            client.headers["Authorization"] = f"Bearer {KEY}"
            made = client.post("/summaries", json=TEXT)
            assert made.status_code < 300, made.text
            assert made.json()["summary"] == "Agents work (and 3 more words)"
            assert client.get("/agents/openapi.json").json()["servers"] == [{"url": "/agents"}]
        session = made.json()["session"]
        asyncio.run(look(url + "/agents", session))
        assert shown_by_cao(url + "/agents", session, tmp_path) == session
        stop_while_streaming(url + "/agents/events", process)
    log = (tmp_path / "log").read_text()
    assert "Application shutdown complete" in log, "the control was closed with the application"
    assert "Task was destroyed" not in log, log
    assert "never" not in log, log


def stop_while_streaming(url: str, process: subprocess.Popen[bytes]) -> None:
    """The application ends though somebody listens; uvicorn cuts what is open after its time-out."""
    with httpx.stream("GET", url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as stream:
        assert stream.status_code == 200
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(httpx.RemoteProtocolError):
            assert [line for line in stream.iter_lines() if line.startswith("data:")] == []
    process.wait(30)


async def look(url: str, session_id: str) -> None:
    """The Python client, at an application instead of a server."""
    async with cao.connect(url, KEY) as control:
        session = await control.session.get(session_id)
        assert (session.terminals[0].provider, session.terminals[0].profile) == ("callable", "summariser")
        types = [event.type async for event in control.event.follow(after=0, session=session.id, limit=2)]
        assert types == ["session.launched", "terminal.added"]


def shown_by_cao(url: str, session: str, elsewhere: Path) -> str:
    """What the command line says, at an application instead of a server."""
    token = elsewhere / "token-file"
    token.touch(0o600)
    token.write_text(KEY)
    command = [sys.executable, "-m", "cao_cli", "session", "get", session, "--json", "--url", url, "--token-file", str(token)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["data"]["id"])


@contextmanager
def application(framework: str, environment: dict[str, str], log: Path) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """An example, served as its first lines say."""
    command = [sys.executable, "-m", "uvicorn", "app:app", "--timeout-graceful-shutdown", "3", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=EXAMPLES / f"embed_{framework}",
            env={**environment, "API_KEY": KEY},
            stdout=output,
            stderr=output,
        )
    try:
        yield url_in(log, process), process
    finally:
        process.kill()
        process.wait(10)


def url_in(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"running on (http://[\d.:]+)", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text())
