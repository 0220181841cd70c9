"""Where a phase stands in its definition, and what a definition is surrounded by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cao.workflows.definition import KINDS, Definition, Kind, Phase
from cao.workflows.problems import Pointer


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What exists beside a definition, as far as it is known; None is not known."""

    definitions: Mapping[str, Definition] | None = None
    """The other definitions of the project that can be read, by name."""
    broken: frozenset[str] = frozenset()
    """The names of those that cannot."""
    profiles: frozenset[str] | None = None
    providers: frozenset[str] | None = None
    project: Path | None = None
    """Where the files are that flows stand in."""


@dataclass(frozen=True, slots=True)
class Place:
    """A phase and where it stands."""

    definition: Definition
    phase: Phase
    pointer: Pointer
    index: int
    """The number of the phase of the first level that it is, or is inside of."""
    parent: Place | None = None
    items: tuple[str, ...] = ()
    """What the lists' items around it are called."""

    @property
    def kinds(self) -> list[Kind]:
        return kinds(self.phase)

    @property
    def is_sound(self) -> bool:
        return len(self.kinds) == 1

    @property
    def neighbours(self) -> Sequence[Phase]:
        """The phases that its routes may lead to: a phase inside another can only lead to itself."""
        return self.definition.phases if self.parent is None else (self.phase,)

    @property
    def path(self) -> str:
        """What people call it: `build/api`."""
        return f"{self.parent.path}/{self.phase.id}" if self.parent else self.phase.id


def kinds(phase: Phase) -> list[Kind]:
    """What is done in a phase; a sound one has one kind."""
    return [kind for kind in KINDS if getattr(phase, kind) is not None]


def places(definition: Definition) -> list[Place]:
    """Every phase, those around others before those inside."""
    found: list[Place] = []
    for index, phase in enumerate(definition.phases):
        found += _around(Place(definition, phase, ("phases", index), index))
    return found


def _around(place: Place) -> Iterator[Place]:
    yield place
    phase = place.phase
    if phase.parallel is not None:
        for number, child in enumerate(phase.parallel.phases):
            yield from _around(_inside(place, child, "parallel", "phases", number))
    if phase.map is not None:
        yield from _around(_inside(place, phase.map.phase, "map", "phase", items=(*place.items, phase.map.name)))


def _inside(place: Place, child: Phase, *keys: str | int, items: tuple[str, ...] | None = None) -> Place:
    pointer = (*place.pointer, *keys)
    return Place(place.definition, child, pointer, place.index, place, place.items if items is None else items)
