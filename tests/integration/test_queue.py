"""The queue on a real store, with a clock that is moved by hand. No engine runs: what is dispatched waits, or is cancelled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.operations.enqueuing import moment
from cao.plugins import Plugin, Veto, before
from cao.protocol import Caller, CaoError, Conflict, Denied, InvalidInput, NotFound, Unavailable
from cao.settings import load
from cao.store import dispatches, leases
from cao.store.clock import ManualClock

from .queue_house import House

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock, place = ManualClock(), tmp_path / "work"
    place.mkdir()
    profiles = tmp_path / "home" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "developer.md").write_text("---\nname: developer\nprovider: scripted\n---\nYou develop.\n")
    async with Control(load(tmp_path / "home", {}, queue_limit=3), work=False, clock=clock) as control:
        yield House(control, clock, place)


async def test_an_item_becomes_one_session(house: House) -> None:
    item = await house.enqueue("Say\n  hello.", priority="high")
    assert (item.state, item.position, item.what, item.provider) == ("ready", 1, "Say hello.", "scripted")
    assert house.is_due
    assert await house.dispatch() == {"dispatched": 1}
    assert not house.is_due
    item = await house.item(item.id)
    assert (item.state, item.position, item.attempts, item.reason) == ("dispatched", None, 1, None)
    session = await house.ask("session.get", session=item.session_id)
    assert (session.labels, session.terminals[0].directory) == ({"queue": item.id}, str(house.place))
    (message,) = (await house.ask("message.list", session=session.id)).items
    assert (message.text, message.sender, message.run_id) == ("Say\n  hello.", f"queue:{item.id}", item.run_id)
    (told,) = await house.events("queue.dispatched")
    assert (told.run_id, told.session_id, told.data["item_id"]) == (item.run_id, session.id, item.id)
    assert await house.dispatch(HOUR) == {}
    assert len(await house.sessions()) == 1


async def test_the_end_of_its_run_settles_an_item(house: House) -> None:
    ids = await house.enqueue_many("a", "b", "c", "d")
    await house.dispatch()
    assert (await house.item(ids[3])).reason == "capacity: 3/3 in flight"
    ended = await house.end_run(ids[0])
    assert (ended.state, ended.settled_at is not None) == ("cancelled", True)
    assert house.is_due, "its place is free"
    assert await house.dispatch() == {"dispatched": 1}
    (told,) = await house.events("queue.settled")
    assert (told.data["item_id"], told.data["state"]) == (ids[0], "cancelled")


async def test_urgent_work_goes_first(house: House) -> None:
    for word, priority in (("a", "low"), ("b", None), ("c", "critical"), ("d", "medium"), ("e", "high")):
        await house.enqueue(word, priority=priority)
    assert await house.line() == ["c", "e", "b", "d", "a"]
    await house.dispatch()
    assert await house.line() == ["d", "a"]
    assert [item.what for item in (await house.ask("queue.list")).items] == ["c", "e", "b", "d", "a"], "in flight first"


async def test_items_change_places(house: House) -> None:
    a, b, c, d = await house.enqueue_many("a", "b", "c", "d")
    await house.ask("queue.reorder", items=[d, c], to="front")
    assert await house.line() == ["d", "c", "a", "b"]
    await house.ask("queue.reorder", items=[d], to="after", anchor=a)
    assert await house.line() == ["c", "a", "d", "b"]
    await house.ask("queue.reorder", items=[b, c], to="before", anchor=a)
    assert await house.line() == ["b", "c", "a", "d"]
    await house.ask("queue.reorder", items=[b], to="back")
    await house.ask("queue.reorder", items=[d], to="back", priority="high")
    assert await house.line() == ["d", "c", "a", "b"]
    await house.ask("queue.reorder", items=[b], to="before", anchor=d)
    assert (await house.item(b)).priority == "high", "beside an anchor, an item takes its priority"
    await house.ask("queue.reorder", all=True, to="after", anchor=c)
    assert await house.line() == ["c", "b", "d", "a"]
    assert [(await house.item(id)).position for id in (c, b, d, a)] == [1, 2, 3, 4]
    told = await house.events("queue.reordered")
    assert told[-1].data == {"items": [b, d, a], "count": 3, "to": f"after {c}"}


async def test_places_never_run_out(house: House) -> None:
    """Always between the same two: each halves the gap, and the lane is numbered again when it is used up."""
    dice = random.Random(7)
    model = await house.enqueue_many(*"abcdef")
    for _ in range(120):
        mover = model.pop(dice.choice((0, -1, 3)))
        anchor = dice.randrange(2)
        to = dice.choice(("before", "after"))
        await house.ask("queue.reorder", items=[mover], to=to, anchor=model[anchor])
        model.insert(anchor + (to == "after"), mover)
        items = (await house.ask("queue.list")).items
        assert [(item.id, item.position) for item in items] == [(id, place) for place, id in enumerate(model, 1)]


async def test_held_items_stay_in_line(house: House) -> None:
    a, b, c = await house.enqueue_many("a", "b", "c")
    done = await house.ask("queue.hold", items=[a, b], reason="wait for the release")
    assert (done.succeeded, done.failed, [outcome.state for outcome in done.outcomes]) == (2, 0, ["held", "held"])
    assert await house.dispatch() == {"dispatched": 1}
    assert await house.states([a, b, c]) == ["held", "held", "dispatched"]
    assert (await house.item(a)).reason == "wait for the release"
    assert await house.line(state="held") == ["a", "b"]
    assert (await house.ask("queue.release", items=[b])).succeeded == 1
    assert await house.dispatch() == {"dispatched": 1}
    assert (await house.ask("queue.release", all=True)).succeeded == 1
    assert await house.dispatch() == {"dispatched": 1}
    assert [event.type for event in await house.events("queue.held", "queue.released")] == [
        "queue.held",
        "queue.released",
        "queue.released",
    ]


async def test_each_item_has_its_outcome(house: House) -> None:
    gone, kept = await house.enqueue_many("gone", "kept")
    await house.ask("queue.reorder", items=[kept], to="back")
    await house.ask("queue.hold", items=[kept])
    await house.dispatch()
    dropped = await house.ask("queue.drop", items=["itm_nobody", gone, kept, kept], dry_run=True)
    assert [(outcome.item, outcome.ok, outcome.code, outcome.state) for outcome in dropped.outcomes] == [
        ("itm_nobody", False, "not_found", None),
        (gone, False, "conflict", "dispatched"),
        (kept, True, None, "dropped"),
    ]
    assert (dropped.succeeded, dropped.failed, dropped.dry_run) == (1, 2, True)
    assert await house.states([kept]) == ["held"], "a dry run changes nothing"
    run_id = (await house.item(gone)).run_id
    with pytest.raises(Conflict, match=f"cao run cancel {run_id}") as refused:
        await house.ask("queue.drop", items=[gone])
    assert refused.value.details["status"] == "dispatched"
    assert refused.value.details["allowed"] == []
    with pytest.raises(NotFound, match="cao queue list"):
        await house.ask("queue.hold", items=["itm_nobody"])
    assert (await house.ask("queue.drop", all=True)).succeeded == 1
    assert (await house.item(kept)).reason == "dropped by owner"
    assert (await house.ask("queue.drop", all=True)).succeeded == 0
    for verb in ("hold", "release", "drop"):
        with pytest.raises(Conflict, match="is dropped"):
            await house.ask(f"queue.{verb}", items=[kept])


async def test_times(house: House) -> None:
    later = await house.enqueue("later", not_before="10m", expires="1h")
    brief = await house.enqueue("brief", expires="30s")
    await house.ask("queue.hold", items=[brief.id])
    assert later.reason is not None
    assert later.reason.startswith("not before 20")
    assert not house.is_due
    reader = house.control.services.store.read()
    assert house.control.duties.next(reader) == house.clock.now() + 30
    assert await house.dispatch(31) == {"expired": 1}
    assert ((await house.item(brief.id)).state, (await house.item(brief.id)).position) == ("expired", None)
    assert house.control.duties.next(reader) == house.clock.now() + 10 * MINUTE - 31
    stats = await house.ask("queue.stats")
    assert (stats.oldest_ready_at, stats.next_due_at) == (None, later.not_before)
    assert await house.dispatch(10 * MINUTE) == {"dispatched": 1}
    (told,) = await house.events("queue.expired")
    assert told.data == {"items": [brief.id], "count": 1}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"not_before": "2h", "expires": "1h"}, "after not_before"),
        ({"expires": "2001-01-01T00:00:00Z"}, "in the future"),
        ({"not_before": "2027-13-01T00:00:00Z"}, "is no time"),
        ({"not_before": "2999-01-01T00:00:00Z"}, "outside the years"),
        ({"not_before": "tomorrow"}, "pattern"),
        ({"not_before": "0m"}, "pattern"),
        ({"not_before": "2027-01-01T00:00:00"}, "pattern"),
        ({"task": "tsk_1"}, "one of prompt, task"),
        ({"prompt": None}, "one of prompt, task"),
        ({"inputs": {"a": 1}}, "inputs does not go with a prompt"),
        ({"prompt": None, "requirement": "req_1"}, "provider does not go with a requirement"),
        ({"prompt": None, "task": "tsk_1"}, "directory does not go with a task"),
        ({"project": "docs"}, "directory or project"),
        ({"prompt": "ü" * 600_000}, "bytes"),
        ({"directory": "/nowhere/at/all"}, "is not a directory"),
    ],
)
async def test_bad_requests(house: House, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        await house.enqueue(**{"prompt": "go", **fields})
    assert await house.line() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"items": [], "to": "front"},
        {"items": ["itm_1"], "all": True, "to": "front"},
        {"items": [f"itm_{n}" for n in range(101)], "to": "front"},
        {"items": ["itm_1"], "to": "before"},
        {"items": ["itm_1"], "to": "front", "anchor": "itm_2"},
        {"items": ["itm_1"], "to": "after", "anchor": "itm_1"},
        {"items": ["itm_1"], "to": "after", "anchor": "itm_2", "priority": "low"},
    ],
)
async def test_bad_moves(house: House, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await house.ask("queue.reorder", **fields)


def test_times_are_read_as_they_are_written() -> None:
    assert moment("not_before", "2027-03-01t09:00:00.5z", 0.0) == 1803891600.5
    assert moment("not_before", "90s", 10.0) == 100.0


async def test_a_key_enqueues_once(house: House) -> None:
    first = await house.enqueue("once", idempotency_key="k1", not_before="10m")
    house.clock.advance(MINUTE)
    assert await house.enqueue("once", idempotency_key="k1", not_before="10m") == first
    with pytest.raises(Conflict, match="another request"):
        await house.enqueue("twice", idempotency_key="k1")
    assert await house.line() == ["once"]


async def test_limits_by_project_and_provider(tmp_path: Path) -> None:
    clock, docs, web = ManualClock(), tmp_path / "docs", tmp_path / "web"
    docs.mkdir()
    web.mkdir()
    limits = {"queue_project_limits": {"docs": 1}, "queue_provider_limits": {"scripted": 2}}
    async with Control(load(tmp_path / "home", {}, **limits), work=False, clock=clock) as control:
        house = House(control, clock, web)
        for name in ("docs", "web"):
            await house.ask("project.init", path=str(tmp_path / name), name=name)
        first, second = await house.enqueue_many("d1", "d2", directory=str(docs))
        w1 = await house.enqueue("w1", directory=None, project="web")
        w2 = await house.enqueue("w2")
        assert await house.dispatch() == {"dispatched": 2}
        assert await house.states([first, second, w1.id, w2.id]) == ["dispatched", "ready", "dispatched", "ready"]
        assert (await house.item(second)).reason == "capacity: project docs 1/1"
        assert (await house.item(w2.id)).reason == "capacity: provider scripted 2/2"
        assert not house.is_due
        stats = await house.ask("queue.stats")
        assert [(room.name, room.in_flight, room.limit) for room in stats.projects] == [("docs", 1, 1), ("web", 1, None)]
        assert [(room.name, room.in_flight, room.limit) for room in stats.providers] == [("scripted", 2, 2)]
        await house.end_run(w1.id)
        assert await house.dispatch() == {"dispatched": 1}
        assert await house.states([second, w2.id]) == ["ready", "dispatched"], "another project's work goes past"
        await house.end_run(first)
        assert await house.dispatch() == {"dispatched": 1}
        assert await house.line(project="docs") == []


async def test_a_pause_holds_the_queue_and_says_so(house: House) -> None:
    item = await house.enqueue()
    brief = await house.enqueue("brief", expires="30s")
    await house.ask("schedule.add", name="job", every="1m", provider="scripted", directory=str(house.place), prompt="go")
    paused = await house.ask("daemon.pause", reason="the release is being built")
    assert await house.ask("daemon.pause", reason="again") == paused, "who paused first is told"
    assert await house.dispatch(31) == {"expired": 1}
    assert (await house.item(item.id)).reason == "paused"
    status, health = await house.ask("daemon.status"), await house.ask("daemon.health")
    assert (status.paused, status.queue_waiting, health.paused, health.status) == (True, 1, True, "ok")
    stats = await house.ask("queue.stats")
    assert (stats.paused, stats.paused_by, stats.paused_reason) == (True, "owner", "the release is being built")
    house.clock.advance(MINUTE)
    assert (await house.ask("daemon.tick", timeout=0.5)).done == {"schedules.fired": 1}, "schedules keep their times"
    assert (await house.item(brief.id)).state == "expired"
    assert not (await house.ask("daemon.resume")).paused
    assert house.is_due
    assert await house.dispatch() == {"dispatched": 1}
    assert len(await house.events("daemon.paused", "daemon.resumed")) == 2


async def test_the_queue_outlives_its_process(tmp_path: Path) -> None:
    clock, settings = ManualClock(), load(tmp_path / "home", {})
    async with Control(settings, work=False, clock=clock) as control:
        item = await House(control, clock, tmp_path).enqueue()
        await House(control, clock, tmp_path).ask("daemon.pause")
    async with Control(settings, work=False, clock=clock) as control:
        house = House(control, clock, tmp_path)
        assert await house.dispatch() == {}
        await house.ask("daemon.resume")
        assert (await house.ask("daemon.tick", timeout=0.3)).done == {"queue.dispatched": 1}
        assert await house.states([item.id]) == ["dispatched"]


class Guard(Plugin):
    """Decides on what the queue starts."""

    name = "guard"

    def __init__(self, control: Control) -> None:
        super().__init__(control)
        self.asked, self.verdict = asyncio.Event(), ""

    @before("session.launch")
    async def look(self, operation: Any, request: Any, caller: Caller) -> None:
        self.asked.set()
        if self.verdict == "wait":
            await asyncio.Event().wait()
        elif self.verdict:
            raise Veto(self.verdict)


async def guarded(house: House, verdict: str) -> Guard:
    made: list[Guard] = []

    class Ours(Guard):
        def __init__(self, control: Control) -> None:
            super().__init__(control)
            self.verdict = verdict
            made.append(self)

    await house.control.plugins.add(Ours)
    return made[0]


async def test_what_is_refused_fails_with_the_reason(house: House) -> None:
    await guarded(house, "no work at night")
    item = await house.enqueue()
    assert await house.dispatch() == {"failed": 1}
    item = await house.item(item.id)
    assert item.state == "failed"
    assert "no work at night" in (item.reason or "")
    assert await house.sessions() == []
    assert (await house.ask("queue.list", state="failed")).items == [item]
    (told,) = await house.events("queue.refused")
    assert (told.data["item_id"], told.data["reason"]) == (item.id, item.reason)


async def test_what_may_pass_is_tried_again(house: House) -> None:
    program = house.place / "agent.sh"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    profiles = house.control.settings.home / "profiles"
    (profiles / "shell.md").write_text(f"---\nname: shell\nprovider: headless\ncommand: ['{program}']\n---\nYou run.\n")
    item = await house.enqueue(profile="shell", provider=None)
    program.rename(house.place / "away")
    for attempt, pause in enumerate((10, 20, 40, 80), 1):
        assert await house.dispatch() == {"returned": 1}
        waiting = await house.item(item.id)
        assert (waiting.state, waiting.attempts) == ("ready", attempt)
        assert f"attempt {attempt}: " in (waiting.reason or "")
        assert await house.dispatch(pause - 1) == {}
        house.clock.advance(1)
    assert await house.dispatch() == {"failed": 1}
    assert "is not on PATH" in ((await house.item(item.id)).reason or "")
    with pytest.raises(Unavailable):
        await house.enqueue(profile="shell", provider=None)
    again = await house.ask("queue.enqueue", prompt="go", provider="scripted", directory=str(house.place))
    assert again.attempts == 0


async def test_what_a_dispatcher_did_not_start_waits_again(house: House) -> None:
    guard = await guarded(house, "wait")
    item = await house.enqueue()
    performing = asyncio.create_task(house.dispatcher.perform(30))
    await asyncio.wait_for(guard.asked.wait(), 10)
    assert await house.states([item.id]) == ["dispatching"]
    with pytest.raises(Conflict, match="is being started"):
        await house.ask("queue.drop", items=[item.id])
    performing.cancel()
    await asyncio.gather(performing, return_exceptions=True)
    assert await house.states([item.id]) == ["ready"]
    guard.verdict = ""
    assert await house.dispatch() == {"dispatched": 1}
    assert (await house.item(item.id)).attempts == 2


async def claim(house: House, *, alive: bool = True) -> dispatches.Claim:
    """As another process does it, which then stands still."""
    found = await house.control.services.store.write(
        lambda tx: dispatches.claim(tx, "elsewhere", lambda name: alive or name != "elsewhere", house.dispatcher.limits, 1)
    )
    return found[0]


async def test_a_dead_dispatchers_items_are_taken_over_at_once(house: House) -> None:
    item = await house.enqueue()
    await claim(house)
    assert house.is_due, "the owner of that claim holds no lock"
    assert await house.dispatch() == {"dispatched": 1}
    assert (await house.item(item.id)).attempts == 2
    assert len(await house.sessions()) == 1


async def test_a_lost_claim_starts_nothing(house: House) -> None:
    """A dispatcher stands still for longer than its lease, another takes over, and the first one goes on."""
    item = await house.enqueue()
    stale = await claim(house)
    await house.dispatch(leases.DURATION + 1)
    taken = await house.item(item.id)
    assert taken.state == "dispatched"
    await house.dispatcher.start(stale)
    assert await house.item(item.id) == taken
    assert len(await house.sessions()) == 1


async def test_a_lost_claim_starts_nothing_where_the_other_gave_up(house: House) -> None:
    """Now the idempotency key was never used: the fence alone keeps the late one from making a session."""
    item = await house.enqueue()
    stale = await claim(house)
    guard = await guarded(house, "no")
    assert await house.dispatch(leases.DURATION + 1) == {"failed": 1}
    guard.verdict = ""
    assert await house.dispatcher.start(stale) is None
    assert await house.states([item.id]) == ["failed"]
    assert await house.sessions() == []
    assert (await house.item(item.id)).run_id is None


async def test_a_dropped_item_is_not_started_by_whoever_lost_it(house: House) -> None:
    item = await house.enqueue()
    stale = await claim(house)
    await house.ask("daemon.pause")
    assert await house.dispatch() == {}, "a paused queue takes over nothing, but lets it go"
    assert (await house.ask("queue.drop", items=[item.id])).succeeded == 1
    assert await house.dispatcher.start(stale) is None
    assert await house.sessions() == []


async def test_pages(house: House) -> None:
    ids = await house.enqueue_many(*(f"p{n}" for n in range(7)))
    await house.ask("queue.reorder", items=[ids[6]], to="front", priority="high")
    await house.dispatch()
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await house.ask("queue.list", limit=3, **({"cursor": cursor} if cursor else {}))
        found += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [ids[6], *ids[:6]]
    with pytest.raises(InvalidInput, match="another list"):
        first = await house.ask("queue.list", limit=3)
        await house.ask("queue.list", state="ready", cursor=first.next_cursor)
    for state in ("dropped", "done"):
        assert (await house.ask("queue.list", state=state)).items == []


async def test_who_enqueues_may_do_what_is_started(house: House) -> None:
    weak = Caller("token:ci", "http", frozenset({"queue:*"}))
    with pytest.raises(Denied, match="session:write"):
        await house.ask("queue.enqueue", weak, prompt="go", provider="scripted")
    with pytest.raises(Denied, match="task:write"):
        await house.ask("queue.enqueue", weak, task="tsk_1")
    with pytest.raises(Denied, match="requirement:write"):
        await house.ask("queue.enqueue", weak, requirement="req_1")


async def test_what_is_started_may_do_no_more_than_who_enqueued_it(house: House) -> None:
    planner = Caller("token:planner", "http", frozenset({"queue:*", "requirement:*", "task:*"}))
    wanted = await house.ask("requirement.create", title="Light", acceptance=["It is bright"])
    item = await house.ask("queue.enqueue", planner, requirement=wanted.id)
    assert await house.dispatch() == {"failed": 1}
    assert "needs the scope 'session:write'" in ((await house.item(item.id)).reason or "")
    assert await house.sessions() == []


async def test_a_task_with_a_workflow_takes_the_right_to_run_it(house: House) -> None:
    project = await project_with_a_workflow(house)
    task = await ready_task(house, workflow="mend", project=project.id)
    clerk = Caller("token:clerk", "http", frozenset({"queue:*", "task:*", "session:*"}))
    with pytest.raises(Denied, match="workflow:write"):
        await house.ask("queue.enqueue", clerk, task=task.id)
    runner = Caller("token:runner", "http", frozenset({"queue:*", "task:*", "workflow:*"}))
    await house.ask("queue.enqueue", runner, task=task.id)
    assert await house.dispatch() == {"dispatched": 1}


async def test_a_requirement_whose_tasks_cannot_be_started_is_tried_again_and_says_why(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # where no agent is installed
    wanted = await house.ask("requirement.create", title="Light", acceptance=["It is bright", "It is warm"])
    profiles = house.control.settings.home / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "developer.md").write_text("---\nname: developer\nprovider: acp\n---\nYou develop.\n")
    item = await house.ask("queue.enqueue", requirement=wanted.id)
    for attempt in range(1, 6):
        assert await house.dispatch(HOUR) == ({"returned": 1} if attempt < 5 else {"failed": 1})
        assert f"attempt {attempt}: 2 of 2 tasks could not be started" in ((await house.item(item.id)).reason or "")
    (refused,) = await house.events("queue.refused")
    assert "acp" in refused.data["reason"]


async def test_what_comes_back_stands_before_what_came_later(house: House) -> None:
    await house.enqueue_many("a", "b", "c")
    control = house.control.services
    held = await control.store.write(lambda tx: dispatches.claim(tx, "gone", lambda _: True, control.queue.limits, 3))
    await house.enqueue_many("d", "e")
    for one in held:
        await control.store.write(lambda tx, one=one: dispatches.put_back(tx, one))
    assert await house.line() == ["a", "b", "c", "d", "e"]


async def ready_task(house: House, **fields: Any) -> Any:
    return await house.ask("task.create", title="Mend the lamp", description="It flickers.", status="ready", **fields)


async def test_a_task_moves_with_its_run(house: House) -> None:
    task = await ready_task(house, priority="critical", checklist=["look", "mend"])
    item = await house.ask("queue.enqueue", task=task.id)
    assert (item.kind, item.subject, item.what, item.priority) == ("task", task.id, "Mend the lamp", "critical")
    with pytest.raises(Conflict, match=item.id):
        await house.ask("queue.enqueue", task=task.id)
    await house.ask("task.update", task=task.id, title="Mend both lamps")
    assert await house.dispatch() == {"dispatched": 1}
    item, task = await house.item(item.id), await house.ask("task.get", task=task.id)
    assert (task.status, task.run_id) == ("in-progress", item.run_id)
    (message,) = (await house.ask("message.list", session=item.session_id)).items
    assert message.text == "# Mend both lamps\n\nIt flickers.\n\n- [ ] look\n- [ ] mend"
    await house.end_run(item.id)
    assert (await house.ask("task.get", task=task.id)).status == "blocked"
    with pytest.raises(Conflict, match="is blocked"):
        await house.ask("queue.enqueue", task=task.id)
    await house.ask("task.resume", task=task.id)
    assert (await house.ask("queue.enqueue", task=task.id)).id != item.id


async def test_tasks_that_cannot_begin_are_refused(house: House) -> None:
    first, second = await ready_task(house), await ready_task(house)
    await house.ask("dependency.add", task=second.id, other=first.id)
    with pytest.raises(Conflict, match=first.id):
        await house.ask("queue.enqueue", task=second.id)
    theirs = await ready_task(house, person="Ada")
    with pytest.raises(Conflict, match="cao task assign"):
        await house.ask("queue.enqueue", task=theirs.id)


async def test_a_task_that_is_cancelled_while_it_waits_is_not_begun(house: House) -> None:
    task = await ready_task(house)
    item = await house.ask("queue.enqueue", task=task.id)
    await house.ask("task.cancel", task=task.id)
    assert await house.dispatch() == {"failed": 1}
    assert "is cancelled" in ((await house.item(item.id)).reason or "")
    assert await house.sessions() == [], "the session's transaction was rolled back"


async def test_a_requirement_becomes_tasks_in_the_queue(house: House) -> None:
    wanted = await house.ask("requirement.create", title="Light", acceptance=["It is bright", "It is warm"])
    item = await house.ask("queue.enqueue", requirement=wanted.id)
    assert await house.dispatch() == {"done": 1, "dispatched": 2}
    assert await house.states([item.id]) == ["done"]
    tasks = (await house.ask("task.list", everywhere=True)).items
    assert {task.status for task in tasks} == {"in-progress"}


MEND = """\
name: mend
inputs:
  title: {required: true}
  tool: {default: hammer}
