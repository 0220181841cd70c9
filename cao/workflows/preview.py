"""A phase as it would begin: the prompt, the command or the question, filled with what is known and with what is made up."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from cao.protocol import InvalidInput
from cao.protocol.definitions import Rendered

from . import invented
from .definition import Definition, Phase
from .expressions import ExpressionError, evaluate, filled, render
from .grammar import Reference
from .inputs import given
from .problems import meant
from .prompts import prompt
from .rules.phases import speaker
from .rules.places import Place, places
from .rules.templates import read_in

_NUMBER = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which phase, and what is known of the run that it would be in."""

    phase: str
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    phases: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Results of earlier phases, as far as they are known: `{"plan": {"output": {"json": {…}}}}`."""
    feedback: str = ""


def preview(definition: Definition, wish: Wish, others: Mapping[str, Definition]) -> Rendered:
    """What the phase would get. Raises `InvalidInput` for a phase that is not there or values that do not fit."""
    place = _place(definition, wish.phase)
    scope = _scope(place, wish, others)
    try:
        text, arguments = _filled(place.phase, scope)
    except ExpressionError as error:
        hint = "made-up values cannot stand for it; give `phases` or `inputs` with real ones"
        raise InvalidInput.field("phase", f"{place.path} cannot be rendered: {error.message}; {hint}") from None
    profile, provider, model = speaker(place.phase.agent, place) if place.phase.agent else (None, None, None)
    return Rendered(
        definition=definition.name,
        phase=place.path,
        kind=place.phase.kind,
        text=text,
        arguments=arguments,
        profile=profile or ("developer" if place.phase.agent else None),
        provider=provider,
        model=model,
        invented=sorted(set(re.findall(r"‹([^‹›]{1,200})›", text))),
    )


def _filled(phase: Phase, scope: Mapping[str, Any]) -> tuple[str, list[str]]:
    if phase.agent is not None:
        return prompt(phase, scope), []
    if phase.command is not None:
        arguments = [render(part, scope) for part in phase.command.run]
        return shlex.join(arguments), arguments
    if phase.manual is not None:
        return render(phase.manual.question, scope), []
    if phase.workflow is not None:
        return render("{{ inputs | tojson(indent=2) }}", {"inputs": filled(dict(phase.workflow.inputs), scope)}), []
    inside = f"look at a phase inside it, as `{phase.id}/{_first_inside(phase)}`"
    raise InvalidInput.field("phase", f"{phase.id} has phases inside and does nothing itself; {inside}")


def _first_inside(phase: Phase) -> str:
    return phase.map.phase.id if phase.map else cast("Any", phase.parallel).phases[0].id


def _place(definition: Definition, path: str) -> Place:
    """The phase with this path; a list's item may be named by its number, `build[0]`."""
    known = {place.path: place for place in places(definition)}
    wanted = _NUMBER.sub("", path)
    found = known.get(wanted)
    if found is None:
        raise InvalidInput.field("phase", f"{definition.name} has no phase {path!r}; {meant(wanted, known)}")
    if wanted != path and found.phase.map is not None:
        return known[f"{wanted}/{found.phase.map.phase.id}"]
    return found


def _scope(place: Place, wish: Wish, others: Mapping[str, Definition]) -> dict[str, Any]:
    definition, read = place.definition, list(read_in(place))
    values = given(definition, {**invented.inputs(definition, wish.inputs), **wish.inputs})
    scope: dict[str, Any] = {
        "inputs": values,
        "phases": _phases(place, wish, read, others),
        "run": {name: invented.made_up(f"run.{name}") for name in ("id", "directory", "branch")},
        "feedback": wish.feedback,
    }
    for around in _around(place):
        work = around.phase.map
        if work is not None:
            scope[work.name], scope["index"] = _item(work.over, work.name, scope, read), 0
    return scope


def _phases(place: Place, wish: Wish, read: list[Reference], others: Mapping[str, Definition]) -> dict[str, Any]:
    before = {phase.variable: phase for phase in place.definition.phases[: place.index]}
    unknown = [name for name in wish.phases if name not in before]
    if unknown:
        raise InvalidInput.field("phases", f"no phase {unknown[0]!r} comes before {place.path}; {meant(unknown[0], before)}")
    made = {name: invented.result(others, phase, read, where=f"phases.{name}") for name, phase in before.items()}
    return cast("dict[str, Any]", _over(made, dict(wish.phases)))


def _over(made: Any, known: Any) -> Any:
    """What is known over what is made up."""
    if not (isinstance(made, dict) and isinstance(known, dict)):
        return known
    below, above = cast("dict[str, Any]", made), cast("dict[str, Any]", known)
    return {**below, **{key: _over(below.get(key), value) for key, value in above.items()}}


def _around(place: Place) -> list[Place]:
    """The phases around one, the outermost first."""
    return [] if place.parent is None else [*_around(place.parent), place.parent]


def _item(over: str, name: str, scope: Mapping[str, Any], read: list[Reference]) -> Any:
    """The first item of the list, or a made-up one."""
    try:
        found = evaluate(over, scope)
    except ExpressionError:
        found = None
    if isinstance(found, list) and found:
        return cast("list[Any]", found)[0]
    return invented.form([reference.path for reference in read], (name,))
