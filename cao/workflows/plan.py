"""What the machine is given of a run, and what it says about it: data only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cao.protocol.records import ApprovalState, Failure
from cao.protocol.workflows import Decision, Step, Used

from .definition import Definition, Effect, Phase

Scope = Mapping[str, Any]
Attempt = tuple[str, int]
"""A phase's path, and the number of one attempt at it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The definitions of a run as they were when it was started: its own and all that it may nest."""

    root: str
    definitions: Mapping[str, Definition]

    @property
    def definition(self) -> Definition:
        return self.definitions[self.root]


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known of a run. The machine's answer depends on this and on nothing else."""

    snapshot: Snapshot
    inputs: Mapping[str, Any]
    run: Mapping[str, Any]
    """What templates call `run`: id, directory, branch."""
    steps: Mapping[str, Sequence[Step]] = field(default_factory=dict[str, Sequence[Step]])
    """Each phase's attempts by its path, oldest first."""
    answers: Mapping[str, ApprovalState] = field(default_factory=dict[str, ApprovalState])
    """The machine's own questions by their key, as far as they were asked."""
    used: Used = field(default_factory=Used)
    """What counts against the budget; its `seconds` are the time that the run has worked."""


@dataclass(frozen=True, slots=True)
class Todo:
    """An attempt that may begin."""

    path: str
    phase: Phase
    definition: Definition
    """The one that the phase is written in: for its defaults."""
    attempt: int
    within: int
    errand: str
    """Another one each time that the phase is to be done anew, the same when it is tried again."""
    scope: Scope
    feedback: str
    """Why the phase is to be done again; empty at first."""
    not_before: float
    """Seconds since 1970."""

    @property
    def effect(self) -> Effect:
        return effect_of(self.phase, self.definition)

    @property
    def key(self) -> Attempt:
        return self.path, self.attempt


@dataclass(frozen=True, slots=True)
class Going:
    """An attempt that is under way or waits."""

    step: Step | None
    """None for a phase around others that begins now."""
    phase: Phase
    definition: Definition


@dataclass(frozen=True, slots=True)
class Note:
    """A fact that follows by itself and is to be written down: a phase around others began or ended, or one was skipped."""

    path: str
    kind: str
    attempt: int
    within: int
    end: End | None
    """How it ended; None when it begins."""

    @property
    def key(self) -> Attempt:
        return self.path, self.attempt


@dataclass(frozen=True, slots=True)
class Question:
    """What a person has to be asked before the run can go on."""

    key: str
    text: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a phase, or a whole run, came out."""

    decision: Decision
    output: Mapping[str, Any] = field(default_factory=dict[str, Any])
    failure: Failure | None = None
    directory: str | None = None
    branch: str | None = None
    attempt: int = 0


@dataclass(slots=True)
class Plan:
    """What is next."""

    begin: list[Todo] = field(default_factory=list[Todo])
    note: list[Note] = field(default_factory=list[Note])
    ask: list[Question] = field(default_factory=list[Question])
    going: dict[Attempt, Going] = field(default_factory=dict[Attempt, "Going"])
    """The attempts that are under way or wait, and shall go on; any other that is under way is to be ended."""
    deadline: float = math.inf
    """Worked seconds (`Used.seconds`) at which to ask again, because a phase around others runs out of time."""
    end: End | None = None
    """How the run came out, when it is over."""


def effect_of(phase: Phase, definition: Definition) -> Effect:
    """Whether the phase may be done again without asking."""
    if phase.kind == "manual":
        return "idempotent"
    return phase.effect or definition.defaults.effect or "side-effecting"


def failed(code: str, message: str) -> End:
    """The end of something that could not be done."""
    return End(Decision(verdict="fail", reason=message[:8000], by="engine"), failure=Failure(code=code, message=message[:8000]))
