"""What each kind of phase can keep: a field that has no effect on a kind is an error, not a silent hope."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import cast

from cao.workflows import schemas
from cao.workflows.decision import required
from cao.workflows.definition import VERDICTS, AgentWork, Contract, Definition, Kind, Phase
from cao.workflows.plan import effect_of
from cao.workflows.problems import Finding, Pointer, closest, meant

from .places import Place, Surroundings
from .verdicts import instead

_NOT_KEPT: Mapping[str, tuple[frozenset[Kind], str]] = {
    "timeout": (frozenset({"manual"}), "say how long a question stands with `expires`"),
    "retry": (frozenset({"manual"}), "nothing about a question is tried again"),
    "contract": (frozenset({"manual"}), "a person decides; `note: true` asks for a note"),
    "effect": (frozenset({"manual", "workflow", "parallel", "map"}), "say it of the phases inside, which do the work"),
    "worktree": (frozenset({"manual", "workflow", "parallel", "map"}), "say it of the phases inside, which do the work"),
}
_FAILURES = (
    "timeout", "model-error", "agent-ended", "agent-error", "cannot-start", "login-needed", "refused", "too-much-output",
    "contract", "unavailable",
)  # fmt: skip
"""The failures that engine and providers of ours tell; a provider of another package may have more."""
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")
_RESERVED = frozenset(("inputs", "phases", "run", "feedback", "index", "loop", "self"))
_DEEPEST = 8
SCHEMA_LIMIT = 32 * 1024
"""Characters of a contract's schema, as JSON."""


def one_kind(place: Place) -> Iterator[Finding]:
    """Exactly one thing is done."""
    if not place.kinds:
        hint = "add one of `agent`, `command`, `manual`, `workflow`, `parallel`, `map`"
        yield Finding(place.pointer, f"phase `{place.phase.id}` does nothing", hint)
    for kind in place.kinds[1:]:
        message = f"phase `{place.phase.id}` has `{place.kinds[0]}` and `{kind}`, but does one thing"
        yield Finding((*place.pointer, kind), message, "make two phases", at_key=True)


def kept(place: Place) -> Iterator[Finding]:
    """Fields that have an effect on this kind of phase."""
    for name, (kinds, hint) in _NOT_KEPT.items():
        if getattr(place.phase, name) and place.phase.kind in kinds:
            said = "a question to a person has" if place.phase.kind == "manual" else f"a phase with `{place.phase.kind}` has"
            hint = "the work of a person is not the run's" if name in ("effect", "worktree") and "question" in said else hint
            yield Finding((*place.pointer, name), f"{said} no `{name}`", hint, at_key=True)


def contract(place: Place) -> Iterator[Finding]:
    """What a decision must hold can be held by what decides."""
    phase, held = place.phase, place.phase.contract
    if held is None or phase.kind == "manual":
        return
    pointer = (*place.pointer, "contract")
    if held == Contract():
        yield Finding(pointer, "the contract asks for nothing", "add `evidence`, `confidence`, `risk` or `output`", at_key=True)
    if len(set(held.evidence)) < len(held.evidence):
        yield Finding((*pointer, "evidence"), "the same evidence is asked for twice")
    for name in ("evidence", "confidence", "risk"):
        if getattr(held, name) not in (None, []) and not _tells(place, name):
            yield Finding((*pointer, name), f"nothing can keep `{name}`: {_tells_not(phase)}", at_key=True)
    if held.output is not None:
        yield from _output(place, held.output, (*pointer, "output"))


def _tells(place: Place, name: str) -> bool:
    """Whether a phase's decision can hold evidence, a confidence and a risk."""
    phase = place.phase
    if phase.command is not None and phase.command.output == "text":
        return name == "evidence" and set(phase.contract.evidence if phase.contract else ()) == {"exit-code"}
    return phase.kind in ("agent", "command", "parallel", "map")


def _tells_not(phase: Phase) -> str:
    if phase.kind == "workflow":
        return "a nested workflow tells its outputs only; ask it of the phases in it"
    return "a command whose output is text tells its exit code only; with `output: json` it can print a `decision`"


def _output(place: Place, schema: dict[str, object], pointer: Pointer) -> Iterator[Finding]:
    phase = place.phase
    if phase.kind in ("parallel", "map"):
        yield Finding(
            pointer, f"a phase with `{phase.kind}` has items and no document", "ask it of the phase inside", at_key=True
        )
    elif phase.command is not None and phase.command.output == "text":
        yield Finding(pointer, "a command whose output is text gives no document", "add `output: json` to it", at_key=True)
    elif len(str(schema)) > SCHEMA_LIMIT:
        yield Finding(pointer, f"the schema has more than {SCHEMA_LIMIT} characters")
    elif said := schemas.problem(schema):
        where, _, message = said.partition(": ")
        yield Finding((*pointer, *_unquoted(where)), f"is no JSON Schema: {message}")


def _unquoted(pointer: str) -> Iterator[str | int]:
    for part in pointer.split("/")[1:]:
        yield int(part) if part.isdigit() else part


