"""A file of theirs as definitions and profiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .part import Part, Report, by_id, mapping
from .phases import REMARKED, Surroundings, phase, worktree_of
from .team import models, profile
from .templates import Inputs, Text, identifier
from .writing import written

_HINTS: Final[Mapping[str, str]] = {
    **REMARKED,
    "default_workflow_ref": "name the workflow when you start it: cao workflow run",
    "schedules": "write each as a schedule: cao schedule add",
    "triggers": "write a plugin of the kind `trigger`; see the how-to on plugins",
    "daemon": "see the reference of the configuration",
    "integrations": "let a command phase or an MCP server of a profile do it",
    "tools": "choose the agent in the profile",
    "tools_allowlist": "what a definition runs is what its commands say; approve definitions as you approve code",
    "phase_mcp_bindings": "give the servers to the profile of the phase's agent: `mcp_servers`",
    "agent_channels": "agents of a session reach each other with the tools `handoff`, `assign` and `send_message`",
    "secrets": "let the command or the agent read the secret where it is kept",
    "workspaces": "make each a project: cao project init",
    "environment_routing": "a run works in the project's directory or a worktree",
}


@dataclass(frozen=True, slots=True)
class Translation:
    """What came of a file."""

    definitions: dict[str, str]
    """Texts by name, in their order."""
    profiles: dict[str, str]
    report: Report


@dataclass(slots=True)
class _File:
    """The parts of the file that workflows speak of."""

    report: Report
    around: Surroundings
    phases: Mapping[str, Any]
    names: frozenset[str]
    """The workflows of the file."""
    provider: str | None
    used: set[str] = field(default_factory=set[str])
    needs: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict[str, dict[str, dict[str, Any]]])
    """The inputs of the workflows that are done."""


def translate(data: Any, *, provider: str | None = None) -> Translation:
    """Translate a file that was read as data. provider: how all its agents are run; else as their profiles say."""
    report = Report()
    top = Part(data, "", report)
    named, servers = models(top.part("models")), top.mapping("mcp_servers")
    agents = {id: profile(id, part, named, servers) for id, part in top.part("agents").parts()}
    around = Surroundings({id: name for id, (name, _) in agents.items()}, named, _catalogue(top))
    listed = [(id, Part(data, f"/workflows/{at}", report)) for id, at, data in by_id(top.anything("workflows"))]
    names = frozenset(identifier(id) for id, _ in listed)
    file = _File(report, around, {id: data for id, _, data in by_id(top.anything("phases"))}, names, provider)
    definitions = {name: definition for name, definition in _nested_first(file, listed)}
    for id in file.phases.keys() - file.used:
        report.add("lost", f"/phases/{id}", f"no workflow has the phase `{id}`", "add it to one, or leave it out")
    top.close(_HINTS)
    texts = {identifier(id): definitions[identifier(id)] for id, _ in listed if identifier(id) in definitions}
    return Translation(texts, {name: text for name, text in agents.values()}, report)


def _catalogue(top: Part) -> dict[str, str]:
    told = {id: entry.get("description") or entry.get("label") for id, _, entry in by_id(top.anything("phase_catalog"))}
    return {id: text for id, text in told.items() if isinstance(text, str)}


def _nested_first(file: _File, listed: list[tuple[str, Part]]) -> Iterator[tuple[str, str]]:
    """Definitions, those that others hold before them: a nested workflow's inputs are known when it is put in."""
    left, seen = list(listed), Counter[str]()
    while left:
        id, part = left.pop(0)
        name = identifier(id)
        waits = [ref for ref in _references(part) if ref in file.names and ref not in file.needs and ref != name]
        seen[name] += 1
        if waits and seen[name] <= len(listed):
            left.append((id, part))
            continue
        if name in file.needs:
            part.lost("", f"a second workflow is called `{name}`", "give each its own id")
            continue
        yield name, _definition(file, name, part)


def _references(part: Part) -> list[str]:
    return [identifier(ref) for entry in part.peek("phases") if isinstance(ref := entry.get("workflow_ref"), str)]


