"""Runs of workflows, their phases and their checkpoints. No engine runs them: what they become is written down here."""

from __future__ import annotations

import json
from typing import Any

from cao.protocol.workflows import Decision
from cao.store import steps, workflows
from cao.store.steps import NewStep
from cao.store.workflows import NewWorkflow

from .world import Case, World, has, lists, scenario


def text(name: str) -> str:
    return f"name: {name}\nphases:\n  - id: gate\n    manual: {{question: Go on.}}\n"


async def defined(world: World) -> tuple[Any, str]:
    project, name = await world.project(), world.name()
    await world.client.definition.put(name, text=text(name), project=project.id)
    return project, name


async def started(world: World, *, paused: bool = True) -> Any:
    """A run that stays as it is, unless it is not paused."""
    name = world.name()
    definition = {"name": name, "phases": [{"id": "gate", "manual": {"question": "Go on?"}}]}
    new = NewWorkflow(name, "0" * 64, json.dumps({name: definition}), {}, str(world.place), None, {})

    def write(tx: Any) -> Any:
        run = workflows.create(tx, new)
        if paused:
            workflows.pause(tx, run.id)
        return run

    return await world.backstage.services.store.write(write)


async def begun(world: World, *, settled: bool) -> Any:
    """A run whose first phase waits for a person, or was decided."""
    run = await started(world)
    new = NewStep(run.session_id, run.id, "gate", "manual", 1, 1, "idempotent", 0.0)

    def write(tx: Any) -> None:
        step = steps.ask(tx, steps.begin(tx, new), "Go on?", {"about": "manual"}, 3600)
        if settled:
            steps.settle(tx, step, Decision(verdict="advance", by="person"), {"text": "yes"})

    await world.backstage.services.store.write(write)
    return run


async def over(world: World) -> Any:
    run = await begun(world, settled=True)
    return await world.client.workflow.cancel(run.id)


@scenario("workflow.run")
async def _(world: World) -> Case:
    project, name = await defined(world)
    return Case({"definition": name, "project": project.id}, has(definition=name, state="queued", project_id=project.id))


@scenario("workflow.batch")
async def _(world: World) -> Case:
    project, name = await defined(world)
    return Case({"runs": [{"definition": name}], "project": project.id}, has(started=1, failed=0))


@scenario("workflow.list")
async def _(world: World) -> Case:
    run = await started(world)
    return Case({"definition": run.definition}, lists(run.id))


@scenario("workflow.get")
async def _(world: World) -> Case:
    run = await begun(world, settled=False)
    return Case({"run": run.id}, has(id=run.id, current=["gate"]))


@scenario("workflow.wait")
async def _(world: World) -> Case:
    run = await started(world)
    return Case({"run": run.id, "timeout": 0}, has(id=run.id, state="paused"))


@scenario("workflow.follow")
async def _(world: World) -> Case:
    run = await over(world)
    return Case({"run": run.id}, lambda events: [event["type"] for event in events][-1] == "session.closed")


@scenario("workflow.pause")
async def _(world: World) -> Case:
    run = await started(world, paused=False)
    return Case({"run": run.id}, has(id=run.id, state="paused"))


@scenario("workflow.resume")
async def _(world: World) -> Case:
    run = await started(world)
    return Case({"run": run.id, "feedback": "Be brief."}, has(id=run.id, state="queued", feedback="Be brief."))


@scenario("workflow.cancel")
async def _(world: World) -> Case:
    run = await started(world)
    return Case({"run": run.id, "reason": "enough"}, has(id=run.id, state="cancelled"))


@scenario("workflow.retry")
async def _(world: World) -> Case:
    run = await over(world)
    return Case({"run": run.id, "phase": "gate"}, has(retried_from=run.id, state="queued"))


@scenario("workflow.decisions")
async def _(world: World) -> Case:
    run = await begun(world, settled=True)
    return Case({"run": run.id}, lists("gate", key="path"))


@scenario("workflow.outputs")
async def _(world: World) -> Case:
    run = await begun(world, settled=True)
    return Case({"run": run.id, "phase": "gate"}, lambda answer: answer["items"][0]["output"] == {"text": "yes"})


@scenario("workflow.delete")
async def _(world: World) -> Case:
    run = await over(world)
    return Case({"run": run.id}, has(count=1, dry_run=False))


@scenario("workflow.prune")
async def _(world: World) -> Case:
    run = await over(world)
    return Case({"days": 0, "dry_run": True}, lambda answer: run.id in answer["run_ids"])


@scenario("phase.approve")
async def _(world: World) -> Case:
    run = await begun(world, settled=False)
    return Case({"run": run.id, "phase": "gate", "note": "fine"}, has(id=run.id, current=[]))


@scenario("phase.reject")
async def _(world: World) -> Case:
    run = await begun(world, settled=False)
    fields = {"run": run.id, "phase": "gate", "note": "no", "verdict": "fail"}
    return Case(fields, lambda answer: answer["steps"][0]["decision"]["verdict"] == "fail")


@scenario("checkpoint.list")
async def _(world: World) -> Case:
    run = await begun(world, settled=True)
    return Case({"run": run.id}, lists(1, key="number"))


@scenario("checkpoint.get")
async def _(world: World) -> Case:
    run = await begun(world, settled=True)
    return Case({"run": run.id, "number": 1}, has(path="gate", verdict="advance", standing={"gate": "advance"}))


@scenario("checkpoint.prune")
async def _(world: World) -> Case:
    run = await over(world)
    return Case({"run": run.id, "keep": 1, "dry_run": True}, has(count=0, dry_run=True))
