"""The scenarios of the queue. The server would dispatch at once what may begin, so items wait for tomorrow."""

from __future__ import annotations

from typing import Any

from .world import Case, World, has, lists, scenario


async def item(world: World, **fields: Any) -> Any:
    given: dict[str, Any] = {"provider": "scripted", "directory": str(world.place), "not_before": "1d", **fields}
    return await world.client.queue.enqueue(world.name(), **given)


@scenario("queue.enqueue")
async def _(world: World) -> Case:
    fields = {"prompt": "line one\nline two ünïcode", "provider": "scripted", "directory": str(world.place), "priority": "high"}
    return Case({**fields, "not_before": "2h", "expires": "1d"}, has(state="ready", priority="high", kind="prompt"))


@scenario("queue.list")
async def _(world: World) -> Case:
    made = await item(world, priority="critical")
    await world.client.queue.reorder([made.id], to="front")
    return Case({"state": "ready", "kind": "prompt", "limit": 5}, lists(made.id))


@scenario("queue.get")
async def _(world: World) -> Case:
    made = await item(world)
    return Case({"item": made.id}, has(id=made.id, state="ready", provider="scripted"))


@scenario("queue.stats")
async def _(world: World) -> Case:
    await item(world)
    return Case({}, lambda answer: answer["waiting"]["medium"] > 0 and answer["limit"] == 8)


@scenario("queue.hold")
async def _(world: World) -> Case:
    made = [await item(world), await item(world)]
    return Case({"items": [one.id for one in made], "reason": "not today"}, has(succeeded=2, failed=0))


@scenario("queue.release")
async def _(world: World) -> Case:
    made = await item(world)
    await world.client.queue.hold([made.id])
    return Case({"items": [made.id]}, has(succeeded=1, failed=0))


@scenario("queue.drop")
async def _(world: World) -> Case:
    made = await item(world)
    return Case({"items": [made.id, "itm_nobody"]}, has(succeeded=1, failed=1, dry_run=False))


@scenario("queue.reorder")
async def _(world: World) -> Case:
    first, second = await item(world), await item(world)
    return Case({"items": [second.id], "to": "before", "anchor": first.id}, has(succeeded=1, failed=0))


@scenario("daemon.pause")
async def _(world: World) -> Case:
    return Case({"reason": "a test"}, has(paused=True, reason="a test"))


@scenario("daemon.resume")
async def _(world: World) -> Case:
    await world.client.daemon.pause(reason="a test")
    return Case({}, has(paused=False, by=None))
