"""Workflows as pictures and side by side, and those that are taken over from another system."""

from __future__ import annotations

from .definitions import written
from .world import Case, World, has, scenario


@scenario("definition.graph")
async def _(world: World) -> Case:
    project, name = await written(world)
    fields = {"definition": name, "project": project.id, "form": "mermaid"}
    return Case(fields, lambda answer: answer["text"].startswith("flowchart TD"))


@scenario("workflow.graph")
async def _(world: World) -> Case:
    project, name = await written(world)
    run = await world.client.workflow.run(name, project=project.id)
    return Case({"run": run.id, "form": "svg"}, lambda answer: answer["name"] == name and answer["text"].startswith("<svg "))


@scenario("workflow.compare")
async def _(world: World) -> Case:
    project, name = await world.project(), world.name()
    text = f"name: {name}\nphases:\n  - id: go\n    command: {{run: ['true']}}\n"
    await world.client.definition.put(name, text=text, project=project.id)
    first, second = [await world.client.workflow.run(name, project=project.id) for _ in range(2)]
    for run in (first, second):
        assert (await world.client.workflow.wait(run.id, timeout=60)).state == "completed"
    return Case({"first": first.id, "second": second.id, "all": True}, has(same=True, same_definition=True))


@scenario("workflow.import")
async def _(world: World) -> Case:
    project, name = await world.project(), world.name()
    text = f"workflows:\n  - id: {name}\n    phases: [greet]\nphases:\n  greet: {{directive: Say hello.}}\n"
    holds = has(remarks=[], problems=[])
    return Case({"text": text, "project": project.id}, lambda answer: holds(answer) and answer["files"][0]["name"] == name)
