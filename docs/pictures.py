"""Draw the state machines from their tables: one SVG for each, in `docs/images/`.

python docs/pictures.py           write the pictures
python docs/pictures.py --check   fail when one of them is stale
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from cao.protocol.machine import ANY_WAY, Machine, Move
from cao.protocol.queue import QUEUE_MACHINE
from cao.protocol.requirements import REQUIREMENT_MACHINE
from cao.protocol.tasks import TASK_MACHINE

IMAGES = Path(__file__).parent / "images"
WIDE, HIGH = 124.0, 42.0
"""A state's box."""
COLUMN, ROW, MARGIN = 220.0, 120.0, 70.0
APART = 22.0
"""How far an arrow bends to its left where another comes back."""

STYLE = """svg { font: 14px system-ui, sans-serif; color: #1f2933; background: #ffffff }
rect { fill: #eef3fb; stroke: #5b7db1; stroke-width: 1.5 } .final rect { fill: #eceff2; stroke: #7b8794 }
.first rect { stroke-width: 3 } text { fill: currentColor; text-anchor: middle; dominant-baseline: central }
path { fill: none; stroke: #52606d; stroke-width: 1.4; marker-end: url(#tip) } marker path { fill: #52606d; stroke: none }
.verb { font-size: 12px; paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
@media (prefers-color-scheme: dark) { svg { color: #e4e7eb; background: #12171d } .verb { stroke: #12171d }
rect { fill: #1d2a3d; stroke: #7aa2e3 } .final rect { fill: #262c33; stroke: #9aa5b1 }
path { stroke: #9aa5b1 } marker path { fill: #9aa5b1 } }"""


@dataclass(frozen=True)
class Picture:
    """A machine, and where its states stand: column and row, from the upper left."""

    title: str
    machine: Machine[Any]
    places: Mapping[str, tuple[float, float]]
    bends: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """How far the arrow from one to the other bends to its left, where that is not the usual."""

    def centre(self, state: str) -> tuple[float, float]:
        column, row = self.places[state]
        return MARGIN + WIDE / 2 + column * COLUMN, MARGIN + HIGH / 2 + row * ROW

    @property
    def size(self) -> tuple[float, float]:
        columns, rows = zip(*self.places.values(), strict=True)
        return 2 * MARGIN + WIDE + max(columns) * COLUMN, 2 * MARGIN + HIGH + max(rows) * ROW


PICTURES: Mapping[str, Picture] = {
    "task-states": Picture(
        "How the status of a task moves",
        TASK_MACHINE,
        {
            "backlog": (0, 1),
            "ready": (1, 1),
            "in-progress": (2.3, 1),
            "done": (3.5, 1),
            "blocked": (1.65, 0),
            "on-hold": (1.65, 2),
            "cancelled": (1.65, 3.2),
        },
        {
            ("blocked", "cancelled"): 300.0,
            ("in-progress", "cancelled"): 60.0,
            ("done", "ready"): 88.0,
            ("ready", "cancelled"): -30.0,
            ("cancelled", "ready"): 95.0,
            ("backlog", "cancelled"): -70.0,
        },
    ),
    "requirement-states": Picture(
        "How the status of a requirement moves",
        REQUIREMENT_MACHINE,
        {
            "draft": (0, 0),
            "refined": (1, 0.6),
            "planned": (2, 0),
            "in-progress": (3.1, 0),
            "done": (4.1, 0),
            "rejected": (1, 2),
        },
        {("draft", "planned"): 25.0, ("in-progress", "rejected"): 60.0},
    ),
    "queue-states": Picture(
        "How an item of the queue moves",
        QUEUE_MACHINE,
        {
            "ready": (1, 1),
            "held": (1, 0),
            "dispatching": (2.2, 1),
            "dispatched": (3.4, 1),
            "done": (3.4, 0),
            "failed": (3.4, 2),
            "cancelled": (4.5, 1),
            "dropped": (0, 0),
            "expired": (0, 1),
        },
    ),
}


def svg(picture: Picture) -> str:
    """The text of a picture."""
    width, height = picture.size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(picture.title)}</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 1 L10 5 L0 9 z"/></marker></defs>',
        *(part for moves in _pairs(picture.machine) for part in _arrow(picture, moves)),
        *(_box(picture, state) for state in picture.machine.states),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _pairs(machine: Machine[Any]) -> Iterator[list[Move[Any]]]:
    """The moves, those from one state to another together."""
    found: dict[tuple[str, str], list[Move[Any]]] = {}
    for move in machine.moves:
        found.setdefault((move.source, move.target), []).append(move)
    yield from found.values()


