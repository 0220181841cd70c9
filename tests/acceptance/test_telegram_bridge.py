"""The Telegram bridge, as a team uses it: a program of its own, Telegram's client library, a server, people in a chat."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import cao
from cao.client.daemon import start_server
from cao.settings import Settings, load

from .telegram_api import TOKEN, Telegram, telegram

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

EXAMPLES = Path(__file__).parents[2] / "examples"
TEAM, ANN, BOB, STRANGER = -77, 11, 12, 99
"""A group, two people of whom it knows, and one of whom it does not."""


def launch(*steps: dict[str, Any]) -> str:
    return f"/cao launch <script>{json.dumps(steps)}</script>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    """A server whose questions wait fifteen seconds."""
    chosen = load(tmp_path_factory.mktemp("telegram") / "home", {}, port=0, approval_seconds=15)
    await start_server(chosen, 60)
    yield chosen
    async with cao.connect(home=chosen.home) as control:
        await control.daemon.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[Telegram]:
    async with telegram() as opened:
        yield opened


@asynccontextmanager
async def bridge(settings: Settings, service: Telegram, memory: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The program of the example; what it wrote is beside its memory."""
    arguments = ["--chat", str(TEAM), "--chat", str(ANN), "--user", str(ANN), "--user", str(BOB), "--provider", "scripted"]
    with memory.with_suffix(".log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "telegram_bridge", *arguments, "--memory", str(memory), "--telegram", service.url),
            cwd=EXAMPLES,
            env={**os.environ, "CAO_HOME": str(settings.home), "TELEGRAM_TOKEN": TOKEN},
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(settings: Settings, service: Telegram, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    memory = tmp_path_factory.mktemp("bridge") / "memory.json"
    async with bridge(settings, service, memory) as process:
        yield memory
        assert process.returncode is None, memory.with_suffix(".log").read_text()
    assert TOKEN not in memory.with_suffix(".log").read_text()
    assert memory.stat().st_mode & 0o777 == 0o600


async def test_launch_watch_and_approve(service: Telegram, running: Path) -> None:
    work = {"assign": {"profile": "developer", "name": "helper", "message": '<script>[{"say": "half"}]</script>'}, "as": "half"}
    steps = (work, {"say": "I begin <b>now</b>"}, {"ask": "Delete the old logs?", "as": "answer"}, {"say": "{{answer.word}}"})
    await service.says(TEAM, ANN, launch(*steps))
    await service.until(lambda: service.told(TEAM, "Started"))
    await service.until(lambda: service.told(TEAM, "I begin <b>now</b>"))
    await service.until(lambda: service.told(TEAM, "helper") and service.told(TEAM, ": half"))
    question = await service.until(lambda: service.told(TEAM, "Delete the old logs?"))
    pressed = await service.presses(question, "Allow", BOB)
    assert await service.until(lambda: service.answers.get(pressed)) == "✓ Allowed"
    edit = await service.until(lambda: next((one for one in service.edits if "Delete the old logs?" in one["text"]), None))
    assert edit["message_id"] == question["message_id"]
    assert edit["text"].startswith("✓ Allowed · Person 12 (12) on Telegram")
    assert "reply_markup" not in edit
    await service.until(lambda: service.told(TEAM, ": approved"))
    await service.until(lambda: service.told(TEAM, "is done."))
    again = await service.presses(question, "Deny", ANN)
    assert await service.until(lambda: service.answers.get(again)) == "✓ Allowed"


async def test_a_stranger_is_refused_once_and_decides_nothing(service: Telegram, settings: Settings, running: Path) -> None:
    await service.says(STRANGER, STRANGER, launch({"say": "mine now"}))
    refusal = await service.until(lambda: service.told(STRANGER, "I do not know you here."))
    assert str(STRANGER) in refusal["text"]
    await service.says(TEAM, STRANGER, launch({"say": "mine now"}))
    await service.says(ANN, ANN, launch({"ask": "May I, Ann?", "as": "a"}, {"say": "{{a.word}}"}))
    question = await service.until(lambda: service.told(ANN, "May I, Ann?"))
    stranger = await service.presses(question, "Allow", STRANGER)
    assert await service.until(lambda: service.answers.get(stranger)) == "This is not for you."
    elsewhere = await service.presses(question, "Allow", BOB, chat=TEAM)
    assert await service.until(lambda: service.answers.get(elsewhere)) == "That is no question of this chat."
    forged = ":".join(["approve", question["reply_markup"]["inline_keyboard"][0][0]["callback_data"].split(":")[1], "0" * 32])
    changed = await service.presses(question, "Allow", ANN, data=forged)
    assert await service.until(lambda: service.answers.get(changed)) == "That is no question of this chat."
    async with cao.connect(home=settings.home) as control:
        pending = (await control.approval.list(state="pending")).items
        assert [approval.question for approval in pending] == ["May I, Ann?"]
        sessions = (await control.session.list()).items
        assert not any("mine now" in session.name for session in sessions)
        assert {session.labels["telegram_chat"] for session in sessions} <= {str(TEAM), str(ANN)}
    right = await service.presses(question, "Deny", ANN)
    assert await service.until(lambda: service.answers.get(right)) == "✗ Denied"
    await service.until(lambda: service.told(ANN, ": denied"))
    assert [one["chat"]["id"] for one in service.messages if "I do not know you" in one["text"]] == [STRANGER]
    assert not service.told(TEAM, "mine now")


async def test_an_expired_question_says_so(service: Telegram, running: Path) -> None:
    await service.says(TEAM, ANN, launch({"ask": "Still there?", "as": "a"}, {"say": "I was {{a.word}}"}))
    question = await service.until(lambda: service.told(TEAM, "Still there?"))
    edit = await service.until(lambda: next((one for one in service.edits if "Still there?" in one["text"]), None))
    assert edit["text"].startswith("✗ Expired: nobody decided in time.")
    late = await service.presses(question, "Allow", ANN)
    assert await service.until(lambda: service.answers.get(late)) == "✗ Expired: nobody decided in time."
    await service.until(lambda: service.told(TEAM, ": I was denied"))


async def test_what_cannot_be_shown_whole_cannot_be_allowed(service: Telegram, running: Path) -> None:
    turned = "Remove \u202etxt.exe?"
    await service.says(TEAM, ANN, launch({"say": "long " * 2000}, {"ask": turned}, {"ask": "Long? " + "x" * 5000}))
    long = await service.until(lambda: service.told(TEAM, "long long"))
    assert (len(long["text"]), long["text"][-1]) == (4096, "…")
    for words in ("Remove txt.exe?", "Long? xxx"):
        question = await service.until(lambda words=words: service.told(TEAM, words))
        assert [button["text"] for button in question["reply_markup"]["inline_keyboard"][0]] == ["✗ Deny"]
        assert "see: cao approval get apr_" in question["text"]
        pressed = await service.presses(question, "Deny", ANN)
        assert await service.until(lambda pressed=pressed: service.answers.get(pressed)) == "✗ Denied"


async def test_commands_answer(service: Telegram, running: Path) -> None:
    for command, answer in (
        ("/cao", "/cao launch TEXT"),
        ("/cao@bridge_bot status", "developer"),
        ("/cao launch", "/cao launch TEXT"),
        ("/cao send thanks", "It will read that."),
        ("/cao stop", "Stopping"),
    ):
        count = len(service.messages)
        await service.says(TEAM, ANN, command)
        await service.until(lambda count=count, answer=answer: any(answer in one["text"] for one in service.messages[count:]))
        if command.endswith("thanks"):
            await service.until(lambda: service.told(TEAM, "scripted: thanks"))


async def test_it_goes_on_where_it_was_and_waits_when_it_is_told_to(settings: Settings, tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    async with telegram() as service, cao.connect(home=settings.home) as control:
        async with bridge(settings, service, memory):
            launched = await service.says(TEAM, BOB, launch({"say": "before"}, {"ask": "Wait for me?"}, {"say": "after"}))
            await service.until(lambda: service.told(TEAM, "Wait for me?"))
        approval = (await control.approval.list(state="pending")).items[0]
        await control.approval.decide(approval.id, "approve", digest=approval.digest, reason="from the shell")
        await control.run.wait(str(approval.run_id), timeout=60)

        told, service.busy, service.updates = len(service.messages), 2, [launched]
        async with bridge(settings, service, memory):
            await service.until(lambda: service.told(TEAM, "is done."))
        assert [one["text"].partition(": ")[2] for one in service.messages[told:] if ": " in one["text"]] == ["after"]
        assert service.busy == 0
        assert service.edits[-1]["text"].startswith("✓ Allowed · from the shell")

        memory.write_text(json.dumps({**json.loads(memory.read_text()), "handled": []}))  # as if it had died before it wrote
        service.updates, sessions = [launched], [session.id for session in (await control.session.list()).items]
        told = len(service.messages)
        async with bridge(settings, service, memory):
            await service.until(lambda: any("Started" in one["text"] for one in service.messages[told:]))
        assert [session.id for session in (await control.session.list()).items] == sessions
