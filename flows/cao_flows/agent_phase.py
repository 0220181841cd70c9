"""A phase that asks an agent: one prompt to a terminal of the run's session, and its answer read as a decision.

The prompt is queued in the transaction that begins the attempt, so it is asked once; the turn has its own lease, transcript,
approvals and recovery. Whoever runs the workflow only waits for the turn's run, and after a crash waits again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cao.protocol.records import FINAL_RUN_STATES, Run, Terminal
from cao.protocol.workflows import Decision, Step
from cao.store import Transaction, approvals, messages, runs, sessions, steps, terminals, turns, workflows
from cao.store.leases import fence
from cao.store.terminals import Limits, NewTerminal
from cao.workflows import decision as decisions
from cao.workflows.definition import AgentWork, Definition, Phase
from cao.workflows.plan import End, Going, Todo, failed
from cao.workflows.prompts import prompt

from .house import Wanted
from .places import Place
from .work import Prepared

if TYPE_CHECKING:
    from .workflow import WorkflowRunner

OUTPUT_LIMIT = 256 * 1024
"""Characters of an agent's answer that become the phase's output: the last ones. The transcript has all."""


def prepare(runner: WorkflowRunner, todo: Todo, scope: Mapping[str, Any], place: Place) -> Prepared:
    """Make the prompt, and find who is asked. Raises `CaoError`."""
    work = todo.phase.agent or AgentWork(prompt="")
    text = prompt(todo.phase, scope)
    seat = runner.house.seat(_wanted(todo, work, place))
    sender = f"workflow:{runner.entered.definition}"

    def ask(tx: Transaction, step: Step) -> Step:
        terminal = _terminal(tx, runner, seat)
        if runner.journal.header.feedback:
            workflows.take_feedback(tx, runner.id)
        run = messages.prompt(tx, terminal, text, sender=sender)
        steps.send(tx, step, terminal.id, run.id)
        return steps.get(tx, step.run_id, step.path, step.attempt)

    return Prepared(ask, lambda step: _wait(runner, step, todo.phase, todo.definition))


def resumed(runner: WorkflowRunner, going: Going) -> Prepared:
    """An attempt that a runner before this one began: wait for its agent."""
    return Prepared(lambda _, step: step, lambda step: _wait(runner, step, going.phase, going.definition))


def _wanted(todo: Todo, work: AgentWork, place: Place) -> Wanted:
    defaults = todo.definition.defaults
    return Wanted(
        name=work.terminal or _name(todo.path),
        profile=work.profile or defaults.profile or "developer",
        provider=work.provider or defaults.provider,
        model=work.model or defaults.model,
        directory=str(place.directory),
    )


def _name(path: str) -> str:
    """A terminal's name for a phase's path.

    >>> _name("build[2]/api")
    'build.2.api'
    """
    name = re.sub(r"[/\[]", ".", path).replace("]", "")
    return name if len(name) <= 64 else f"{name[:55]}-{sha256(path.encode()).hexdigest()[:8]}"


def _terminal(tx: Transaction, runner: WorkflowRunner, seat: NewTerminal) -> Terminal:
    """The terminal of this name in the run's session, added if it is not there."""
    session = sessions.require_open(tx, runner.entered.session_id)
    known = next((terminal for terminal in session.terminals if terminal.name == seat.name), None)
    if known is not None and known.status != "closed":
        return known
    settings = runner.house.settings
    return terminals.add(tx, session, seat, None, Limits(settings.max_depth, settings.max_terminals))


async def _wait(runner: WorkflowRunner, step: Step, phase: Phase, definition: Definition) -> End:
    """Wait for the agent, and ask it again for a decision that it left out. Raises `CaoError`."""
    seconds = phase.timeout or definition.defaults.timeout
    while True:
        step = steps.get(runner.house.store.read(), step.run_id, step.path, step.attempt)
        runner.submit(runner.entered.session_id)
        run = await _answered(runner, step, seconds)
        if run is None:
            await runner.write(lambda tx, run_id=step.turn_run_id: turns.cancel(tx, runs.get(tx, str(run_id))))
            runner.submit(runner.entered.session_id)
            return failed("timeout", f"{step.path} took longer than {seconds:g} s")
        if run.state != "completed":
            return _failed(run)
        end, found = judged(phase, run.result or "")
        if end is not None:
            return end
        if not await _remind(runner, step, phase, found):
            said = "; ".join(found) or "the agent gave no decision"
            return failed("contract" if found else "no-decision", said)


async def _answered(runner: WorkflowRunner, step: Step, seconds: float | None) -> Run | None:
    """The turn's run once it is over; None when the phase's time is over first."""
    store, run_id = runner.house.store, str(step.turn_run_id)
    with store.hub.subscribe(run_id) as commits:
        while (run := runs.get(store.read(), run_id)).state not in FINAL_RUN_STATES:
            left = 60.0 if seconds is None else seconds - _worked(runner, step)
            if left <= 0:
                return None
            await commits.wait(min(left, 60.0))
    return run


def _worked(runner: WorkflowRunner, step: Step) -> float:
    """Seconds since the step began, without those that a person was waited for."""
    store = runner.house.store
    now = store.clock.now()
    return (
        now - step.started_at.timestamp() - approvals.seconds_waited(store.read(), str(step.terminal_id), step.started_at, now)
    )


def _failed(run: Run) -> End:
    failure = run.failure
    if failure is None or run.state == "cancelled":
        return failed("interrupted", failure.message if failure else "the turn was interrupted")
    return failed(failure.code, failure.message)


def judged(phase: Phase, text: str) -> tuple[End | None, list[str]]:
    """What an answer means for the phase; or None and what is wrong with its decision (nothing: there is none)."""
    decision, output = decisions.of_answer(text, phase)
    if decision is None:
        if decisions.required(phase):
            return None, []
        decision = Decision(verdict="advance", by="agent")
    found = decisions.breaches(phase, decision, output)
    if found:
        return None, found
    return End(decision, {**output, "text": str(output.get("text", ""))[-OUTPUT_LIMIT:]}), []


async def _remind(runner: WorkflowRunner, step: Step, phase: Phase, found: list[str]) -> bool:
    """Ask the agent for its decision again; False when it was asked often enough, or the budget is used up."""
    most = phase.agent.continuations if phase.agent else 0
    text = decisions.reminder(phase, found)
    if not runner.may_spend():
        return False

    def change(tx: Transaction) -> bool:
        fence(tx, runner.lease)
        if steps.reminders(tx, step) >= most:
            return False
        terminal = terminals.require_open(tx, str(step.terminal_id))
        run = messages.prompt(tx, terminal, text, sender=f"workflow:{runner.entered.definition}")
        steps.send(tx, step, terminal.id, run.id, reminder=True)
        return True

    return bool(await runner.write(change))
