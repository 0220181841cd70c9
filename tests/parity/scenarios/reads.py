"""The scenarios of what happened: history, output, errors, the runner, models, how a project stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cao.events import TranscriptAppended
from cao.protocol.records import Failure
from cao.store import turns
from cao.store.leases import acquire

from .world import Case, World, has, lists, scenario


async def _settled(world: World, *, said: str = "", failure: Failure | None = None, file: str | None = None) -> Any:
    """A run that no engine runs: what a person sees is the same."""
    run = await world.run("look for the quiet lighthouse")
    owner = world.name()

    def settle(tx: Any) -> None:
        lease = acquire(tx, f"test:{owner}", owner, lambda _: False)
        begun = turns.start(tx, tx.new_id("trn"), run.terminal_id, lease, recovery="fail", flow_run_id=None, task_run_id=None)
        subject = {"session_id": run.session_id, "terminal_id": run.terminal_id, "run_id": run.id, "turn_id": begun.turn.id}
        if file is not None:
            tx.emit(TranscriptAppended(**subject, kind="tool_call", text="write", data={"tool": "write", "files": [file]}))
        tx.emit(TranscriptAppended(**subject, kind="text", text=said))
        turns.settle(tx, begun.turn.id, lease, "failed" if failure else "completed", result=said, failure=failure)

    await world.backstage.services.store.write(settle)
    return run


async def _failed(world: World) -> Any:
    return await _settled(world, failure=Failure(code="model_error", message="the model said no"))


@scenario("history.recent")
async def _(world: World) -> Case:
    run = await world.run()
    return Case({"session": run.session_id, "kind": "turn", "since": "2020-01-01T00:00:00Z"}, lists(run.id))


@scenario("history.search")
async def _(world: World) -> Case:
    run = await _settled(world, said="the lantern is lit")
    return Case({"words": "lighthouse lantern", "session": run.session_id, "order": "best"}, lists(run.id))


@scenario("history.task")
async def _(world: World) -> Case:
    task = await world.client.task.create("Paint the door")
    run = await world.run()

    def bind(tx: Any) -> None:
        tx.update("tasks", task.id, run_id=run.id)

    await world.backstage.services.store.write(bind)
    return Case({"task": task.id}, lists(run.id))


@scenario("history.cleanup")
async def _(world: World) -> Case:
    return Case({"older_than": "9000d", "keep": 5}, has(removed=0, left=0, dry_run=False))


@scenario("output.read")
async def _(world: World) -> Case:
    run = await _settled(world, said="all quiet\nall well")
    return Case({"run": run.id, "tail": True, "limit": 1024}, has(text="all quiet\nall well", complete=True))


@scenario("output.follow")
async def _(world: World) -> Case:
    run = await _settled(world, said="one word")
    return Case({"run": run.id, "after": 4}, lambda pieces: pieces == [{"type": "output", "seq": 8, "text": "word"}])


@scenario("output.phases")
async def _(world: World) -> Case:
    run = await world.run()

    def become_a_workflow(tx: Any) -> None:
        tx.update("runs", run.id, kind="workflow")
        began = {"within": 1, "state": "settled", "effect": "idempotent", "begun": tx.now, "started_at": tx.now}
        output = {"text": "planned"}
        tx.insert("steps", id=world.name(), run_id=run.id, path="plan", kind="agent", attempt=1, output=output, **began)

    await world.backstage.services.store.write(become_a_workflow)
    return Case({"run": run.id, "phase": "plan"}, lists("plan", key="path"))


async def _with_file(world: World) -> Any:
    (Path(world.place) / "report.md").write_text("well done\n")
    return await _settled(world, said="done", file="report.md")


@scenario("output.artifacts")
async def _(world: World) -> Case:
    return Case({"run": (await _with_file(world)).id}, lists("report.md", key="path"))


@scenario("output.download")
async def _(world: World) -> Case:
    run = await _with_file(world)
    return Case({"run": run.id, "path": "report.md"}, has(encoding="text", content="well done\n", size=10))


@scenario("error.list")
async def _(world: World) -> Case:
    run = await _failed(world)
    return Case({"session": run.session_id, "code": "model_error", "within": "1h"}, lists(run.id))


@scenario("error.get")
async def _(world: World) -> Case:
    return Case({"run": (await _failed(world)).id}, has(prompt="look for the quiet lighthouse"))


@scenario("error.stats")
async def _(world: World) -> Case:
    run = await _failed(world)
    return Case({"session": run.session_id}, has(failed=1, by_code=[{"name": "model_error", "count": 1}]))


@scenario("error.retry")
async def _(world: World) -> Case:
    run = await _failed(world)
    return Case({"run": run.id}, has(run_id=run.id, session_id=run.session_id))


@scenario("runner.health")
async def _(world: World) -> Case:
    return Case({}, lambda told: len([one for one in told["owners"] if one["alive"]]) >= 2)


@scenario("runner.orphans")
async def _(world: World) -> Case:
    """Another kind than those that other tests may make meanwhile."""
    name = _scratch(world)
    return Case({"kind": "scratch", "limit": 200}, lists(name))


def _scratch(world: World) -> str:
    name = f"ter_{world.name()}"
    (world.backstage.settings.home / "terminals" / name).mkdir(parents=True)
    return name


@scenario("runner.cleanup")
async def _(world: World) -> Case:
    name = _scratch(world)
    return Case({"kind": "scratch"}, lambda told: any(one["id"] == name for one in told["mended"]))


@scenario("runner.stats")
async def _(world: World) -> Case:
    return Case({"within": "1h"}, lambda told: told["servers_started"] == 1)


@scenario("model.list")
async def _(world: World) -> Case:
    return Case({"limit": 5}, lists("acp", key="provider"))


@scenario("model.availability")
async def _(world: World) -> Case:
    return Case({"limit": 5}, lists("acp", key="provider"))


@scenario("model.validate")
async def _(world: World) -> Case:
    return Case({"profile": "developer"}, has(profiles=1))


@scenario("project.status")
async def _(world: World) -> Case:
    project = await world.project()
    task = await world.client.task.create("Sweep the stairs", project=project.id, status="ready")
    return Case({"project": project.id}, lambda told: told["next"]["id"] == task.id and told["tasks"] == {"ready": 1})