def _box(picture: Picture, state: str) -> str:
    x, y = picture.centre(state)
    final = not any(move.source == state and ANY_WAY in move.verbs for move in picture.machine.moves)
    kind = "first" if state == picture.machine.states[0] else "final" if final and not _leaves(picture, state) else ""
    shape = f'<rect x="{x - WIDE / 2:g}" y="{y - HIGH / 2:g}" width="{WIDE:g}" height="{HIGH:g}" rx="8"/>'
    return f'<g class="{kind}">{shape}<text x="{x:g}" y="{y:g}">{escape(state)}</text></g>'


def _leaves(picture: Picture, state: str) -> bool:
    """Whether anything but a reopening leads away."""
    return any(move.source == state and move.target != state and move.verbs != ("reopen",) for move in picture.machine.moves)


def _arrow(picture: Picture, moves: list[Move[Any]]) -> Iterator[str]:
    move = moves[0]
    why = " · ".join(one.why for one in moves)
    verbs = " · ".join(dict.fromkeys(verb for one in moves for verb in one.verbs if verb != ANY_WAY))
    path, (x, y) = _loop(picture, move) if move.source == move.target else _curve(picture, move)
    yield f'<path d="{path}"><title>{escape(f"{move.source} → {move.target}: {why}")}</title></path>'
    if verbs:
        yield f'<text class="verb" x="{x:.0f}" y="{y:.0f}">{escape(verbs)}</text>'


def _curve(picture: Picture, move: Move[Any]) -> tuple[str, tuple[float, float]]:
    """A curve from box to box, and the place of its label."""
    (x1, y1), (x2, y2) = picture.centre(move.source), picture.centre(move.target)
    back = any((one.source, one.target) == (move.target, move.source) for one in picture.machine.moves)
    bend = picture.bends.get((move.source, move.target), APART if back else 0.0)
    length = math.hypot(x2 - x1, y2 - y1)
    across = ((y2 - y1) / length, (x1 - x2) / length)
    control = ((x1 + x2) / 2 + across[0] * bend * 2, (y1 + y2) / 2 + across[1] * bend * 2)
    slide = 0.0 if not back else math.copysign(min(abs(bend), 10.0), bend)
    start = _edge((x1 + across[0] * slide, y1 + across[1] * slide), control, (x1, y1))
    end = _edge((x2 + across[0] * slide, y2 + across[1] * slide), control, (x2, y2))
    middle = ((start[0] + end[0]) / 4 + control[0] / 2, (start[1] + end[1]) / 4 + control[1] / 2)
    numbers = (*start, *control, *end)
    return "M{:.0f} {:.0f} Q{:.0f} {:.0f} {:.0f} {:.0f}".format(*numbers), middle


def _edge(origin: tuple[float, float], towards: tuple[float, float], centre: tuple[float, float]) -> tuple[float, float]:
    """Where the line from `origin`, inside the box around `centre`, leaves the box."""
    dx, dy = towards[0] - origin[0], towards[1] - origin[1]
    steps: list[float] = []
    if dx:
        steps.append((centre[0] + math.copysign(WIDE / 2 + 2, dx) - origin[0]) / dx)
    if dy:
        steps.append((centre[1] + math.copysign(HIGH / 2 + 2, dy) - origin[1]) / dy)
    step = min(steps)
    return origin[0] + dx * step, origin[1] + dy * step


def _loop(picture: Picture, move: Move[Any]) -> tuple[str, tuple[float, float]]:
    """An arrow that comes back: above the boxes of the first row, below all others."""
    x, y = picture.centre(move.source)
    way = -1 if picture.places[move.source][1] == 0 else 1
    near, far = y + way * (HIGH / 2 + 2), y + way * (HIGH / 2 + 40)
    return f"M{x - 12:.0f} {near:.0f} C{x - 40:.0f} {far:.0f} {x + 40:.0f} {far:.0f} {x + 12:.0f} {near:.0f}", (x, far)


def stale() -> list[Path]:
    """Pictures that are not what they would be if drawn now."""
    drawn = {IMAGES / f"{name}.svg": svg(picture) for name, picture in PICTURES.items()}
    return [path for path, text in drawn.items() if not path.exists() or path.read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    """The exit status: 1 when a picture is stale and only a check was asked for."""
    found = stale()
    if "--check" in arguments:
        for path in found:
            sys.stderr.write(f"{path.name} is stale; run: make generate\n")
        return 1 if found else 0
    for path in found:
        path.write_text(svg(PICTURES[path.stem]), "utf-8")
        sys.stderr.write(f"drew {path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
