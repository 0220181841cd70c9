"""Whether a definition can be run as it says. What it declares is enforced, or is told here; nothing is a silent hope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cao.protocol.definitions import Problem, Validation

from .definition import Definition
from .problems import Finding
from .rules import flows, nesting, phases, templates, verdicts, whole
from .rules.places import Place, Surroundings, places
from .text import Document, attempt

NOTHING = Surroundings()


@dataclass(frozen=True, slots=True)
class Examined:
    """A text, and what is wrong or odd about it."""

    document: Document | None
    """None where the text is no definition at all."""
    problems: list[Problem]
    warnings: list[Problem]

    @property
    def validation(self) -> Validation:
        return Validation(valid=not self.problems, problems=self.problems, warnings=self.warnings)


def examine(text: str, around: Surroundings = NOTHING, name: str | None = None) -> Examined:
    """Read a text and judge it. name: what its file is called, which its `name` must be."""
    document = attempt(text)
    if not isinstance(document, Document):
        return Examined(None, document, [])
    found = findings(document.definition, around)
    if name is not None and document.definition.name != name:
        found.append(Finding(("name",), f"the name is not that of the file, which is `{name}`", f"write `name: {name}`"))
    errors = [finding for finding in found if finding.level == "error"]
    warnings = [finding for finding in found if finding.level == "warning"]
    return Examined(document, document.problems(errors), document.problems(warnings))


def findings(definition: Definition, around: Surroundings = NOTHING) -> list[Finding]:
    """All that is wrong or odd about a definition."""
    return [*_of_whole(definition, around), *(found for place in places(definition) for found in _of_phase(place, around))]


def _of_whole(definition: Definition, around: Surroundings) -> Iterator[Finding]:
    yield from whole.body(definition)
    yield from flows.flow(definition, around)
    yield from whole.ids(definition)
    yield from whole.inputs(definition)
    yield from whole.budget(definition)
    yield from whole.defaults(definition)
    yield from whole.worktrees(definition)
    yield from whole.terminals(definition)
    yield from whole.people(definition, around)
    yield from templates.of_outputs(definition, around)
    if all(place.is_sound for place in places(definition)):
        yield from verdicts.reachable(definition)


def _of_phase(place: Place, around: Surroundings) -> Iterator[Finding]:
    yield from phases.one_kind(place)
    if not place.is_sound:
        return
    yield from phases.kept(place)
    yield from phases.contract(place)
    yield from phases.agent(place)
    yield from phases.command(place)
    yield from phases.mapping(place)
    yield from phases.retry(place, around)
    yield from verdicts.own_verdicts(place)
    yield from verdicts.routes(place)
    yield from nesting.nested(place, around)
    yield from templates.of_phase(place, around)
