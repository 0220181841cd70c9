"""Workflows on a real Prefect: what each kind of phase does, and where decisions lead."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

import cao
from cao.control import Control
from cao.protocol import REGISTRY, Conflict, InvalidInput, NotFound
from cao.protocol.workflows import Workflow

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

Fields = dict[str, Any]


class Bench:
    """A control with an engine, and a project to put definitions into."""

    def __init__(self, control: Control, place: Path) -> None:
        self.control, self.place = control, place
        self._count = 0

    async def call(self, name: str, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields))

    def define(self, *phases: Fields, **more: Any) -> str:
        self._count += 1
        name = str(more.pop("name", f"flow-{self._count}"))
        folder = self.place / ".cao" / "workflows"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, "phases": list(phases), **more}, sort_keys=False))
        return name

    async def start(self, *phases: Fields, given: Fields | None = None, **more: Any) -> str:
        name = self.define(*phases, **more)
        return (await self.call("workflow.run", definition=name, inputs=given or {}, directory=str(self.place))).id

    async def run(self, *phases: Fields, given: Fields | None = None, **more: Any) -> Workflow:
        return await self.wait(await self.start(*phases, given=given, **more))

    async def wait(self, run: str) -> Workflow:
        return await self.call("workflow.wait", run=run, timeout=60)

    async def until(self, run: str, holds: Callable[[Workflow], bool]) -> Workflow:
        """The run once `holds` is true of it."""
        async with asyncio.timeout(60):
            with self.control.services.store.hub.subscribe(run) as commits:
                while not holds(found := await self.call("workflow.get", run=run)):
                    await commits.wait(60)
                return found

    async def question(self, run: str) -> Any:
        await self.until(run, lambda found: found.state == "waiting")
        (approval,) = [one for one in (await self.call("approval.list", state="pending")).items if one.run_id == run]
        return approval


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    root = tmp_path_factory.mktemp("workflows")
    (root / "place").mkdir()
    async with cao.open(root / "home", linger_seconds=0.2) as control:
        await control.project.init(path=str(root / "place"), name="place")
        yield Bench(control, root / "place")


def command(id: str, *words: str, **more: Any) -> Fields:
    return {"id": id, "command": {"run": list(words) or ["true"]}, **more}


def shell(id: str, line: str, **more: Any) -> Fields:
    return command(id, "sh", "-c", line, **more)


def agent(id: str, *steps: Any, **more: Any) -> Fields:
    prompt = f"<script>{json.dumps(steps)}</script>"
    return {"id": id, "agent": {"prompt": prompt, "provider": "scripted", **more.pop("agent", {})}, **more}


def told(found: Workflow) -> list[tuple[str, int, str]]:
    return [(step.path, step.attempt, step.decision.verdict if step.decision else step.state) for step in found.steps]


async def test_outputs_flow_from_phase_to_phase(bench: Bench) -> None:
    found = await bench.run(
        command("hello", "echo", "hello {{ inputs.who }}"),
        {"id": "parse", "command": {"run": ["echo", '{"n": [1, 2]}'], "output": "json"}},
        agent("say", {"say": "I read {{ phases.hello.output.text }} and {{ phases.parse.output.json.n | length }}"}),
        given={"who": "you"},
        name="flowing",
        inputs={"who": {"required": True}},
        outputs={"said": "{{ phases.say.output.text }}", "n": "{{ phases.parse.output.json.n }}"},
    )
    assert found.state == "completed", found
    assert found.outputs == {"said": "I read hello you and 2", "n": [1, 2]}
    assert told(found) == [("hello", 1, "advance"), ("parse", 1, "advance"), ("say", 1, "advance")]
    assert found.used.turns == 1
    result = await bench.call("run.result", run=found.id)
    assert json.loads(result.text) == found.outputs
    session = await bench.call("session.get", session=found.session_id)
    assert session.status == "closed"
    assert session.labels == {"workflow": "flowing"}


async def test_rework_carries_its_reason_and_is_bounded_by_a_person(bench: Bench) -> None:
    line = 'echo "{{ feedback }}" >> feedback.txt'
    id = await bench.start(
        shell("build", line, effect="idempotent"),
        shell("test", "echo broken; exit 3", routes={"rework": {"to": "build", "at_most": 1}}),
    )
    approval = await bench.question(id)
    assert approval.question.startswith("build was sent back 1 times, and test sends it back again. Go on?\n\nexit code 3")
    assert approval.action["phase"] == "build"
    shown = await bench.call("workflow.get", run=id)
    assert (shown.current, {step.state for step in shown.steps}) == (["build"], {"settled"})
    (listed,) = (await bench.call("workflow.list", state="waiting")).items
    assert (listed.id, listed.current) == (id, ["build"])
    with pytest.raises(Conflict, match="test does not wait for a person; these do: build"):
        await bench.call("phase.approve", run=id, phase="test")
    await bench.call("approval.decide", approval=approval.id, decision="approve")
    approval = await bench.question(id)
    await bench.call("phase.reject", run=id, phase="build", note="enough")
    found = await bench.wait(id)
    assert (found.state, found.current) == ("failed", [])
    assert found.failure and found.failure.code == "rework-budget"
    assert [attempt for path, attempt, _ in told(found) if path == "build"] == [1, 2, 3]
    assert (bench.place / "feedback.txt").read_text() == "\n" + 2 * "exit code 3\nbroken\n"


@pytest.mark.parametrize(
    ("decide", "state", "verdict"),
    [
        (("phase.approve", {"note": "fine"}), "completed", "advance"),
        (("phase.approve", {"verdict": "skip"}), "completed", "skip"),
        (("phase.reject", {"note": "no"}), "failed", "fail"),
    ],
    ids=["approved", "skipped", "rejected"],
)
async def test_a_person_is_asked_without_a_process(bench: Bench, decide: Any, state: str, verdict: str) -> None:
    gate = {"id": "gate", "manual": {"question": "Ship {{ phases.one.output.text }}?"}}
    id = await bench.start(command("one", "echo", "it"), gate, command("after"))
    approval = await bench.question(id)
    assert (approval.question, approval.terminal_id) == ("Ship it?", None)
    await until(lambda: bench.control.services.engine.status().workflows == 0)
    name, fields = decide
    with pytest.raises(Conflict):
        await bench.call("phase.approve", run=id, phase="one")
    await bench.call(name, run=id, phase="gate", **fields)
    found = await bench.wait(id)
    assert found.state == state
    (step,) = [step for step in found.steps if step.path == "gate"]
    assert step.decision and (step.decision.verdict, step.decision.by) == (verdict, "person")


async def test_an_agent_decides_in_its_answer_and_is_reminded(bench: Bench) -> None:
    decision = json.dumps({"verdict": "advance", "confidence": 0.9, "evidence": [{"kind": "tests-passed"}]})
    weak = json.dumps({"verdict": "advance", "confidence": 0.1})
    review = {
        "id": "review",
        "agent": {
            "prompt": f"<script>{json.dumps({'turns': [[{'say': 'fine'}]]})}</script>",
            "provider": "scripted",
            "continuations": 0,
        },
        "contract": {"confidence": 0.5, "evidence": ["tests-passed"]},
    }
    found = await bench.run(review)
    assert found.failure and found.failure.code == "no-decision"
    twice = json.dumps({"turns": [[{"say": weak}], [{"say": weak}]]})
    review["agent"] = {**review["agent"], "prompt": f"<script>{twice}</script>", "continuations": 1}
    found = await bench.run(review)
    assert found.failure and found.failure.code == "contract", found.failure
    assert found.used.turns == 2
    review["agent"] = {**review["agent"], "prompt": f"<script>{json.dumps([{'say': decision}])}</script>"}
    assert (await bench.run(review)).state == "completed"


async def test_branches_and_lists_run_side_by_side(bench: Bench) -> None:
    both = {"id": "both", "parallel": {"phases": [shell("a", "echo A"), shell("b", "echo B")]}}
    each = {
        "id": "each",
        "map": {"over": "phases.split.output.json", "name": "part", "phase": command("one", "echo", "{{ index }}:{{ part }}")},
    }
    split = {"id": "split", "command": {"run": ["echo", '["x", "y", "z"]'], "output": "json"}}
    found = await bench.run(
        both, split, each, outputs={"both": "{{ phases.both.output.items }}", "each": "{{ phases.each.output.items }}"}
    )
    assert found.state == "completed", found.failure
    assert [item["text"] for item in found.outputs["both"]] == ["A", "B"]
    assert [item["text"] for item in found.outputs["each"]] == ["0:x", "1:y", "2:z"]
    assert {path for path, _, _ in told(found)} == {
        "both",
        "both/a",
        "both/b",
        "split",
        "each",
        "each[0]",
        "each[1]",
        "each[2]",
    }


async def test_a_definition_inside_another(bench: Bench) -> None:
    bench.define(
        command("greet", "echo", "hello {{ inputs.who }}"),
        name="inner",
        inputs={"who": {"required": True}},
        outputs={"words": "{{ phases.greet.output.text }}"},
    )
    outer = {"id": "nest", "workflow": {"name": "inner", "inputs": {"who": "{{ inputs.name }}"}}}
    declared = {"inputs": {"name": {}}, "outputs": {"said": "{{ phases.nest.output.json.words }}"}}
    found = await bench.run(outer, given={"name": "you"}, **declared)
    assert found.outputs == {"said": "hello you"}
    assert told(found) == [("nest", 1, "advance"), ("nest/greet", 1, "advance")]


async def test_time_outs_and_retries(bench: Bench) -> None:
    retry = {"attempts": 3, "on": ["timeout"], "delay": "0.05s"}
    line = 'echo x >> tries.txt; [ "$(wc -l < tries.txt)" -ge 3 ] || sleep 60'
    found = await bench.run(shell("slow", line, timeout=0.5, retry=retry, effect="idempotent"))
    assert found.state == "completed", found.failure
    assert [step.failure.code if step.failure else None for step in found.steps] == ["timeout", "timeout", None]
    around = {"id": "around", "timeout": 1, "parallel": {"phases": [command("quick"), command("stuck", "sleep", "60")]}}
    found = await bench.run(around)
    assert found.state == "failed"
    assert found.failure and found.failure.code == "timeout"
    asking = agent("patient", {"sleep": 60}, timeout=0.5)
    found = await bench.run(asking)
    assert found.failure and found.failure.code == "timeout"


async def test_skipping_and_routes_ahead(bench: Bench) -> None:
    found = await bench.run(
        command("a", skip_if="inputs.quick"),
        command("b", "false", routes={"fail": "d"}),
        command("c"),
        command("d", "echo", "{{ phases.a.verdict }}"),
        given={"quick": True},
        inputs={"quick": {"type": "boolean"}},
    )
    assert told(found) == [("a", 1, "skip"), ("b", 1, "fail"), ("d", 1, "advance")]
    assert found.state == "completed"


async def test_pause_resume_with_feedback_and_cancel(bench: Bench) -> None:
    first = shell("first", "while [ ! -e go.txt ]; do sleep 0.05; done")
    say = {"id": "say", "agent": {"prompt": "Do it. {{ feedback }}", "provider": "scripted"}}
    id = await bench.start(first, say)
    await bench.until(id, lambda found: bool(found.current))
    await bench.call("workflow.pause", run=id)
    with pytest.raises(Conflict):
        await bench.call("workflow.pause", run=id)
    (bench.place / "go.txt").write_text("")
    found = await bench.until(id, lambda found: not found.current)
    assert (found.state, told(found)) == ("paused", [("first", 1, "advance")])
    await bench.call("workflow.resume", run=id, feedback="Be brief.")
    found = await bench.wait(id)
    assert found.steps[-1].output["text"] == "scripted: Do it. Be brief."
    with pytest.raises(Conflict):
        await bench.call("workflow.cancel", run=id)
    id = await bench.start(shell("long", "echo $$ > pid.txt; exec sleep 60"))
    await bench.until(id, lambda found: bool(found.current))
    await until(lambda: (bench.place / "pid.txt").exists())
    await bench.call("run.cancel", run=id)
    found = await bench.wait(id)
    assert found.state == "cancelled"
    pid = int((bench.place / "pid.txt").read_text())
    await until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())


async def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.02)


async def test_run_again_from_a_phase(bench: Bench) -> None:
    id = await bench.start(
        command("plan", "echo", "plan"),
        shell("build", "echo x >> built.txt; test -e ready.txt"),
        command("ship", "echo", "{{ phases.plan.output.text }}"),
        outputs={"said": "{{ phases.ship.output.text }}"},
    )
    found = await bench.wait(id)
    assert found.state == "failed"
    with pytest.raises(Conflict, match="build would come first"):
        await bench.call("workflow.retry", run=id, phase="ship")
    with pytest.raises(NotFound, match="has no phase"):
        await bench.call("workflow.retry", run=id, phase="nothing")
    (bench.place / "ready.txt").write_text("")
    again = await bench.call("workflow.retry", run=id)
    found = await bench.wait(again.id)
    assert (found.state, found.retried_from, found.outputs) == ("completed", id, {"said": "plan"})
    assert told(found) == [("plan", 1, "advance"), ("build", 1, "advance"), ("ship", 1, "advance")]


async def test_budgets_ask_or_fail(bench: Bench) -> None:
    two = [agent("one", {"say": "1"}), agent("two", {"say": "2"})]
    found = await bench.run(*two, budget={"turns": 1, "exceeded": "fail"})
    assert found.failure and found.failure.code == "budget"
    id = await bench.start(*two, budget={"turns": 1})
    approval = await bench.question(id)
    assert "1 turns is used up" in approval.question
    assert (await bench.call("workflow.get", run=id)).current == ["two"]
    await bench.call("phase.approve", run=id, phase="two")
    assert (await bench.wait(id)).state == "completed"


def repository(place: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*git, "init", "-q", "-b", "main", str(place)], check=True)
    subprocess.run([*git, "-C", str(place), "commit", "-q", "--allow-empty", "-m", "first"], check=True)


async def test_worktrees_of_runs_and_phases(bench: Bench) -> None:
    await asyncio.to_thread(repository, bench.place)
    found = await bench.run(
        shell("a", "pwd; git branch --show-current", worktree=True),
        shell("b", "pwd; git branch --show-current"),
        worktree={"keep": False},
    )
    assert found.state == "completed", found.failure
    a, b = found.steps
    assert a.output["text"].splitlines() == [a.directory, a.branch]
    assert b.output["text"].splitlines() == [found.directory, found.branch]
    assert str(bench.place) in found.directory
    assert a.directory and Path(a.directory).is_dir()
    await until(lambda: not Path(found.directory).exists())


async def test_looking_back(bench: Bench) -> None:
    id = await bench.start(
        shell("build", "echo built", effect="idempotent"),
        shell("test", 'echo x >> count.txt; [ "$(wc -l < count.txt)" -ge 2 ]', routes={"rework": "build"}),
    )
    await bench.wait(id)
    decided = (await bench.call("workflow.decisions", run=id)).items
    assert [(one.path, one.attempt, one.decision.verdict) for one in decided] == [
        ("build", 1, "advance"),
        ("test", 1, "rework"),
        ("build", 2, "advance"),
        ("test", 2, "advance"),
    ]
    points = (await bench.call("checkpoint.list", run=id)).items
    assert [point.number for point in points] == [1, 2, 3, 4]
    third = await bench.call("checkpoint.get", run=id, number=3)
    assert third.standing == {"build": "advance", "test": "rework"}
    assert third.output == {"text": "built"}
    assert (await bench.call("checkpoint.prune", run=id, keep=1, dry_run=True)).count == 2
    assert (await bench.call("checkpoint.prune", run=id, keep=1)).count == 2
    assert (await bench.call("checkpoint.prune", run=id, keep=1)).count == 0
    outputs = (await bench.call("workflow.outputs", run=id)).items
    assert [(one.path, one.attempt, one.output.get("text")) for one in outputs] == [("build", 2, "built"), ("test", 2, "")]
    assert (await bench.call("workflow.prune", days=0, keep=1_000_000)).count == 0
    assert (await bench.call("workflow.delete", run=id, dry_run=True)).count == 4
    await bench.call("workflow.delete", run=id)
    with pytest.raises(NotFound):
        await bench.call("workflow.get", run=id)


async def test_many_at_once_and_bad_inputs(bench: Bench) -> None:
    name = bench.define(command("one", "echo", "{{ inputs.n }}"), inputs={"n": {"type": "integer", "required": True}})
    with pytest.raises(InvalidInput, match="must be a whole number"):
        await bench.call("workflow.run", definition=name, inputs={"n": "x"})
    with pytest.raises(InvalidInput, match="did you mean 'n'"):
        await bench.call("workflow.run", definition=name, inputs={"nn": 1, "n": 1})
    runs = [{"definition": name, "inputs": {"n": 1}}, {"definition": name}, {"definition": name, "inputs": {"n": "2"}}]
    answer = await bench.call("workflow.batch", runs=runs, on_error="continue", idempotency_key="batch")
    assert [item.outcome for item in answer.items] == ["started", "failed", "started"]
    assert await bench.call("workflow.batch", runs=runs, on_error="continue", idempotency_key="batch") == answer
    for item in answer.items:
        if item.run_id:
            assert (await bench.wait(item.run_id)).state == "completed"
    answer = await bench.call("workflow.batch", runs=runs)
    assert [item.outcome for item in answer.items] == ["started", "failed", "skipped"]
