"""Which verdicts a phase can give, where they lead, and whether everything that is declared of them can happen."""

from __future__ import annotations

from collections.abc import Iterator

from cao.workflows.definition import VERDICTS, Definition, Phase, Route
from cao.workflows.problems import Finding, meant

from .places import Place

_WHY = {
    "workflow": "a nested workflow advances or fails",
    "parallel": "branches together advance, are sent back, or fail",
    "map": "a list's items together advance, are sent back, or fail",
    "command": "a command whose output is text gives `advance`, or `failed` where its exit code says so",
}


def givable(phase: Phase) -> frozenset[str]:
    """The verdicts that a phase can end in."""
    skipped = {"skip"} if phase.skip_if else set[str]()
    if phase.agent is not None or phase.manual is not None or (phase.command and phase.command.output == "json"):
        return frozenset((*VERDICTS, *phase.verdicts))
    if phase.command is not None:
        failed = phase.command.failed or ("rework" if "rework" in phase.routes else "fail")
        return frozenset(("advance", "fail", failed, *skipped))
    return frozenset(("advance", "fail", *skipped, *(() if phase.workflow is not None else ("rework",))))


def own_verdicts(place: Place) -> Iterator[Finding]:
    """Verdicts beside the known ones: new, each once, each possible, each with a route."""
    phase = place.phase
    for number, verdict in enumerate(phase.verdicts):
        pointer = (*place.pointer, "verdicts", number)
        if verdict in VERDICTS:
            yield Finding(pointer, f"`{verdict}` is a verdict of every phase", "leave it out")
        elif verdict in phase.verdicts[:number]:
            yield Finding(pointer, f"the verdict `{verdict}` stands here twice")
        elif verdict not in givable(phase):
            yield Finding(pointer, f"nothing gives the verdict `{verdict}`: {_WHY[phase.kind]}")
        elif verdict not in phase.routes:
            yield Finding(pointer, f"the verdict `{verdict}` leads nowhere", f"add `routes: {{{verdict}: <phase>}}`")


def instead(verdict: str, phase: Phase) -> str:
    """A hint for a verdict that a phase does not have."""
    hint = meant(verdict, (*VERDICTS, *phase.verdicts))
    return hint if hint.endswith("?") else f"{hint}; own ones are declared in `verdicts`"


def routes(place: Place) -> Iterator[Finding]:
    """Routes of verdicts that can be given, to phases that are there."""
    phase = place.phase
    for verdict, given in phase.routes.items():
        pointer = (*place.pointer, "routes", verdict)
        if verdict not in (*VERDICTS, *phase.verdicts):
            yield Finding(pointer, f"`{verdict}` is no verdict of this phase", instead(verdict, phase), at_key=True)
        elif verdict not in givable(phase):
            yield Finding(pointer, f"nothing gives the verdict `{verdict}`: {_WHY[phase.kind]}", at_key=True)
        else:
            route = Route(to=given) if isinstance(given, str) else given
            yield from _route(place, verdict, route, isinstance(given, str))


def _route(place: Place, verdict: str, route: Route, short: bool) -> Iterator[Finding]:
    pointer = (*place.pointer, "routes", verdict)
    at_target = pointer if short else (*pointer, "to")
    bounded = not short and "at_most" in route.model_fields_set
    if route.to is None:
        yield from _targetless(place, verdict, bounded)
        return
    ids = [phase.id for phase in place.neighbours]
    if route.to not in ids:
        yield _unknown_target(place, route.to, at_target)
    elif bounded and ids.index(route.to) > _own_number(place):
        message = f"`at_most` has no effect: `{route.to}` comes later, and a route counts when it leads back"
        yield Finding((*pointer, "at_most"), message, at_key=True)


def _own_number(place: Place) -> int:
    return place.index if place.parent is None else 0


def _targetless(place: Place, verdict: str, bounded: bool) -> Iterator[Finding]:
    pointer = (*place.pointer, "routes", verdict)
    if verdict not in VERDICTS:
        yield Finding(pointer, f"the verdict `{verdict}` leads nowhere", "add `to: <phase>`", at_key=True)
    elif verdict != "rework":
        hint = "add `to: <phase>`, or leave the route out"
        yield Finding(pointer, f"the route of `{verdict}` has no `to`, and so no effect", hint, at_key=True)
    elif not bounded:
        yield Finding(pointer, "the route of `rework` says nothing", "add `to: <phase>` or `at_most`", at_key=True)


def _unknown_target(place: Place, target: str, pointer: tuple[str | int, ...]) -> Finding:
    if place.parent is None:
        return Finding(pointer, f"there is no phase `{target}`", meant(target, [phase.id for phase in place.neighbours]))
    around = place.parent.phase.id
    hint = f"`{around}` can have the route, for all of them together"
    return Finding(pointer, f"a phase inside `{around}` can only be led back to itself, `{place.phase.id}`", hint)


def reachable(definition: Definition) -> Iterator[Finding]:
    """Phases that no way leads to."""
    seen = _ways(definition)
    for index, phase in enumerate(definition.phases):
        if index not in seen:
            yield Finding(("phases", index, "id"), f"nothing leads to `{phase.id}`: every phase before it leads elsewhere")


def may_be_passed(definition: Definition, phase: int, before: int) -> bool:
    """Whether a way leads to the phase `before`, or to the end, without that other phase."""
    return before in _ways(definition, without=phase)


def _ways(definition: Definition, without: int | None = None) -> set[int]:
    """The numbers of the phases that a run can come to; that of the end is their count."""
    ids = [phase.id for phase in definition.phases]
    seen: set[int] = set()
    ahead = [0]
    while ahead:
        index = ahead.pop()
        if index not in seen and index != without:
            seen.add(index)
            if index < len(ids):
                ahead += _leads_to(definition.phases[index], index, ids)
    return seen


def _leads_to(phase: Phase, index: int, ids: list[str]) -> Iterator[int]:
    for verdict in givable(phase):
        route = phase.route(verdict)
        if route is not None and route.to in ids:
            yield ids.index(route.to)
        elif verdict in ("advance", "skip"):
            yield index + 1


def comes_back(definition: Definition, later: int, earlier: int) -> bool:
    """Whether a phase may be done again after a later one, so that it can know how that one went."""
    ids = [phase.id for phase in definition.phases]
    for phase in definition.phases[later:]:
        for verdict in phase.routes:
            route = phase.route(verdict)
            if route is not None and route.to in ids and ids.index(route.to) <= earlier:
                return True
    return False
