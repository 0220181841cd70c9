"""The whole server as a process: charge of a directory, addresses, discovery, its log, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import cao
from cao.discovery import is_taken, read_server

from .conftest import Served, end, start_process, wait_until_served

EXIT_SECONDS = 5.0


def call(served: Served, method: str, path: str, **options: Any) -> httpx.Response:
    return httpx.request(method, served.url + path, headers=served.headers, trust_env=False, timeout=10, **options)


def refused(home: Path, **variables: str) -> tuple[int, str]:
    """Start a server that must not come up: its exit status and what it says."""
    process = start_process(home, **variables)
    try:
        _, said = process.communicate(timeout=60)
        return process.returncode, said.decode()
    finally:
        end(process)


def in_background(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_it_can_be_found_and_says_who_it_is(served: Served) -> None:
    record = read_server(served.home)
    assert record is not None
    assert (record.url, record.pid) == (served.url, served.process.pid)
    for name in ("server.json", "token", "server.lock", "cao.log"):
        assert stat.S_IMODE((served.home / name).stat().st_mode) == 0o600
    status = call(served, "GET", "/daemon/status").json()
    assert (status["running"], status["url"], status["pid"]) == (True, served.url, served.process.pid)
    events = call(served, "GET", "/events/log", params={"types": "server.started"}).json()["items"]
    assert [event["data"]["url"] for event in events] == [served.url]


def test_all_addresses_answer(served: Served) -> None:
    for path in ("/health", "/metrics", "/openapi.json", "/docs"):
        assert httpx.get(served.url + path, trust_env=False).status_code == 200
    assert httpx.get(served.url + "/mcp", trust_env=False).status_code == 401
    assert httpx.get(served.url + "/sessions", trust_env=False).status_code == 401
    prefect = httpx.get(served.url + "/prefect/api/health", trust_env=False)
    assert (prefect.status_code, prefect.json()["code"]) == (503, "unavailable")
    assert httpx.get(served.url + "/health", headers={"Host": "evil.example"}, trust_env=False).status_code == 421


def test_a_second_server_on_the_directory_is_refused_and_names_the_first(served: Served) -> None:
    status, said = refused(served.home)
    assert status == 4
    assert str(served.process.pid) in said
    assert served.url in said
    assert call(served, "GET", "/health").status_code == 200
    assert read_server(served.home) is not None


def test_a_port_in_use_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, said = refused(tmp_path / "home", CAO_PORT=str(port))
    assert status == 5
    assert f"127.0.0.1:{port}" in said
    assert "CAO_PORT=" in said


def test_other_computers_are_let_in_by_name_and_token_only(tmp_path: Path) -> None:
    """Both refusals come before anything listens."""
    status, said = refused(tmp_path / "home", CAO_HOST="0.0.0.0")
    assert (status, "CAO_HOSTS=" in said) == (2, True)
    status, said = refused(tmp_path / "home", CAO_HOST="0.0.0.0", CAO_HOSTS="cao.example.org,box.local")
    assert (status, "cao token create" in said) == (2, True)


def test_a_data_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "server.lock").mkdir(parents=True)
    status, said = refused(home)
    assert status == 5
    assert "data directory" in said


def test_after_a_crash_the_next_server_takes_over(served: Served) -> None:
    served.process.kill()
    served.process.wait(10)
    assert (served.home / "server.json").exists()
    assert read_server(served.home) is None
    second = start_process(served.home)
    try:
        deadline = time.monotonic() + 60
        while read_server(served.home) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        record = read_server(served.home)
        assert record is not None
        assert record.pid == second.pid
        assert httpx.get(record.url + "/health", trust_env=False).status_code == 200
    finally:
        end(second)


def test_sigterm_ends_streams_and_waits_in_time(served: Served) -> None:
    launched = call(served, "POST", "/sessions", json={"provider": "scripted", "prompt": "Say hello."}).json()
    wait = f"/runs/{launched['run_id']}/wait"
    said: dict[str, list[str]] = {}
    following, waiting = threading.Event(), threading.Event()

    def listen(path: str, began: threading.Event, **params: int) -> None:
        headers = {**served.headers, "Accept": "text/event-stream"}
        with httpx.stream("GET", served.url + path, params=params, headers=headers, trust_env=False, timeout=60) as answer:
            began.set()
            said[path] = list(answer.iter_lines())

    threads = [
        in_background(lambda: listen("/events", following, after=0)),
        in_background(lambda: listen(wait, waiting, timeout=600)),
    ]
    assert following.wait(10)
    assert waiting.wait(10)
    wait_for_engine(served, "failed")
    assert served.stop() < EXIT_SECONDS
    assert served.process.returncode == 0
    for thread in threads:
        thread.join(5)
    assert "event: session.launched" in said["/events"]
    assert "event: error" in said[wait]
    assert '"code": "unavailable"' in "".join(said[wait])
    assert not (served.home / "server.json").exists()
    assert stopped_in_order(served.home)


def test_the_operation_stops_it(served: Served) -> None:
    assert call(served, "POST", "/daemon/stop", json={"dry_run": True}).json()["stopping"] is False
    assert call(served, "GET", "/health").status_code == 200
    assert call(served, "POST", "/daemon/stop", json={}).json() == {"stopping": True, "pid": served.process.pid}
    assert served.process.wait(20) == 0
    assert stopped_in_order(served.home)


def test_sigint_ends_it_too(served: Served) -> None:
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(20) == 0


def test_it_loads_what_is_slow_before_it_is_asked(tmp_path: Path) -> None:
    process = start_process(tmp_path / "eager", CAO_PRELOAD="true")
    try:
        eager = Served(tmp_path / "eager", process, wait_until_served(tmp_path / "eager", process))
        wait_for_engine(eager, "failed")  # there is no Prefect where it looks
        assert call(eager, "GET", "/prefect/api/health").status_code == 503
    finally:
        end(process)


def test_told_to_it_loads_what_is_slow_when_it_is_asked(served: Served) -> None:
    assert call(served, "GET", "/daemon/status").json()["engine"]["state"] == "stopped"
    assert call(served, "GET", "/prefect/api/health").status_code == 503
    wait_for_engine(served, "failed")


def wait_for_engine(served: Served, state: str, seconds: float = 60.0) -> None:
    """Wait until the engine's start has come to this end."""
    deadline = time.monotonic() + seconds
    while call(served, "GET", "/health").json()["engine"]["state"] != state:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stopped_in_order(home: Path) -> bool:
    """Whether the log's last words about the server are its farewell."""
    import sqlite3

    with sqlite3.connect(home / "cao.db") as connection:
        rows = connection.execute("SELECT type FROM events WHERE type LIKE 'server.%' ORDER BY seq").fetchall()
    connection.close()
    return rows[-1] == ("server.stopped",)


