"""A workflow that is a Prefect flow: its body runs in a thread of its own, and its calls of our tasks are the run's steps.

After a crash, or when a person answered, the body runs again from its beginning; calls whose steps are settled are answered
from the store. So no process waits for people, and nothing that is done is done again.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, cast

from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from cao.protocol.records import FINAL_RUN_STATES
from cao.protocol.workflows import Decision, Step
from cao.store import terminals
from cao.store.entries import Entered
from cao.workflows.plan import Attempt, End, Going, Todo, failed

from .calls import Call, Calls
from .house import House
from .phase import perform
from .workflow import WorkflowRunner

OUTPUT_LIMIT = 256 * 1024
"""Bytes of JSON that a flow may return."""


class Waits(Pause):
    """The run waits for a person: the flow's body ends, and is run again with the answer. Nothing shall catch it."""


class StepFailed(Exception):
    """A step failed. A task of Prefect with retries makes it again; a flow may catch it."""

    def __init__(self, path: str, code: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path, self.code, self.message = path, code, message


@dataclass(frozen=True, slots=True)
class _Returned:
    value: Any


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class FlowRunner(WorkflowRunner):
    """Runs one workflow whose steps its own code calls for."""

    def __init__(self, house: House, entered: Entered, submit: Callable[[str], None]) -> None:
        super().__init__(house, entered, submit)
        self._loop = asyncio.get_running_loop()
        self._calls = Calls()
        self._held: set[Attempt] = set()
        """The steps that the flow's body waits for."""
        self._pausing = False
        self._cancel: Callable[[], None] = lambda: None

    async def play(self, flow: Flow[..., Any], flow_run: FlowRun, enter_again: Callable[[], Awaitable[None]]) -> str | None:
        """Run the flow until it is over, or waits; how it stands where it waits. enter_again: lets Prefect run it once more."""
        while True:
            self._held, self._pausing, self._calls = set(), False, Calls()
            end = await self._once(flow, flow_run)
            self._check()
            self.journal.refresh()
            if self.journal.header.state in FINAL_RUN_STATES or (self.stopping.is_set() and end is None):
                return None
            if end is not None:
                await self._conclude(end)
                return None
            if not self._was_answered() and await self._leave():
                return "it waits"
            await enter_again()

    async def refuse(self, end: End) -> None:
        """End a run whose flow cannot be had."""
        await self._conclude(end)

    def _was_answered(self) -> bool:
        """Whether what the body waited for came before the run was let go of."""
        answered = any(step is None or step.state != "waiting" for step in map(self.journal.get, self._held))
        return answered or (self._pausing and not self.journal.header.paused)

    async def _once(self, flow: Flow[..., Any], flow_run: FlowRun) -> End | None:
        """Run the body once; how it came out, or None when it waits."""
        body = asyncio.ensure_future(self._in_a_thread(flow, flow_run))
        with self.house.store.hub.subscribe(self.topic) as commits:
            while not body.done():
                waiting = asyncio.ensure_future(commits.wait(30.0))
                await asyncio.wait({body, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                self.journal.refresh()
                if self.journal.header.state in FINAL_RUN_STATES or self._lost is not None:
                    self.cut()
        return _end(await body)

    async def _in_a_thread(self, flow: Flow[..., Any], flow_run: FlowRun) -> _Returned | _Raised:
        """The flow's code may block: it has a thread and an event loop of its own, which die with the process."""
        done: asyncio.Future[_Returned | _Raised] = self._loop.create_future()

        def run() -> None:
            try:
                came: _Returned | _Raised = _Returned(asyncio.run(self._body(flow, flow_run)))
            except BaseException as error:  # noqa: BLE001 - whatever ends a flow is told of it, where it is waited for
                came = _Raised(error)
            with suppress(RuntimeError):  # the engine's loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(lambda: done.done() or done.set_result(came))

        threading.Thread(target=copy_context().run, args=(run,), name=f"flow-{self.id}", daemon=True).start()
        return await done

    async def _body(self, flow: Flow[..., Any], flow_run: FlowRun) -> Any:
        PLAYED.set(self)
        task = asyncio.ensure_future(_run(flow, flow_run, dict(self.journal.inputs)))
        loop = asyncio.get_running_loop()
        self._cancel = lambda: _cancel_in(loop, task)
        return await task

    def cut(self) -> None:
        self._cancel()
        super().cut()

    async def step(self, asked: Call, task_run: str, life: int) -> Step:
        """Make a step that the flow's code asks for, from any thread and loop; its settled attempt. Raises `Waits`."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._step(asked, task_run, life), self._loop))

    async def _step(self, asked: Call, task_run: str, life: int) -> Step:
        path = self._calls.path(asked.base, task_run, life)
        while True:
            self._check()
            attempts = self.journal.attempts(path)
            step = self._calls.answer(path, attempts)
            if step is None:
                step = await self._attempt(asked, path, len(attempts) + 1, task_run)
            if step is not None and step.state == "running":
                going = Going(step, asked.phase, self.journal.snapshot.definition)
                await self._do((step.path, step.attempt), going, task_run)
                continue
            if step is None or step.state == "waiting":
                self._hold(step)
            if step is not None and step.state == "settled":
                self._calls.tell(path)
                return step

    def terminal_name(self, step: Step) -> str:
        """What the terminal that did a step is called in the run's session."""
        return terminals.get(self.house.store.read(), step.terminal_id).name if step.terminal_id else ""

    def _hold(self, step: Step | None) -> None:
        """The body cannot go on: it waits for an answer, or the run is paused or stops."""
        if step is None:
            self._pausing = True
            raise Waits("the run begins nothing more")
        self._held.add((step.path, step.attempt))
        raise Waits(f"{step.path} waits for a person")

    async def _attempt(self, asked: Call, path: str, number: int, task_run: str) -> Step | None:
        """Make a new attempt; None when none may begin."""
        if self.stopping.is_set():
            return None
        phase = asked.phase.model_copy(update={"id": path})
        definition = self.journal.snapshot.definition
        todo = Todo(path, phase, definition, number, 1, f"1.{number}", asked.scope, "", 0.0)
        await self._do(todo.key, todo, task_run)
        return self.journal.get(todo.key)

    async def _do(self, key: Attempt, work: Todo | Going, task_run: str) -> None:
        task = asyncio.ensure_future(perform(self, work, task_run))
        self._going[key] = cast("asyncio.Task[None]", task)
        try:
            await task
        finally:
            self._going.pop(key, None)
        self._check()


PLAYED: ContextVar[FlowRunner | None] = ContextVar("cao_flow_runner", default=None)
"""The run that the flow's code belongs to which executes."""


async def _run(flow: Flow[..., Any], flow_run: FlowRun, parameters: dict[str, Any]) -> Any:
    """Run the flow, whether it is written as a coroutine or not: nothing else runs on this loop."""
    found = run_flow(flow, flow_run=flow_run, parameters=parameters)
    return await found if inspect.isawaitable(found) else found


def _cancel_in(loop: asyncio.AbstractEventLoop, task: asyncio.Future[Any]) -> None:
    with suppress(RuntimeError):  # the flow's loop ended by itself meanwhile
        loop.call_soon_threadsafe(task.cancel)


def _end(came: _Returned | _Raised) -> End | None:
    """How a flow came out; None when it waits, or was stopped."""
    if isinstance(came, _Raised):
        if _waits(came.error) or not isinstance(came.error, Exception):
            return None
        if isinstance(came.error, StepFailed):
            return failed(came.error.code, f"{came.error.path}: {came.error.message}")
        return failed("flow", f"{type(came.error).__name__}: {came.error}"[:2000])
    try:
        value = to_jsonable_python(came.value, fallback=str)
        size = len(to_json(value))
    except (PydanticSerializationError, RecursionError) as error:
        return failed("flow", f"what the flow returned is no JSON: {error}"[:2000])
    if size > OUTPUT_LIMIT:
        return failed("too-much-output", f"the flow returned {size} bytes of JSON; {OUTPUT_LIMIT} are the most")
    named = isinstance(value, dict) or value is None
    return End(Decision(verdict="advance"), {"json": value if named else {"result": value}})


def _waits(error: BaseException | None) -> bool:
    """Whether an exception comes from a step that waits, however often it was wrapped."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, Waits):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False