def agent(place: Place) -> Iterator[Finding]:
    """An agent's own fields."""
    work, phase = place.phase.agent, place.phase
    if work is None:
        return
    pointer = (*place.pointer, "agent")
    if "continuations" in work.model_fields_set and not required(phase):
        hint = "only a phase with `contract`, `routes` or `verdicts` asks for a decision"
        yield Finding((*pointer, "continuations"), "`continuations` has no effect: no decision is asked for", hint, at_key=True)
    if work.model and "{{" in work.model:
        yield Finding((*pointer, "model"), "`model` is no template")
    if work.terminal and phase.worktree:
        hint = "a terminal stays in one directory; leave out `terminal` or `worktree`"
        yield Finding((*pointer, "terminal"), "a phase in a worktree of its own has a terminal of its own", hint, at_key=True)
    if work.terminal and place.parent is not None:
        message = f"phases inside `{place.parent.phase.id}` run side by side, and a terminal has one conversation"
        yield Finding((*pointer, "terminal"), message, "leave it out", at_key=True)


def command(place: Place) -> Iterator[Finding]:
    """A command's own fields."""
    work, phase = place.phase.command, place.phase
    if work is None:
        return
    pointer = (*place.pointer, "command")
    if not work.success:
        yield Finding((*pointer, "success"), "no exit code means success, so that the phase can only fail")
    if work.failed is not None and work.failed not in (*VERDICTS, *phase.verdicts):
        yield Finding((*pointer, "failed"), f"`{work.failed}` is no verdict of this phase", instead(work.failed, phase))
    if work.directory is not None:
        yield from _directory(work.directory, (*pointer, "directory"))
    for name in work.environment:
        yield from _variable(name, (*pointer, "environment", name))


def _directory(text: str, pointer: Pointer) -> Iterator[Finding]:
    if "{{" in text:
        yield Finding(pointer, "`directory` is no template")
    elif text.startswith(("/", "~")) or ".." in PurePosixPath(text).parts or "\0" in text:
        yield Finding(pointer, "`directory` leads out of the run's directory", "write it relative, as in `docs/site`")


def _variable(name: str, pointer: Pointer) -> Iterator[Finding]:
    if not _ENVIRONMENT_NAME.match(name):
        yield Finding(pointer, f"`{name}` is no name of an environment variable", at_key=True)
    elif name.startswith("CAO_"):
        yield Finding(pointer, f"`{name}` is ours: names that begin with CAO_ are set by the run", at_key=True)


def mapping(place: Place) -> Iterator[Finding]:
    """The name of a list's item."""
    work = place.phase.map
    if work is None:
        return
    pointer = (*place.pointer, "map", "name")
    if work.name in _RESERVED:
        yield Finding(pointer, f"`{work.name}` has a meaning of its own in templates", "choose another name")
    elif work.name in place.items:
        yield Finding(pointer, f"`{work.name}` is the item of the list around this one already", "choose another name")


def retry(place: Place, around: Surroundings) -> Iterator[Finding]:
    """Tries that can happen, of work that may be repeated."""
    again = place.phase.retry
    if again is None or place.phase.kind == "manual":
        return
    pointer = (*place.pointer, "retry")
    if again.attempts == 1:
        yield Finding((*pointer, "attempts"), "one attempt in all tries nothing again", "leave `retry` out")
    if not again.on:
        yield Finding((*pointer, "on"), "no failure is named, so that nothing is tried again")
    for number, failure in enumerate(again.on if "on" in again.model_fields_set else ()):
        yield from _failure(failure, (*pointer, "on", number))
    for work in _work(place.definition, place.phase, around.definitions or {}):
        message = f"`{work}` is side-effecting, and such a phase is never repeated without a person"
        yield Finding(pointer, message, f"add `effect: idempotent` to `{work}` if it may be done again", at_key=True)
        return


def _work(definition: Definition, phase: Phase, others: Mapping[str, Definition], depth: int = 0) -> Iterator[str]:
    """The side-effecting phases that a phase is, or has inside it."""
    inside = phase.parallel.phases if phase.parallel else [phase.map.phase] if phase.map else []
    nested = others.get(phase.workflow.name) if phase.workflow and depth < _DEEPEST else None
    if (phase.agent or phase.command) and effect_of(phase, definition) == "side-effecting":
        yield phase.id
    for child in inside:
        yield from _work(definition, child, others, depth)
    for child in nested.phases if nested else ():
        yield from _work(cast("Definition", nested), child, others, depth + 1)


def _failure(failure: str, pointer: Pointer) -> Iterator[Finding]:
    if failure in _FAILURES:
        return
    if failure in VERDICTS:
        yield Finding(pointer, f"`{failure}` is a verdict, and no failure", "`routes` say where a verdict leads")
    elif guess := closest(failure, _FAILURES):
        yield Finding(pointer, f"no failure is called `{failure}`", f"did you mean `{guess}`?")
    else:
        yield Finding(pointer, f"no failure of ours is called `{failure}`", meant(failure, _FAILURES), level="warning")


def speaker(work: AgentWork, place: Place) -> tuple[str | None, str | None, str | None]:
    """Who speaks in a terminal: profile, provider and model, with the definition's defaults."""
    defaults = place.definition.defaults
    return work.profile or defaults.profile, work.provider or defaults.provider, work.model or defaults.model
