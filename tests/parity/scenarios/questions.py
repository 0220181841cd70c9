"""Questions of programs to people."""

from __future__ import annotations

from .world import Case, World, has, scenario


@scenario("approval.ask")
async def _(world: World) -> Case:
    return Case({"question": "Release it?", "expires": 60}, has(question="Release it?", state="pending"))


@scenario("approval.wait")
async def _(world: World) -> Case:
    asked = await world.client.approval.ask("Release it?")
    await world.client.approval.decide(asked.id, decision="approve", reason="yes")
    return Case({"approval": asked.id, "timeout": 5}, has(state="approved", reason="yes"))
