"""Definitions of workflows."""

from __future__ import annotations

from typing import Any

from .world import Case, World, has, lists, scenario


def text(name: str) -> str:
    return f"name: {name}\nphases:\n  - id: hello\n    agent: {{prompt: Say hello.}}\n"


async def written(world: World) -> tuple[Any, str]:
    """A project with a definition in it."""
    project, name = await world.project(), world.name()
    await world.client.definition.put(name, text=text(name), project=project.id)
    return project, name


@scenario("definition.list")
async def _(world: World) -> Case:
    project, name = await written(world)
    return Case({"project": project.id}, lists(name, key="name"))


@scenario("definition.get")
async def _(world: World) -> Case:
    project, name = await written(world)
    return Case({"definition": name, "project": project.id}, has(name=name, text=text(name), valid=True))


@scenario("definition.put")
async def _(world: World) -> Case:
    project, name = await world.project(), world.name()
    return Case({"definition": name, "text": text(name), "project": project.id}, has(name=name, project_id=project.id))


@scenario("definition.remove")
async def _(world: World) -> Case:
    project, name = await written(world)
    return Case({"definition": name, "project": project.id}, has(name=name, nested_by=[]))


@scenario("definition.validate")
async def _(world: World) -> Case:
    return Case({"text": "name: x\nphasess: []\n"}, lambda answer: answer["problems"][0]["line"] == 2)


@scenario("definition.render")
async def _(world: World) -> Case:
    project, name = await written(world)
    fields = {"definition": name, "phase": "hello", "project": project.id}
    return Case(fields, has(text="Say hello.", profile="developer"))


@scenario("definition.schema")
async def _(world: World) -> Case:
    return Case({}, lambda answer: "Phase" in answer["document"]["$defs"])
