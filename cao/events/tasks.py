"""Facts of tasks, requirements and visions."""

from __future__ import annotations

from typing import Any

from .base import EventData


class TaskCreated(EventData, type="task.created"):
    """There is a new task."""

    task_id: str
    title: str
    project_id: str | None = None
    requirement_id: str | None = None
    status: str


class TaskUpdated(EventData, type="task.updated"):
    """What a task says was changed; its status has an event of its own."""

    task_id: str
    title: str
    changes: dict[str, Any]
    """The new values of what changed; a description as its length."""


class TaskAssigned(EventData, type="task.assigned"):
    """A task was given to an agent or a person, or taken from them when both are null."""

    task_id: str
    title: str
    agent: str | None = None
    person: str | None = None


class TaskMoved(EventData, type="task.moved"):
    """A task's status moved, as its state machine allows. `run_id` is set where a run moved it."""

    task_id: str
    title: str
    was: str
    status: str
    reason: str | None = None


class TaskDeleted(EventData, type="task.deleted"):
    """A task was deleted; what is told of it stays."""

    task_id: str
    title: str


class RequirementCreated(EventData, type="requirement.created"):
    """There is a new requirement."""

    requirement_id: str
    title: str
    project_id: str | None = None


class RequirementUpdated(EventData, type="requirement.updated"):
    """What a requirement says was changed, by a person or by a refinement; its status has an event of its own."""

    requirement_id: str
    title: str
    fields: list[str]
    """What was changed."""


class RequirementMoved(EventData, type="requirement.moved"):
    """A requirement's status moved, as its state machine allows."""

    requirement_id: str
    title: str
    was: str
    status: str


class RequirementDeleted(EventData, type="requirement.deleted"):
    """A requirement was deleted; its tasks stay."""

    requirement_id: str
    title: str


class VisionChanged(EventData, type="vision.changed"):
    """A project's vision was written again."""

    project_id: str | None = None
    version: int
    length: int
    """Characters of its text."""


class RefinementAsked(EventData, type="refinement.asked"):
    """An agent was asked to rewrite a requirement or a vision."""

    subject: str
    requirement_id: str | None = None
    project_id: str | None = None


class RefinementSettled(EventData, type="refinement.settled"):
    """What became of an agent's rewriting: applied, stale or failed."""

    subject: str
    requirement_id: str | None = None
    project_id: str | None = None
    state: str
    reason: str | None = None
