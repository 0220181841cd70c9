"""Takes the pictures of the page: `make screenshots`. A server with a small story in it, a real browser, every screen.

They go to docs/images/page/, each in light and dark, on a phone and on a wide window; git keeps the few that the docs show.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Mapping, Sequence
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
IN_INBOX = 4
"""Two questions of agents, a workflow's gate and a failure: the story has come to its end."""


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
    Screen("workflow", "#/workflows/{run}", "asks to go on"),
    Screen("tasks", "#/tasks/{task}", "Checklist"),
    Screen("queue", "#/queue", "wait for the release"),
    Screen("runs", "#/runs", "pull requests"),
    Screen("schedules", "#/schedules", "weekly-audit"),
    Screen("schedule", "#/schedules/nightly-report", "Ledger"),
    Screen("notifications", "#/notifications", "Receipts"),
    Screen("events", "#/events", "approval.requested"),
    Screen("health", "#/health", "Engine"),
    Screen("palette", "#/inbox", "Go to", ("Control+k",)),
    Screen("launch", "#/inbox", "The first work", ("n",)),
)

CHANGE = """\
name: change
description: Plan a change, build both halves of it, test, look at it, and merge once somebody says so.
inputs:
  goal: {type: string, required: true, description: What is wanted}
  branch: {type: string, default: main, description: Where it is merged}
defaults: {provider: scripted, profile: developer, effect: idempotent}
phases:
  - id: plan
    description: Say what is to be done, and where
    agent:
      prompt: 'Plan: {{ inputs.goal }}. <script>[{"say": "Two halves: the palette, and the switch in the settings."}]</script>'
  - id: build
    description: Both halves side by side
    parallel:
      phases:
        - id: palette
          description: 24 colours for dark grounds
          agent: {prompt: '<script>[{"say": "Written: 24 colours, each with its contrast."}]</script>'}
        - id: switch
          description: A switch in the settings
          agent: {prompt: '<script>[{"say": "The switch stands below the language."}]</script>'}
  - id: tests
    description: All tests
    command: {run: [echo, "212 passed"]}
  - id: review
    description: Somebody else looks at it
    agent:
      prompt: >
        Review it. <script>[{"say": "{
        \\"verdict\\": \\"{{ "advance" if phases.build.attempt > 1 else "rework" }}\\",
        \\"reason\\": \\"{{ "Every contrast is 4.5." if phases.build.attempt > 1 else "Links have 3.9." }}\\",
        \\"confidence\\": 0.9, \\"risk\\": \\"low\\",
        \\"evidence\\": [{\\"kind\\": \\"code-review-clean\\", \\"description\\": \\"Read all of it\\"}]}"}]</script>
    contract: {evidence: [code-review-clean], confidence: 0.7}
    routes: {rework: build}
  - id: gate
    description: A person says yes
    manual: {question: "Merge {{ inputs.goal }} into {{ inputs.branch }}? {{ phases.tests.output.text }}"}
  - id: merge
    description: Bring it home
    command: {run: [echo, merged]}
"""
"""A definition with all that a graph can show."""

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


async def work(client: Any, folder: Path) -> dict[str, str]:
    """A workflow that waits at its gate, tasks in every state, and a line before a full house. Returns what addresses name."""
    profile = folder / ".cao" / "profiles" / "developer.md"
    await client.project.init(path=str(folder), name="notes")
    profile.write_text("---\nname: developer\ndescription: Writes code.\nprovider: scripted\n---\nDo it.\n")
    await client.definition.put(definition="change", text=CHANGE)
    run = await client.workflow.run(definition="change", inputs={"goal": "dark mode"})
    task = await client.task.create(
        title="Show dark mode in the settings",
        description="People ask for it.\n\nThe switch stands below the language, and follows the system at first.",
        priority="high",
        status="ready",
        agent="developer",
        labels=["ui"],
        checklist=["Colours for dark grounds", "The switch", "A picture for the manual"],
    )
    await client.checklist.set(task=task.id, item=1)
    await begin(client, "Search does not find umlauts", kind="bug", priority="critical", person="ada", labels=["search"])
    export = await begin(client, "Export notes as Markdown", labels=["files"])
    await client.task.status(task=export, status="blocked", reason="nobody has said how links look")
    await client.dependency.add(task=task.id, other=export, kind="related")
    await client.task.create(title="Measure the start on a slow disk", kind="test", status="ready")
    await client.task.create(title="Write down how backups are restored", kind="docs", priority="low")
    await line_up(client, folder)
    return {"run": run.id, "task": task.id}


async def begin(client: Any, title: str, **fields: Any) -> str:
    """A task in progress."""
    task = await client.task.create(title=title, status="ready", **fields)
    await client.task.status(task=task.id, status="in-progress")
    return task.id


async def line_up(client: Any, folder: Path) -> None:
    """Two that are under way, and some that wait, each for another reason."""
    common = {"provider": "scripted", "directory": str(folder)}
    for words in (
        "Sort the reports of May by what they have in common, and write one page on each group: what happened, and how often",
        "Find out why the import of large files is slow: measure first, then say what takes the time, and change nothing yet",
    ):
        await client.queue.enqueue(prompt=script(words, {"sleep": 900}), priority="high", **common)
    await client.queue.enqueue(prompt="Rewrite the page on backups for people in a hurry", **common)
    await client.queue.enqueue(prompt="Compare the parsers", not_before="6h", **common)
    held = await client.queue.enqueue(prompt="Remove what was deprecated in the last release", priority="low", **common)
    await client.queue.hold(items=[held.id], reason="wait for the release")


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The receiving end of a notifier."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def take(opened: Browser, client: Any, theme: str, size: str, names: Mapping[str, str]) -> None:
    width, height = SIZES[size]
    context = await opened.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        has_touch=size == "phone",
    )
    page = await context.new_page()
    await page.goto((await client.token.link()).url)
    await expect(page.locator("nav .count")).to_have_text(str(IN_INBOX), timeout=PATIENCE)
    for screen in SCREENS:
        await page.goto(f"{page.url.partition('#')[0]}{screen.address.format_map(names)}")
        await page.keyboard.press("Escape")
        for key in screen.keys:
            await page.keyboard.press(key)
        await expect(page.get_by_text(screen.sign).locator("visible=true").first).to_be_visible(timeout=PATIENCE)
        await expect(page.locator("main .waiting:visible")).to_have_count(0)
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
        settings = load(Path(place) / "home", {}, port=0, queue_limit=2)
        await start_server(settings, 60)
        async with cao.connect(home=settings.home) as client, await asyncio.start_server(accept, "127.0.0.1", 0) as receiver:
            try:
                await notify(client, receiver.sockets[0].getsockname()[1])
                await keep_time(client, folder)
                await tell(client, folder)
                names = await work(client, folder)
                async with browser() as opened:
                    for theme in ("light", "dark"):
                        for size in SIZES:
                            await take(opened, client, theme, size, names)
            finally:
                await client.session.shutdown(all=True)
                await client.daemon.stop()


if __name__ == "__main__":
    asyncio.run(main())
