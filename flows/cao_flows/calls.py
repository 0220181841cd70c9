"""Calls of a flow's steps, and how they are known again when the flow's body runs again.

A call is known by its task's name and its arguments, not by when it comes: tasks that are mapped come in any order. Calls that
are the same in both are numbered, and which of them is which does not matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from pydantic_core import to_jsonable_python

from cao.protocol.workflows import AGAIN, CUT, Step
from cao.workflows.definition import Phase


@dataclass(frozen=True, slots=True)
class Call:
    """One step that a flow asks for."""

    phase: Phase
    scope: Mapping[str, Any]
    """What the phase's templates read."""
    base: str
    """The path, but for the number of calls that are the same."""


def call(name: str, work: Mapping[str, Any], scope: Mapping[str, Any]) -> Call:
    """name: the task's. work: the phase's fields."""
    said = json.dumps([name, work, scope], sort_keys=True, default=to_jsonable_python)
    base = f"{_word(name)}-{sha256(said.encode()).hexdigest()[:8]}"
    return Call(Phase.model_validate({"id": base, **work}), scope, base)


def _word(name: str) -> str:
    """A task's name as an id.

    >>> _word("Build API"), _word("2nd")
    ('build-api', 'p-2nd')
    """
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30].rstrip("-")
    return word if word[:1].isalpha() else f"p-{word}".rstrip("-")


@dataclass(slots=True)
class Calls:
    """Which calls came in this life of a run."""

    _paths: dict[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])
    _counts: dict[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])
    _told: dict[str, int] = field(default_factory=dict[str, int])
    """How many attempts of a path the flow was told of."""

    def path(self, base: str, task_run: str, life: int) -> str:
        """The path of a call: the same for all tries of one task run. life: which time the flow's body runs."""
        known = self._paths.get((life, task_run))
        if known is None:
            number = self._counts[life, base] = self._counts.get((life, base), 0) + 1
            known = self._paths[life, task_run] = base if number == 1 else f"{base}-{number}"
        return known

    def answer(self, path: str, attempts: list[Step]) -> Step | None:
        """What the flow is told next of the attempts that were made: one that came out well, else the next in their order.

        None: a new attempt has to be made. An attempt that a crash cut, and that may be made again, is passed over.
        """
        over = [step for step in attempts if step.state != "settled" or not _passed_over(step)]
        good = next((step for step in over if _is_good(step)), None)
        if good is not None:
            return good
        told = self._told.get(path, 0)
        return over[told] if told < len(over) else None

    def tell(self, path: str) -> None:
        """The flow learns of an attempt."""
        self._told[path] = self._told.get(path, 0) + 1


def _is_good(step: Step) -> bool:
    return step.failure is None and step.decision is not None and step.decision.verdict != "fail"


def _passed_over(step: Step) -> bool:
    return step.failure is not None and step.failure.code in (CUT, AGAIN)
