"""Where the arcs of a picture run: each in a lane of its own beside the column, so that none hides another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from .graph import Arc, Node
from .lettering import BOLD, text_width

Side = Literal["left", "right"]

APART: Final = 18.0
"""Pixels between two lanes."""
CLEAR: Final = 24.0
"""Pixels from the column to the nearest lane, at least."""
PORT: Final = 21.0
"""Pixels between two ends of arcs on one side of a phase; a label fits between them."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One arc's way."""

    arc: Arc
    source: str
    target: str
    side: Side
    """Back to an earlier phase on the right, ahead on the left."""
    offset: float
    """Pixels from the column's edge to the lane."""
    leaves: float
    """Where it leaves the source, as a share of its height from the top."""
    arrives: float
    """Where it arrives at the target."""


@dataclass(frozen=True, slots=True)
class _Way:
    arc: Arc
    first: int
    """The number of the upper phase."""
    last: int
    source: str
    side: Side
    number: int = 0
    """The lane, from the inside."""


def lanes(nodes: Sequence[Node], widths: Mapping[str, float]) -> list[Lane]:
    """The ways of all arcs between phases of the first level; those that lead to their own phase have none.

    widths: of the phases by path, in pixels; they stand in the middle of their column.
    """
    order = {node.path: number for number, node in enumerate(nodes)}
    ways = [_way(arc, node.path, order) for node in nodes for arc in node.arcs if arc.to in order and arc.to != node.path]
    numbered = _numbered(ways, "left") + _numbered(ways, "right")
    edge = max(widths.values(), default=0.0) / 2
    rooms = {
        side: max((widths[way.source] / 2 + label_room(way.arc) - edge for way in numbered if way.side == side), default=0.0)
        for side in ("left", "right")
    }
    return [
        Lane(
            way.arc,
            way.source,
            way.arc.to,
            way.side,
            max(rooms[way.side], CLEAR) + way.number * APART,
            _share(way, numbered, way.source),
            _share(way, numbered, way.arc.to),
        )
        for way in numbered
    ]


def reach(found: Iterable[Lane], side: Side) -> float:
    """How much room the lanes of one side take."""
    return max((lane.offset + 8 for lane in found if lane.side == side), default=0.0)


def port_rooms(nodes: Sequence[Node]) -> dict[str, float]:
    """How high each phase must be for the arcs that touch it on one side."""
    order = {node.path: number for number, node in enumerate(nodes)}
    ends: Counter[tuple[str, Side]] = Counter()
    for node in nodes:
        for way in (_way(arc, node.path, order) for arc in node.arcs if arc.to in order and arc.to != node.path):
            ends.update([(way.source, way.side), (way.arc.to, way.side)])
    return {path: PORT * (max(ends[path, "left"], ends[path, "right"]) + 1) for path in order}


def _way(arc: Arc, source: str, order: Mapping[str, int]) -> _Way:
    here, there = order[source], order[arc.to]
    return _Way(arc, min(here, there), max(here, there), source, "right" if there < here else "left")


def _numbered(ways: Sequence[_Way], side: Side) -> list[_Way]:
    """Short ways inside, long ones outside, and no two in one lane that touch."""
    taken: list[list[tuple[int, int]]] = []
    numbered: list[_Way] = []
    for way in sorted((way for way in ways if way.side == side), key=lambda way: (way.last - way.first, way.first)):
        number = next((n for n, lane in enumerate(taken) if all(way.last < a or way.first > b for a, b in lane)), len(taken))
        if number == len(taken):
            taken.append([])
        taken[number].append((way.first, way.last))
        numbered.append(_Way(way.arc, way.first, way.last, way.source, side, number))
    return numbered


def _share(way: _Way, ways: Sequence[_Way], path: str) -> float:
    """Where a way touches a phase: ways that go up touch its upper half, inner lanes outermost, so that none cross there."""
    here = [one for one in ways if one.side == way.side and path in (one.source, one.arc.to)]
    here.sort(key=lambda one: _height(one, path))
    return (here.index(way) + 1) / (len(here) + 1)


def _height(way: _Way, path: str) -> tuple[int, int]:
    goes_up = (way.source == path) == (way.side == "right")
    return (0, way.number) if goes_up else (1, -way.number)


def label_room(arc: Arc) -> float:
    """The room that an arc's label needs between its phase and the nearest lane."""
    return text_width(arc.label, 10.5) * BOLD + 48
