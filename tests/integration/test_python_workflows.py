"""Workflows that are Prefect flows: their calls are steps, and what is settled is never done again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import cao
from cao.control import Control
from cao.protocol import InvalidInput, NotFound
from cao.protocol.workflows import Workflow
from cao.settings import load
from cao.store.hub import LOG

EXAMPLES = Path(__file__).parents[2] / "examples"

RELEASE = """\
from pathlib import Path
from prefect import flow, task
from cao_flows import StepFailed, agent, approval, command

@flow
async def release(version: str, parts: list):
    built = agent.with_options(name="build").map([f"Build {part}" for part in parts], provider="scripted").result()
    again = await agent("And once more", provider="scripted", terminal="talker")
    same = await agent("What did I say?", provider="scripted", terminal=again.terminal)
    flaky = command.with_options(name="flaky", retries=2, retry_delay_seconds=0)
    tried = await flaky("sh", "-c", "echo x >> tries; test $(wc -l < tries) -ge 3 && echo '[3]'", output="json")
    answer = await approval(f"Release {version}?", note="{{ not a template }}")
    if not answer.approved:
        return {"released": False, "why": answer.note}
    try:
        await command("false")
    except StepFailed as error:
        failure = error.code
    texts = [one.text for one in built]
    return {"texts": texts, "tried": tried.json, "by": answer.by, "failure": failure, "same": same.terminal}
"""
RELEASE_YAML = "name: release\ninputs:\n  version: {required: true}\n  parts: {type: list}\nflow: flows/release.py:release\n"

FAILING = """\
from prefect import flow
from cao_flows import StepFailed, agent, command

UNDECIDED = '<script>{"turns": [[{"say": "no"}], [{"say": "no"}], [{"say": "no"}]]}</script>'

@flow
async def failing():
    codes = []
    for step, words, more in (
        (agent, ["hi"], {"provider": "nope"}),
        (agent, [UNDECIDED], {"provider": "scripted", "contract": {"confidence": 0.5}}),
        (command, ["no-such-program"], {}),
        (command, ["echo", "{"], {"output": "json"}),
    ):
        try:
            await step(*words, **more)
        except StepFailed as error:
            codes.append(error.code)
    return codes
"""

STEADY = """\
from prefect import flow
from cao_flows import command

@flow
async def steady():
    await command("sh", "-c", "echo one >> log", effect="side-effecting")
    await command("sh", "-c", "echo two >> log; touch ready; while test -e ready; do sleep 0.05; done", effect="idempotent")
    await command("sh", "-c", "echo three >> log")
    return "done"
"""


class House:
    """A control with a project whose flows are written by a test."""

    def __init__(self, control: Control, project: Path) -> None:
        self.control, self.project = control, project

    async def define(self, name: str, code: str, text: str | None = None) -> None:
        file = self.project / "flows" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
        await self.control.definition.put(name, text=text or f"name: {name}\nflow: flows/{name}.py:{name}\n")

    async def until(self, run: Workflow, ready: Callable[[Workflow], bool]) -> Workflow:
        async with asyncio.timeout(120):
            with self.control.services.store.hub.subscribe(run.id, run.session_id) as commits:
                while not ready(found := await self.control.workflow.get(run.id)):
                    await commits.wait(1)
        return found

    async def over(self, run: Workflow) -> Workflow:
        return await self.until(run, lambda found: found.state in ("completed", "failed", "cancelled"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests that need an engine: Prefect starts three times as fast on a database that is there."""
    return tmp_path_factory.mktemp("flows") / "home"


@pytest.fixture
async def house(home: Path, tmp_path: Path) -> AsyncIterator[House]:
    project = tmp_path / "project"
    project.mkdir()
    async with cao.open(home) as control:
        await control.project.init(path=str(project))
        yield House(control, project)


