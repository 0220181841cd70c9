"""A workflow's graph as a picture: one column from the start to the end, what runs side by side beside each other, and arcs
for verdicts that lead elsewhere: back on the right, ahead on the left. Plain SVG with no script and nothing from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cao.protocol.workflows import Step

from .arcs import Lane, lanes, port_rooms, reach
from .definition import Definition
from .drawing_style import SIGNS, style_sheet
from .graph import Graph, Node, every, graph
from .lettering import BOLD, MONO, cut, cut_mono, safe, text_width

HEIGHT: Final = 58.0
NARROWEST, WIDEST = 200.0, 320.0
GAP: Final = 36.0
"""Between one phase and the next; and half of it between neighbours."""
INSIDE: Final = 16.0
"""Around what a group holds."""
HEAD: Final = 44.0
"""A group's own line above that."""
BESIDE: Final = 4
"""How many neighbours stand in a row."""
MARGIN: Final = 28.0


@dataclass(frozen=True, slots=True)
class Block:
    """A node with its place; x and y are its upper left corner."""

    node: Node
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inner: tuple[Block, ...] = field(default=())

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def svg(definition: Definition, steps: Sequence[Step] | None = None) -> str:
    """The picture as one SVG document; with the steps of a run, how each phase stands."""
    drawn = graph(definition, steps)
    rooms = port_rooms(drawn.nodes)
    blocks = list(_even([_measured(node, rooms[node.path]) for node in drawn.nodes]))
    found = lanes(drawn.nodes, {block.node.path: block.width for block in blocks})
    widest = max([block.width for block in blocks] + [NARROWEST, text_width(drawn.name, 17) * BOLD])
    left = MARGIN + reach(found, "left")
    top = MARGIN + (50 if drawn.description else 30)
    placed = list(_column(blocks, left + widest / 2, top + 12 + GAP))
    end = (placed[-1].bottom if placed else top + 12) + GAP
    width, height = left + widest + reach(found, "right") + MARGIN, end + 12 + MARGIN
    body = [*_heading(drawn, width), *_spine(placed, left + widest / 2, top, end)]
    for block in placed:
        body += _shape(block, live=drawn.live)
    body += _arcs(found, {block.node.path: block for block in placed}, left, left + widest)
    return _document(drawn, width, height, body)


def _even(blocks: list[Block]) -> Iterator[Block]:
    """Cards below each other are equally wide."""
    widest = max((block.width for block in blocks if not block.inner), default=0.0)
    for block in blocks:
        yield block if block.inner else replace(block, width=widest)


def _measured(node: Node, room: float = 0.0) -> Block:
    """room: the height that the arcs at its sides need."""
    if node.inner:
        return _measured_group(node, room)
    note = len(node.note) * 11 * MONO if node.shape == "command" and not node.description else text_width(node.note, 11)
    told = _label(node.told) + 14 if node.told else 0.0
    wanted = max(_name(node.name) + told, min(note, WIDEST - 76)) + (92 if node.shape == "manual" else 76)
    return Block(node, min(max(wanted, NARROWEST), WIDEST), max(HEIGHT, room) + _skirt(node))


def _measured_group(node: Node, room: float) -> Block:
    rows = list(_rows([_measured(one) for one in node.inner]))
    wide = max(sum(one.width for one in row) + GAP / 2 * (len(row) - 1) for row in rows)
    tall = sum(max(one.height for one in row) for row in rows) + GAP / 2 * (len(rows) - 1)
    head = min(_name(node.name) + text_width(node.note, 11) + 84, WIDEST) + _label(node.told)
    inner = tuple(one for row in rows for one in row)
    return Block(node, max(wide + 2 * INSIDE, head), max(tall + HEAD + INSIDE, room) + _skirt(node), inner=inner)


def _skirt(node: Node) -> float:
    """What a phase's label for verdicts that lead back to itself takes below it."""
    return 10.0 if any(arc.to == node.path for arc in node.arcs) else 0.0


def _rows(blocks: list[Block]) -> Iterator[list[Block]]:
    for first in range(0, len(blocks), BESIDE):
        yield blocks[first : first + BESIDE]


def _column(blocks: list[Block], middle: float, top: float) -> Iterator[Block]:
    for block in blocks:
        yield _placed(block, middle - block.width / 2, top)
        top += block.height + GAP


