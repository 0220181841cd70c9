"""A phase that runs a program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cao.agents import survivors
from cao.agents.process import Child, environment
from cao.protocol import InvalidInput
from cao.workflows import decision as decisions
from cao.workflows import expressions
from cao.workflows.definition import CommandWork, Phase
from cao.workflows.plan import End, Todo, failed
from cao.workflows.values import LONGEST

from .places import Place
from .work import Prepared

if TYPE_CHECKING:
    from .workflow import WorkflowRunner

TEXT_LIMIT = 256 * 1024
"""Bytes of a program's output that are kept: the last ones."""
JSON_LIMIT = 1024 * 1024
"""Bytes that a program may print where its output is one JSON document."""


def prepare(runner: WorkflowRunner, todo: Todo, scope: Mapping[str, Any], place: Place) -> Prepared:
    """Fill the templates before anything is written down. Raises `CaoError`."""
    command = _Command(todo, scope, place, runner.id)
    return Prepared(lambda _, step: step, lambda _: _run(todo, command))


class _Command:
    """A program with its arguments, variables and directory, all filled in."""

    def __init__(self, todo: Todo, scope: Mapping[str, Any], place: Place, run_id: str) -> None:
        work = todo.phase.command or CommandWork(run=["true"])
        self.arguments = [expressions.render(word, scope) for word in work.run]
        added = {name: expressions.render(text, scope) for name, text in work.environment.items()}
        self.variables = {**environment((), {}), **added, **_told(todo, run_id)}
        self.directory = _directory(place, work.directory)


def _told(todo: Todo, run_id: str) -> dict[str, str]:
    """What a program is told of the phase it is run for. The key is the same each time that the same is tried again."""
    return {
        survivors.RUN: run_id,
        "CAO_PHASE": todo.path,
        "CAO_ATTEMPT": str(todo.attempt),
        "CAO_IDEMPOTENCY_KEY": f"{run_id}:{todo.path}:{todo.errand}",
    }


def _directory(place: Place, below: str | None) -> Path:
    found = (place.directory / below).resolve() if below else place.directory
    if not found.is_relative_to(place.directory.resolve()):
        raise InvalidInput(f"the directory {below!r} lies outside the run's directory")
    if not found.is_dir():
        raise InvalidInput(f"{below or found} is not a directory")
    return found


async def _run(todo: Todo, command: _Command) -> End:
    """Run the program to its end or its deadline. Raises `ProviderError` when it cannot be started."""
    child = await Child.start(command.arguments, command.directory, command.variables)
    seconds = todo.phase.timeout or todo.definition.defaults.timeout or LONGEST
    try:
        async with asyncio.timeout(seconds):
            child.end_of_input()
            printed, length = await child.last_output(JSON_LIMIT if _is_json(todo.phase) else TEXT_LIMIT)
            code = await child.wait()
    except TimeoutError:
        return failed("timeout", f"{child.name} took longer than {seconds:g} s")
    finally:
        await child.end()
    return _judged(todo.phase, code, printed, length, child.last_words())


def _judged(phase: Phase, code: int, printed: bytes, length: int, complaint: str) -> End:
    if _is_json(phase) and length > JSON_LIMIT:
        return failed("too-much-output", f"it printed {length} bytes; a JSON document may have {JSON_LIMIT}")
    text = printed.decode("utf-8", "replace").rstrip("\n")
    text = f"[the first {length - len(printed)} bytes are left out]\n{text}" if length > len(printed) else text
    decision, output = decisions.of_command(code, text, phase, stderr=complaint)
    found = decisions.breaches(phase, decision, output)
    if found:
        broken = failed("contract", "; ".join(found))
        return End(broken.decision.model_copy(update={"evidence": decision.evidence}), output, broken.failure)
    return End(decision, output)


def _is_json(phase: Phase) -> bool:
    return phase.command is not None and phase.command.output == "json"
