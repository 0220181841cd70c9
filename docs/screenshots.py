"""Takes the pictures of the page: `make screenshots`. A server with a small story in it, a real browser, every screen.

They go to docs/images/page/, each in light and dark, on a phone and on a wide window; git keeps the few that the docs show.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from playwright.async_api import Browser, Page, expect

import cao
from cao.client.daemon import start_server
from cao.settings import load
from tests.browser import browser

PICTURES = Path(__file__).parent / "images" / "page"
SIZES = {"phone": (390, 844), "wide": (1440, 900)}
QUALITY = 82
PATIENCE = 60_000


@dataclass(frozen=True, slots=True)
class Screen:
    """One picture: the address, the words by which it is known to be complete, and the keys that are pressed there."""

    name: str
    address: str
    sign: str
    keys: Sequence[str] = ()


SCREENS = (
    Screen("inbox", "#/inbox", "dependency-audit"),
    Screen("sessions", "#/sessions", "docs-review"),
    Screen("session", "#/sessions/parser-rewrite", "asks to go on"),
    Screen("runs", "#/runs", "pull requests"),
    Screen("schedules", "#/schedules", "weekly-audit"),
    Screen("schedule", "#/schedules/nightly-report", "Ledger"),
    Screen("notifications", "#/notifications", "Receipts"),
    Screen("events", "#/events", "approval.requested"),
    Screen("health", "#/health", "Engine"),
    Screen("palette", "#/inbox", "Go to", ("Control+k",)),
    Screen("launch", "#/inbox", "The first work", ("n",)),
)

REWRITE = """\
Rewrite the configuration parser as a hand-written one. Keep every public name and every error message, because other teams
match on them; the old parser's tests must pass unchanged. Nested quotes, empty files and files above 10 MB are what users trip
over, so look at those first. Give the tests to a colleague and look at the result before you go on. Ask before you push
anything, and do not touch the release notes: they are written on Friday, by whoever releases.
""".replace("\n", " ")


def script(prompt: str, *steps: dict[str, Any]) -> str:
    """A prompt that reads as one, with its script below what the page shows of it at first."""
    return f"{prompt}\n<script>{json.dumps(steps)}</script>"


async def tell(client: Any, folder: Path) -> None:
    """The story that the pictures show."""
    common = {"provider": "scripted", "directory": str(folder)}
    mail = "Write tests for the new parser: empty files, nested quotes, and one file above 10 MB. Report what fails."
    push = ["git", "push", "--force-with-lease", "origin", "parser-rewrite"]
    await client.session.launch(
        profile="supervisor",
        name="parser-rewrite",
        labels={"team": "core"},
        prompt=script(
            REWRITE,
            {"think": "Two halves that do not touch each other: the parser itself, and its tests. I keep the first one."},
            {"say": "I split the work: the parser is mine, the tests go to a colleague. I read them before I push."},
            {"assign": {"profile": "developer", "message": mail}, "as": "tests"},
            {"get_result": {"run": "{{tests.id}}", "timeout": 60}},
            {"write": {"path": "parser.py", "text": "# written\n"}},
            {"say": "The parser is rewritten, and all tests pass. The branch was rebased, so the push needs force."},
            {"ask": " ".join(push), "action": {"tool": "shell", "command": push, "reason": "the branch was rebased on main"}},
        ),
        **common,
    )
    await client.session.launch(
        name="dependency-audit",
        profile="reviewer",
        prompt=script("Audit it.", {"ask": "uv lock --upgrade-package cryptography", "action": {"tool": "shell"}}),
        **common,
    )
    failing = script("Find out why they fail.", {"fail": "the test database refused the connection on port 5432"})
    await client.session.launch(name="flaky-tests", prompt=failing, **common)
    await client.session.launch(name="docs-review", prompt=script("Read.", {"say": "Reading."}, {"sleep": 900}), **common)
    for name in ("billing-export", "search-index", "login-page", "cache-limits", "mail-queue", "trace-ids", "quota-report"):
        await client.session.launch(name=name, labels={"team": name.partition("-")[0]}, **common)


async def keep_time(client: Any, folder: Path) -> None:
    """Schedules with something in their ledgers."""
    common = {"provider": "scripted", "directory": str(folder)}
    report = "Report on today's pull requests: what was merged, what waits for a review, and what is broken."
    await client.schedule.add(name="nightly-report", cron="30 2 * * MON-FRI", zone="Europe/Berlin", prompt=report, **common)
    await client.schedule.add(name="weekly-audit", cron="0 9 * * MON", zone="America/New_York", prompt="Audit.", **common)
    await client.schedule.add(name="inbox-sweep", every="6h", prompt="Sweep.", **common)
    for _ in range(3):
        await client.schedule.run("nightly-report")


async def notify(client: Any, port: int) -> None:
    """A notifier that accepts, one that cannot be reached, and rules for both."""
    await client.notifier.add(name="team", address=f"json://127.0.0.1:{port}/", tags=["ops"])
    await client.notifier.add(name="on-call", address="json://127.0.0.1:9/", tags=["night"])
    await client.notifier.pause("on-call")
    await client.rule.add(events=["needs-you"], notifier="team", name="call-me")
    await client.rule.add(events=["done", "schedule.failed"], tags=["night"], name="digest")


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The receiving end of a notifier."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def take(opened: Browser, client: Any, theme: str, size: str) -> None:
    width, height = SIZES[size]
    context = await opened.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        has_touch=size == "phone",
    )
    page = await context.new_page()
    await page.goto((await client.token.link()).url)
    for screen in SCREENS:
        await page.goto(f"{page.url.partition('#')[0]}{screen.address}")
        await page.keyboard.press("Escape")
        for key in screen.keys:
            await page.keyboard.press(key)
        await expect(page.get_by_text(screen.sign).locator("visible=true").first).to_be_visible(timeout=PATIENCE)
        await expect(page.locator("main .waiting")).to_have_count(0)
        await page.evaluate("document.fonts.ready")
        await save(page, PICTURES / f"{screen.name}-{theme}-{size}.webp")
        await page.keyboard.press("Escape")
    await context.close()


async def save(page: Page, path: Path) -> None:
    """A WebP picture, which Playwright itself does not make."""
    session = await page.context.new_cdp_session(page)
    options = {"format": "webp", "quality": QUALITY}
    shot = cast("dict[str, str]", await session.send("Page.captureScreenshot", options))  # pyright: ignore[reportUnknownMemberType]
    await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))
    await session.detach()


async def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "parser"
        folder.mkdir()
        settings = load(Path(place) / "home", {}, port=0)
        await start_server(settings, 60)
        async with cao.connect(home=settings.home) as client, await asyncio.start_server(accept, "127.0.0.1", 0) as receiver:
            try:
                await notify(client, receiver.sockets[0].getsockname()[1])
                await keep_time(client, folder)
                await tell(client, folder)
                async with browser() as opened:
                    for theme in ("light", "dark"):
                        for size in SIZES:
                            await take(opened, client, theme, size)
            finally:
                await client.session.shutdown(all=True)
                await client.daemon.stop()


if __name__ == "__main__":
    asyncio.run(main())
