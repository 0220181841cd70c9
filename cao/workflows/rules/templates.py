"""Templates and conditions: that they can be read, and that what they name is there when they are filled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from cao.workflows.definition import Definition, Phase
from cao.workflows.expressions import ExpressionError, expression_references, references
from cao.workflows.grammar import Reference
from cao.workflows.problems import Finding, Pointer, closest, meant

from .places import Place, Surroundings, kinds, places
from .verdicts import comes_back, may_be_passed

RUN = ("id", "directory", "branch")
PHASE = ("verdict", "reason", "confidence", "risk", "output", "attempt", "branch", "directory")


def of_phase(place: Place, around: Surroundings) -> Iterator[Finding]:
    """Everything that a phase fills before it begins."""
    for pointer, text in _texts(place):
        yield from _read(place.definition, place, pointer, text, False, around)
    for pointer, text in _conditions(place):
        yield from _read(place.definition, place, pointer, text, True, around)


def of_outputs(definition: Definition, around: Surroundings) -> Iterator[Finding]:
    """What a finished run gives."""
    for name, text in definition.outputs.items():
        yield from _read(definition, None, ("outputs", name), text, False, around)


def used_inputs(definition: Definition) -> frozenset[str]:
    """The inputs that anything reads; all of them where one is read by a name that is calculated."""
    texts = [text for place in places(definition) if place.is_sound for _, text in _texts(place)]
    conditions = [text for place in places(definition) for _, text in _conditions(place)]
    read = [*_all(texts, False), *_all(conditions, True), *_all(definition.outputs.values(), False)]
    named = [reference.path for reference in read if reference.path[0] == "inputs"]
    if any(len(path) == 1 for path in named):
        return frozenset(definition.inputs)
    return frozenset(path[1] for path in named)


def read_in(place: Place) -> list[Reference]:
    """What a phase's templates and conditions read, and the lists around it."""
    own = [*_all((text for _, text in _texts(place)), False), *_all((text for _, text in _conditions(place)), True)]
    return own if place.parent is None else [*own, *read_in(place.parent)]


def _all(texts: Iterable[str], conditions: bool) -> Iterator[Reference]:
    for text in texts:
        try:
            yield from expression_references(text) if conditions else references(text)
        except ExpressionError:
            continue  # it is told where it stands


def _texts(place: Place) -> Iterator[tuple[Pointer, str]]:
    """The templates of a phase."""
    phase, at = place.phase, place.pointer
    if phase.agent is not None:
        yield (*at, "agent", "prompt"), phase.agent.prompt
    if phase.command is not None:
        yield from (((*at, "command", "run", number), text) for number, text in enumerate(phase.command.run))
        yield from (((*at, "command", "environment", name), text) for name, text in phase.command.environment.items())
    if phase.manual is not None:
        yield (*at, "manual", "question"), phase.manual.question
    if phase.workflow is not None:
        yield from _inside(phase.workflow.inputs, (*at, "workflow", "inputs"))


