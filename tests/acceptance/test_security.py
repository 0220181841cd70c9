"""As an attacker and as a guest would: other sites, rebound names, hijacked WebSockets, hostile text, tokens without the scope.

One real server, every surface by its stock client.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import cao
from cao.control import Control
from cao.events import TranscriptAppended
from cao.protocol import Denied, Unauthenticated
from cao.settings import load
from tests.integration.conftest import Served, end, start_process, wait_until_served
from tests.integration.mcp_clients import connected, error_of

LAUNCH = {"provider": "scripted", "name": "forbidden"}
MUTATION = 'mutation { sessionLaunch(provider: "scripted") { id } }'
PAGE = "the page"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("security") / "home"
    process = start_process(home)
    try:
        yield Served(home, process, wait_until_served(home, process))
    finally:
        end(process)


@pytest.fixture(scope="module")
def reader(served: Served) -> str:
    """A token that may read everything and change nothing."""
    return json.loads(cli(served, "token", "create", "reader", "--scopes", "*:read", "--json"))["data"]["secret"]


def cli(served: Served, *words: str, status: int = 0) -> str:
    """What `cao` prints."""
    environment = {**os.environ, "CAO_HOME": str(served.home)}
    command = [sys.executable, "-m", "cao_cli", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout or done.stderr


def ask(served: Served, method: str, path: str, **options: Any) -> httpx.Response:
    return httpx.request(method, served.url + path, trust_env=False, timeout=10, **options)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def page(served: Served, **shown: str) -> dict[str, str]:
    """The headers of a script on the page, in a browser that signed in with this."""
    own = {"Origin": served.url, "Cao-Surface": "web", "Sec-Fetch-Site": "same-origin"}
    answer = ask(served, "POST", "/page/session", json=shown, headers=own)
    assert answer.status_code == 201, answer.text
    return {**own, "Cookie": answer.headers["set-cookie"].partition(";")[0]}


def test_a_token_without_the_scope_is_refused_over_http_and_on_the_page(served: Served, reader: str) -> None:
    for headers in (bearer(reader), page(served, token=reader)):
        assert ask(served, "GET", "/sessions", headers=headers).status_code == 200
        refused = ask(served, "POST", "/sessions", json=LAUNCH, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "denied")
        assert refused.json()["details"] == {"scope": "session:write"}


def test_a_token_without_the_scope_follows_no_events(served: Served) -> None:
    made = cli(served, "token", "create", "narrow", "--scopes", "run:read", "--json")
    narrow = json.loads(made)["data"]["secret"]
    refused = ask(served, "GET", "/events", headers=bearer(narrow))
    assert (refused.status_code, refused.json()["details"]) == (403, {"scope": "event:read"})


async def test_a_token_without_the_scope_sees_and_calls_no_tool(served: Served, reader: str) -> None:
    async with connected(served.url + "/mcp", reader) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert "session_list" in names
        assert not names & {"session_launch", "session_shutdown", "token_revoke", "approval_decide"}
        error = error_of(await client.call_tool("session_launch", LAUNCH))
        assert (error["code"], error["details"]) == ("denied", {"scope": "session:write"})


def test_a_token_without_the_scope_mutates_nothing_over_graphql(served: Served, reader: str) -> None:
    for headers in (bearer(reader), page(served, token=reader)):
        answer = ask(served, "POST", "/graphql", json={"query": MUTATION}, headers=headers).json()
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "denied"
        assert "session:write" in error["message"]


async def test_a_token_without_the_scope_is_refused_to_our_own_clients(served: Served, reader: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(reader)
    told = cli(
        served,
        "session",
        "launch",
        "--provider",
        "scripted",
        "--url",
        served.url,
        "--token-file",
        str(file),
        "--json",
        status=6,
    )
    assert json.loads(told)["error"]["code"] == "denied"
    async with cao.connect(served.url, reader) as control:
        await control.session.list()
        with pytest.raises(Denied, match="session:write"):
            await control.session.launch(provider="scripted")
    async with cao.connect(served.url, "cao_pat_wrong") as stranger:
        with pytest.raises(Unauthenticated):
            await stranger.session.list()


def ways(served: Served) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Each surface that takes requests: method, path, and the headers of somebody who may do everything."""
    owner = served.headers
    return {
        "HTTP": ("POST", "/sessions", owner),
        "SSE": ("GET", "/events", owner),
        "MCP": ("POST", "/mcp", owner),
        "GraphQL": ("POST", "/graphql", owner),
        "Prefect": ("POST", "/prefect/api/flows/filter", owner),
        "sign-in": ("POST", "/page/session", {}),
        PAGE: ("POST", "/sessions", page(served, token=owner["Authorization"].removeprefix("Bearer "))),
    }


