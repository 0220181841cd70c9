"""History, output, errors and how a project stands, on a real store. No engine runs: turns are begun and settled by hand."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.events import TranscriptAppended
from cao.protocol import REGISTRY, Conflict, InvalidInput, NotFound
from cao.protocol.records import EntryKind, Failure
from cao.settings import load
from cao.store import Lease, Transaction, turns
from cao.store.clock import ManualClock
from cao.store.leases import acquire

from .repositories import Desk

NOON = 1_800_000_000.0
DAY = 86400.0
NO = Failure(code="model_error", message="the model said no")


class House(Desk):
    """A control, and turns that are played by hand."""

    def __init__(self, control: Control, clock: ManualClock, place: Path) -> None:
        super().__init__(control)
        self.clock = clock
        self.place = place
        self.store = control.services.store

    async def launch(self, prompt: str | None = None, **fields: Any) -> Any:
        return await self.ask("session.launch", provider="scripted", directory=str(self.place), prompt=prompt, **fields)

    async def begin(self, terminal_id: str) -> tuple[Any, Lease]:
        def start(tx: Transaction) -> tuple[Any, Lease]:
            lease = acquire(tx, f"test:{terminal_id}", "test", lambda _: False)
            assert lease is not None
            id = tx.new_id("trn")
            begun = turns.start(tx, id, terminal_id, lease, recovery="fail", flow_run_id=None, task_run_id=None)
            assert begun is not None
            return begun.turn, lease

        return await self.store.write(start)

    async def say(self, turn: Any, *entries: tuple[EntryKind, str], **data: Any) -> None:
        subject = {"session_id": turn.session_id, "terminal_id": turn.terminal_id, "run_id": turn.run_id, "turn_id": turn.id}

        def write(tx: Transaction) -> None:
            for kind, text in entries:
                tx.emit(TranscriptAppended(**subject, kind=kind, text=text, data=data))

        await self.store.write(write)

    async def settle(self, begun: tuple[Any, Lease], result: str = "", failure: Failure | None = None) -> None:
        turn, lease = begun
        state = "failed" if failure else "completed"
        await self.store.write(lambda tx: turns.settle(tx, turn.id, lease, state, result=result, failure=failure))

    async def play(self, prompt: str, result: str = "", failure: Failure | None = None) -> Any:
        """A session whose only run is settled."""
        session = await self.launch(prompt)
        await self.settle(await self.begin(session.terminals[0].id), result, failure)
        return session

    async def found(self, words: str, **fields: Any) -> list[str]:
        return [one.id for one in (await self.ask("history.search", words=words, **fields)).items]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    place = tmp_path / "work"
    place.mkdir()
    clock = ManualClock(NOON)
    async with Control(load(tmp_path / "home", {}), work=False, clock=clock) as control:
        yield House(control, clock, place)


async def test_search_finds_what_was_asked_answered_and_named(house: House) -> None:
    first = await house.play("Paint the façade", "painted in ochre")
    second = await house.play("Count the windows", failure=NO)
    third = await house.launch("Wash the windows", name="spring-cleaning")
    assert await house.found("facade") == [first.run_id]
    assert await house.found("OCHRE paint*") == [first.run_id]
    assert await house.found("windows") == [third.run_id, second.run_id]
    assert await house.found('"model said"') == [second.run_id]
    assert await house.found('"said model"') == []
    assert await house.found("spring-cleaning") == [third.run_id]
    assert await house.found("windows", state="failed") == [second.run_id]
    assert await house.found("windows", session="spring-cleaning") == [third.run_id]
    assert await house.found("...") == []
    [hit] = (await house.ask("history.search", words="ochre")).items
    assert (hit.kind, hit.state, hit.snippet) == ("turn", "completed", "painted in «ochre»")
    with pytest.raises(NotFound):
        await house.found("x", session="nobody")


async def test_secrets_are_not_found(house: House) -> None:
    token = "ghp_" + "a1B2" * 10
    session = await house.play(f"use {token} to push", f"used {token}")
    assert await house.found(token) == []
    assert await house.found("push redacted") == [session.run_id]


async def test_pages_of_both_orders(house: House) -> None:
    for number in range(7):
        await house.launch("river " * (number + 1) + f"stone{number}")
    newest = (await house.ask("history.recent", limit=200)).items
    for order in ("newest", "best"):
        cursor, seen = None, []
        while True:
            page = await house.ask("history.search", words="river", order=order, limit=3, cursor=cursor)
            seen += [one.id for one in page.items]
            if (cursor := page.next_cursor) is None:
                break
        assert sorted(seen) == sorted(one.id for one in newest)
        assert order == "best" or seen == [one.id for one in newest]
    page = await house.ask("history.search", words="river", limit=3)
    with pytest.raises(InvalidInput, match="cursor"):
        await house.ask("history.search", words="stone", cursor=page.next_cursor)


async def test_times(house: House) -> None:
    early = await house.play("river")
    house.clock.advance(DAY)
    late = await house.play("river")
    middle = "2027-01-15T20:00:00Z"
    assert await house.found("river", since=middle) == [late.run_id]
    assert await house.found("river", until=middle) == [early.run_id]
    with pytest.raises(InvalidInput, match="years"):
        await house.found("river", since="1066-10-14T09:00:00Z")


async def test_tasks_and_the_work_for_them(house: House) -> None:
    task = await house.ask("task.create", title="Mend the fence", description="the one by the river", status="ready")
    session = await house.play("Mend it", "mended", NO)
    await house.store.write(lambda tx: tx.update("tasks", task.id, run_id=session.run_id))
    [run] = (await house.ask("history.task", task=task.id)).items
    assert (run.id, run.task_id, run.reason) == (session.run_id, task.id, NO.message)
    assert await house.found("fence river", kind="task") == [task.id]
    await house.ask("task.update", task=task.id, title="Mend the gate")
    assert await house.found("fence") == []
    assert await house.found("gate") == [task.id]
    await house.ask("task.delete", task=task.id)
    assert await house.found("gate") == []


async def test_cleanup_forgets_old_runs_and_nothing_else(house: House) -> None:
    old = [await house.play(f"river {n}") for n in range(4)]
    waiting = await house.launch("river waits")
    task = await house.ask("task.create", title="river task")
    house.clock.advance(100 * DAY)
    new = await house.play("river new")
    planned = await house.ask("history.cleanup", older_than="90d", keep=4, dry_run=True)
    assert (planned.removed, planned.kept, planned.dry_run) == (3, 4, True)
    assert len(await house.found("river")) == 7
    done = await house.ask("history.cleanup", older_than="90d", keep=4)
    assert (done.removed, done.left, done.kept) == (3, 0, 4)
    assert set(await house.found("river")) == {old[3].run_id, waiting.run_id, task.id, new.run_id}
    assert (await house.ask("run.get", run=old[0].run_id)).state == "completed"
    [event] = await house.events("history.cleaned")
    assert event.data == {"removed": 3}
    await house.store.check()
    house.store.read().rows("SELECT * FROM history_text WHERE history_text MATCH 'river'")


async def test_output_grows_and_its_offsets_stay(house: House) -> None:
    session = await house.launch("Sing")
    run, begun = session.run_id, await house.begin(session.terminals[0].id)
    await house.say(begun[0], ("text", "Über "), ("text", "den"), ("tool_call", "look"), ("text", "Wolken"))
    part = await house.ask("output.read", run=run)
    assert (part.text, part.size, part.complete) == ("Über den\nWolken", 16, False)
    await house.say(begun[0], ("thought", "hm"), ("text", "!"))
    more = await house.ask("output.read", run=run, offset=part.next_offset)
    assert (more.text, more.offset) == ("\n!", 16)
    await house.settle(begun, "ignored: it spoke before")
    whole = await house.ask("output.read", run=run)
    assert (whole.text, whole.complete) == ("Über den\nWolken\n!", True)
    tail = await house.ask("output.read", run=run, tail=True, limit=17)
    assert (tail.text, tail.offset, tail.complete) == ("ber den\nWolken\n!", 2, True)
    assert (await house.ask("output.read", run=run, offset=10**9)).text == ""


async def test_a_silent_turn_gives_its_result(house: House) -> None:
    session = await house.play("Sum up", "all well")
    assert (await house.ask("output.read", run=session.run_id)).text == "all well"


async def test_follow_ends_with_the_run(house: House) -> None:
    session = await house.launch("Sing")
    begun = await house.begin(session.terminals[0].id)
    await house.say(begun[0], ("text", "one "))
    operation = REGISTRY["output.follow"]
    pieces = house.control.stream(operation, operation.parse({"run": session.run_id, "after": 2}))
    first = await anext(pieces)
    assert (first.text, first.seq) == ("e ", 4)
    await house.say(begun[0], ("text", "two"))
    assert (await anext(pieces)).text == "two"
    await house.settle(begun, "x")
    assert [piece async for piece in pieces] == []


async def test_artifacts(house: House, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    (house.place / "report.md").write_text("ünï\n" * 100)
    (house.place / "picture").write_bytes(bytes(range(256)))
    (house.place / "way-out").symlink_to(tmp_path / "secret")
    (house.place / "folder").mkdir()
    session = await house.launch("Write")
    begun = await house.begin(session.terminals[0].id)
    named = ["report.md", str(house.place / "picture"), "./report.md", "gone", "../secret", "way-out", "/etc/passwd", "folder"]
    await house.say(begun[0], ("tool_call", "write"), tool="write", files=named)
    await house.say(begun[0], ("tool_call", "read"), tool="read", files=["unread"])
    page = await house.ask("output.artifacts", run=session.run_id)
    assert [(one.path, one.bytes) for one in page.items] == [
        ("folder", None),
        ("gone", None),
        ("picture", 256),
        ("report.md", 600),
    ]
    fetched = await house.ask("output.download", run=session.run_id, path="picture")
    assert (fetched.encoding, base64.b64decode(fetched.content)) == ("base64", bytes(range(256)))
    part = await house.ask("output.download", run=session.run_id, path="report.md", limit=19)
    assert (part.encoding, part.content, part.next_offset, part.size) == ("text", "ünï\n" * 3, 18, 600)
    for path in ("gone", "../secret", "way-out", "/etc/passwd", "folder", "unread"):
        with pytest.raises(NotFound, match="left no file"):
            await house.ask("output.download", run=session.run_id, path=path)


async def test_errors_are_listed_counted_and_tried_again(house: House) -> None:
    fine, bad = await house.play("Go well"), await house.play("Go wrong", failure=NO)
    [listed] = (await house.ask("error.list", code="model_error", provider="scripted", within="1h")).items
    assert (listed.id, listed.failure, listed.profile, listed.retried_as) == (bad.run_id, NO, "developer", None)
    detail = await house.ask("error.get", run=bad.run_id)
    assert (detail.prompt, len(detail.turns)) == ("Go wrong", 1)
    with pytest.raises(NotFound):
        await house.ask("error.get", run=fine.run_id)
    retried = await house.ask("error.retry", run=bad.run_id, idempotency_key="k")
    assert await house.ask("error.retry", run=bad.run_id, idempotency_key="k") == retried
    [again] = (await house.ask("message.list", session=bad.id, state="pending")).items
    assert (again.text, again.run_id) == ("Go wrong", retried.retried_as)
    with pytest.raises(Conflict, match=retried.retried_as):
        await house.ask("error.retry", run=bad.run_id)
    with pytest.raises(Conflict, match="only failed"):
        await house.ask("error.retry", run=fine.run_id)
    stats = await house.ask("error.stats", within="1h")
    assert (stats.runs, stats.failed, stats.retried) == (2, 1, 1)
    assert [(one.name, one.count) for one in stats.by_code] == [("model_error", 1)]
    house.clock.advance(DAY)
    assert (await house.ask("error.list", within="1h")).items == []


async def test_a_closed_terminal_is_not_asked_again(house: House) -> None:
    bad = await house.play("Go wrong", failure=NO)
    await house.ask("session.shutdown", session=bad.id)
    with pytest.raises(Conflict, match="cao launch"):
        await house.ask("error.retry", run=bad.run_id)


async def test_how_a_project_stands(house: House) -> None:
    project = await house.ask("project.init", path=str(house.place))
    await house.play("Go wrong", failure=NO)
    waiting = await house.launch("Wait")
    task = await house.ask("task.create", title="Next", status="ready", priority="high")
    await house.ask("task.create", title="Later", status="ready")
    standing = await house.ask("project.status")
    assert (standing.project.id, standing.next.id, standing.tasks) == (project.id, task.id, {"ready": 2})
    assert ([run.id for run in standing.runs], standing.run_count) == ([waiting.run_id], 1)
    assert (standing.failed_count, standing.failed_lately[0].failure, standing.open_sessions) == (1, NO, 2)
    assert (standing.queue_paused, standing.worktrees, standing.waiting_count) == (False, 0, 0)
