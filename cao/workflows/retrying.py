"""Running a workflow again from one of its phases: what the new run takes over of the old one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cao.protocol import Conflict, NotFound
from cao.protocol.workflows import Step

from . import machine
from .plan import Plan, Situation, Snapshot


def taken_over(snapshot: Snapshot, inputs: Mapping[str, Any], told: Sequence[Step], start: str | None) -> list[Step]:
    """The steps that a new run begins with, so that `start` is what it does first; each of them its phase's first attempt.

    start: a phase of the first level; else the one that was begun last. Raises `NotFound` for no phase of the definition, and
    `Conflict` when one before it never came to its end.
    """
    if snapshot.definition.flow is not None:
        return _of_flow(told, start)
    phases = [phase.id for phase in snapshot.definition.phases]
    start = start or last_begun(told) or next(iter(phases), "")
    if start not in phases:
        raise NotFound(f"{snapshot.root} has no phase {start!r} on its first level; it has: {', '.join(phases)}", phase=start)
    kept = [step for id in phases[: phases.index(start)] for step in _last(told, id, 1)]
    first = first_of(machine.plan(replace(_situation(snapshot, inputs), steps=by_path(kept)))) or last_begun(kept)
    if first != start:
        raise Conflict(f"{first} would come first, for it never came to a good end; begin there", phase=first)
    return kept


def _of_flow(told: Sequence[Step], start: str | None) -> list[Step]:
    """Of a Prefect flow, whose order nobody knows before: the steps that came out well before `start` began."""
    start = start or last_begun(told)
    begun = next((step.n for step in sorted(told, key=lambda step: step.n) if step.path == start), None)
    if begun is None:
        raise NotFound(f"the run has no step {start!r}", phase=start)
    good = {step.path: step for step in told if step.n < begun and step.state == "settled" and step.failure is None}
    return [step.model_copy(update={"attempt": 1}) for path, step in good.items() if path != start]


def last_begun(told: Iterable[Step]) -> str | None:
    """The phase of the first level that was begun last."""
    return next((step.path for step in sorted(told, key=lambda step: -step.n) if _depth(step.path) == 0), None)


def by_path(told: Iterable[Step]) -> dict[str, list[Step]]:
    """Steps by their phase, in the order of their attempts."""
    found: dict[str, list[Step]] = {}
    for step in sorted(told, key=lambda step: step.attempt):
        found.setdefault(step.path, []).append(step)
    return found


def first_of(plan: Plan) -> str | None:
    """The phase of the first level that a plan acts on."""
    paths = [*(todo.path for todo in plan.begin), *(note.path for note in plan.note), *(path for path, _ in plan.going)]
    return paths[0].split("/")[0].split("[")[0] if paths else None


def _situation(snapshot: Snapshot, inputs: Mapping[str, Any]) -> Situation:
    return Situation(snapshot, inputs, {"id": "run", "directory": "", "branch": None})


def _last(told: Sequence[Step], path: str, within: int) -> Iterator[Step]:
    """The last settled attempt at a phase, and of those inside it the last ones that belong to it."""
    settled = [step for step in told if step.path == path and step.within == within and step.state == "settled"]
    if not settled:
        return
    last = max(settled, key=lambda step: step.attempt)
    yield last.model_copy(update={"attempt": 1, "within": 1})
    inside = {step.path for step in told if step.within == last.attempt and _is_inside(path, step.path)}
    for child in sorted(inside):
        yield from _last(told, child, last.attempt)


def _is_inside(path: str, other: str) -> bool:
    """Whether `other` is directly inside `path`."""
    return other != path and other.startswith((f"{path}/", f"{path}[")) and _depth(other[len(path) :]) == 1


def _depth(path: str) -> int:
    return path.count("/") + path.count("[")
