"""The Discord example, built and installed as a package, against a stand-in for Discord's webhooks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import cao
from cao.control import Control
from cao.mcp.port import served
from cao.protocol.records import Terminal
from cao.store import Transaction, messages
from tests.integration.conftest import until
from tests.integration.installed import importable

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugins" / "cao-discord"
MESSAGES = 1000
SECRET = "a-token-that-nobody-may-see"


@dataclass
class Webhook:
    """Takes posts as Discord documents it: 2,000 characters each, and refusals that say how long to stay away."""

    pause: float = 0.05
    gone: bool = False
    posts: list[str] = field(default_factory=list[str])
    statuses: list[int] = field(default_factory=list[int])
    hasty: int = 0
    """Requests that came before they were welcome."""
    _closed_until: float = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = json.loads(await _body(receive))
        assert scope["path"] == f"/api/webhooks/1/{SECRET}"
        assert body["allowed_mentions"] == {"parse": []}
        now = asyncio.get_running_loop().time()
        self.hasty += now < self._closed_until
        status, headers = self._judge(body["content"])
        if headers:
            self._closed_until = now + self.pause
        self.statuses.append(status)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _judge(self, content: str) -> tuple[int, list[tuple[bytes, bytes]]]:
        wait, number = f"{self.pause:g}".encode(), len(self.statuses)
        if self.gone:
            return 404, []
        if len(content) > 2000:
            return 400, []
        if number in (3, 4):
            return 429, [(b"retry-after", wait)]
        if number == 7:
            return 503, []
        self.posts.append(content)
        return 204, [(b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset-after", wait)] if number % 5 == 0 else []


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        part = await receive()
        body += part["body"]
        if not part["more_body"]:
            return body


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed: a wheel is what `pip` unpacks."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder.parent)]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True, timeout=60)
    [wheel] = folder.parent.glob("cao_discord-*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def opened(home: Path, origin: str) -> Control:
    """A control that works, with an engine that is never needed."""
    options = {"discord": {"webhook": f"{origin}/api/webhooks/1/{SECRET}"}}
    return cao.open(home, plugins=options, prefect_api_url="http://127.0.0.1:9/api")


async def agents(control: Control, place: Path) -> tuple[Terminal, Terminal]:
    session = await control.session.launch(provider="scripted", name="house", directory=str(place))
    peer = await control.terminal.add(session="house", provider="scripted", name="peer", directory=str(place))
    return session.terminals[0], peer


async def talk(control: Control, sender: Terminal, reader: Terminal, texts: list[str]) -> None:
    def say(tx: Transaction) -> None:
        for text in texts:
            messages.mail(tx, reader, text, sender=f"terminal:{sender.id}")

    await control.services.store.write(say)


async def test_a_thousand_messages_between_agents_are_forwarded(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    importable(site, monkeypatch)
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    discord = Webhook()
    async with served(discord) as origin, opened(tmp_path / "home", origin) as control:
        boss, peer = await agents(control, tmp_path)
        for start in range(0, MESSAGES, 100):
            texts = [f"@everyone message {number}." for number in range(start, start + 100)]
            await talk(control, *((boss, peer) if start % 200 else (peer, boss)), texts)
        await until(lambda: sum(post.count("message") for post in discord.posts) >= MESSAGES, 60)
        info = await control.plugin.info("discord")
        health = await control.daemon.health()
    lines = [line for post in discord.posts for line in post.splitlines()]
    assert [line.rpartition("message ")[2] for line in lines] == [f"{number}." for number in range(MESSAGES)]
    assert {line.partition(":**")[0] for line in lines} == {"**developer-1 to peer", "**peer to developer-1"}
    assert (discord.statuses[3:8], discord.hasty) == ([429, 429, 204, 204, 503], 0)
    assert (info.status, info.trouble, info.package) == ("on", None, "cao-discord 1.0")
    assert [(one.calls, one.errors, one.timeouts, one.dropped) for one in info.methods] == [(MESSAGES, 0, 0, 0)]
    assert health.plugins == []
    assert complaints == []
    assert SECRET not in caplog.text


async def test_a_webhook_that_is_gone_harms_nobody_and_is_not_named(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    importable(site, monkeypatch)
    discord = Webhook(gone=True)
    async with served(discord) as origin, opened(tmp_path / "home", origin) as control:
        boss, peer = await agents(control, tmp_path)
        await talk(control, boss, peer, ["hello", "x" * 5000])
        await until(lambda: "Discord refuses a post with status 404" in caplog.text)
        assert (await control.plugin.info("discord")).status == "on"
    assert SECRET not in caplog.text


async def test_without_a_webhook_it_says_what_to_write(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importable(site, monkeypatch)
    async with cao.open(tmp_path / "home", work=False) as control:
        info = await control.plugin.info("discord")
    assert info.status == "failed"
    assert "[plugins.discord] webhook =" in str(info.trouble)