phases:
  - id: look
    command: {run: ["true"]}
"""


async def project_with_a_workflow(house: House) -> Any:
    project = await house.ask("project.init", path=str(house.place), name="lamps")
    folder = house.place / ".cao" / "workflows"
    folder.mkdir(parents=True)
    (folder / "mend.yaml").write_text(MEND)
    return project


async def test_a_workflow_is_checked_when_it_is_enqueued_and_run_when_its_turn_has_come(house: House) -> None:
    project = await project_with_a_workflow(house)
    item = await house.ask("queue.enqueue", workflow="mend", inputs={"title": "the lamp"})
    assert (item.what, item.project_id, item.provider) == ("mend", project.id, None)
    assert await house.dispatch() == {"dispatched": 1}
    item = await house.item(item.id)
    run = await house.ask("workflow.get", run=item.run_id)
    assert (run.inputs, run.session_id, run.labels) == (
        {"title": "the lamp", "tool": "hammer"},
        item.session_id,
        {"queue": item.id},
    )
    with pytest.raises(Conflict, match=f"cao workflow cancel {item.run_id}"):
        await house.ask("queue.drop", items=[item.id])
    for fields, error in (({"workflow": "mend"}, InvalidInput), ({"workflow": "paint"}, NotFound)):
        with pytest.raises(error):
            await house.ask("queue.enqueue", **fields)


async def test_a_task_with_a_workflow_runs_it(house: House) -> None:
    project = await project_with_a_workflow(house)
    task = await ready_task(house, workflow="mend")
    assert task.project_id == project.id
    item = await house.ask("queue.enqueue", task=task.id)
    with pytest.raises(InvalidInput, match="for the phases of workflow mend"):
        await house.ask("queue.enqueue", task=task.id, provider="scripted")
    await house.ask("task.update", task=task.id, title="Mend it well")
    assert await house.dispatch() == {"dispatched": 1}
    item = await house.item(item.id)
    assert (await house.ask("workflow.get", run=item.run_id)).inputs["title"] == "Mend it well"
    assert (await house.ask("task.get", task=task.id)).run_id == item.run_id


async def test_errors_name_the_next_command(house: House) -> None:
    for name, fields in (("queue.get", {"item": "itm_1"}), ("queue.enqueue", {"task": "tsk_1"})):
        with pytest.raises(CaoError, match="cao ") as refused:
            await house.ask(name, **fields)
        assert refused.value.code == "not_found"
