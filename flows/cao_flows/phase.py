"""One attempt at a phase, as a Prefect task: written down as it begins, done by its kind, written down as it ends."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.states import Completed, Failed

from cao.agents import ProviderError
from cao.protocol import CaoError
from cao.protocol.workflows import Step
from cao.store import LeaseLost, Transaction, steps, workflows
from cao.store.leases import fence
from cao.workflows.plan import End, Going, Todo, failed

from . import agent_phase, command_phase, manual_phase, places
from .work import Prepared

if TYPE_CHECKING:
    from .workflow import WorkflowRunner

logger = logging.getLogger(__name__)

ATTEMPT: ContextVar[Callable[[str | None], Awaitable[Any]]] = ContextVar("cao_attempt")
"""What the Prefect task that is executing has to do; called with the task run's id."""


@task(name="phase", task_run_name="{seat}", cache_policy=NO_CACHE, persist_result=False)
async def phase(seat: str) -> Any:
    """Do one attempt. What became of it is in our store before Prefect hears of it."""
    context = TaskRunContext.get()
    return await ATTEMPT.get()(str(context.task_run.id) if context else None)


async def perform(runner: WorkflowRunner, work: Todo | Going, task_run_id: str | None) -> Any:
    """Do an attempt that begins, or wait on for an agent's that began before; Prefect's state of it."""
    try:
        step, doing = await _begin(runner, work, task_run_id) if isinstance(work, Todo) else _go_on(runner, work)
        if step is not None and step.state == "running":
            step = await _settle(runner, step, await _end(step, doing))
    except LeaseLost as error:
        runner.broke(error)
        return Failed(message="the run was taken over, or is over")
    except CaoError as error:
        runner.broke(error)
        return Failed(message=error.message)
    return _state(step)


def _go_on(runner: WorkflowRunner, going: Going) -> tuple[Step | None, Prepared]:
    return going.step, agent_phase.resumed(runner, going)


async def _begin(runner: WorkflowRunner, todo: Todo, task_run_id: str | None) -> tuple[Step | None, Prepared]:
    """Write down that an attempt begins; no step when it may not any more."""
    place, doing = await _prepared(runner, todo)

    def change(tx: Transaction) -> Step | None:
        fence(tx, runner.lease)
        if workflows.header(tx, runner.id, tx.now).paused:
            return None
        new = runner.new_step(todo, directory=str(place.directory), branch=place.branch, task_run_id=task_run_id)
        return doing.begin(tx, steps.begin(tx, new))

    step = await runner.write(change)
    if step is not None:
        runner.journal.put(step)
    return step, doing


async def _prepared(runner: WorkflowRunner, todo: Todo) -> tuple[places.Place, Prepared]:
    """All that can be done before anything is written down; what goes wrong is the attempt's failure."""
    scope = {**todo.scope, "feedback": "\n\n".join(filter(None, (todo.feedback, runner.journal.header.feedback)))}
    try:
        place = await places.of_phase(runner, todo)
        return place, _KINDS[todo.phase.kind](runner, todo, scope, place)
    except (CaoError, ProviderError) as error:
        end = _failure(error)
        return places.of_run(runner), Prepared(lambda tx, step: steps.settle(tx, step, end.decision, failure=end.failure))


async def _end(step: Step, doing: Prepared) -> End:
    """Do what the phase says."""
    try:
        return await doing.work(step)
    except (CaoError, ProviderError) as error:
        return _failure(error)
    except LeaseLost:
        raise
    except Exception as error:
        logger.exception("phase %s of %s failed", step.path, step.run_id)
        return failed("internal", f"{type(error).__name__}: {error}"[:500])


_KINDS = {"agent": agent_phase.prepare, "command": command_phase.prepare, "manual": manual_phase.prepare}


def _failure(error: CaoError | ProviderError) -> End:
    if isinstance(error, ProviderError):
        return failed(error.failure.code, error.failure.message)
    return failed(error.code, error.message)


async def _settle(runner: WorkflowRunner, step: Step, end: End) -> Step:
    def change(tx: Transaction) -> Step:
        fence(tx, runner.lease)
        return steps.settle(tx, step, end.decision, dict(end.output), end.failure)

    settled = await runner.write(change)
    runner.journal.put(settled)
    return settled


def _state(step: Step | None) -> Any:
    """The end of an attempt as Prefect shows it."""
    if step is None:
        return Completed(name="Held", message="the run is paused")
    if step.decision is None:
        return Completed(name="Asked", message="it waits for a person")
    said = f"{step.decision.verdict}: {step.decision.reason[:500]}".rstrip(": ")
    return (
        Failed(message=said) if step.decision.verdict == "fail" else Completed(name=step.decision.verdict.title(), message=said)
    )
