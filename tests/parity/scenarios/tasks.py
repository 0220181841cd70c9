"""The scenarios of tasks, requirements and visions."""

from __future__ import annotations

from typing import Any

from .world import Case, World, has, lists, scenario


async def task(world: World, **fields: Any) -> Any:
    return await world.client.task.create(world.name(), **{"status": "ready", **fields})


async def requirement(world: World, **fields: Any) -> Any:
    return await world.client.requirement.create(world.name(), **fields)


@scenario("task.create")
async def _(world: World) -> Case:
    fields = {"title": "Show it", "kind": "bug", "priority": "high", "labels": ["ui", "now"], "checklist": ["Look"]}
    return Case(fields, has(title="Show it", status="backlog", labels=["ui", "now"], version=1))


@scenario("task.list")
async def _(world: World) -> Case:
    made = await task(world, person="Sam")
    return Case({"status": "ready", "person": "Sam", "limit": 200}, lists(made.id))


@scenario("task.get")
async def _(world: World) -> Case:
    made = await task(world)
    return Case({"task": made.id}, has(id=made.id, status="ready"))


@scenario("task.next")
async def _(world: World) -> Case:
    agent = world.name()
    made = await task(world, agent=agent)
    return Case({"agent": agent}, lambda answer: (answer["task"]["id"], answer["ready"], answer["waiting"]) == (made.id, 1, 0))


@scenario("task.update")
async def _(world: World) -> Case:
    made = await task(world, labels=["old"], risk="high")
    fields = {"task": made.id, "title": "Show more", "labels": ["new"], "clear": ["risk"], "expect_version": 1}
    return Case(fields, has(title="Show more", labels=["new"], risk=None, version=2))


@scenario("task.status")
async def _(world: World) -> Case:
    made = await task(world)
    fields = {"task": made.id, "status": "blocked", "reason": "no key"}
    return Case(fields, has(status="blocked", blocked_reason="no key"))


@scenario("task.priority")
async def _(world: World) -> Case:
    made = await task(world)
    return Case({"task": made.id, "priority": "critical"}, has(priority="critical"))


@scenario("task.deadline")
async def _(world: World) -> Case:
    made = await task(world)
    fields = {"task": made.id, "deadline": "2027-03-31T16:00:00Z"}
    return Case(fields, has(deadline="2027-03-31T16:00:00Z"))


@scenario("task.assign")
async def _(world: World) -> Case:
    made = await task(world, person="Sam")
    return Case({"task": made.id, "agent": "developer"}, has(agent="developer", person=None))


@scenario("task.pause")
async def _(world: World) -> Case:
    made = await task(world)
    return Case({"task": made.id, "reason": "later"}, has(status="on-hold", blocked_reason="later"))


@scenario("task.resume")
async def _(world: World) -> Case:
    made = await task(world)
    await world.client.task.pause(made.id)
    return Case({"task": made.id}, has(status="ready", blocked_reason=None))


@scenario("task.cancel")
async def _(world: World) -> Case:
    made = await task(world)
    return Case({"task": made.id}, lambda answer: answer["status"] == "cancelled" and answer["settled_at"])


@scenario("task.reopen")
async def _(world: World) -> Case:
    made = await task(world)
    await world.client.task.cancel(made.id)
    return Case({"task": made.id}, has(status="ready", settled_at=None))


@scenario("task.delete")
async def _(world: World) -> Case:
    made = await task(world)
    return Case({"task": made.id}, has(id=made.id))


@scenario("task.history")
async def _(world: World) -> Case:
    made = await task(world)
    await world.client.task.status(made.id, "in-progress")
    return Case({"task": made.id}, lambda page: [item["type"] for item in page["items"]] == ["task.moved", "task.created"])


@scenario("task.stats")
async def _(world: World) -> Case:
    await task(world)
    return Case({"everywhere": True}, lambda answer: answer["status"]["ready"] >= 1)


@scenario("task.rebalance")
async def _(world: World) -> Case:
    made = await task(world, priority="low")
    fields = {"percent": 100, "essential": [made.id]}
    return Case(fields, lambda plan: plan["changes"][-1]["task"] == made.id and not plan["applied"])


