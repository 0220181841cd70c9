"""What is next in a run: a pure function of its definition, its inputs and what was written down of it so far.

The run is walked through from its first phase, each time anew: a settled attempt says where the walk goes on, one that is
missing is what may begin. So resuming after a crash is nothing special, and neither is an edit of the file meanwhile: the walk
reads the snapshot. A phase's attempts are used up in their order; those of a phase inside another belong to one attempt of it
(`Step.within`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cao.protocol.workflows import AGAIN, CUT, Decision, Step

from . import expressions, groups
from .budget import Purse
from .definition import REWORKS, Definition, Phase
from .expressions import ExpressionError
from .plan import Attempt, End, Going, Note, Plan, Question, Situation, Todo, failed

CUTS = 20
"""How often in a row a phase that may be repeated is begun again after crashes, before it fails."""
MOVES = 10_000
"""Phases that one walk goes through at most. Routes in circles are bounded by their `at_most`; this is the net below."""


def plan(situation: Situation) -> Plan:
    """What is next. The same situation gives the same plan."""
    made = Plan()
    walk = Walk(situation, made, Purse(situation, made))
    definition = situation.snapshot.definition
    end = walk.sequence(Frame(definition, "", 1, dict(situation.inputs)), "")
    made.end = walk.purse.broke or end
    return made


@dataclass(slots=True)
class Frame:
    """Phases that see each other: of a definition, or the branches of one phase."""

    definition: Definition
    prefix: str
    """What their paths begin with."""
    within: int
    inputs: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Names that a list's item has."""
    phases: dict[str, Any] = field(default_factory=dict[str, Any])
    """What templates know of the phases that are over."""
    used: dict[str, int] = field(default_factory=dict[str, int])
    """How many attempts of a path the walk has gone through."""
    visits: dict[str, int] = field(default_factory=dict[str, int])
    reworks: dict[str, int] = field(default_factory=dict[str, int])
    grants: dict[str, int] = field(default_factory=dict[str, int])

    def keep(self, phase: Phase, end: End) -> None:
        decision = end.decision
        self.phases[phase.variable] = {
            "verdict": decision.verdict,
            "reason": decision.reason,
            "confidence": decision.confidence,
            "risk": decision.risk,
            "output": dict(end.output),
            "attempt": end.attempt,
            "branch": end.branch,
            "directory": end.directory,
        }


