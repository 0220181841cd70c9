"""Runs of workflows as they are written down: no engine runs them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.protocol import REGISTRY, Conflict, InvalidInput
from cao.protocol.workflows import AGAIN, CUT, Decision, Step
from cao.settings import load
from cao.store import Transaction, entries, steps, workflows
from cao.store.clock import ManualClock
from cao.store.leases import LeaseLost, fence
from cao.store.steps import NewStep
from cao.store.workflows import NewWorkflow

PHASES: list[dict[str, Any]] = [
    {"id": "build", "command": {"run": ["true"]}, "effect": "idempotent"},
    {"id": "ship", "command": {"run": ["true"]}},
    {"id": "gate", "manual": {"question": "Go on?", "note": True}, "routes": {"rework": "build"}},
]


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False, clock=ManualClock()) as opened:
        yield opened


async def call(control: Control, name: str, **fields: Any) -> Any:
    operation = REGISTRY[name]
    return await control.call(operation, operation.parse(fields))


async def write(control: Control, change: Callable[[Transaction], Any]) -> Any:
    return await control.services.store.write(change)


async def create(control: Control, place: Path) -> str:
    snapshot = json.dumps({"flow": {"name": "flow", "phases": PHASES}})
    new = NewWorkflow("flow", "0" * 64, snapshot, {}, str(place), None, {})
    return (await write(control, lambda tx: workflows.create(tx, new))).id


async def enter(control: Control, run: str, owner: str = "one", *, alive: bool = True) -> Any:
    return await write(control, lambda tx: entries.enter(tx, run, owner, lambda _: alive, 60.0))


async def begin(control: Control, run: str, path: str, effect: str, kind: str = "command") -> Step:
    session = (await call(control, "workflow.get", run=run)).session_id
    return await write(control, lambda tx: steps.begin(tx, NewStep(session, run, path, kind, 1, 1, effect, 0.0)))


async def test_one_runner_at_a_time(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    first = await enter(control, run)
    assert first is not None
    assert await enter(control, run, "two") is None
    second = await enter(control, run, "two", alive=False)
    assert second.lease.token == first.lease.token + 1
    with pytest.raises(LeaseLost):
        await write(control, lambda tx: entries.leave(tx, first, 0))


async def test_what_a_dead_runner_left_is_repeated_or_asked_about(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    await enter(control, run)
    await begin(control, run, "build", "idempotent")
    await begin(control, run, "ship", "side-effecting")
    await begin(control, run, "talk", "side-effecting", "agent")
    cut = await write(control, lambda tx: entries.recover_all(tx, "two", lambda _: False, 60.0))
    assert cut == 2
    build, ship, talk = (await call(control, "workflow.get", run=run)).steps
    assert build.failure.code == CUT
    assert (ship.state, talk.state) == ("waiting", "running"), "an agent's turn has a recovery of its own"
    await call(control, "phase.approve", run=run, phase="ship")
    ship = (await call(control, "workflow.get", run=run)).steps[1]
    assert ship.failure.code == AGAIN


@pytest.mark.parametrize(
    ("verb", "fields", "verdict", "code"),
    [
        ("approve", {"verdict": "advance", "note": "it was sent"}, "advance", None),
        ("reject", {"note": "too risky"}, "fail", "abandoned"),
    ],
    ids=["told", "given-up"],
)
async def test_a_person_says_how_a_cut_phase_ended(
    control: Control, tmp_path: Path, verb: str, fields: Any, verdict: str, code: str | None
) -> None:
    run = await create(control, tmp_path)
    await enter(control, run)
    await begin(control, run, "ship", "side-effecting")
    await write(control, lambda tx: entries.recover_all(tx, "two", lambda _: False, 60.0))
    await call(control, f"phase.{verb}", run=run, phase="ship", **fields)
    (step,) = (await call(control, "workflow.get", run=run)).steps
    assert step.decision.verdict == verdict
    assert (step.failure.code if step.failure else None) == code
    with pytest.raises(Conflict, match="does not wait"):
        await call(control, "phase.approve", run=run, phase="ship")


async def test_a_question_may_need_a_note_and_knows_its_verdicts(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    step = await begin(control, run, "gate", "idempotent", "manual")
    action = {"about": "manual", "denied": "rework", "note": True}
    step = await write(control, lambda tx: steps.ask(tx, step, "Go on?", action, 3600.0))
    with pytest.raises(InvalidInput, match="is needed here"):
        await call(control, "approval.decide", approval=step.approval_id, decision="approve")
    with pytest.raises(InvalidInput, match="is none of advance"):
        await call(control, "phase.approve", run=run, phase="gate", note="x", verdict="perhaps")
    await call(control, "approval.decide", approval=step.approval_id, decision="deny", reason="not yet")
    (step,) = (await call(control, "workflow.get", run=run)).steps
    assert (step.decision.verdict, step.decision.reason) == ("rework", "not yet")


async def test_nobody_answers_in_time(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    step = await begin(control, run, "gate", "idempotent", "manual")
    await write(control, lambda tx: steps.ask(tx, step, "Go on?", {"about": "manual", "denied": "fail"}, 60.0))
    clock = control.services.store.clock
    assert isinstance(clock, ManualClock)
    clock.advance(61)
    await control.daemon.tick(timeout=5)
    (step,) = (await call(control, "workflow.get", run=run)).steps
    assert step.decision and (step.decision.verdict, step.decision.reason) == ("fail", "nobody decided in time")


async def test_an_answer_while_a_runner_leaves_is_not_missed(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    entered = await enter(control, run)
    step = await begin(control, run, "gate", "idempotent", "manual")
    await write(control, lambda tx: steps.ask(tx, step, "Go on?", {"about": "manual"}, 60.0))
    await call(control, "phase.approve", run=run, phase="gate", note="yes")
    assert await write(control, lambda tx: entries.leave(tx, entered, 0)) is False
    assert await write(control, lambda tx: entries.leave(tx, entered, 1)) is True


async def test_a_cancelled_run_takes_nothing_more_from_its_runner(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    entered = await enter(control, run)
    step = await begin(control, run, "build", "idempotent")
    found = await call(control, "workflow.cancel", run=run, reason="enough", dry_run=True)
    assert (found.state, (await call(control, "workflow.get", run=run)).state) == ("cancelled", "running")
    found = await call(control, "run.cancel", run=run)
    assert found.state == "cancelled"
    (settled,) = (await call(control, "workflow.get", run=run)).steps
    assert settled.failure.code == "cancelled"

    def late(tx: Transaction) -> None:
        fence(tx, entered.lease)
        steps.settle(tx, step, Decision(verdict="advance"))

    with pytest.raises(LeaseLost):
        await write(control, late)


async def test_shutting_its_session_down_cancels_a_run(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    session = (await call(control, "workflow.get", run=run)).session_id
    await call(control, "session.shutdown", session=session)
    assert (await call(control, "run.get", run=run)).state == "cancelled"


async def test_only_time_at_work_counts(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    clock = control.services.store.clock
    assert isinstance(clock, ManualClock)
    entered = await enter(control, run)
    clock.advance(5)
    await write(control, lambda tx: entries.leave(tx, entered, 0))
    clock.advance(100)
    assert (await call(control, "workflow.get", run=run)).used.seconds == 5.0


async def test_long_outputs_are_cut_where_a_run_is_shown(control: Control, tmp_path: Path) -> None:
    run = await create(control, tmp_path)
    step = await begin(control, run, "build", "idempotent")
    await write(control, lambda tx: steps.settle(tx, step, Decision(verdict="advance"), {"text": "x" * 100_000}))
    (shown,) = (await call(control, "workflow.get", run=run)).steps
    assert shown.output == {"text": "x" * steps.BRIEF + "…", "cut": True}
    (whole,) = (await call(control, "workflow.outputs", run=run, phase="build")).items
    assert whole.output == {"text": "x" * 100_000}