@scenario("task.bulk")
async def _(world: World) -> Case:
    made = await task(world)
    items = [{"task": made.id, "status": "done"}, {"task": made.id, "fields": {"title": "More"}}]
    outcomes = [("failed", "conflict"), ("ok", None)]
    return Case(
        {"items": items, "on_error": "continue"},
        lambda answer: [(item["outcome"], item["code"]) for item in answer["items"]] == outcomes,
    )


@scenario("checklist.add")
async def _(world: World) -> Case:
    made = await task(world)
    return Case({"task": made.id, "text": "Look"}, has(checklist=[{"id": 1, "text": "Look", "done": False}]))


@scenario("checklist.set")
async def _(world: World) -> Case:
    made = await task(world, checklist=["Look"])
    await world.client.checklist.set(made.id, 1)
    return Case({"task": made.id, "item": 1, "done": False}, has(checklist=[{"id": 1, "text": "Look", "done": False}]))


@scenario("dependency.add")
async def _(world: World) -> Case:
    made, other = await task(world), await task(world)
    fields = {"task": made.id, "other": other.id, "kind": "blocks"}
    return Case(fields, has(depends_on=[{"task": other.id, "kind": "blocks", "status": "ready"}]))


@scenario("dependency.remove")
async def _(world: World) -> Case:
    made, other = await task(world), await task(world)
    await world.client.dependency.add(made.id, other.id)
    return Case({"task": made.id, "other": other.id}, has(id=made.id, depends_on=[]))


@scenario("requirement.create")
async def _(world: World) -> Case:
    fields = {"title": "Notes are found", "priority": "must", "acceptance": ["At once", "By what they say"]}
    return Case(fields, has(status="draft", acceptance=["At once", "By what they say"]))


@scenario("requirement.list")
async def _(world: World) -> Case:
    made = await requirement(world, priority="could")
    return Case({"priority": "could", "limit": 200}, lists(made.id))


@scenario("requirement.get")
async def _(world: World) -> Case:
    made = await requirement(world)
    return Case({"requirement": made.id}, has(id=made.id, task_ids=[]))


@scenario("requirement.update")
async def _(world: World) -> Case:
    made = await requirement(world, source="Sam")
    fields = {"requirement": made.id, "status": "refined", "body": "Better.", "clear": ["source"]}
    return Case(fields, has(status="refined", body="Better.", source=None))


@scenario("requirement.delete")
async def _(world: World) -> Case:
    made = await requirement(world)
    return Case({"requirement": made.id}, has(id=made.id))


@scenario("requirement.refine")
async def _(world: World) -> Case:
    made = await requirement(world)
    fields = {"requirement": made.id, "provider": "scripted", "directory": str(world.place), "notes": "Be precise."}
    return Case(fields, has(requirement_id=made.id, state="asked"))


@scenario("requirement.execute")
async def _(world: World) -> Case:
    made = await requirement(world, acceptance=["One", "Two"])
    return Case({"requirement": made.id}, lambda answer: [one["task"]["title"] for one in answer["tasks"]] == ["One", "Two"])


@scenario("requirement.graph")
async def _(world: World) -> Case:
    made = await requirement(world, acceptance=["One"])
    await world.client.requirement.execute(made.id)
    return Case({"requirement": made.id}, lambda answer: [edge["kind"] for edge in answer["edges"]] == ["serves"])


@scenario("vision.get")
async def _(world: World) -> Case:
    project = await world.project()
    await world.client.vision.set("Be kind.", project=project.name)
    return Case({"project": project.name}, has(project_id=project.id, text="Be kind.", version=1))


@scenario("vision.set")
async def _(world: World) -> Case:
    project = await world.project()
    return Case({"text": "Be kind.", "project": project.id, "expect_version": 0}, has(text="Be kind.", version=1))


@scenario("vision.refine")
async def _(world: World) -> Case:
    project = await world.project()
    fields = {"project": project.id, "provider": "scripted", "directory": str(world.place)}
    return Case(fields, has(subject="vision", project_id=project.id, state="asked"))
