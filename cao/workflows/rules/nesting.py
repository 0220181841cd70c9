"""Definitions inside definitions: that they are there, lead nowhere in a circle, and are given what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cao.workflows.definition import Definition, NestedWork
from cao.workflows.expressions import single
from cao.workflows.problems import Finding, Pointer, meant
from cao.workflows.values import SPOKEN, fits

from .places import Place, Surroundings, places


def nested(place: Place, around: Surroundings) -> Iterator[Finding]:
    """A nested definition that can be run here, with these inputs."""
    work = place.phase.workflow
    if work is None:
        return
    pointer = (*place.pointer, "workflow")
    if work.name == place.definition.name:
        yield Finding((*pointer, "name"), f"`{work.name}` is this definition itself, and would never end")
        return
    if around.definitions is None:
        return
    if work.name not in around.definitions:
        broken = work.name in around.broken
        message = f"the workflow `{work.name}` cannot be read" if broken else f"there is no workflow `{work.name}`"
        hint = f"see: cao definition validate {work.name}" if broken else meant(work.name, sorted(around.definitions))
        yield Finding((*pointer, "name"), message, hint)
        return
    other = around.definitions[work.name]
    if circle := _circle(place.definition.name, other, around.definitions):
        yield Finding((*pointer, "name"), f"leads in a circle: {' → '.join(circle)}")
    yield from _whole_only(other, (*pointer, "name"))
    yield from _given(work, other, (*pointer, "inputs"))


def _whole_only(other: Definition, pointer: Pointer) -> Iterator[Finding]:
    """What a definition says of a run of its own, and what a phase of another run cannot keep."""
    said = [name for name in ("flow", "budget", "worktree") if getattr(other, name)]
    for name in said:
        yield Finding(pointer, f"`{other.name}` has a `{name}`, which only a run of its own keeps", "run it by itself")


def _given(work: NestedWork, other: Definition, pointer: Pointer) -> Iterator[Finding]:
    for name, value in work.inputs.items():
        if name not in other.inputs:
            message = f"`{other.name}` has no input `{name}`"
            yield Finding((*pointer, name), message, meant(name, other.inputs), at_key=True)
        elif not _is_filled_later(value) and not fits(other.inputs[name].type, value):
            yield Finding((*pointer, name), f"must be {SPOKEN[other.inputs[name].type]}, as `{other.name}` declares it")
        elif (choices := other.inputs[name].choices) is not None and not _is_filled_later(value) and value not in choices:
            shown = ", ".join(f"`{choice}`" for choice in choices[:10])
            yield Finding((*pointer, name), f"`{other.name}` takes one of {shown}")
    for name, declared in other.inputs.items():
        if declared.required and name not in work.inputs:
            yield Finding(pointer, f"the input `{name}` is missing, which `{other.name}` requires", at_key=True)


def _is_filled_later(value: Any) -> bool:
    return isinstance(value, str) and (single(value) is not None or "{{" in value or "{%" in value)


def _circle(start: str, other: Definition, definitions: Mapping[str, Definition]) -> list[str] | None:
    """The way from a definition back to where it is nested, if there is one."""
    ways = [[start, other.name]]
    seen = {other.name}
    while ways:
        way = ways.pop()
        for name in names(definitions[way[-1]]):
            if name == start:
                return [*way, start]
            if name in definitions and name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return None


def names(definition: Definition) -> list[str]:
    """The definitions that one nests, each once."""
    return list(dict.fromkeys(place.phase.workflow.name for place in places(definition) if place.phase.workflow))