async def test_a_flow_is_a_workflow_with_every_verb(house: House) -> None:
    await house.define("release", RELEASE, RELEASE_YAML)
    inputs = {"version": "2", "parts": ["a", "b", "c"]}
    run = await house.control.workflow.run("release", inputs=inputs)
    waiting = await house.until(run, lambda found: found.state == "waiting")
    assert [step.kind for step in waiting.steps if step.state == "waiting"] == ["manual"]
    question = (await house.control.approval.list(state="pending")).items[0]
    assert question.question == "Release 2?\n\n{{ not a template }}"
    before = {(step.path, step.attempt): step.settled_at for step in waiting.steps if step.settled_at}
    (house.project / "flows" / "release.py").write_text("raise SystemExit('edited while a run was under way')\n")
    await house.control.approval.decide(question.id, decision="approve", digest=question.digest)
    done = await house.over(run)
    assert done.failure is None
    assert done.outputs == {
        "texts": [f"scripted: Build {part}" for part in "abc"],
        "tried": [3],
        "by": "owner",
        "failure": "exit-code",
        "same": "talker",
    }
    assert (house.project / "tries").read_text() == "x\n" * 3
    assert [step.attempt for step in done.steps if step.path.startswith("flaky-")] == [1, 2, 3]
    assert before.items() <= {(step.path, step.attempt): step.settled_at for step in done.steps}.items()
    terminals = (await house.control.terminal.list(session=run.session_id)).items
    assert sum(one.name == "talker" for one in terminals) == 1
    await _pictured(house, done)
    await _shown_in_prefect(house, done)
    await _again(house, done)
    await _registered(house)
    await _in_a_flow_of_nobody(house)
    await _fails_the_same_anywhere(house)
    await _stopped(house)


async def _pictured(house: House, done: Workflow) -> None:
    assert "approval-" in (await house.control.workflow.graph(done.id)).text
    compared = await house.control.workflow.compare(done.id, done.id)
    assert (compared.same, compared.phases) == (True, [])


async def _shown_in_prefect(house: House, done: Workflow) -> None:
    """Prefect has the run under its name and tags, with its decisions as an artifact."""
    async with httpx.AsyncClient(base_url=str(house.control.services.engine.status().api_url) + "/") as prefect:
        flow_run = (await prefect.get(f"flow_runs/{done.flow_run_id}")).json()
        assert (flow_run["name"], flow_run["state"]["type"]) == (f"release·{done.id}", "COMPLETED")
        assert {f"run:{done.id}", "workflow:release"} <= set(flow_run["tags"])
        wanted = {"artifacts": {"key": {"any_": [f"decisions-{done.id.replace('_', '-')}"]}}, "sort": "CREATED_DESC"}
        async with asyncio.timeout(20):
            while (
                not (found := (await prefect.post("artifacts/filter", json=wanted)).json())
                or "completed" not in found[0]["data"]
            ):
                await house.until(done, lambda _: True)
    assert found[0]["flow_run_id"] == done.flow_run_id
    assert f"see `cao workflow get {done.id}`" in found[0]["data"]
    asked = next(step for step in done.steps if step.kind == "manual")
    assert f"| {asked.path} | 1 | advance | person |" in found[0]["data"]


async def _again(house: House, done: Workflow) -> None:
    """Retried from the question: what came before is taken over, with the code of that time."""
    asked = next(step.path for step in done.steps if step.kind == "manual")
    run = await house.control.workflow.retry(done.id, phase=asked)
    waiting = await house.until(run, lambda found: found.state in ("waiting", "failed"))
    assert waiting.failure is None
    question = (await house.control.approval.list(state="pending")).items[0]
    await house.control.approval.decide(question.id, decision="deny", reason="not on a Friday")
    again = await house.over(run)
    assert again.outputs == {"released": False, "why": "not on a Friday"}
    assert (house.project / "tries").read_text() == "x\n" * 3
    compared = await house.control.workflow.compare(done.id, again.id)
    assert not compared.same
    flaky = next(
        step.path for step in done.steps if step.path.startswith("flaky-")
    )  # three attempts, of which the good one counts
    assert {one.path for one in compared.phases if one.change == "differs"} == {asked, flaky}
    assert '-  "by": "owner"' in compared.outputs