def test_another_sites_page_is_refused_on_every_surface(served: Served) -> None:
    for way, (method, path, headers) in ways(served).items():
        for foreign in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Origin": served.url, "Sec-Fetch-Site": "cross-site"},
        ):
            answer = ask(served, method, path, headers={**headers, **foreign}, json=LAUNCH if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (403, "denied"), (way, foreign)
    assert ask(served, "GET", "/sessions", headers=served.headers).json()["items"] == []


def test_a_rebound_name_is_refused_on_every_surface(served: Served) -> None:
    port = served.url.rpartition(":")[2]
    for way, (method, path, headers) in ways(served).items():
        for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "0.0.0.0"):
            rebound = {**headers, "Host": host, **({"Origin": f"http://{host}"} if "Origin" in headers else {})}
            answer = ask(served, method, path, headers=rebound, json=LAUNCH if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (421, "denied"), (way, host)


@pytest.mark.parametrize("path", ["/graphql", "/prefect/api/events/out", "/prefect/api/runs/1/ws"])
def test_no_other_page_hijacks_a_websocket(served: Served, path: str) -> None:
    url = served.url.replace("http://", "ws://") + path
    owner = page(served, token=served.headers["Authorization"].removeprefix("Bearer "))
    for headers in (
        {**owner, "Origin": "https://evil.example"},
        {**owner, "Origin": "null"},
        {**owner, "Sec-Fetch-Site": "cross-site"},
        {**owner, "Host": "evil.example"},
        {**served.headers, "Origin": "https://evil.example"},
    ):
        with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers, proxy=None, open_timeout=10):
            pass
        assert refused.value.response.status_code == 403


def test_the_link_of_cao_page_signs_a_browser_in_once(served: Served) -> None:
    url = json.loads(cli(served, "page", "--json"))["data"]["url"]
    base, _, code = url.partition("/#code=")
    assert base == served.url
    headers = page(served, code=code)
    assert ask(served, "GET", "/page/session", headers=headers).json()["actor"] == "owner"
    assert ask(served, "POST", "/page/session", json={"code": code}).status_code == 401
    assert ask(served, "DELETE", "/page/session", headers=headers).status_code == 204
    assert ask(served, "GET", "/sessions", headers=headers).status_code == 401


def test_nothing_that_was_shown_stays_behind(served: Served, reader: str) -> None:
    """Not in the log, not in the store, not in what is served."""
    local = served.headers["Authorization"].removeprefix("Bearer ")
    cookie = page(served, token=reader)["Cookie"].partition("=")[2]
    ask(served, "GET", f"/sessions?token={reader}", headers=bearer(reader))
    ask(served, "GET", f"/nowhere/{reader}", headers=bearer(reader))
    ask(served, "GET", "/sessions", headers=bearer(reader + "x"))
    kept = b"".join(path.read_bytes() for path in served.home.rglob("*") if path.is_file() and path.name != "token")
    for secret in (reader, local, cookie):
        assert secret.encode() not in kept
    assert reader not in ask(served, "GET", "/metrics").text


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m\r\u202egnp.exe\x1b[8mhidden"


async def test_an_agents_words_steer_no_terminal(served: Served) -> None:
    """Text, names and errors that an agent wrote, printed on a real terminal in every form."""
    async with Control(load(served.home, {}), work=False) as beside:
        session = await beside.session.launch(provider="scripted", name="hostile", prompt=f"Say {HOSTILE}")
        subject = {"session_id": session.id, "terminal_id": session.terminals[0].id}
        entry = TranscriptAppended(
            **subject, turn_id="trn_1", kind="tool_call", text=HOSTILE, data={HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]}
        )
        await beside.services.store.write(lambda tx: tx.emit(entry))
    shown = {
        words: on_a_terminal(served, *words)
        for words in (
            ("event", "list", "--session", "hostile"),
            ("event", "follow", "--after", "0", "--session", "hostile", "--limit", "5"),
            ("message", "list", "--terminal", subject["terminal_id"]),
            ("session", "transcript", "hostile"),
            ("session", "transcript", "hostile", "--json"),
            ("event", "list", "--session", "hostile", "--json"),
        )
    }
    for words, text in shown.items():
        assert "gnp.exe" in text, words
        assert "owned" not in text or "--json" in words, words
        assert not {"\x07", "\x9b", "\u202e"} & set(text), words
        assert not any(sequence in text for sequence in ("\x1b]", "\x1b[2J", "\x1b[8m")), words


def on_a_terminal(served: Served, *words: str) -> str:
    """What `cao` writes to a terminal of its own."""
    main, side = pty.openpty()
    environment = {**os.environ, "CAO_HOME": str(served.home), "TERM": "xterm-256color", "COLUMNS": "200"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cao_cli", *words], env=environment, stdin=side, stdout=side, stderr=side, close_fds=True
    )
    os.close(side)
    written = b""
    try:
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while part := os.read(main, 65536):
                written += part
        process.wait(30)
    finally:
        process.kill()
        process.wait(10)
        os.close(main)
    return written.decode("utf-8", "replace")
