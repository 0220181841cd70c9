"""Tasks on a real store, with a clock that is moved by hand. No engine runs: what becomes of runs is written by the test."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.plugins import Plugin, Veto, before
from cao.protocol import REGISTRY, Caller, Conflict, Denied, InvalidInput, NotFound
from cao.protocol.records import Failure, RunState
from cao.settings import load
from cao.store import runs, task_plans, tasks
from cao.store.clock import ManualClock

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


class House:
    """A data directory and the time on its wall."""

    def __init__(self, control: Control, clock: ManualClock, place: Path) -> None:
        self.control, self.clock, self.place = control, clock, place
        self.store = control.services.store

    async def ask(self, name: str, caller: Caller | None = None, /, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields), caller or Caller())

    async def task(self, title: str = "Do it", **fields: Any) -> Any:
        return await self.ask("task.create", title=title, **{"status": "ready", **fields})

    async def begun(self, **fields: Any) -> Any:
        """A task with a run at work on it, as the queue leaves it."""
        made = await self.task(**fields)
        session = await self.ask("session.launch", provider="scripted", directory=str(self.place), prompt="go")
        await self.store.write(lambda tx: tasks.move(tx, made, "in-progress", run_id=session.run_id))
        return await self.ask("task.get", task=made.id)

    async def end(self, run_id: str, state: RunState, **outcome: Any) -> None:
        await self.store.write(lambda tx: runs.settle(tx, runs.get(tx, run_id), state, **outcome))

    async def titles(self, **fields: Any) -> list[str]:
        return [one.title for one in (await self.ask("task.list", **fields)).items]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    async with Control(load(tmp_path / "home", {}), work=False, clock=clock) as control:
        yield House(control, clock, tmp_path)


async def test_a_task_keeps_what_it_was_told(house: House) -> None:
    made = await house.task(
        "Show dark mode",
        description="Everywhere.",
        kind="bug",
        risk="low",
        deadline="2027-02-01",
        person="Sam Vimes",
        labels=["ui"],
        checklist=["Contrast", "Icons"],
    )
    assert made.id.startswith("tsk_")
    assert (made.deadline, made.person, made.version) == (datetime(2027, 2, 1, 23, 59, 59, tzinfo=UTC), "Sam Vimes", 1)
    assert [(item.id, item.text, item.done) for item in made.checklist] == [(1, "Contrast", False), (2, "Icons", False)]
    assert await house.ask("task.get", task=made.id) == made


async def test_fields_change_and_empty_and_the_rest_stays(house: House) -> None:
    made = await house.task(risk="high", labels=["a"], workflow="ship", description="long")
    changed = await house.ask("task.update", task=made.id, title="Other", clear=["risk", "labels", "workflow"])
    assert (changed.title, changed.risk, changed.labels, changed.workflow, changed.version) == ("Other", None, [], None, 2)
    assert changed.description == "long"
    same = await house.ask("task.update", task=made.id, title="Other")
    assert same.version == 2, "nothing was changed, so there is no new version"
    with pytest.raises(InvalidInput, match="risk"):
        await house.ask("task.update", task=made.id, risk="low", clear=["risk"])


async def test_an_older_version_is_a_conflict_and_changes_nothing(house: House) -> None:
    made = await house.task()
    await house.ask("task.priority", task=made.id, priority="critical", expect_version=1)
    for name, fields in (("task.status", {"status": "blocked"}), ("task.deadline", {}), ("task.delete", {})):
        with pytest.raises(Conflict, match="version 2") as refused:
            await house.ask(name, task=made.id, expect_version=1, **fields)
        assert refused.value.details == {"version": 2, "expected": 1}
    assert (await house.ask("task.get", task=made.id)).status == "ready"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"agent": "developer", "person": "Sam"}, "/person"),
        ({"deadline": "1066-10-14T00:00:00Z"}, "/deadline"),
    ],
    ids=["two assignees", "a far deadline"],
)
async def test_what_no_task_can_have_is_named(house: House, fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await house.task(**fields)
    assert refused.value.details["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("title", ["", " x", "x ", "two\nlines", "bell\x07", "x" * 201], ids=range(6))
async def test_a_title_is_one_line(house: House, title: str) -> None:
    with pytest.raises(InvalidInput):
        await house.task(title)


async def test_links_to_what_is_not_there_are_refused(house: House) -> None:
    for fields in ({"requirement": "req_1"}, {"project": "nowhere"}):
        with pytest.raises(NotFound):
            await house.task(**fields)
    made = await house.task()
    with pytest.raises(NotFound):
        await house.ask("task.update", task=made.id, requirement="req_1")


@pytest.mark.parametrize(
    ("state", "outcome", "status", "reason"),
    [
        ("completed", {"result": "done"}, "done", None),
        ("failed", {"failure": Failure(code="broken", message="no key")}, "blocked", "[broken] no key"),
        ("cancelled", {}, "blocked", "its run was cancelled"),
    ],
)
async def test_the_end_of_its_run_moves_a_task(
    house: House, state: RunState, outcome: dict[str, Any], status: str, reason: str | None
) -> None:
    task = await house.begun()
    assert task.started_at is not None
    await house.end(task.run_id, state, **outcome)
    after = await house.ask("task.get", task=task.id)
    assert (after.status, after.blocked_reason, after.run_id) == (status, reason, task.run_id)
    assert (after.settled_at is not None) == (status == "done")
    newest = (await house.ask("task.history", task=task.id)).items[0]
    assert (newest.type, newest.run_id, newest.data["was"], newest.data["status"]) == (
        "task.moved",
        task.run_id,
        "in-progress",
        status,
    )


async def test_a_run_that_ends_leaves_a_task_alone_that_somebody_moved(house: House) -> None:
    task = await house.begun()
    await house.ask("task.pause", task=task.id, reason="later")
    await house.end(task.run_id, "completed", result="done")
    after = await house.ask("task.get", task=task.id)
    assert (after.status, after.blocked_reason) == ("on-hold", "later")


async def test_a_task_begins_once_whoever_looked_before(house: House) -> None:
    """Two that read the task as ready: the second finds it begun."""
    made = await house.task()
    await house.store.write(lambda tx: tasks.move(tx, made, "in-progress", run_id="run_1"))
    with pytest.raises(Conflict) as refused:
        await house.store.write(lambda tx: tasks.move(tx, made, "in-progress", run_id="run_2"))
    assert refused.value.details["status"] == "in-progress"
    assert (await house.ask("task.get", task=made.id)).run_id == "run_1"


async def test_dependencies_hold_a_task_until_they_are_done(house: House) -> None:
    first, second = await house.task("first"), await house.task("second")
    await house.ask("dependency.add", task=second.id, other=first.id)
    await house.ask("dependency.add", task=first.id, other=second.id, kind="related")
    with pytest.raises(Conflict) as refused:
        await house.ask("task.status", task=second.id, status="in-progress")
    assert refused.value.details["waits_for"] == [{"task": first.id, "status": "ready"}]
    await house.ask("task.cancel", task=first.id)
    with pytest.raises(Conflict, match=r"\(cancelled\)"):
        await house.ask("task.status", task=second.id, status="in-progress")
    await house.ask("task.reopen", task=first.id)
    for status in ("in-progress", "done"):
        await house.ask("task.status", task=first.id, status=status)
    assert (await house.ask("task.status", task=second.id, status="in-progress")).status == "in-progress"


async def test_a_circle_is_refused_and_named(house: House) -> None:
    chain = [await house.task(f"{number}") for number in range(5)]
    for task, other in itertools.pairwise(chain):
        await house.ask("dependency.add", task=task.id, other=other.id)
    with pytest.raises(Conflict) as refused:
        await house.ask("dependency.add", task=chain[-1].id, other=chain[0].id)
    ids = [task.id for task in chain]
    assert refused.value.details["cycle"] == [ids[-1], *ids]
    with pytest.raises(Conflict):
        await house.ask("dependency.add", task=ids[0], other=ids[0], kind="related")
    related = await house.ask("dependency.add", task=ids[-1], other=ids[0], kind="related")
    assert [(one.task, one.kind) for one in related.depends_on] == [(ids[0], "related")]
    with pytest.raises(Conflict):
        await house.ask("dependency.add", task=ids[-1], other=ids[0], kind="blocks")


async def test_the_search_for_circles_looks_at_each_task_once(house: House) -> None:
    """Layers in which all depend on all of the next have 10¹² ways through; a search along each would never end."""
    layers = [[await house.task(f"{layer}.{place}") for place in range(10)] for layer in range(12)]

    def link(tx: Any) -> None:
        for upper, lower in itertools.pairwise(layers):
            for one in upper:
                for other in lower:
                    tx.insert("task_dependencies", task_id=one.id, on_id=other.id, kind="blocks")

    await house.store.write(link)
    with pytest.raises(Conflict) as refused:
        await house.ask("dependency.add", task=layers[-1][0].id, other=layers[0][0].id)
    assert len(refused.value.details["cycle"]) == 13


async def test_next_is_the_most_urgent_that_may_begin(house: House) -> None:
    await house.task("low", priority="low")
    await house.task("no deadline", priority="high")
    soon = await house.task("soon", priority="high", deadline="2027-02-01")
    urgent = await house.task("urgent", priority="critical")
    await house.ask("dependency.add", task=urgent.id, other=soon.id)
    await house.task("planned", priority="critical", status="backlog")
    order: list[str] = []
    while (found := await house.ask("task.next")).task:
        order.append(found.task.title)
        for status in ("in-progress", "done"):
            await house.ask("task.status", task=found.task.id, status=status)
    assert order == ["soon", "urgent", "no deadline", "low"]
    assert (found.ready, found.waiting) == (0, 0)


async def test_the_order_comes_from_an_index(house: House) -> None:
    """`task.next` looks at no more tasks than it must, however many are done."""
    order = f"{task_plans.URGENCY}, coalesce(deadline, 1e12), n"
    sql = f"EXPLAIN QUERY PLAN SELECT id FROM tasks t WHERE t.status = 'ready' ORDER BY {order} LIMIT 1"
    plan = " ".join(row["detail"] for row in house.store.read().rows(sql))
    assert "tasks_order" in plan
    assert "TEMP B-TREE" not in plan


async def test_tasks_belong_to_projects(house: House) -> None:
    await house.task("of none")
    for name in ("one", "two"):
        (house.place / name).mkdir()
        await house.ask("project.init", path=str(house.place / name), name=name)
    await house.task("of one")
    await house.task("of two", project="two")
    assert await house.titles() == ["of one"], "the first project is the current one"
    assert await house.titles(project="two") == ["of two"]
    assert await house.titles(everywhere=True) == ["of two", "of one", "of none"]
    with pytest.raises(InvalidInput):
        await house.titles(everywhere=True, project="two")
    moved = (await house.ask("task.list", project="two")).items[0]
    await house.ask("task.update", task=moved.id, project="one")
    assert await house.titles(project="two") == []
    assert (await house.ask("task.stats")).total == 2
    await house.ask("project.remove", project="one")
    assert (await house.titles(everywhere=True)).count("of one") == 1


async def test_lists_page_and_filter(house: House) -> None:
    for number in range(5):
        await house.task(f"{number}", agent="developer" if number % 2 else None)
    first = await house.ask("task.list", limit=2)
    second = await house.ask("task.list", limit=2, cursor=first.next_cursor)
    assert [one.title for one in (*first.items, *second.items)] == ["4", "3", "2", "1"]
    assert await house.titles(agent="developer") == ["3", "1"]


async def test_numbers(house: House) -> None:
    await house.task(deadline="2027-01-15T11:00:00Z", kind="bug")
    begun = await house.begun(deadline="2027-01-01", priority="high")
    house.clock.advance(25 * HOUR)
    waiting = await house.task()
    await house.ask("dependency.add", task=waiting.id, other=begun.id)
    found = await house.ask("task.stats", stale_hours=24)
    assert (found.total, found.overdue, found.stale, found.waiting) == (3, 2, 1, 1)
    assert (found.status["ready"], found.status["done"], found.kind["bug"], found.priority["high"]) == (2, 0, 1, 1)


async def test_checklists(house: House) -> None:
    made = await house.task(checklist=["one"])
    await house.ask("checklist.add", task=made.id, text="two")
    ticked = await house.ask("checklist.set", task=made.id, item=2, text="second")
    assert [(item.text, item.done) for item in ticked.checklist] == [("one", False), ("second", True)]
    assert (await house.ask("checklist.set", task=made.id, item=2)).version == ticked.version
    assert not (await house.ask("checklist.set", task=made.id, item=2, done=False)).checklist[1].done
    with pytest.raises(NotFound):
        await house.ask("checklist.set", task=made.id, item=3)
    for number in range(98):
        await house.ask("checklist.add", task=made.id, text=f"{number}")
    with pytest.raises(Conflict, match="100"):
        await house.ask("checklist.add", task=made.id, text="one more")


async def test_what_is_needed_or_under_way_is_not_deleted(house: House) -> None:
    needed, waiting = await house.task(), await house.task()
    await house.ask("dependency.add", task=waiting.id, other=needed.id)
    with pytest.raises(Conflict, match=waiting.id):
        await house.ask("task.delete", task=needed.id)
    await house.ask("task.delete", task=waiting.id, dry_run=True)
    await house.ask("task.delete", task=waiting.id)
    await house.ask("task.status", task=needed.id, status="in-progress")
    with pytest.raises(Conflict, match="in progress"):
        await house.ask("task.delete", task=needed.id)
    told = [event.type for event in (await house.ask("task.history", task=waiting.id)).items]
    assert told == ["task.deleted", "task.updated", "task.created"], "a deleted task keeps its history"
    with pytest.raises(NotFound):
        await house.ask("task.history", task="tsk_never")


async def test_the_same_key_makes_one_task(house: House) -> None:
    made = [await house.task(idempotency_key="once") for _ in range(2)]
    assert made[0] == made[1]
    assert len(await house.titles()) == 1
    with pytest.raises(Conflict):
        await house.task("Another", idempotency_key="once")


async def test_a_bulk_tells_what_became_of_each_item(house: House) -> None:
    made = [await house.task(f"{number}") for number in range(4)]
    items = [
        {"task": made[0].id, "status": "in-progress"},
        {"task": made[1].id, "status": "done"},
        {"task": "tsk_never", "priority": "low"},
        {"task": made[2].id, "assign": {"person": "Sam"}},
        {"task": made[3].id, "fields": {"title": "new", "labels": ["x"]}},
    ]
    stopped = await house.ask("task.bulk", items=items)
    assert [(one.outcome, one.code) for one in stopped.items[:3]] == [("ok", None), ("failed", "conflict"), ("skipped", None)]
    assert (stopped.ok, stopped.failed, stopped.skipped) == (1, 1, 3)
    assert stopped.items[1].details["allowed"] == ["backlog", "in-progress", "blocked", "on-hold", "cancelled"]
    went_on = await house.ask("task.bulk", items=items[1:], on_error="continue")
    assert [(one.outcome, one.code) for one in went_on.items] == [
        ("failed", "conflict"),
        ("failed", "not_found"),
        ("ok", None),
        ("ok", None),
    ]
    assert (await house.ask("task.get", task=made[3].id)).labels == ["x"]


@pytest.mark.parametrize("item", [{}, {"status": "ready", "priority": "low"}], ids=["nothing", "two things"])
async def test_a_bulk_item_is_one_change(house: House, item: dict[str, Any]) -> None:
    made = await house.task()
    with pytest.raises(InvalidInput) as refused:
        await house.ask("task.bulk", items=[{"task": made.id, "priority": "high"}, {"task": made.id, **item}])
    assert refused.value.details["errors"][0]["pointer"] == "/items/1"
    assert (await house.ask("task.get", task=made.id)).priority == "medium", "nothing is done of a bulk that cannot be read"


async def test_a_bulk_that_is_asked_again_does_nothing_twice(house: House) -> None:
    made = await house.task()
    items = [{"task": made.id, "status": "in-progress"}]
    first = await house.ask("task.bulk", items=items, idempotency_key="k")
    assert await house.ask("task.bulk", items=items, idempotency_key="k") == first
    assert (await house.ask("task.get", task=made.id)).version == 2
    with pytest.raises(Conflict):
        await house.ask("task.bulk", items=[{"task": made.id, "status": "done"}], idempotency_key="k")


async def test_a_bulk_that_was_cut_goes_on_where_it_was(house: House) -> None:
    reached, free = asyncio.Event(), asyncio.Event()

    class Gate(Plugin):
        """Lets changes of priority wait."""

        name = "gate"

        @before("task.priority")
        async def wait(self, operation: Any, request: Any, caller: Any) -> None:
            reached.set()
            await free.wait()

    await house.control.plugins.add(Gate)
    one, two = await house.task(), await house.task()
    items = [{"task": one.id, "status": "in-progress"}, {"task": two.id, "priority": "high"}]
    cut = asyncio.create_task(house.ask("task.bulk", items=items, idempotency_key="k"))
    async with asyncio.timeout(30):
        await reached.wait()
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    free.set()
    assert (await house.ask("task.bulk", items=items, idempotency_key="k")).ok == 2
    assert [(await house.ask("task.get", task=task.id)).version for task in (one, two)] == [2, 2]


async def test_a_bulk_asks_the_plugins_and_the_scopes_of_each_change(house: House) -> None:
    class Guard(Plugin):
        """Keeps tasks from being cancelled."""

        name = "guard"

        @before("task.status")
        async def keep(self, operation: Any, request: Any, caller: Any) -> None:
            raise Veto("not on Fridays")

    await house.control.plugins.add(Guard)
    made = await house.task()
    items = [{"task": made.id, "status": "cancelled"}]
    found = await house.ask("task.bulk", items=items)
    assert (found.items[0].code, found.items[0].details["plugin"]) == ("denied", "guard")
    with pytest.raises(Denied):
        await house.ask("task.bulk", Caller(scopes=frozenset({"*:read"})), items=items)


async def test_rebalancing_is_planned_first(house: House) -> None:
    made = [await house.task(f"{number}", priority="critical" if number < 4 else "medium") for number in range(10)]
    ids = [task.id for task in made]
    wishes = {"percent": 30, "essential": [ids[9]], "nice": [ids[0]]}
    plan = await house.ask("task.rebalance", **wishes)
    assert (plan.applied, plan.open, plan.budget) == (False, 10, 3)
    changed = {change.task: change.now for change in plan.changes}
    assert changed == {ids[0]: "low", ids[3]: "medium", ids[9]: "high"}
    assert (plan.before["critical"], plan.after["critical"], plan.after["high"]) == (4, 2, 1)
    assert (await house.ask("task.get", task=ids[0])).version == 1
    done = await house.ask("task.rebalance", **wishes, apply=True)
    assert done.applied
    assert {(await house.ask("task.get", task=id)).priority for id in changed} == {"low", "medium", "high"}
    assert (await house.ask("task.rebalance", **wishes)).changes == []


@pytest.mark.parametrize(
    ("wishes", "pointer"),
    [
        (lambda id: {"essential": ["tsk_never"]}, "/essential"),
        (lambda id: {"essential": [id], "nice": [id]}, "/nice"),
        (lambda id: {"essential": [id], "percent": 0}, "/essential"),
    ],
    ids=["unknown", "both", "over the budget"],
)
async def test_wishes_that_contradict_each_other(house: House, wishes: Any, pointer: str) -> None:
    made = await house.task()
    with pytest.raises(InvalidInput) as refused:
        await house.ask("task.rebalance", **wishes(made.id))
    assert refused.value.details["errors"][0]["pointer"] == pointer


async def test_secrets_in_a_task_are_masked(house: House) -> None:
    made = await house.task("Use sk-ant-" + "x" * 24, description="ghp_" + "a" * 36)
    assert (made.title, made.description) == ("Use [redacted]", "[redacted]")
