"""Facts of workflows and their definitions."""

from __future__ import annotations

from cao.protocol.records import Failure

from .base import EventData


class WorkflowStarted(EventData, type="workflow.started"):
    """Somebody started a workflow."""

    definition: str
    digest: str
    retried_from: str | None = None


class WorkflowPaused(EventData, type="workflow.paused"):
    """No phase begins from now on; those under way come to their end."""

    definition: str


class WorkflowResumed(EventData, type="workflow.resumed"):
    """A paused workflow goes on."""

    definition: str
    feedback: bool = False
    """Whether something was said to the next attempt."""


class PhaseStarted(EventData, type="phase.started"):
    """An attempt at a phase began."""

    path: str
    kind: str
    attempt: int


class PhaseDecided(EventData, type="phase.decided"):
    """An attempt at a phase ended; `verdict` says what follows. One that a crash cut and is done again has the code `cut`."""

    path: str
    kind: str
    attempt: int
    verdict: str
    by: str
    failure: Failure | None = None


class WorkflowDeleted(EventData, type="workflow.deleted"):
    """The record of a finished workflow was deleted; its session and its events stay."""

    definition: str


class CheckpointsPruned(EventData, type="checkpoint.pruned"):
    """Outputs of attempts that later ones replaced were dropped; the decisions stay."""

    count: int


class DefinitionWritten(EventData, type="definition.written"):
    """A workflow's definition was written; runs that are under way keep theirs."""

    name: str
    digest: str
    """SHA-256 of the text."""
    project_id: str


class DefinitionRemoved(EventData, type="definition.removed"):
    """A workflow's definition was deleted."""

    name: str
    digest: str
    """SHA-256 of what it was."""
    project_id: str