def _definition(file: _File, name: str, part: Part) -> str:
    inputs = Inputs(file.report)
    for number, entry in enumerate(part.items("variables")):
        inputs.declare(Part(entry, part.at(f"variables/{number}"), file.report))
    label, description = part.text("name"), part.text("description")
    made: dict[str, Any] = {"name": name}
    if about := description or (label if label and identifier(label) != name else None):
        made["description"] = about
    phases = list(_entries(file, part, inputs))
    body = {"phases": _targets_known(phases, part)}
    asks_agents = any("agent" in one for one in phases)
    extra = _budget(part) | ({"defaults": {"provider": file.provider}} if file.provider and asks_agents else {})
    if (worktree := worktree_of(part)) is not None:
        extra["worktree"] = worktree
    part.close(_HINTS)
    file.needs[name] = inputs.declared
    return written({**made, **({"inputs": inputs.declared} if inputs.declared else {}), **extra, **body})


def _entries(file: _File, part: Part, inputs: Inputs) -> Iterator[dict[str, Any]]:
    seen = Counter[str]()
    for number, entry in enumerate(part.items("phases")):
        at = part.at(f"phases/{number}")
        made = _entry(file, entry, at, inputs)
        if made is None:
            file.report.add(
                "lost", at, "is neither a phase's id, nor `{id: …}`, nor `workflow_ref`", "write it as one of these"
            )
            continue
        seen[made["id"]] += 1
        if seen[made["id"]] > 1:
            made["id"] = f"{made['id'][:44]}-{seen[made['id']]}"
        yield made


def _entry(file: _File, entry: Any, at: str, inputs: Inputs) -> dict[str, Any] | None:
    if isinstance(entry, str):
        return _phase(file, entry, None, at, inputs)
    match mapping(entry):
        case {"workflow_ref": str(ref), **more}:
            Part(more, at, file.report).close(REMARKED)
            return _nested(file, ref, at, inputs)
        case {"id": str(id), **more}:
            return _phase(file, id, more, at, inputs)
        case single if len(single) == 1:
            ((id, more),) = single.items()
            return _phase(file, id, more, f"{at}/{id}", inputs)
        case _:
            return None


def _phase(file: _File, id: str, entry: Any, at: str, inputs: Inputs) -> dict[str, Any]:
    file.used.add(id)
    source = Part(file.phases.get(id), f"/phases/{id}", file.report)
    return phase(id, source, Part(entry, at, file.report), Text(inputs), file.around)


def _nested(file: _File, ref: str, at: str, inputs: Inputs) -> dict[str, Any]:
    """A workflow inside: it is given what it is started with, and the outer one asks for that."""
    name = identifier(ref)
    if name not in file.names:
        file.report.add("lost", at, f"the workflow `{ref}` is not in this file", "import the file that has it, or leave it out")
    wanted = file.needs.get(name, {})
    for variable, declared in wanted.items():
        inputs.declared.setdefault(variable, declared)
    work = {"name": name, **({"inputs": {one: f"{{{{ inputs.{one} }}}}" for one in wanted}} if wanted else {})}
    return {"id": name, "workflow": work}


def _targets_known(phases: list[dict[str, Any]], part: Part) -> list[dict[str, Any]]:
    """Routes that lead nowhere are told, and left out."""
    ids = {one["id"] for one in phases}
    for one in phases:
        routes = one.get("routes", {})
        for verdict in [verdict for verdict, route in routes.items() if route.get("to", one["id"]) not in ids]:
            part.lost(
                "phases", f"`{one['id']}` leads to `{routes[verdict]['to']}`, which is no phase", "add the phase or a route"
            )
            del routes[verdict]
            one["verdicts"] = [own for own in one.get("verdicts", []) if own != verdict]
    return phases


def _budget(part: Part) -> dict[str, Any]:
    budget = part.part("budget")
    made: dict[str, Any] = {}
    if tokens := budget.whole("max_tokens"):
        made["tokens"] = tokens
    if cost := budget.number("max_cost_usd"):
        made["cost"] = cost
    if (then := budget.text("on_exceed")) is not None and made:
        made["exceeded"] = "fail" if then == "fail" else "ask"
        if then == "warn":
            budget.changed(
                "on_exceed", "a run that is over its budget asks a person", "raise the budget if it shall only be told"
            )
    budget.close({})
    return {"budget": made} if made else {}
