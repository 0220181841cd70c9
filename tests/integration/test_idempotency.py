"""Idempotency keys: the same answer again, whatever has changed meanwhile, and whoever asks at the same time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cao.control import Control
from cao.protocol import REGISTRY, Caller, InvalidInput
from cao.settings import load
from tests.chaos.receivers import http

from .repositories import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        yield Desk(control)


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "See https://example.com", "description": "alice@corp.com knows more"},
        {"title": "Mend https://example.com", "person": "alice@corp.com"},
        {"title": "Ask", "description": 'https://example.com,bob@example.org \u2028 "quoted"'},
    ],
)
async def test_the_answer_is_the_same_again(desk: Desk, fields: dict[str, str]) -> None:
    first = await desk.ask("task.create", **fields, idempotency_key="k1")
    assert await desk.ask("task.create", **fields, idempotency_key="k1") == first


async def test_what_it_was_asked_with_may_be_gone(desk: Desk, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "nightly.md").write_text("---\nname: nightly\nevery: 1h\nprovider: scripted\n---\nSay hello.\n")
    common = {"provider": "scripted", "directory": str(place)}
    session = await desk.ask("session.launch", **common, prompt="hello", idempotency_key="launch")
    asked = (
        ("session.launch", {**common, "prompt": "hello"}),
        ("terminal.add", {**common, "session": session.id, "profile": "reviewer"}),
        ("terminal.assign", {**common, "session": session.id, "message": "Look."}),
        ("project.init", {"path": str(place)}),
        ("schedule.add", {"file": str(place / "nightly.md")}),
    )
    first = [await desk.ask(name, **fields, idempotency_key=name) for name, fields in asked]
    (place / "nightly.md").unlink()
    (place / ".cao" / "profiles").rmdir()
    (place / ".cao").rmdir()
    place.rmdir()
    assert [await desk.ask(name, **fields, idempotency_key=name) for name, fields in asked] == first


async def test_callers_at_the_same_time_get_one_answer(desk: Desk) -> None:
    heard: list[str] = []
    async with http("service", "json://127.0.0.1:PORT/hook") as receiver:
        receiver.decide = lambda text: heard.append(text) or "take"
        await desk.control.notifier.add("service", receiver.url)
        test = (desk.ask("notifier.test", notifier="service", idempotency_key="once") for _ in range(5))
        answers = await asyncio.gather(*test)
    assert [answer == answers[0] for answer in answers] == [True] * 5
    assert len(heard) == 1


@pytest.mark.parametrize("key", ["queue:itm_1", "schedule:sch_1:1800000000", "link:dlv_1"])
async def test_keys_of_our_own_parts_are_nobody_elses(desk: Desk, key: str) -> None:
    operation = REGISTRY["requirement.create"]
    for caller in (Caller(), Caller("token:queue", "http"), Caller("queues", "http")):
        with pytest.raises(InvalidInput, match="may not begin with") as refused:
            await desk.control.call(operation, operation.parse({"title": "Light", "idempotency_key": key}), caller)
        assert refused.value.details["errors"][0]["pointer"] == "/idempotency_key"
    assert (await desk.ask("requirement.list")).items == []


async def test_the_audit_trail_keeps_names_and_lengths(desk: Desk, tmp_path: Path) -> None:
    secret = "my therapist is Dr. Smith, PIN 4711"
    session = await desk.ask(
        "session.launch", provider="scripted", directory=str(tmp_path), prompt="4711", labels={"a": secret}
    )
    await desk.ask("session.send", session=session.id, text=secret)
    rows = desk.control.services.store.read().rows("SELECT operation, request FROM audit ORDER BY n")
    told = {row["operation"]: json.loads(row["request"]) for row in rows}
    assert told["session.send"] == {"session": session.id, "text": "(35 characters)"}
    assert (told["session.launch"]["prompt"], told["session.launch"]["labels"]) == ("(4 characters)", {"a": "(35 characters)"})
