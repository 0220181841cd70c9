"""A run of a workflow, as a Prefect flow: begin what the machine says is next, until it is over or only people can go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, cast

from prefect import flow
from prefect.states import Cancelled, Completed, Failed

from cao.protocol import CaoError
from cao.protocol.records import FINAL_RUN_STATES
from cao.protocol.workflows import Step
from cao.store import Subscription, Transaction, entries, steps, workflows
from cao.store.entries import Entered
from cao.store.leases import fence
from cao.store.steps import NewStep
from cao.workflows import machine
from cao.workflows.budget import Purse
from cao.workflows.plan import Attempt, End, Going, Note, Plan, Todo, failed

from . import patience, places
from .house import House
from .journal import Journal
from .phase import ATTEMPT, perform, phase


class WorkflowRunner:
    """Runs one workflow. Each attempt at a phase is one task of this loop and one of Prefect's."""

    def __init__(self, house: House, entered: Entered, submit: Callable[[str], None]) -> None:
        """submit: tells the engine of a session that has work."""
        self.house = house
        self.entered = entered
        self.lease = entered.lease
        self.flow_run_id: str | None = entered.flow_run_id
        self.submit = submit
        self.stopping = asyncio.Event()
        self.journal = Journal(house.store, entered)
        self._going: dict[Attempt, asyncio.Task[None]] = {}
        self._lost: BaseException | None = None

    @property
    def id(self) -> str:
        return self.entered.id

    @property
    def topic(self) -> str:
        """Commits on it may give the runner something to do."""
        return self.entered.id

    async def drive(self) -> str:
        """Go on until the run is over or waits for people; how it stands, in a sentence."""
        with self.house.store.hub.subscribe(self.topic) as commits:
            try:
                if (end := await self._move_in()) is not None:
                    return await self._conclude(end)
                while True:
                    self.journal.refresh()
                    if self.journal.header.state in FINAL_RUN_STATES:
                        return f"the run is {self.journal.header.state}"
                    self._check()
                    known = self._known()
                    plan = machine.plan(self.journal.situation())
                    if await self._write_down(plan):
                        continue
                    if plan.end is not None:
                        return await self._conclude(plan.end)
                    self._begin(plan)
                    mark = known, self._posts()
                    await self._end_strays(plan)
                    if not self._going and (self._stops or self._only_waits(plan)) and await self._leave():
                        return "it waits"
                    await self._news(commits, mark, self._patience(plan))
            finally:
                await self._drop()

    async def _move_in(self) -> End | None:
        """Go to the run's own worktree; the end of a run that cannot have it."""
        try:
            await places.move_in(self)
        except CaoError as error:
            return failed("worktree", error.message)
        return None

    async def _news(self, commits: Subscription, mark: tuple[object, object], seconds: float) -> None:
        """Wait until another plan may be made than the one that was made at `mark`, `seconds` at most."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (self._known(), self._posts()) == mark and (left := deadline - loop.time()) > 0:
            if await commits.wait(left):
                self.journal.refresh()

    def _known(self) -> tuple[object, ...]:
        """What the machine's answer depends on."""
        return self.journal.changes, self.journal.header.version, self.journal.header.state

    def _posts(self) -> tuple[object, ...]:
        """What decides whether more may begin, or the run is left."""
        return self._has_room(), bool(self._going), self._lost, self._stops

    @property
    def _stops(self) -> bool:
        return self.stopping.is_set()

    def _check(self) -> None:
        """Raise what broke in a phase's task: a lost lease, a store that cannot be written."""
        if self._lost is not None:
            raise self._lost

    async def write(self, change: Callable[[Transaction], Any]) -> Any:
        """Write as the run's runner."""
        return await patience.write(self.house.store, change)

    async def _write_down(self, plan: Plan) -> bool:
        """Note what follows by itself and ask what has to be asked; whether there was anything."""
        if not (plan.note or plan.ask):
            return False

        def change(tx: Transaction) -> list[Step]:
            fence(tx, self.lease)
            noted = [self._note(tx, note) for note in plan.note]
            for question in plan.ask:
                workflows.ask(
                    tx, self.id, question.text, {"key": question.key, "phase": question.path}, self._patience_of_people
                )
            return noted

        for step in await self.write(change):
            self.journal.put(step)
        for question in plan.ask:
            self.journal.asked(question.key)
        return True

    def _note(self, tx: Transaction, note: Note) -> Step:
        known = self.journal.get(note.key)
        step = known or steps.begin(tx, self._new(note.path, note.kind, note.attempt, note.within, "idempotent"))
        if note.end is None:
            return step
        end = note.end
        return steps.settle(tx, step, end.decision, dict(end.output), end.failure)

    def new_step(self, todo: Todo, **more: Any) -> NewStep:
        """What is written down of an attempt that begins."""
        return self._new(todo.path, todo.phase.kind, todo.attempt, todo.within, todo.effect, **more)

    def _new(self, path: str, kind: str, attempt: int, within: int, effect: str, **more: Any) -> NewStep:
        begun = self.journal.header.worked
        return NewStep(self.entered.session_id, self.id, path, kind, attempt, within, effect, begun, **more)

    @property
    def _patience_of_people(self) -> float:
        return self.house.settings.approval_seconds

    def _begin(self, plan: Plan) -> None:
        """Begin what may begin, and go on with agents' phases that a runner before this one began."""
        if self._stops:
            return
        for key, going in plan.going.items():
            if key not in self._going and going.phase.kind == "agent" and going.step and going.step.state == "running":
                self._start(key, going)
        now = self.house.store.clock.now()
        for todo in plan.begin:
            if todo.key not in self._going and todo.not_before <= now and self._has_room():
                self._start(todo.key, todo)

    def may_spend(self) -> bool:
        """Whether the budget allows another turn."""
        return Purse(self.journal.situation(), Plan()).may_begin()

    def _has_room(self) -> bool:
        return not self.journal.header.paused and len(self._going) < self.house.settings.max_turns

    def _start(self, key: Attempt, work: Todo | Going) -> None:
        self._going[key] = asyncio.create_task(self._perform(key, work), name=f"{self.id} {key[0]}")

    async def _perform(self, key: Attempt, work: Todo | Going) -> None:
        """One attempt, as a Prefect task; whatever breaks ends the loop and not only the task."""
        try:
            ATTEMPT.set(lambda task_run_id: perform(self, work, task_run_id))
            await cast("Awaitable[Any]", phase(f"{key[0]} · {key[1]}", return_state=True))
        finally:
            self._going.pop(key, None)
            self.house.store.hub.publish([self.topic])

    def broke(self, error: Exception) -> None:
        """A phase's task cannot go on, and neither can the run here."""
        self._lost = error

    async def _end_strays(self, plan: Plan) -> None:
        """End attempts that are not wanted any more: the phase around them ran out of time."""
        for step in self.journal.open:
            if (step.path, step.attempt) not in plan.going:
                await self._stop(step)

    async def _stop(self, step: Step) -> None:
        task = self._going.get((step.path, step.attempt))
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        end = failed("stopped", "the phase around it ended")

        def change(tx: Transaction) -> Step:
            fence(tx, self.lease)
            workflows.give_up(tx, step)
            return steps.settle(tx, step, end.decision, failure=end.failure)

        self.journal.put(await self.write(change))
        self.submit(self.entered.session_id)

    def _only_waits(self, plan: Plan) -> bool:
        return self.journal.header.paused or not plan.begin

    def _patience(self, plan: Plan) -> float:
        """Seconds until the clock changes the plan."""
        now = self.house.store.clock.now()
        coming = [todo.not_before - now for todo in plan.begin if todo.key not in self._going]
        coming += [plan.deadline - self.journal.header.worked, 30.0]
        return max(min(coming), 0.01)

    async def _leave(self) -> bool:
        if self._stops:
            return True  # the engine abandons it, and the next life of it goes on
        version = self.journal.header.version
        return bool(await self.write(lambda tx: entries.leave(tx, self.entered, version)))

    async def _conclude(self, end: End) -> str:
        await self._drop()
        state = "completed" if end.failure is None and end.decision.verdict != "fail" else "failed"
        outputs: dict[str, Any] = dict(end.output).get("json") or {} if state == "completed" else {}
        failure = (
            None if state == "completed" else end.failure or failed("fail", end.decision.reason or "a phase failed").failure
        )
        result = self._result(outputs) if state == "completed" else None
        await self.write(lambda tx: entries.conclude(tx, self.entered, state, outputs, result, failure))
        self.submit(self.entered.session_id)
        await places.tidy(self)
        return failure.message if failure else "completed"

    def _result(self, outputs: dict[str, Any]) -> str:
        """What `run result` answers with: the outputs, or what the last phase said."""
        last = self.journal.last()
        return json.dumps(outputs, ensure_ascii=False) if outputs else str(last.output.get("text", "") if last else "")

    async def _drop(self) -> None:
        """Cancel the tasks that are left. What they did is looked at when the run is entered again."""
        left = list(self._going.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def cut(self) -> None:
        """Stop every phase at once; each follows its effect when the run is next entered."""
        for task in self._going.values():
            task.cancel()


RUNNER: ContextVar[WorkflowRunner] = ContextVar("cao_workflow")
"""The runner whose flow run is executing."""


@flow(name="workflow", flow_run_name="{name}", validate_parameters=False)
async def workflow(run_id: str, name: str) -> Any:
    """Run the phases of a workflow."""
    runner = RUNNER.get()
    said = await runner.drive()
    runner.journal.refresh()
    match runner.journal.header.state:
        case "completed":
            return Completed(message=said)
        case "failed":
            return Failed(message=said)
        case "cancelled":
            return Cancelled(message=said)
        case _:
            return Completed(name="Waiting", message=said)
