"""What is next in a workflow: a replay from any prefix of what was written down gives the same run, and every run ends."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cao.protocol.records import ApprovalState, Failure
from cao.protocol.workflows import AGAIN, CUT, Decision, Step, Used
from cao.workflows import machine
from cao.workflows.definition import Definition
from cao.workflows.plan import End, Note, Plan, Situation, Snapshot, Todo
from cao.workflows.retrying import taken_over

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Do = Callable[[Todo], tuple[str, str, Failure | None]]
"""What becomes of an attempt: verdict, text of its output, failure."""


def always(verdict: str = "advance") -> Do:
    return lambda todo: (verdict, f"{todo.path} {todo.attempt}", None)


class Play:
    """A run that is played without an engine: what is to begin ends at once."""

    def __init__(
        self, definition: Mapping[str, Any], *nested: Mapping[str, Any], inputs: Mapping[str, Any] | None = None
    ) -> None:
        found = [Definition.model_validate(one) for one in (definition, *nested)]
        self.snapshot = Snapshot(found[0].name, {one.name: one for one in found})
        self.inputs = inputs or {}
        self.steps: list[Step] = []
        self.answers: dict[str, ApprovalState] = {}
        self.used = Used()
        self.begun: list[tuple[str, int, str]] = []

    @property
    def plan(self) -> Plan:
        by_path: dict[str, list[Step]] = {}
        for step in self.steps:
            by_path.setdefault(step.path, []).append(step)
        run = {"id": "run", "directory": "/", "branch": None}
        return machine.plan(Situation(self.snapshot, self.inputs, run, by_path, self.answers, self.used))

    def forward(
        self, do: Do, dice: random.Random | None = None, answer: ApprovalState = "approved", most: int = 500
    ) -> End | None:
        """Go on until the end, or until nothing is left to do."""
        for _ in range(most):
            plan = self.plan
            if plan.note or plan.ask:
                for note in plan.note:
                    self.write(note)
                for question in plan.ask:
                    self.answers[question.key] = answer
            elif plan.end is not None:
                return plan.end
            elif plan.begin:
                self.perform(dice.choice(plan.begin) if dice else plan.begin[0], do)
            else:
                return None
        raise AssertionError("it does not end")

    def write(self, note: Note) -> None:
        known = next((n for n, step in enumerate(self.steps) if (step.path, step.attempt) == note.key), None)
        step = self.step(note.path, note.kind, note.attempt, note.within)
        if note.end is not None:
            settled = {"decision": note.end.decision, "output": dict(note.end.output), "failure": note.end.failure}
            step = step.model_copy(update={"state": "settled", "settled_at": NOW, **settled})
        if known is None:
            self.steps.append(step)
        else:
            self.steps[known] = step.model_copy(update={"n": self.steps[known].n})

    def perform(self, todo: Todo, do: Do) -> None:
        verdict, text, failure = do(todo)
        self.begun.append((todo.path, todo.attempt, todo.feedback))
        step = self.step(todo.path, todo.phase.kind, todo.attempt, todo.within)
        decision = Decision(verdict=verdict, reason=f"{verdict} of {todo.path}", by="engine")
        update = {"state": "settled", "decision": decision, "output": {"text": text}, "failure": failure, "settled_at": NOW}
        self.steps.append(step.model_copy(update=update))

    def step(self, path: str, kind: str, attempt: int, within: int) -> Step:
        n = len(self.steps) + 1
        return Step(n=n, run_id="run", path=path, kind=kind, attempt=attempt, within=within, state="running", started_at=NOW)


def command(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "command": {"run": ["true"]}, **more}


def flow(*phases: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "flow", "phases": list(phases), **more}


def paths(play: Play) -> list[tuple[str, int]]:
    return [(path, attempt) for path, attempt, _ in play.begun]


def test_phases_follow_each_other() -> None:
    play = Play(flow(command("a"), command("b"), outputs={"said": "{{ phases.b.output.text }}"}))
    end = play.forward(always())
    assert paths(play) == [("a", 1), ("b", 1)]
    assert end and end.output == {"json": {"said": "b 1"}}


def test_an_empty_workflow_is_over() -> None:
    assert Play(flow()).forward(always()) is not None


def test_rework_goes_back_and_does_what_follows_again() -> None:
    play = Play(flow(command("a"), command("b"), command("c", routes={"rework": "a"})))
    play.forward(lambda todo: ("rework" if (todo.path, todo.attempt) == ("c", 1) else "advance", "", None))
    assert play.begun == [
        ("a", 1, ""), ("b", 1, ""), ("c", 1, ""), ("a", 2, "rework of c"), ("b", 2, ""), ("c", 2, "")
    ]  # fmt: skip


def test_rework_beyond_its_budget_asks_as_often_as_it_is_granted() -> None:
    play = Play(flow(command("a"), command("b", routes={"rework": {"to": "a", "at_most": 2}})))
    end = play.forward(lambda todo: ("rework" if todo.path == "b" and todo.attempt <= 5 else "advance", "", None))
    assert end and end.decision.verdict == "advance"
    assert list(play.answers) == ["rework:a:1:1", "rework:a:1:2"]
    play = Play(flow(command("a"), command("b", routes={"rework": {"to": "a", "at_most": 0}})))
    end = play.forward(lambda todo: ("rework" if todo.path == "b" else "advance", "", None), answer="denied")
    assert end and end.failure and end.failure.code == "rework-budget"
    assert paths(play) == [("a", 1), ("b", 1)]


def test_a_route_ahead_leaves_out_what_is_between() -> None:
    play = Play(flow(command("a", verdicts=["hop"], routes={"hop": "c"}), command("b"), command("c")))
    play.forward(lambda todo: ("hop" if todo.path == "a" else "advance", "", None))
    assert paths(play) == [("a", 1), ("c", 1)]


def test_failures_that_pass_are_tried_again_later_and_later() -> None:
    retry = {"attempts": 3, "on": ["timeout"], "delay": 10}
    play = Play(flow(command("a", retry=retry)))
    waits: list[float] = []

    def fail(todo: Todo) -> tuple[str, str, Failure | None]:
        waits.append(todo.not_before - NOW.timestamp() if todo.not_before else 0.0)
        return "fail", "", Failure(code="timeout", message="too slow")

    end = play.forward(fail)
    assert waits == [0.0, 10.0, 20.0]
    assert end and end.failure and end.failure.code == "timeout"


@pytest.mark.parametrize(("code", "times"), [(CUT, machine.CUTS + 1), ("other", 1)])
def test_what_was_cut_is_done_again_within_bounds(code: str, times: int) -> None:
    play = Play(flow(command("a")))
    end = play.forward(lambda todo: ("fail", "", Failure(code=code, message="")))
    assert end and end.failure and end.failure.code == code
    assert len(play.begun) == times


def test_the_same_errand_keeps_its_key() -> None:
    play = Play(flow(command("a", routes={"rework": "a"})))
    keys: list[str] = []

    def do(todo: Todo) -> tuple[str, str, Failure | None]:
        keys.append(todo.errand)
        if todo.attempt == 1:
            return "rework", "", Failure(code=CUT, message="")
        if todo.attempt == 2:
            return "rework", "", Failure(code=AGAIN, message="")
        return ("rework" if todo.attempt == 3 else "advance"), "", None

    play.forward(do)
    assert keys == ["1.1", "1.1", "1.1", "1.2"]


def test_branches_are_over_when_all_are_and_the_worst_counts() -> None:
    both = {"id": "both", "parallel": {"phases": [command("x"), command("y"), command("z")], "at_most": 2}}
    play = Play(flow(both))
    assert [note.path for note in play.plan.note] == ["both"]
    play.write(play.plan.note[0])
    assert [todo.path for todo in play.plan.begin] == ["both/x", "both/y"], "two at once"
    end = play.forward(lambda todo: ("fail" if todo.path == "both/y" else "advance", "", None))
    assert end and end.decision.verdict == "fail"
    assert "both/y: fail of both/y" in end.decision.reason
    assert set(paths(play)) == {("both/x", 1), ("both/y", 1), ("both/z", 1)}


def test_branches_are_reworked_by_themselves_and_then_together() -> None:
    x = command("x", routes={"rework": {"at_most": 1}})
    both = {"id": "both", "parallel": {"phases": [x, command("y")]}, "routes": {"rework": {"to": "both", "at_most": 1}}}
    play = Play(flow(both))
    end = play.forward(lambda todo: ("rework" if todo.path == "both/x" and todo.attempt < 4 else "advance", "", None))
    assert end and end.decision.verdict == "advance"
    assert [one for one in paths(play) if one[0] == "both/x"] == [("both/x", number) for number in (1, 2, 3, 4)]
    assert [step.attempt for step in play.steps if step.path == "both"] == [1, 2]
    assert [step.within for step in play.steps if step.path == "both/x"] == [1, 1, 2, 2]


def test_a_list_has_a_phase_for_each_item() -> None:
    each = {"id": "each", "map": {"over": "inputs.parts", "name": "part", "phase": command("one", skip_if="part == 'b'")}}
    play = Play(flow(each, outputs={"n": "{{ phases.each.output.items | length }}"}), inputs={"parts": ["a", "b", "c"]})
    end = play.forward(always())
    assert paths(play) == [("each[0]", 1), ("each[2]", 1)]
    assert end and end.output == {"json": {"n": 3}}


@pytest.mark.parametrize(("parts", "code"), [("no list", "expression"), (list(range(501)), "too-many")], ids=["text", "long"])
def test_what_is_no_list_or_too_long_fails(parts: Any, code: str) -> None:
    end = Play(flow({"id": "each", "map": {"over": "inputs.parts", "phase": command("one")}}), inputs={"parts": parts}).forward(
        always()
    )
    assert end and end.failure and end.failure.code == code


def test_a_definition_inside_another_has_its_own_names() -> None:
    inner: dict[str, Any] = {
        "name": "inner",
        "inputs": {"n": {"type": "integer", "required": True}},
        "phases": [command("a"), command("b")],
    }
    inner["outputs"] = {"sum": "{{ inputs.n + 1 }}"}
    nest = {"id": "nest", "workflow": {"name": "inner", "inputs": {"n": "{{ inputs.n }}"}}}
    play = Play(flow(nest, outputs={"sum": "{{ phases.nest.output.json.sum }}"}), inner, inputs={"n": 1})
    end = play.forward(always())
    assert paths(play) == [("nest/a", 1), ("nest/b", 1)]
    assert end and end.output == {"json": {"sum": 2}}
    end = Play(flow(nest), inner, inputs={"n": "x"}).forward(always())
    assert end and end.failure and "must be a whole number" in end.failure.message


def test_a_phase_around_others_runs_out_of_time() -> None:
    around = {"id": "around", "timeout": 60, "parallel": {"phases": [command("x")]}}
    play = Play(flow(around))
    play.write(play.plan.note[0])
    play.steps.append(play.step("around/x", "command", 1, 1))
    assert (play.plan.deadline, set(play.plan.going)) == (60.0, {("around", 1), ("around/x", 1)})
    play.used = Used(seconds=60)
    assert [note.end.failure.code for note in play.plan.note if note.end and note.end.failure] == ["timeout"]
    assert play.plan.going == {}


def test_budgets_are_looked_at_before_each_phase() -> None:
    play = Play(flow(command("a"), budget={"turns": 2, "exceeded": "fail"}))
    play.used = Used(turns=2)
    end = play.forward(always())
    assert end and end.failure and end.failure.code == "budget"
    play = Play(flow(command("a"), budget={"turns": 2}))
    play.used = Used(turns=5)
    assert play.forward(always()) is not None
    assert list(play.answers) == ["budget:turns:1", "budget:turns:2"]


def test_a_run_again_takes_over_what_was_finished_before() -> None:
    both = {"id": "both", "parallel": {"phases": [command("x"), command("y")]}}
    play = Play(flow(command("a"), both, command("c", routes={"rework": "a"}), command("d")))
    play.forward(lambda todo: ("rework" if todo.path == "c" and todo.attempt == 1 else "advance", f"{todo.attempt}", None))
    kept = taken_over(play.snapshot, {}, play.steps, "d")
    assert [(step.path, step.attempt, step.within) for step in kept] == [
        ("a", 1, 1), ("both", 1, 1), ("both/x", 1, 1), ("both/y", 1, 1), ("c", 1, 1)
    ]  # fmt: skip
    assert kept[0].output == {"text": "2"}, "of the last attempt"


VERDICTS = st.sampled_from(["advance", "advance", "advance", "rework", "skip", "fail"])
IDS = [f"p{number}" for number in range(5)]


@st.composite
def definitions(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    count = draw(st.integers(1, 4))
    phases = [draw(phases_named(IDS[number], depth)) for number in range(count)]
    for phase in phases:
        for verdict in draw(st.lists(st.sampled_from(["rework", "fail", "advance"]), max_size=2, unique=True)):
            target = draw(st.sampled_from([other["id"] for other in phases]))
            phase.setdefault("routes", {})[verdict] = {"to": target, "at_most": draw(st.integers(0, 2))}
    return flow(*phases)


@st.composite
def phases_named(draw: st.DrawFn, id: str, depth: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(["command", "command", "parallel", "map"] if depth < 2 else ["command"]))
    if kind == "command":
        return command(id, skip_if=draw(st.sampled_from([None, "inputs.flag", "feedback"])), effect="idempotent")
    if kind == "parallel":
        inner = [draw(phases_named(f"{id}{word}", depth + 1)) for word in "xy"[: draw(st.integers(1, 2))]]
        return {"id": id, "parallel": {"phases": inner, "at_most": draw(st.integers(1, 2))}}
    return {"id": id, "map": {"over": "inputs.items", "phase": draw(phases_named(f"{id}z", depth + 1))}}


@settings(max_examples=60, deadline=None)
@given(definition=definitions(), seed=st.integers(0, 2**32), flag=st.booleans(), items=st.lists(st.integers(), max_size=3))
def test_every_run_ends_the_same_whatever_the_order_and_wherever_it_was_cut(
    definition: dict[str, Any], seed: int, flag: bool, items: list[int]
) -> None:
    def do(todo: Todo) -> tuple[str, str, Failure | None]:
        """The same for the same errand, and cut now and then."""
        if cuts.random() < 0.15:
            return "rework", "", Failure(code=CUT, message="")
        chosen = random.Random(f"{seed}{todo.path}{todo.errand}{todo.feedback}")
        return chosen.choice(["advance", "advance", "advance", "rework", "skip", "fail"]), todo.path, None

    told: list[Any] = []
    for turn in range(2):
        cuts = random.Random(seed * turn)
        play = Play(definition, inputs={"flag": flag, "items": items})
        end = play.forward(do, random.Random(turn), answer="denied", most=5000)
        assert end is not None
        counted = [step for step in play.steps if not (step.failure and step.failure.code == CUT)]
        told.append((end.decision, end.failure, sorted((step.path, str(step.decision), str(step.output)) for step in counted)))
        assert len({(step.path, step.attempt) for step in play.steps}) == len(play.steps)
        assert all(step.state == "settled" for step in play.steps)
    assert told[0] == told[1]