async def _registered(house: House) -> None:
    """The example, as an application registers it; in a repository of its own."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        from python_workflow import survey
    finally:
        sys.path.remove(str(EXAMPLES))
    repository = house.project.parent / "repository"
    (repository / "src").mkdir(parents=True)
    (repository / "src" / "main.py").write_text("print()\n")
    for words in (["init", "-q"], ["add", "."]):
        await asyncio.to_thread(subprocess.run, ["git", *words], cwd=repository, check=True)
    definition = house.control.register_flow(survey)
    assert (definition.name, definition.inputs["most"].type) == ("survey", "integer")
    run = await house.control.workflow.run("survey", directory=str(repository))
    await house.until(run, lambda found: found.state in ("waiting", "failed"))
    question = (await house.control.approval.list(state="pending")).items[0]
    await house.control.approval.decide(question.id, decision="approve")
    done = await house.over(run)
    assert done.outputs == {"folders": ["src"], "written": True, "by": "owner"}
    assert (repository / "SURVEY.md").read_text() == "src has 1 files.\n"


async def _in_a_flow_of_nobody(house: House) -> None:
    """In a flow that is no workflow of ours the tasks work through the control that is open here."""
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from cao_flows import agent, approval, command

    @flow
    async def own() -> tuple[Any, ...]:
        first = await agent("Hello", provider="scripted", directory=house.project)
        second = await agent("More", provider="scripted", terminal=first.terminal)
        printed = await command("sh", "-c", "echo hi; exit 3", check=False, directory=house.project)
        asked = asyncio.ensure_future(approval("Really?"))
        question = await _pending(house)
        await house.control.approval.decide(question.id, decision="deny", reason="no")
        return first, second, printed, await asked

    with temporary_settings({PREFECT_API_URL: house.control.services.engine.status().api_url}):
        first, second, printed, answer = await own()
    assert (first.text, second.text, second.session_id) == ("scripted: Hello", "scripted: More", first.session_id)
    assert (printed.exit_code, printed.text) == (3, "hi")
    assert (answer.approved, answer.note, answer.by) == (False, "no", "owner")


async def _fails_the_same_anywhere(house: House) -> None:
    """What a step raises is the same in a workflow's run and in a flow that is run by itself."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from cao_flows.flow_source import loaded

    await house.define("failing", FAILING)
    done = await house.over(await house.control.workflow.run("failing"))
    file = house.project / "flows" / "failing.py"
    with temporary_settings({PREFECT_API_URL: house.control.services.engine.status().api_url}):
        codes = await loaded(file, FAILING, house.project, "failing")()
    assert codes == ["not_found", "no-decision", "cannot_start", "contract"]
    assert done.outputs == {"result": codes}


async def _pending(house: House) -> Any:
    """The question that waits, once one does."""
    async with asyncio.timeout(30):
        with house.control.services.store.hub.subscribe(LOG) as commits:
            while not (found := (await house.control.approval.list(state="pending")).items):
                await commits.wait(1)
    return found[0]


async def _stopped(house: House) -> None:
    """Paused, resumed, and cancelled: the program that runs is ended."""
    await house.define("steady", STEADY)
    run = await house.control.workflow.run("steady")
    await house.until(run, lambda _: (house.project / "ready").exists())
    await house.control.workflow.pause(run.id)
    (house.project / "ready").unlink()
    paused = await house.until(run, lambda found: len([step for step in found.steps if step.state == "settled"]) == 2)
    assert (paused.state, len(paused.steps)) == ("paused", 2)
    await house.control.workflow.resume(run.id)
    done = await house.over(run)
    assert (done.state, done.outputs) == ("completed", {"result": "done"})
    assert (house.project / "log").read_text().split() == ["one", "two", "three"]
    run = await house.control.workflow.run("steady")
    await house.until(run, lambda _: (house.project / "ready").exists())
    await house.control.workflow.cancel(run.id)
    over = await house.over(run)
    assert over.state == "cancelled"
    (house.project / "ready").unlink()
    await house.until(run, lambda _: (house.project / "log").read_text().split().count("three") == 1)


