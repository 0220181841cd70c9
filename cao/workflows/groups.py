"""Phases around others: branches side by side, one phase for each item of a list, a whole definition as one phase. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from cao.protocol import InvalidInput
from cao.protocol.workflows import Decision

from . import decision as decisions
from . import expressions
from .definition import MOST_ITEMS, REWORKS, MapWork, NestedWork, ParallelWork, Phase, Risk
from .inputs import given
from .plan import End, failed

if TYPE_CHECKING:
    from .machine import Frame, Walk

KINDS = frozenset(("parallel", "map", "workflow"))
_RISKS: tuple[Risk, ...] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class _Child:
    """A phase inside another, and where it is in the run."""

    phase: Phase
    path: str
    within: int
    frame: Callable[[], Frame]
    """Where its names are looked up; made when it is needed."""


def descend(walk: Walk, phase: Phase, frame: Frame, path: str, attempt: int, feedback: str) -> End | None:
    """Go through what is inside a phase; how that came out, or None while it has not."""
    try:
        if phase.workflow is not None:
            end = _nested(walk, phase.workflow, frame, path, attempt, feedback)
        elif phase.map is not None:
            end = _mapped(walk, phase.map, frame, path, attempt, feedback)
        else:
            end = _parallel(walk, cast("ParallelWork", phase.parallel), frame, path, attempt, feedback)
    except InvalidInput as error:  # of an expression, or of a nested definition's inputs
        return failed("expression", f"{path}: {error.message}")
    return end and _held_to(phase, end)


def _held_to(phase: Phase, end: End) -> End:
    found = decisions.breaches(phase, end.decision, end.output)
    return failed("contract", "; ".join(found)) if found else end


def _nested(walk: Walk, work: NestedWork, frame: Frame, path: str, attempt: int, feedback: str) -> End | None:
    definition = walk.situation.snapshot.definitions[work.name]
    inputs = given(definition, expressions.filled(dict(work.inputs), walk.scope(frame, feedback)))
    return walk.sequence(type(frame)(definition, f"{path}/", attempt, inputs), feedback)


def _parallel(walk: Walk, work: ParallelWork, frame: Frame, path: str, attempt: int, feedback: str) -> End | None:
    inner = _inside(frame, f"{path}/", attempt)
    children = [_Child(phase, f"{path}/{phase.id}", attempt, lambda: inner) for phase in work.phases]
    return _side_by_side(walk, children, work.at_most, feedback)


def _mapped(walk: Walk, work: MapWork, frame: Frame, path: str, attempt: int, feedback: str) -> End | None:
    items = expressions.evaluate(work.over, walk.scope(frame, feedback))
    if not isinstance(items, list):
        return failed("expression", f"{path}: {work.over} is not a list")
    found = cast("list[Any]", items)
    if len(found) > MOST_ITEMS:
        return failed("too-many", f"{path}: {work.over} has {len(found)} items; at most {MOST_ITEMS} are taken")

    def inner(number: int) -> Frame:
        return _inside(frame, f"{path}[{number}]/", attempt, {work.name: found[number], "index": number})

    children = [_Child(work.phase, f"{path}[{number}]", attempt, partial(inner, number)) for number in range(len(found))]
    return _side_by_side(walk, children, work.at_most, feedback)


def _inside(frame: Frame, prefix: str, within: int, more: dict[str, Any] | None = None) -> Frame:
    """The same names as outside, and the item's."""
    return type(frame)(frame.definition, prefix, within, frame.inputs, {**frame.more, **(more or {})}, dict(frame.phases))


def _side_by_side(walk: Walk, children: Sequence[_Child], at_most: int, feedback: str) -> End | None:
    """Go through children that began, then let as many more begin as there is room for."""
    steps = walk.situation.steps
    begun = [any(step.within == child.within for step in steps.get(child.path, ())) for child in children]
    pairs = list(zip(children, begun, strict=True))
    ends = [_child(walk, child, feedback) if began else None for child, began in pairs]
    room = at_most - sum(1 for end, began in zip(ends, begun, strict=True) if began and end is None)
    for number, child in enumerate(children):
        if not begun[number] and room > 0:
            ends[number] = _child(walk, child, feedback)
            room -= ends[number] is None
    over = [end for end in ends if end is not None]
    return _together(children, over) if len(over) == len(children) else None


def _child(walk: Walk, child: _Child, feedback: str) -> End | None:
    """A child is its own sequence of one: it can only be sent back to itself."""
    reworks, frame = 0, child.frame()
    while True:
        end = walk.visit(child.phase, frame, feedback, child.path)
        if end is None:
            return None
        route = child.phase.route(end.decision.verdict)
        if end.decision.verdict != "rework" and not (route and route.to == child.phase.id):
            return end
        if reworks >= (route.at_most if route else REWORKS):
            return End(end.decision.model_copy(update={"verdict": "rework"}), end.output)
        if walk.plan.note:
            return None  # what is noted has to be written down first
        reworks, feedback = reworks + 1, end.decision.reason


def _together(children: Sequence[_Child], ends: Sequence[End]) -> End:
    """One decision of many: any failure fails, any rework is rework, else it advances."""
    told = [end.decision for end in ends]
    verdicts = {decision.verdict for decision in told}
    verdict = next((word for word in ("fail", "rework") if word in verdicts), "advance")
    reason = "\n".join(_reasons(children, told, verdict))
    sure = [decision.confidence for decision in told if decision.confidence is not None]
    risks: list[Risk] = [decision.risk for decision in told if decision.risk is not None]
    decision = Decision(
        verdict=verdict,
        confidence=min(sure, default=None),
        risk=next((risk for risk in reversed(_RISKS) if risk in risks), None),
        reason=reason[:8000],
        evidence=[item for decision in told for item in decision.evidence][:50],
    )
    failure = next((end.failure for end in ends if end.failure and end.decision.verdict == "fail"), None)
    return End(decision, {"items": [_item(end) for end in ends]}, failure if verdict == "fail" else None)


def _item(end: End) -> dict[str, Any]:
    """What later phases know of one of them: its output, and the branch that it worked on if that was its own."""
    return {**end.output, "branch": end.branch, "directory": end.directory} if end.branch else dict(end.output)


def _reasons(children: Sequence[_Child], told: Sequence[Decision], verdict: str) -> Iterator[str]:
    for child, decision in zip(children, told, strict=True):
        if decision.verdict == verdict and decision.reason and verdict != "advance":
            yield f"{child.path}: {decision.reason}"