def test_its_log_holds_no_messages_tokens_or_query_strings(served: Served) -> None:
    secret, token = "the-words-of-a-message", served.headers["Authorization"].removeprefix("Bearer ")
    call(served, "POST", "/sessions", json={"provider": "scripted", "name": "quiet", "prompt": secret})
    call(served, "GET", "/search/profiles", params={"words": secret})
    call(served, "GET", "/sessions", params={"nonsense": secret})
    call(served, "POST", "/sessions/quiet/prompts", content=secret.encode())
    served.stop()
    log = (served.home / "cao.log").read_text()
    assert "serving" in log
    assert served.process.stderr is not None
    for text in (log, served.process.stderr.read().decode()):
        assert secret not in text
        assert token not in text


def test_redirected_to_its_log_it_writes_each_line_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    from .conftest import START

    environment = {**os.environ, "CAO_PORT": "0", "CAO_PREFECT_API_URL": "http://127.0.0.1:9/api"}
    with (home / "cao.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", START, str(home)], env=environment, stdout=log, stderr=log)
    try:
        wait_until_served(home, process)
    finally:
        end(process)
    assert (home / "cao.log").read_text().count("cao.http.server: serving") == 1


def test_it_listens_before_it_loads_what_is_slow() -> None:
    slow = ("prefect", "mcp", "strawberry", "apprise", "schemathesis")
    code = f"import cao.http.server, sys, json; print(json.dumps([name for name in {slow!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


async def test_one_is_started_as_its_file_says_and_again_as_soon_as_it_was_stopped(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    lines = ("port = 0", "hosts = ['one.test']", "[queue_project_limits]", "docs = 2", "[plugins.house]", "quiet = true")
    (home / "config.toml").write_text("\n".join(lines))
    pids: list[int] = []
    async with cao.open(home, work=False, queue_limit=3) as control:
        for _ in range(2):
            started = await control.daemon.start(timeout=60)
            pids.append(started.pid)
            async with cao.connect(home=home) as served:
                told = await served.daemon.config()
                await served.daemon.stop()
            assert read_server(home) is None, "who looks for a server from now on waits for another"
    assert pids[0] != pids[1]
    origins = {setting.name: (setting.value, setting.origin) for setting in told.settings}
    assert origins["queue_project_limits"] == ({"docs": 2}, "config.toml")
    assert origins["queue_limit"] == (3, "environment")
    await asyncio.to_thread(wait_until, lambda: not is_taken(home))


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