PROGRAM = """
import asyncio, sys
import cao
async def main():
    async with cao.open(sys.argv[1]) as control:
        await control.project.init(path=sys.argv[2])
        print((await control.workflow.run("steady", directory=sys.argv[2])).id, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_killed_flow_goes_on_where_it_was(home: Path, tmp_path: Path) -> None:
    project = tmp_path / "killed"
    (project / "flows").mkdir(parents=True)
    (project / "flows" / "steady.py").write_text(STEADY)
    (project / ".cao" / "workflows").mkdir(parents=True)
    (project / ".cao" / "workflows" / "steady.yaml").write_text("name: steady\nflow: flows/steady.py:steady\n")
    command = [sys.executable, "-c", PROGRAM, str(home), str(project)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            run_id = (await process.stdout.readline()).decode().strip()
            while not (project / "ready").exists():  # noqa: ASYNC110 - a file of another process
                await asyncio.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    (project / "ready").unlink()
    async with cao.open(home) as control:
        house = House(control, project)
        run = await control.workflow.get(run_id)
        await house.until(run, lambda _: (project / "ready").exists())
        (project / "ready").unlink()
        done = await house.over(run)
    assert (done.state, done.outputs) == ("completed", {"result": "done"})
    assert (project / "log").read_text().split() == ["one", "two", "two", "three"]
    assert [step.failure.code for step in done.steps if step.failure] == ["cut"]


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("import nothing_of_this_name\n", "cannot be loaded: ModuleNotFoundError"),
        ("def broken(): ...\n", "is no Prefect flow"),
        ("broken = 1\n", "is no Prefect flow"),
        ("from prefect import flow\n@flow\ndef brken(): ...\n", "there is no 'broken' in broken.py; did you mean `brken`?"),
        ("x = 1\n", "there is no 'broken' in broken.py; its flows are none"),
        ("raise SystemExit(3)\n", "cannot be loaded: SystemExit: 3 (line 1)"),
    ],
    ids=["import", "function", "value", "misspelt", "missing", "exit"],
)
def test_code_that_holds_no_flow_is_told(tmp_path: Path, code: str, word: str) -> None:
    from cao_flows import flow_source

    with pytest.raises(InvalidInput) as caught:
        flow_source.loaded(tmp_path / "broken.py", code, tmp_path, "broken")
    assert word in caught.value.message


@pytest.mark.parametrize(
    ("flow", "word"),
    [
        ("flows/gone.py:gone", "no file flows/gone.py"),
        ("gone.module:gone", "no file gone/module.py"),
        ("flows/out.py:out", "leads out"),
    ],
    ids=["file", "module", "link"],
)
async def test_a_flow_is_a_file_inside_the_project(tmp_path: Path, flow: str, word: str) -> None:
    project = tmp_path / "project"
    (project / "flows").mkdir(parents=True)
    (tmp_path / "out.py").write_text(STEADY)
    (project / "flows" / "out.py").symlink_to(tmp_path / "out.py")
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        await control.project.init(path=str(project))
        text = f"name: gone\nflow: {flow}\n"
        with pytest.raises(InvalidInput, match=word):
            await control.definition.put("gone", text=text)
        (project / ".cao" / "workflows").mkdir()
        (project / ".cao" / "workflows" / "gone.yaml").write_text(text)
        with pytest.raises(InvalidInput, match=word):
            await control.workflow.run("gone")


async def test_a_registered_flow_waits_for_the_program_that_has_it(tmp_path: Path) -> None:
    from prefect import flow

    @flow(name="Nightly Report")
    async def report(day: str, deep: bool | None = None) -> None:
        """Write the report."""

    async with Control(load(tmp_path / "home", {}), work=False) as control:
        definition = control.register_flow(report)
        assert (definition.name, definition.description) == ("nightly-report", "Write the report.")
        assert definition.inputs["day"].required and definition.inputs["deep"].type == "boolean"
        with pytest.raises(InvalidInput):
            control.register_flow(lambda: None)
        with pytest.raises(InvalidInput, match="day"):
            await control.workflow.run("nightly-report", directory=str(tmp_path))
        run = await control.workflow.run("nightly-report", inputs={"day": "Monday"}, directory=str(tmp_path))
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        assert (await control.workflow.get(run.id)).state == "queued"
        with pytest.raises(NotFound):
            await control.workflow.run("nightly-report", inputs={"day": "Monday"})