def _placed(block: Block, x: float, y: float) -> Block:
    inner: list[Block] = []
    top = y + HEAD
    for row in _rows(list(block.inner)):
        start = x + (block.width - sum(one.width for one in row) - GAP / 2 * (len(row) - 1)) / 2
        for one in row:
            inner.append(_placed(one, start, top))
            start += one.width + GAP / 2
        top += max(one.height for one in row) + GAP / 2
    return replace(block, x=x, y=y, inner=tuple(inner))


def _heading(drawn: Graph, width: float) -> Iterator[str]:
    yield _text("title", MARGIN, MARGIN + 14, cut(drawn.name, width - 2 * MARGIN, 17 * BOLD))
    yield _text("about", MARGIN, MARGIN + 34, cut(drawn.description, width - 2 * MARGIN, 12))


def _spine(placed: list[Block], middle: float, top: float, end: float) -> Iterator[str]:
    yield f'<circle class="dot" cx="{middle:.1f}" cy="{top + 6:.1f}" r="6"/>'
    before = top + 12
    for block in placed:
        yield _arrow(middle, before, block.y)
        before = block.bottom
    yield _arrow(middle, before, end)
    yield f'<circle class="ring" cx="{middle:.1f}" cy="{end + 7:.1f}" r="7"/>'
    yield f'<circle class="dot" cx="{middle:.1f}" cy="{end + 7:.1f}" r="3.5"/>'


def _arrow(x: float, start: float, end: float) -> str:
    return f'<path class="next" d="M{x:.1f} {start:.1f}V{end - 3:.1f}" marker-end="url(#tip)"/>'


def _shape(block: Block, *, live: bool) -> Iterator[str]:
    node = block.node
    far = " far" if live and not any(one.look for one in every([node])) else ""
    yield f'<g class="phase{far}"><title>{safe(_tooltip(node))}</title>'
    yield from _group(block) if block.inner else _card(block)
    yield "</g>"
    for one in block.inner:
        yield from _shape(one, live=live)
    if own := [arc.label for arc in node.arcs if arc.to == node.path]:
        yield from _pill(block.middle, block.bottom - _skirt(node), "↻ " + ", ".join(own))


def _tooltip(node: Node) -> str:
    return "\n".join(part for part in (f"{node.name} ({node.shape})", node.note) if part)


def _group(block: Block) -> Iterator[str]:
    node = block.node
    yield _rect("group", replace(block, height=block.height - _skirt(node)), 14)
    yield from _badge(node, block.x + 14, block.y + 11)
    yield _text("name", block.x + 44, block.y + 27, node.name)
    after = block.x + 54 + _name(node.name)
    yield _text("note", after, block.y + 27, cut(node.note, block.right - 26 - _label(node.told) - after, 11))
    yield from _chip(node, block.right - 12, block.y + 13)


def _card(block: Block) -> Iterator[str]:
    node, look = block.node, block.node.look or ""
    tall = block.height - _skirt(node)
    card = replace(block, height=tall)
    if node.path.endswith("[]"):
        yield _rect(f"card {look}", replace(card, x=card.x + 6, y=card.y + 5), 10)
        yield _rect(f"card {look}", replace(card, x=card.x + 3, y=card.y + 2.5), 10)
    yield _outline(card, f"card {look}")
    if node.shape == "workflow":
        yield f'<path class="bar" d="M{card.x + 7:.1f} {card.y:.1f}v{tall:.1f}M{card.right - 7:.1f} {card.y:.1f}v{tall:.1f}"/>'
    centre = card.y + tall / 2
    yield from _badge(node, card.x + 18, centre - 12)
    lean = 20 if node.shape == "manual" else 12
    room = card.width - 60 - lean
    name = cut(node.name, room - (_label(node.told) + 6 if node.told else 0), 13.5 * BOLD)
    yield _text("name", card.x + 52, centre - (4 if node.note else -5), name)
    mono = node.shape == "command" and not node.description
    yield _text("note mono" if mono else "note", card.x + 52, centre + 14, (cut_mono if mono else cut)(node.note, room, 11))
    yield from _chip(node, card.right - lean, centre - 17)


