"""Values that a run would have and that nobody has yet, so that a phase can be looked at before anything runs.

They stand between ‹ and ›, so that no reader takes them for real.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from .definition import Definition, Input, Phase
from .grammar import Reference

_DEPTH = 6


def made_up(path: str) -> str:
    """A value that stands for what is called `path`."""
    return f"‹{path}›"


def inputs(definition: Definition, given: Mapping[str, Any]) -> dict[str, Any]:
    """The required inputs that are not given."""
    return {
        name: _input(f"inputs.{name}", declared)
        for name, declared in definition.inputs.items()
        if declared.required and name not in given
    }


def _input(path: str, declared: Input) -> Any:
    if declared.choices:
        return declared.choices[0]
    if declared.type == "list":
        return [_typed(f"{path}[{number}]", declared.items or "string") for number in range(2)]
    return _typed(path, declared.type)


def _typed(path: str, kind: str) -> Any:
    match kind:
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case "list" | "array":
            return [made_up(path)]
        case "object":
            return {}
        case _:
            return made_up(path)


def result(definitions: Mapping[str, Definition], phase: Phase, read: Iterable[Reference], *, where: str) -> dict[str, Any]:
    """What templates know of a phase that went well. read: what they ask for, where nothing else tells its form."""
    return {
        "verdict": "advance",
        "reason": made_up(f"{where}.reason"),
        "confidence": 0.9,
        "risk": "low",
        "output": _output(definitions, phase, [reference.path for reference in read], f"{where}.output"),
        "attempt": 1,
        "branch": made_up(f"{where}.branch"),
        "directory": made_up(f"{where}.directory"),
    }


def _output(definitions: Mapping[str, Definition], phase: Phase, read: list[tuple[str, ...]], where: str) -> dict[str, Any]:
    if phase.parallel is not None:
        return {"items": [_item(definitions, child, f"{where}.items[{n}]") for n, child in enumerate(phase.parallel.phases)]}
    if phase.map is not None:
        return {"items": [_item(definitions, phase.map.phase, f"{where}.items[{n}]") for n in range(2)]}
    if phase.workflow is not None:
        nested = definitions.get(phase.workflow.name)
        return {"json": {name: made_up(f"{where}.json.{name}") for name in (nested.outputs if nested else ())}}
    schema = phase.contract.output if phase.contract else None
    document = sample(schema, f"{where}.json") if schema is not None else form(read, tuple(f"{where}.json".split(".")))
    return {"text": made_up(f"{where}.text"), "json": document}


def _item(definitions: Mapping[str, Definition], child: Phase, where: str) -> dict[str, Any]:
    """One of those side by side: its output, and its branch where it has one of its own."""
    branch = {name: made_up(f"{where}.{name}") for name in ("branch", "directory")} if child.worktree else {}
    return {**_output(definitions, child, [], where), **branch}


def sample(schema: Mapping[str, Any], where: str, depth: int = 0) -> Any:
    """A document of the form that a JSON Schema describes, as far as that can be told by looking.

    >>> sample({"type": "object", "properties": {"steps": {"type": "array", "items": {"type": "string"}}}}, "plan")
    {'steps': ['‹plan.steps[0]›']}
    """
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return cast("list[Any]", schema["enum"])[0]
    properties = schema.get("properties")
    if isinstance(properties, dict) and depth < _DEPTH:
        return {
            name: sample(_schema(inner), f"{where}.{name}", depth + 1)
            for name, inner in cast("dict[str, Any]", properties).items()
        }
    if schema.get("type") == "array" and depth < _DEPTH:
        return [sample(_schema(schema.get("items")), f"{where}[0]", depth + 1)]
    return _typed(where, str(schema.get("type")))


def _schema(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def form(read: Iterable[tuple[str, ...]], where: tuple[str, ...]) -> Any:
    """A value that has what is read of it.

    >>> form([("part", "name"), ("part", "owner", "mail")], ("part",))
    {'name': '‹part.name›', 'owner': {'mail': '‹part.owner.mail›'}}
    """
    inside = [path for path in read if path[: len(where)] == where and len(path) > len(where)]
    if not inside:
        return made_up(".".join(where))
    keys = dict.fromkeys(path[len(where)] for path in inside)
    return {key: form(inside, (*where, key)) for key in keys}
