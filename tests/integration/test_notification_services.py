"""Discord, Telegram and mail as they are configured for real, delivering to stand-ins of these services on loopback.

Nothing is patched: the services' names are reached through a proxy (HTTPS_PROXY) that answers for them, with certificates of an
authority that the test trusts (REQUESTS_CA_BUNDLE). The stand-ins keep to the interfaces that the services document.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import json
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, Envelope

from cao.control import Control
from cao.settings import load

from .asking import ask
from .conftest import until

WEBHOOK = "/api/webhooks/112233445566778899/" + "w" * 68
BOT = "123456789:AA" + "b" * 33
HOSTILE = "Run *this* <b>now</b> & tell @everyone, <@42>: [click](https://evil.example) `rm`"


@dataclass
class Service:
    """The web services that a message can go to: what they were asked."""

    asked: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    def answer(self, host: str, path: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        self.asked.append((host + path, body))
        match host, path:
            case "discord.com", _ if path == WEBHOOK:
                return _discord(body)
            case "api.telegram.org", _ if path == f"/bot{BOT}/sendMessage":
                return _telegram(body)
            case _:
                return 404, b'{"ok": false, "message": "Unknown", "code": 10015}'


def _discord(body: Mapping[str, Any]) -> tuple[int, bytes]:
    """Execute Webhook: `content` of at most 2000 characters; 204 without a message, 200 with one."""
    if not 1 <= len(body.get("content", "")) <= 2000:
        return 400, b'{"code": 50006, "message": "Cannot send an empty message"}'
    return (200, b'{"id": "1"}') if body.get("wait") else (204, b"")


def _telegram(body: Mapping[str, Any]) -> tuple[int, bytes]:
    """sendMessage: `chat_id`, `text` of at most 4096 characters, whose entities must parse in the given mode."""
    text = re.sub(r"</?(b|i|u|s|code|pre|a)( [^<>]*)?>", "", body["text"])
    parses = body["parse_mode"] == "HTML" and "<" not in text and ">" not in text
    if not parses or len(body["text"]) > 4096:
        return 400, b'{"ok": false, "error_code": 400, "description": "Bad Request: can\'t parse entities"}'
    return 200, json.dumps({"ok": True, "result": {"message_id": 1, "chat": {"id": body["chat_id"]}}}).encode()


@contextlib.asynccontextmanager
async def proxied(service: Service, authority: trustme.CA) -> AsyncGenerator[str]:
    """A proxy that is itself every host which it is asked to connect to; its URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("discord.com", "api.telegram.org").configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            host = head.split()[1].partition(":")[0]
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.start_tls(context)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(re.findall(r"(?i)content-length: (\d+)", head)[0])
            status, body = service.answer(host, head.split()[1].partition("?")[0], json.loads(await reader.readexactly(length)))
            start = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(start.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    authority, service = trustme.CA(), Service()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    async with proxied(service, authority) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield service


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Control]:
    settings = load(tmp_path / "home", {}, public_url="https://cao.example.org", notify_attempts=1)
    async with Control(settings) as opened:
        yield opened


async def outcome(control: Control) -> str:
    """How the only delivery ended."""
    sql = "SELECT state FROM notifiers_deliveries WHERE state IN ('accepted', 'dead')"
    await until(lambda: control.services.store.read().row(sql), 60)
    (one,) = (await control.delivery.list()).items
    return one.error or one.state


async def test_discord(worker: Control, service: Service) -> None:
    added = await worker.notifier.add("channel", f"https://discord.com{WEBHOOK}")
    assert added.target == "discord://***"
    await worker.rule.add(["needs-you"])
    await ask(worker, HOSTILE)
    assert await outcome(worker) == "accepted"
    ((where, body),) = service.asked
    assert where == f"discord.com{WEBHOOK}"
    text = body["content"]
    assert "@everyone" not in text and "<@42>" not in text and "[click](" not in text and "*this*" not in text
    assert re.search(r"\nhttps://cao\.example\.org/approve/[\w.-]+$", text), "the link is not escaped"
    assert "embeds" not in body and "avatar_url" not in body


async def test_telegram(worker: Control, service: Service) -> None:
    added = await worker.notifier.add("chat", f"tgram://{BOT}/-1001234567890")
    assert added.target == "tgram://***"
    await worker.rule.add(["needs-you"])
    await ask(worker, HOSTILE)
    assert await outcome(worker) == "accepted"
    ((where, body),) = service.asked
    assert where == f"api.telegram.org/bot{BOT}/sendMessage"
    assert str(body["chat_id"]) == "-1001234567890"
    assert "&lt;b&gt;now&lt;/b&gt;" in body["text"] and "https://cao.example.org/approve/" in body["text"]


async def test_a_wrong_webhook_is_told_without_it(worker: Control, service: Service) -> None:
    wrong = "w" * 67 + "x"
    await worker.notifier.add("channel", f"discord://112233445566778899/{wrong}")
    tested = await worker.notifier.test("channel")
    assert (tested.outcome, "404" in str(tested.error), wrong in str(tested.error)) == ("failed", True, False)
    assert service.asked[0][0].endswith(wrong)


async def test_mail(worker: Control) -> None:
    mails: list[bytes] = []

    class Mailbox:
        async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
            assert isinstance(envelope.content, bytes)
            mails.append(envelope.content)
            return "250 OK"

    mailbox, loop = Mailbox(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="localhost", loop=loop), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        added = await worker.notifier.add(
            "mail", f"mailto://127.0.0.1:{port}/?from=cao@example.org&to=you@example.org&mode=insecure"
        )
        assert added.target == f"mailto://127.0.0.1:{port}/***"
        await worker.rule.add(["needs-you"])
        await ask(worker, HOSTILE)
        assert await outcome(worker) == "accepted"
    message = email.message_from_bytes(mails[0], policy=email.policy.default)
    assert str(message["Subject"]).startswith("Approval needed in ") and message["To"] == "you@example.org"
    part = message.get_body(("html",))
    assert part is not None
    assert "&lt;b&gt;now&lt;/b&gt;" in part.get_content() and "https://cao.example.org/approve/" in part.get_content()