@dataclass(slots=True)
class Walk:
    """One walk through a run."""

    situation: Situation
    plan: Plan
    purse: Purse
    moves: int = 0

    def sequence(self, frame: Frame, feedback: str) -> End | None:
        """Go through a definition's phases; how they came out, or None while they have not."""
        phases, index = frame.definition.phases, 0
        while index < len(phases):
            self.moves += 1
            if self.moves > MOVES:
                return failed("endless", f"more than {MOVES} phases were gone through; look at the routes")
            phase = phases[index]
            end = self.visit(phase, frame, feedback)
            if end is None:
                return None
            frame.keep(phase, end)
            there = self._next(frame, index, phase, end)
            if not isinstance(there, int):
                return there
            if there <= index and self.plan.note:
                return None  # what is noted has to be written down before its phase is gone through again
            feedback = end.decision.reason if there <= index else ""
            index = there
        return self._outputs(frame)

    def visit(self, phase: Phase, frame: Frame, feedback: str, path: str | None = None) -> End | None:
        """Go through a phase once: all tries at it, to the one that counts; None while it is not over."""
        path = path or frame.prefix + phase.id
        known = [step for step in self.situation.steps.get(path, ()) if step.within == frame.within]
        frame.visits[path] = frame.visits.get(path, 0) + 1
        tries, cuts, not_before = 1, 0, 0.0
        gone = frame.used.get(path, 0)
        while gone < len(known):
            step = known[gone]
            if step.state != "settled":
                return self._current(step, phase, frame, feedback)
            frame.used[path] = gone = gone + 1
            code = step.failure.code.replace("_", "-") if step.failure else ""
            if code == AGAIN:
                tries, cuts, not_before = 1, 0, 0.0
            elif code == CUT and cuts < CUTS:
                cuts += 1
            elif phase.retry and code in phase.retry.on and tries < phase.retry.attempts:
                not_before = (step.settled_at or step.started_at).timestamp() + phase.retry.delay * 2.0 ** (tries - 1)
                tries += 1
            else:
                return _end_of(step)
        return self._begin(phase, frame, path, feedback, not_before)

    def _current(self, step: Step, phase: Phase, frame: Frame, feedback: str) -> End | None:
        self.plan.going[step.path, step.attempt] = Going(step, phase, frame.definition)
        if phase.kind not in groups.KINDS:
            return None
        return self._descend(step.path, step.attempt, step.begun, phase, frame, feedback)

    def _begin(self, phase: Phase, frame: Frame, path: str, feedback: str, not_before: float) -> End | None:
        attempts = self.situation.steps.get(path, ())
        attempt = attempts[-1].attempt + 1 if attempts else 1
        scope = self.scope(frame, feedback)
        if phase.skip_if and not_before == 0.0:
            end = _skipped(phase.skip_if, scope)
            if end is not None:
                self.plan.note.append(Note(path, phase.kind, attempt, frame.within, end))
                return end
        if not self.purse.may_begin(path):
            return None
        if phase.kind in groups.KINDS:
            self.plan.note.append(Note(path, phase.kind, attempt, frame.within, None))
            self.plan.going[path, attempt] = Going(None, phase, frame.definition)
            return self._descend(path, attempt, self.situation.used.seconds, phase, frame, feedback)
        errand = f"{frame.within}.{frame.visits[path]}"
        todo = Todo(path, phase, frame.definition, attempt, frame.within, errand, scope, feedback, not_before)
        self.plan.begin.append(todo)
        return None

    def _descend(self, path: str, attempt: int, begun: float, phase: Phase, frame: Frame, feedback: str) -> End | None:
        """Go through the phases inside one; when they are over, so is it."""
        before = len(self.plan.begin), len(self.plan.note), len(self.plan.ask), dict(self.plan.going)
        end = groups.descend(self, phase, frame, path, attempt, feedback)
        if end is None and phase.timeout is not None:
            if self.situation.used.seconds >= begun + phase.timeout:
                end = failed("timeout", f"{path} took longer than {phase.timeout:g} s")
                self._forget(before)
            else:
                self.plan.deadline = min(self.plan.deadline, begun + phase.timeout)
        if end is not None:
            self.plan.going.pop((path, attempt), None)
            self.plan.note.append(Note(path, phase.kind, attempt, frame.within, end))
        return end

    def _forget(self, before: tuple[int, int, int, dict[Attempt, Going]]) -> None:
        """What the phases inside were to do is not done any more."""
        begun, noted, asked, going = before
        del self.plan.begin[begun:], self.plan.note[noted:], self.plan.ask[asked:]
        self.plan.going = going

    def scope(self, frame: Frame, feedback: str) -> dict[str, Any]:
        """What templates see at this place."""
        return {
            **frame.more,
            "inputs": frame.inputs,
            "phases": dict(frame.phases),
            "run": self.situation.run,
            "feedback": feedback,
        }

    def _next(self, frame: Frame, index: int, phase: Phase, end: End) -> int | End | None:
        """The number of the phase that follows; the end of the sequence; or None when a person has to be asked first."""
        verdict = end.decision.verdict
        route = phase.route(verdict)
        target = (route.to if route else None) or (phase.id if verdict == "rework" else None)
        if target is None:
            return end if verdict == "fail" else index + 1
        there = next(number for number, other in enumerate(frame.definition.phases) if other.id == target)
        if there > index:
            return there
        return self._back(frame, phase, there, route.at_most if route else REWORKS, end)

    def _back(self, frame: Frame, phase: Phase, there: int, at_most: int, end: End) -> int | End | None:
        """Lead from a phase back to an earlier one or to itself, as often as that is allowed."""
        target = frame.definition.phases[there].id
        times, grants = frame.reworks.get(target, 0), frame.grants.get(target, 0)
        while times >= at_most + grants * max(at_most, 1):
            path = frame.prefix + target
            said = f"{path} was sent back {times} times, and {frame.prefix}{phase.id} sends it back again. Go on?"
            text = f"{said}\n\n{end.decision.reason}".rstrip()
            answer = self.ask(Question(f"rework:{path}:{frame.within}:{grants + 1}", text, path))
            if answer is None:
                return None
            if not answer:
                return failed("rework-budget", f"{path} was sent back {times} times, and nobody wanted it done again")
            grants += 1
        frame.reworks[target], frame.grants[target] = times + 1, grants
        return there

    def ask(self, question: Question) -> bool | None:
        """A person's answer; None while there is none."""
        state = self.situation.answers.get(question.key)
        if state is None:
            self.plan.ask.append(question)
        return None if state in (None, "pending") else state == "approved"

    def _outputs(self, frame: Frame) -> End:
        try:
            outputs = expressions.filled(dict(frame.definition.outputs), self.scope(frame, ""))
        except ExpressionError as error:
            return failed("expression", f"the outputs of {frame.definition.name} cannot be made: {error.message}")
        return End(Decision(verdict="advance"), {"json": outputs})


def _end_of(step: Step) -> End:
    decision = step.decision or Decision(verdict="fail", reason=step.failure.message if step.failure else "")
    return End(decision, step.output, step.failure, step.directory, step.branch, step.attempt)


def _skipped(condition: str, scope: Mapping[str, Any]) -> End | None:
    try:
        holds = expressions.evaluate(condition, scope)
    except ExpressionError as error:
        return failed("expression", f"skip_if cannot be told: {error.message}")
    return End(Decision(verdict="skip", reason=f"skip_if holds: {condition}")) if holds else None
