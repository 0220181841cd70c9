"""A workflow as a graph: its phases, where verdicts lead, and how far a run is.

Definition, steps ─► Graph ─┬─► mermaid: text, for READMEs and chats
                            └─► drawing.svg: a picture
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cao.protocol.workflows import Step

from .definition import REWORKS, Definition, Kind, Phase

Look = Literal["running", "waiting", "done", "again", "failed", "skipped"]
"""How a phase stands, as it is coloured."""
Shape = Kind | Literal["flow"]

_LOOKS: Mapping[str, Look] = {"advance": "done", "rework": "again", "fail": "failed", "skip": "skipped"}
_FIRST: tuple[Look, ...] = ("waiting", "running", "failed", "again", "done", "skipped")
"""The look that counts where a list's items differ: what wants attention comes first."""
_ITEM = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Arc:
    """Where a verdict leads from a phase."""

    verdict: str
    to: str
    """The path of the phase."""
    label: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A phase, or all items of a list that it is done for."""

    path: str
    name: str
    shape: Shape
    note: str
    """What is done, in a line."""
    description: str
    look: Look | None
    told: str
    """How it stands, in words; empty without steps."""
    arcs: tuple[Arc, ...] = ()
    inner: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn."""

    name: str
    description: str
    nodes: tuple[Node, ...]
    live: bool
    """It shows a run: phases without a look were not reached."""


@dataclass(frozen=True, slots=True)
class _Course:
    """The steps of a run by phase; the items of a list share one path, `build[]`."""

    steps: Mapping[str, list[Step]] = field(default_factory=dict[str, list[Step]])

    def of(self, path: str) -> list[Step]:
        return self.steps.get(path, [])


def graph(definition: Definition, steps: Sequence[Step] | None = None) -> Graph:
    """The graph of a definition; with the steps of a run also how each phase stands."""
    course = _course(steps or ())
    nodes = tuple(_node(phase, phase.id, "", course) for phase in definition.phases)
    if definition.flow is not None:
        nodes = _flow_nodes(definition.flow, course)
    return Graph(definition.name, definition.description, nodes, live=steps is not None)


def _course(steps: Sequence[Step]) -> _Course:
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(_ITEM.sub("[]", step.path), []).append(step)
    return _Course(found)


def _node(phase: Phase, path: str, beside: str, course: _Course) -> Node:
    """beside: what the paths of its neighbours begin with."""
    steps = course.of(path)
    inner: tuple[Node, ...] = ()
    if phase.parallel is not None:
        inner = tuple(_node(one, f"{path}/{one.id}", f"{path}/", course) for one in phase.parallel.phases)
    if phase.map is not None:
        inner = (_node(phase.map.phase, f"{path}[]", "", course),)
    look, told = _standing(steps)
    return Node(
        path=path,
        name=phase.id,
        shape=phase.kind,
        note=_note(phase),
        description=phase.description,
        look=look,
        told=told,
        arcs=tuple(_arcs(phase, path, beside, steps)),
        inner=inner,
    )


def _note(phase: Phase) -> str:
    match phase:
        case Phase(description=text) if text:
            pass
        case Phase(agent=work) if work is not None:
            text = work.prompt
        case Phase(command=work) if work is not None:
            text = " ".join(work.run)
        case Phase(manual=work) if work is not None:
            text = work.question
        case Phase(workflow=work) if work is not None:
            text = work.name
        case Phase(map=work) if work is not None:
            text = f"for each of {work.over}"
        case _:
            text = ""
    return " ".join(text[:400].split())[:200]


def _arcs(phase: Phase, path: str, beside: str, steps: Sequence[Step]) -> Iterator[Arc]:
    for verdict in phase.routes:
        route = phase.route(verdict)
        if route is None:
            continue
        to = path if route.to in (None, phase.id) else f"{beside}{route.to}"
        count = sum(step.decision is not None and step.decision.verdict == verdict for step in steps)
        most = f" ≤ {route.at_most}" if to == path or route.at_most != REWORKS or verdict == "rework" else ""
        yield Arc(verdict, to, f"{verdict} ×{count}" if count else f"{verdict}{most}", taken=count > 0)


def _standing(steps: Sequence[Step]) -> tuple[Look | None, str]:
    """How a phase stands: by its latest attempt, or by those of all items of its list."""
    latest: dict[str, Step] = {}
    for step in steps:
        if step.path not in latest or step.attempt >= latest[step.path].attempt:
            latest[step.path] = step
    if not latest:
        return None, ""
    looks: list[Look] = [_look(step) for step in latest.values()]
    look: Look = min(looks, key=_FIRST.index)
    if len(latest) > 1:
        return look, f"{sum(one in ('done', 'skipped') for one in looks)} of {len(looks)} done"
    (step,) = latest.values()
    words = step.decision.verdict if step.decision else step.state
    return look, f"{words} · {step.attempt}" if step.attempt > 1 else words


def _look(step: Step) -> Look:
    if step.state in ("running", "waiting"):
        return "running" if step.state == "running" else "waiting"
    if step.failure is not None and step.decision is None:
        return "failed"
    return _LOOKS.get(step.decision.verdict if step.decision else "advance", "done")


def _flow_nodes(flow: str, course: _Course) -> tuple[Node, ...]:
    """A Python flow is known by what it did; before that by its name."""
    if not course.steps:
        return (Node(flow, flow.rpartition(":")[2], "flow", flow, "", None, ""),)
    return tuple(_done(path, steps) for path, steps in course.steps.items())


def _done(path: str, steps: list[Step]) -> Node:
    kinds: Mapping[str, Shape] = {"agent": "agent", "command": "command", "manual": "manual"}
    look, told = _standing(steps)
    return Node(path, path, kinds.get(steps[-1].kind, "flow"), steps[-1].kind, "", look, told)


def every(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes and all inside them, outermost first."""
    for node in nodes:
        yield node
        yield from every(node.inner)
