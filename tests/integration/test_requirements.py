"""Requirements, visions, and what agents make of them. No agent runs: what one answers is written by the test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.plugins import Plugin, Veto, before
from cao.protocol import REGISTRY, Caller, Conflict, Denied, InvalidInput, NotFound
from cao.protocol.records import Failure, RunState
from cao.settings import load
from cao.store import runs


class House:
    """A data directory in which nothing runs."""

    def __init__(self, control: Control, place: Path) -> None:
        self.control, self.place = control, place
        self.store = control.services.store

    async def ask(self, name: str, caller: Caller | None = None, /, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields), caller or Caller())

    async def wanted(self, title: str = "Notes are found", **fields: Any) -> Any:
        return await self.ask("requirement.create", title=title, **fields)

    async def refine(self, id: str, **fields: Any) -> Any:
        given = {"provider": "scripted", "directory": str(self.place), **fields}
        return await self.ask("requirement.refine", requirement=id, **given)

    async def end(self, run_id: str, state: RunState = "completed", **outcome: Any) -> None:
        await self.store.write(lambda tx: runs.settle(tx, runs.get(tx, run_id), state, **outcome))

    async def prompt(self, session_id: str) -> str:
        return (await self.ask("message.list", session=session_id)).items[0].text


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        yield House(control, tmp_path)


PROPOSAL = {"title": "Notes are found at once", "body": "By any word.", "acceptance": ["A search takes 50 ms at most"]}


async def test_what_an_agent_proposes_is_applied_when_its_run_completes(house: House) -> None:
    made = await house.wanted(body="Somehow.", source="Sam")
    asked = await house.refine(made.id, notes="Name the numbers.")
    assert (asked.state, asked.requirement_id, asked.base_version) == ("asked", made.id, 1)
    prompt = await house.prompt(asked.session_id)
    assert "Name the numbers." in prompt
    assert json.loads(prompt[prompt.rindex("\n\n{") :])["body"] == "Somehow."
    await house.end(asked.run_id, result=f"Here it is:\n```json\n{json.dumps(PROPOSAL)}\n```\nAnything else?")
    after = await house.ask("requirement.get", requirement=made.id)
    assert {name: getattr(after, name) for name in PROPOSAL} == PROPOSAL
    assert (after.status, after.source, after.refinement.state) == ("refined", "Sam", "applied")
    types = [event.type for event in (await house.ask("event.list", types=["requirement.*", "refinement.*"])).items]
    assert types == [
        "requirement.created",
        "refinement.asked",
        "requirement.updated",
        "requirement.moved",
        "refinement.settled",
    ]


@pytest.mark.parametrize(
    ("state", "outcome", "reason"),
    [
        ("completed", {"result": "I would rather not."}, "no JSON"),
        ("completed", {"result": '{"body": "x"}'}, "/title"),
        ("completed", {"result": json.dumps({"title": "x" * 201})}, "/title"),
        ("completed", {"result": "x" * 600_000}, "longer than"),
        ("completed", {"result": '{"title": ' * 50_000}, "no JSON"),
        ("failed", {"failure": Failure(code="broken", message="no key")}, "[broken] no key"),
        ("cancelled", {}, "cancelled"),
    ],
    ids=["words", "no title", "a long title", "a long answer", "deep", "failed", "cancelled"],
)
async def test_an_answer_that_cannot_be_used_changes_nothing(
    house: House, state: RunState, outcome: dict[str, Any], reason: str
) -> None:
    made = await house.wanted(body="Somehow.")
    asked = await house.refine(made.id)
    await house.end(asked.run_id, state, **outcome)
    after = await house.ask("requirement.get", requirement=made.id)
    assert (after.title, after.body, after.status, after.version) == (made.title, "Somehow.", "draft", 1)
    assert after.refinement.state == "failed"
    assert reason in after.refinement.reason


async def test_what_somebody_changed_meanwhile_is_kept(house: House) -> None:
    made = await house.wanted()
    asked = await house.refine(made.id)
    await house.ask("requirement.update", requirement=made.id, body="I know better.")
    await house.end(asked.run_id, result=json.dumps(PROPOSAL))
    after = await house.ask("requirement.get", requirement=made.id)
    assert (after.body, after.status, after.refinement.state) == ("I know better.", "draft", "stale")
    assert (await house.ask("run.get", run=asked.run_id)).result == json.dumps(PROPOSAL), "what the agent wrote is not lost"


async def test_a_deleted_requirement_hears_of_nothing(house: House) -> None:
    made = await house.wanted()
    asked = await house.refine(made.id)
    await house.ask("requirement.delete", requirement=made.id)
    await house.end(asked.run_id, result=json.dumps(PROPOSAL))
    with pytest.raises(NotFound):
        await house.ask("requirement.get", requirement=made.id)
    assert (await house.ask("run.get", run=asked.run_id)).state == "completed"


async def test_one_agent_at_a_time(house: House) -> None:
    made = await house.wanted()
    first = await house.refine(made.id, idempotency_key="k")
    assert await house.refine(made.id, idempotency_key="k") == first
    with pytest.raises(Conflict, match=first.run_id):
        await house.refine(made.id)
    sessions = (await house.ask("session.list")).items
    assert [session.id for session in sessions] == [first.session_id], "a refused one leaves no session"
    await house.end(first.run_id, "cancelled")
    assert (await house.refine(made.id)).state == "asked"


async def test_whoever_may_not_launch_may_not_refine(house: House) -> None:
    class Curfew(Plugin):
        """No sessions at night."""

        name = "curfew"

        @before("session.launch")
        async def refuse(self, operation: Any, request: Any, caller: Any) -> None:
            raise Veto("not at night")

    made = await house.wanted()
    caller = Caller(scopes=frozenset({"requirement:*"}))
    operation = REGISTRY["requirement.refine"]
    with pytest.raises(Denied, match="session:write"):
        await house.control.call(operation, operation.parse({"requirement": made.id}), caller)
    await house.control.plugins.add(Curfew)
    with pytest.raises(Denied, match="not at night"):
        await house.refine(made.id)
    assert (await house.ask("requirement.get", requirement=made.id)).refinement is None


async def test_visions(house: House) -> None:
    assert (await house.ask("vision.get")).version == 0
    await house.ask("vision.set", text="Be kind.", expect_version=0)
    with pytest.raises(Conflict) as refused:
        await house.ask("vision.set", text="Be quick.", expect_version=0)
    assert refused.value.details == {"version": 1, "expected": 0}
    asked = await house.ask("vision.refine", provider="scripted", directory=str(house.place))
    await house.end(asked.run_id, result='{"text": "Be kind, and soon."}')
    after = await house.ask("vision.get")
    assert (after.text, after.version, after.updated_by) == ("Be kind, and soon.", 2, f"run:{asked.run_id}")
    assert after.refinement.state == "applied"
    (house.place / "one").mkdir()
    await house.ask("project.init", path=str(house.place / "one"), name="one")
    assert (await house.ask("vision.get")).text == "", "each project has its own"


async def test_tasks_are_drafted_once(house: House) -> None:
    made = await house.wanted(priority="must", body="By any word.", acceptance=["At once", "On a phone"])
    first = await house.ask("requirement.execute", requirement=made.id, agent="developer")
    assert [(one.task.title, one.created) for one in first.tasks] == [("At once", True), ("On a phone", True)]
    task = first.tasks[0].task
    assert (task.status, task.priority, task.agent, task.requirement_id) == ("ready", "high", "developer", made.id)
    assert "By any word." in task.description
    again = await house.ask("requirement.execute", requirement=made.id, titles=["At once", "In the dark"])
    assert [(one.task.title, one.created) for one in again.tasks] == [("At once", False), ("In the dark", True)]
    assert again.requirement.status == "planned"
    assert len(again.requirement.task_ids) == 3


async def test_a_requirement_follows_its_tasks(house: House) -> None:
    made = await house.wanted(acceptance=["One", "Two", "Three"])
    tasks = [one.task for one in (await house.ask("requirement.execute", requirement=made.id)).tasks]
    seen: list[str] = []
    for task, moves in zip(tasks, (["in-progress", "done"], ["cancelled"], ["in-progress", "done"]), strict=True):
        for status in moves:
            await house.ask("task.status", task=task.id, status=status)
            seen.append((await house.ask("requirement.get", requirement=made.id)).status)
    assert seen == ["in-progress", "in-progress", "in-progress", "in-progress", "done"]
    await house.ask("task.reopen", task=tasks[0].id)
    await house.ask("task.status", task=tasks[0].id, status="in-progress")
    assert (await house.ask("requirement.get", requirement=made.id)).status == "in-progress"


async def test_started_tasks_are_in_the_queue_once(house: House) -> None:
    made = await house.wanted(acceptance=["One", "Two"])
    first = await house.ask("requirement.execute", requirement=made.id)
    await house.ask("task.pause", task=first.tasks[1].task.id)
    asked = {"requirement": made.id, "start": True, "provider": "scripted"}
    started = await house.ask("requirement.execute", **asked, idempotency_key="k")
    assert [(bool(one.item_id), one.why_not) for one in started.tasks] == [(True, None), (False, "it is on-hold")]
    again = await house.ask("requirement.execute", **asked, idempotency_key="k")
    assert [one.item_id for one in again.tasks] == [one.item_id for one in started.tasks]
    twice = await house.ask("requirement.execute", **asked)
    assert twice.tasks[0].item_id is None
    assert started.tasks[0].item_id in twice.tasks[0].why_not


@pytest.mark.parametrize("status", ["done", "rejected"])
async def test_what_is_settled_is_neither_drafted_nor_refined(house: House, status: str) -> None:
    made = await house.wanted()
    for step in {"done": ["planned", "in-progress", "done"], "rejected": ["rejected"]}[status]:
        await house.ask("requirement.update", requirement=made.id, status=step)
    for name in ("requirement.execute", "requirement.refine"):
        with pytest.raises(Conflict) as refused:
            await house.ask(name, requirement=made.id)
        assert refused.value.details["status"] == status


async def test_what_is_not_wanted_has_no_tasks(house: House) -> None:
    made = await house.wanted(priority="wont")
    with pytest.raises(Conflict, match="--priority could"):
        await house.ask("requirement.execute", requirement=made.id)
    with pytest.raises(InvalidInput):
        await house.ask("requirement.update", requirement=made.id, source="Sam", clear=["source"])


async def test_deleting_a_requirement_keeps_its_tasks(house: House) -> None:
    made = await house.wanted(acceptance=["One"])
    (drafted,) = (await house.ask("requirement.execute", requirement=made.id)).tasks
    await house.ask("requirement.delete", requirement=made.id, dry_run=True)
    await house.ask("requirement.delete", requirement=made.id)
    assert (await house.ask("task.get", task=drafted.task.id)).requirement_id is None


async def test_the_graph_shows_what_serves_and_what_blocks(house: House) -> None:
    made = await house.wanted('Quotes " and <b>', acceptance=["One", "Two"])
    one, two = [one.task for one in (await house.ask("requirement.execute", requirement=made.id)).tasks]
    await house.ask("dependency.add", task=two.id, other=one.id)
    other = await house.wanted("Other")
    whole = await house.ask("requirement.graph")
    assert {node.id for node in whole.nodes} == {made.id, other.id, one.id, two.id}
    part = await house.ask("requirement.graph", requirement=made.id)
    edges = [(edge.source, edge.target, edge.kind) for edge in part.edges]
    assert edges == [(one.id, made.id, "serves"), (two.id, made.id, "serves"), (one.id, two.id, "blocks")]
    assert f'{made.id}(["Quotes #34; and #60;b#62;<br/>planned"])' in part.mermaid
    assert f"{one.id} ==> {two.id}" in part.mermaid
    assert not part.truncated