def _inside(value: Any, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
    """The texts in a JSON value."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from _inside(inner, (*pointer, key))
    elif isinstance(value, list):
        for number, inner in enumerate(cast("list[Any]", value)):
            yield from _inside(inner, (*pointer, number))


def _conditions(place: Place) -> Iterator[tuple[Pointer, str]]:
    if place.phase.skip_if is not None:
        yield (*place.pointer, "skip_if"), place.phase.skip_if
    if place.phase.map is not None:
        yield (*place.pointer, "map", "over"), place.phase.map.over


def _read(
    definition: Definition, place: Place | None, pointer: Pointer, text: str, condition: bool, around: Surroundings
) -> Iterator[Finding]:
    try:
        read = expression_references(text) if condition else references(text)
    except ExpressionError as error:
        hint = "write it without {{ and }}" if condition and "{{" in text else None
        yield Finding(pointer, f"cannot be read: {error.message}", hint, line=error.line)
        return
    reader = _Reader(definition, place, around)
    for reference in read:
        for message, hint, level in reader.judge(reference):
            yield Finding(pointer, message, hint, level, line=reference.line)


_Said = tuple[str, str | None, Any]


class _Reader:
    """What can be read at a place; outside of all phases, in `outputs`, where there is none."""

    def __init__(self, definition: Definition, place: Place | None, around: Surroundings) -> None:
        self._definition, self._place, self._around = definition, place, around

    def judge(self, reference: Reference) -> Iterator[_Said]:
        """What is wrong with reading this."""
        root, *rest = reference.path
        match root:
            case "inputs":
                yield from self._input(rest)
            case "phases":
                yield from self._phase(rest, reference)
            case "run":
                yield from _known("run", rest, RUN)
            case "feedback" if self._place is not None:
                pass
            case _ if self._place is not None and root in (*self._place.items, *(("index",) if self._place.items else ())):
                pass
            case _:
                yield self._unknown(root), self._hint(root), "error"

    def _unknown(self, root: str) -> str:
        if root in ("item", "index"):
            return f"there is no `{root}` here: only a phase inside `map` has one"
        return f"there is no `{root}` here" if root == "feedback" else f"nothing is called `{root}`"

    def _hint(self, root: str) -> str | None:
        if root in self._definition.inputs:
            return f"write `inputs.{root}`"
        if any(phase.variable == root for phase in self._definition.phases):
            return f"write `phases.{root}`"
        items = self._place.items if self._place else ()
        own = ("feedback", *items, *(("index",) if items else ())) if self._place else ()
        return meant(root, ("inputs", "phases", "run", *own))

    def _input(self, rest: list[str]) -> Iterator[_Said]:
        if rest and rest[0] not in self._definition.inputs:
            guess = closest(rest[0], self._definition.inputs)
            hint = f"did you mean `{guess}`?" if guess else "declare it in `inputs`"
            yield f"there is no input `{rest[0]}`", hint, "error"

    def _phase(self, rest: list[str], reference: Reference) -> Iterator[_Said]:
        if not rest:
            return
        numbers = {phase.variable: number for number, phase in enumerate(self._definition.phases)}
        if rest[0] not in numbers:
            yield f"there is no phase `{rest[0]}`", self._other(rest[0], list(numbers)), "error"
            return
        number = numbers[rest[0]]
        phase = self._definition.phases[number]
        if self._place is not None and number >= self._place.index:
            yield from self._later(number, phase, reference.guarded)
        elif not reference.guarded:
            yield from self._passed(number, phase)
        yield from _known(f"phases.{rest[0]}", rest[1:], PHASE)
        if rest[1:2] == ["output"]:
            yield from self._output(phase, rest[2:], reference.guarded)

    def _other(self, name: str, known: list[str]) -> str:
        for place in places(self._definition):
            if place.parent is not None and name in (place.phase.variable, place.phase.id):
                top = self._definition.phases[place.index].variable
                return f"`{place.phase.id}` is inside `{place.parent.phase.id}`: its output is in `phases.{top}.output.items`"
        if "-" in name or name.replace("-", "_") in known:
            return f"write `phases.{name.replace('-', '_')}`"
        return meant(name, known)

    def _later(self, number: int, phase: Phase, guarded: bool) -> Iterator[_Said]:
        """A phase may only know of a later one when it is done again after it, and when it can do without."""
        assert self._place is not None  # noqa: S101 - asked for phases only
        here = self._place.index
        word = "is this phase itself" if number == here else "comes later"
        if not comes_back(self._definition, number, here):
            yield f"`{phase.id}` {word}, and has no result yet", "`feedback` tells why a phase is done again", "error"
        elif not guarded:
            hint = f'at first there is none: write `phases.{phase.variable}.reason | default("")`, or use `feedback`'
            yield f"`{phase.id}` {word}", hint, "error"

    def _passed(self, number: int, phase: Phase) -> Iterator[_Said]:
        """A route may lead past an earlier phase."""
        here = self._place.index if self._place is not None else len(self._definition.phases)
        if all(len(kinds(one)) == 1 for one in self._definition.phases) and may_be_passed(self._definition, number, here):
            hint = f"write `| default(...)`, or ask `phases.{phase.variable} is defined`"
            yield f"a route may lead past `{phase.id}`, and then it has no result", hint, "warning"

    def _output(self, phase: Phase, rest: list[str], guarded: bool) -> Iterator[_Said]:
        if len(kinds(phase)) != 1:
            return
        given = _given(phase)
        if rest and rest[0] not in given:
            yield f"`{phase.id}` has no `output.{rest[0]}`", _instead(phase, rest[0]), "error"
        elif rest and phase.skip_if and not guarded:
            hint = f'write `phases.{phase.variable}.output.{rest[0]} | default("")`'
            yield f"`{phase.id}` may be skipped, and then has no output", hint, "warning"
        if phase.workflow is not None and rest[:1] == ["json"] and rest[1:]:
            nested = (self._around.definitions or {}).get(phase.workflow.name)
            if nested is not None and rest[1] not in nested.outputs:
                yield f"`{nested.name}` has no output `{rest[1]}`", meant(rest[1], nested.outputs), "error"


def _known(what: str, rest: list[str], known: tuple[str, ...]) -> Iterator[_Said]:
    if rest and rest[0] not in known:
        yield f"there is no `{what}.{rest[0]}`", meant(rest[0], known), "error"


def _given(phase: Phase) -> tuple[str, ...]:
    """The parts that a phase's output has."""
    if phase.kind in ("parallel", "map"):
        return ("items",)
    if phase.kind == "workflow":
        return ("json",)
    if phase.command is not None and phase.command.output == "json":
        return ("text", "json")
    if phase.agent is not None and phase.contract is not None and phase.contract.output is not None:
        return ("text", "json")
    return ("text",)


def _instead(phase: Phase, part: str) -> str:
    if part == "json" and phase.agent is not None:
        return "give it a `contract` with `output`, a JSON Schema"
    if part == "json" and phase.command is not None:
        return "add `output: json` to its command"
    return meant(part, _given(phase))