def _outline(card: Block, classes: str) -> str:
    if card.node.shape == "manual":
        x, y, right, bottom, middle = card.x, card.y, card.right, card.bottom, card.y + card.height / 2
        points = f"{x + 13:.1f},{y:.1f} {right - 13:.1f},{y:.1f} {right:.1f},{middle:.1f} {right - 13:.1f},{bottom:.1f}"
        return f'<polygon class="{classes}" points="{points} {x + 13:.1f},{bottom:.1f} {x:.1f},{middle:.1f}"/>'
    return _rect(classes, card, {"agent": 16, "flow": 28}.get(card.node.shape, 5))


def _rect(classes: str, block: Block, round: float) -> str:
    place = f'x="{block.x:.1f}" y="{block.y:.1f}" width="{block.width:.1f}" height="{block.height:.1f}" rx="{round:g}"'
    return f'<rect class="{classes.strip()}" {place}/>'


def _badge(node: Node, x: float, y: float) -> Iterator[str]:
    yield f'<rect class="badge {node.shape}" x="{x:.1f}" y="{y:.1f}" width="24" height="24" rx="7"/>'
    yield f'<path class="sign {node.shape}" transform="translate({x + 4:.1f} {y + 4:.1f})" d="{SIGNS[node.shape]}"/>'


def _chip(node: Node, right: float, y: float) -> Iterator[str]:
    if not node.told:
        return
    wide = _label(node.told)
    yield f'<rect class="chip {node.look}" x="{right - wide:.1f}" y="{y:.1f}" width="{wide:.1f}" height="18" rx="9"/>'
    yield _text(f"tag chiptext {node.look}", right - wide / 2, y + 12.8, node.told, "middle")


def _pill(middle: float, y: float, label: str) -> Iterator[str]:
    wide = _label(label)
    yield f'<rect class="pill" x="{middle - wide / 2:.1f}" y="{y - 9:.1f}" width="{wide:.1f}" height="18" rx="9"/>'
    yield _text("tag pilltext", middle, y + 3.8, label, "middle")


def _arcs(found: list[Lane], blocks: Mapping[str, Block], left: float, right: float) -> Iterator[str]:
    pills: list[str] = []
    for lane in found:
        source, target = blocks[lane.source], blocks[lane.target]
        edge, out = (right, 1) if lane.side == "right" else (left, -1)
        start = source.middle + out * source.width / 2
        y = source.y + lane.leaves * source.height
        end = target.middle + out * (target.width / 2 + 3), target.y + lane.arrives * target.height
        yield _arc(start, y, edge + out * lane.offset, out, end, taken=lane.arc.taken)
        pills += _pill(start + out * (14 + _label(lane.arc.label) / 2), y, lane.arc.label)
    yield from pills


def _arc(start: float, y: float, x: float, out: int, end: tuple[float, float], *, taken: bool) -> str:
    """Out to the lane at x, along it, and back in. out: 1 on the right side, -1 on the left."""
    along = 9 if end[1] > y else -9
    path = f"M{start:.1f} {y:.1f}H{x - out * 9:.1f}Q{x:.1f} {y:.1f} {x:.1f} {y + along:.1f}V{end[1] - along:.1f}"
    path += f"Q{x:.1f} {end[1]:.1f} {x - out * 9:.1f} {end[1]:.1f}H{end[0]:.1f}"
    return f'<path class="arc{" taken" if taken else ""}" d="{path}" marker-end="url(#arctip)"/>'


def _document(drawn: Graph, width: float, height: float, body: list[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    tip = 'viewBox="0 0 8 8" refX="6" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"'
    tips = "".join(
        f'<marker id="{name}" {tip}><path class="{name}" d="M0 0.5 7 4 0 7.5Z"/></marker>' for name in ("tip", "arctip")
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{safe("workflow " + drawn.name)}">'
        f"<style>{style_sheet()}</style><defs>{tips}</defs>"
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="14"/>{"".join(body)}</svg>\n'
    )


def _text(classes: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    middle = ' text-anchor="middle"' if anchor == "middle" else ""
    return f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}"{middle}>{safe(text)}</text>' if text else ""


def _label(text: str) -> float:
    """How wide a chip or a pill around this text is; nothing without text."""
    return text_width(text, 10.5) * BOLD + 18 if text else 0.0


def _name(text: str) -> float:
    return text_width(text, 13.5) * BOLD
