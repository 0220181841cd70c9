"""What is asked of a definition as a whole: its inputs, its defaults, its budget, its ids, and what may stand beside `flow`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from cao.workflows.definition import MOST_PHASES, AgentWork, Definition, Input, Worktree
from cao.workflows.entry import is_inside
from cao.workflows.problems import Finding, Pointer, meant
from cao.workflows.values import SPOKEN, fits

from .phases import speaker
from .places import Place, Surroundings, places
from .templates import used_inputs

_NOT_WITH_FLOW = ("phases", "defaults", "budget", "worktree", "outputs")


def body(definition: Definition) -> Iterator[Finding]:
    """Phases, or a flow, and nothing that the other one would need."""
    if definition.flow is None:
        if not definition.phases:
            yield Finding(("phases",), "there is no phase", "add `phases:` with at least one", at_key=True)
        return
    for name in _NOT_WITH_FLOW:
        if name in definition.model_fields_set and getattr(definition, name) not in (False, None, [], {}):
            hint = "the flow is a Prefect flow and says this itself"
            yield Finding((name,), f"`{name}` has no effect beside `flow`", hint, at_key=True)
    if not is_inside(definition.flow):
        yield Finding(("flow",), "`flow` is a module or a .py file inside the project", "as in `flows/release.py:release`")


def ids(definition: Definition) -> Iterator[Finding]:
    """Phases that see each other have different ids, and there are not too many."""
    found = places(definition)
    if len(found) > MOST_PHASES:
        yield Finding(("phases",), f"there are {len(found)} phases, with those inside others; {MOST_PHASES} are the most")
    seen: set[tuple[Pointer, str]] = set()
    for place in found:
        around = place.parent.pointer if place.parent else ()
        if (around, place.phase.id) in seen:
            yield Finding((*place.pointer, "id"), f"another phase beside this one is called `{place.phase.id}`")
        seen.add((around, place.phase.id))


def inputs(definition: Definition) -> Iterator[Finding]:
    """Inputs whose defaults and choices are of their type."""
    for name, declared in definition.inputs.items():
        yield from _input(declared, ("inputs", name))
    unused = definition.inputs.keys() - used_inputs(definition) if definition.flow is None else ()
    for name in sorted(unused):
        yield Finding(("inputs", name), f"nothing reads the input `{name}`", level="warning", at_key=True)


def _input(declared: Input, pointer: Pointer) -> Iterator[Finding]:
    has_default = "default" in declared.model_fields_set
    if declared.required and has_default:
        yield Finding((*pointer, "default"), "a required input has no use for a default", at_key=True)
    elif has_default:
        yield from _value(declared, declared.default, (*pointer, "default"))
        if declared.choices is not None and declared.default not in declared.choices:
            yield Finding((*pointer, "default"), "the default is none of the choices")
    if declared.items is not None and declared.type != "list":
        yield Finding((*pointer, "items"), f"`items` has no effect: the input is {SPOKEN[declared.type]}", at_key=True)
    if declared.choices is not None:
        yield from _choices(declared, declared.choices, (*pointer, "choices"))


def _choices(declared: Input, choices: list[Any], pointer: Pointer) -> Iterator[Finding]:
    if not choices:
        yield Finding(pointer, "there is no choice, so that no value is taken")
    for number, choice in enumerate(choices):
        yield from _value(declared, choice, (*pointer, number))
        if choice in choices[:number]:
            yield Finding((*pointer, number), "the same choice stands here twice")


def _value(declared: Input, value: Any, pointer: Pointer) -> Iterator[Finding]:
    if not fits(declared.type, value):
        hint = "put it in quotes" if declared.type == "string" and isinstance(value, (int, float, bool)) else None
        yield Finding(pointer, f"must be {SPOKEN[declared.type]}, as `type` says", hint)
    elif declared.items is not None and declared.type == "list":
        for number, item in enumerate(cast("list[Any]", value)):
            if not fits(declared.items, item):
                yield Finding((*pointer, number), f"must be {SPOKEN[declared.items]}, as `items` says")


def budget(definition: Definition) -> Iterator[Finding]:
    """A limit, of what the run uses."""
    limits = definition.budget
    if limits is None or definition.flow is not None:
        return
    given = [name for name in ("turns", "tokens", "cost", "time") if getattr(limits, name) is not None]
    if not given:
        yield Finding(("budget",), "the budget limits nothing", "add `turns`, `tokens`, `cost` or `time`", at_key=True)
    if not _has(definition, "agent", "workflow"):
        for name in (name for name in given if name != "time"):
            yield Finding(("budget", name), f"`{name}` has no effect: no phase is an agent's", at_key=True)


def defaults(definition: Definition) -> Iterator[Finding]:
    """Defaults that some phase takes."""
    if definition.flow is not None:
        return
    for name in ("profile", "provider", "model"):
        if getattr(definition.defaults, name) and not _has(definition, "agent"):
            yield Finding(("defaults", name), f"`{name}` has no effect: no phase is an agent's", at_key=True)
    for name in ("timeout", "effect"):
        if getattr(definition.defaults, name) and not _has(definition, "agent", "command"):
            yield Finding(("defaults", name), f"`{name}` has no effect: no phase is an agent's or a command", at_key=True)


def _has(definition: Definition, *kinds: str) -> bool:
    return any(kind in kinds for place in places(definition) for kind in place.kinds)


def worktrees(definition: Definition) -> Iterator[Finding]:
    """Branches that git would take."""
    wanted: list[tuple[Pointer, bool | Worktree]] = [(("worktree",), definition.worktree)]
    wanted += [((*place.pointer, "worktree"), place.phase.worktree) for place in places(definition)]
    for pointer, worktree in wanted:
        base = worktree.base if isinstance(worktree, Worktree) else None
        if base is not None and not _is_branch(base):
            yield Finding((*pointer, "base"), f"`{base}` is no branch that git allows")


def _is_branch(name: str) -> bool:
    parts = name.split("/")
    return ".." not in name and all(part and not part.endswith((".lock", ".")) and part[0] != "." for part in parts)


def terminals(definition: Definition) -> Iterator[Finding]:
    """Phases that share a terminal are spoken to as the same agent."""
    first: dict[str, tuple[Place, AgentWork]] = {}
    for place in places(definition):
        work = place.phase.agent
        if work is None or work.terminal is None:
            continue
        known = first.setdefault(work.terminal, (place, work))
        if speaker(known[1], known[0]) != speaker(work, place):
            message = f"the terminal `{work.terminal}` has another profile, provider or model in `{known[0].phase.id}`"
            hint = "a terminal is one agent; say the same in both, or name another terminal"
            yield Finding((*place.pointer, "agent", "terminal"), message, hint)
    alone = Counter(place.phase.agent.terminal for place in places(definition) if place.phase.agent)
    for name, (place, _) in first.items():
        if alone[name] == 1:
            message = f"no other phase shares the terminal `{name}`"
            yield Finding((*place.pointer, "agent", "terminal"), message, level="warning")


def people(definition: Definition, around: Surroundings) -> Iterator[Finding]:
    """Profiles and providers that are not there; they may come later, so these are warnings."""
    named: list[tuple[Pointer, str | None, frozenset[str] | None]] = [
        (("defaults", "profile"), definition.defaults.profile, around.profiles),
        (("defaults", "provider"), definition.defaults.provider, around.providers),
    ]
    for place in places(definition):
        if (work := place.phase.agent) is not None:
            named.append(((*place.pointer, "agent", "profile"), work.profile, around.profiles))
            named.append(((*place.pointer, "agent", "provider"), work.provider, around.providers))
    for pointer, name, known in named:
        if name is not None and known is not None and name not in known:
            yield Finding(pointer, f"no {pointer[-1]} `{name}` is there", meant(name, sorted(known)), level="warning")
