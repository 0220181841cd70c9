"""Requirements and visions, as the operations answer with them, and the one table of how a requirement's status moves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .machine import Machine, Move
from .models import Answer
from .tasks import Task

RequirementStatus = Literal["draft", "refined", "planned", "in-progress", "done", "rejected"]
Need = Literal["must", "should", "could", "wont"]
Subject = Literal["requirement", "vision"]
RefinementState = Literal["asked", "applied", "stale", "failed"]

CRITERIA_LIMIT = 50
"""How many acceptance criteria a requirement may have."""

Criterion = Annotated[
    str, StringConstraints(max_length=500, pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$")
]
"""One line that says when a requirement is met, at most 500 characters."""
Criteria = Annotated[list[Criterion], Field(max_length=CRITERIA_LIMIT)]

REQUIREMENT_MACHINE: Machine[RequirementStatus] = Machine(
    "requirement",
    "cao requirement update {id} --status {status}",
    (
        Move("draft", "refined", "it says what is meant; a refinement that is applied does this"),
        Move("draft", "planned", "there are tasks for it; `requirement execute` does this"),
        Move("draft", "rejected", "nobody wants it"),
        Move("refined", "draft", "it is not clear enough after all"),
        Move("refined", "planned", "there are tasks for it; `requirement execute` does this"),
        Move("refined", "rejected", "nobody wants it"),
        Move("planned", "refined", "its tasks were given up"),
        Move("planned", "in-progress", "the first of its tasks begins, which does this"),
        Move("planned", "rejected", "nobody wants it"),
        Move("in-progress", "planned", "work at it has stopped"),
        Move("in-progress", "done", "it is met; the last of its tasks to be done does this"),
        Move("in-progress", "rejected", "nobody wants it"),
        Move("done", "in-progress", "something is missing; a task of it that begins again does this"),
        Move("rejected", "draft", "it is wanted after all"),
    ),
)
"""How a requirement's status moves, by hand with `requirement update` and by what becomes of its tasks."""


class Refinement(Answer):
    """An agent's rewriting of a requirement or a vision."""

    run_id: str
    """The run of the agent that was asked; wait for it with `run wait`."""
    session_id: str
    subject: Subject
    requirement_id: str | None = None
    """The requirement that it is about; null for a vision."""
    project_id: str | None = None
    """The project whose vision it is about."""
    state: RefinementState
    """`asked` while the agent is at work; `applied`; `stale` when the text was changed meanwhile, and is left as it is;
    `failed` when the agent gave no usable answer."""
    reason: str | None = None
    """Why it was not applied."""
    base_version: int
    """The version that the agent was shown."""
    created_at: datetime
    settled_at: datetime | None = None


class Requirement(Answer):
    """Something that the project wants."""

    id: str
    project_id: str | None = None
    title: str
    body: str = ""
    priority: Need
    """How much it is needed."""
    status: RequirementStatus
    acceptance: list[str] = Field(default_factory=list[str])
    """When it is met, line by line."""
    source: str | None = None
    """Where it comes from."""
    task_ids: list[str] = Field(default_factory=list[str])
    """The tasks that serve it, oldest first."""
    refinement: Refinement | None = None
    """The last one that was asked for."""
    version: int
    """Grows with each change; give it as `expect_version` to change only what you have seen."""
    created_by: str
    created_at: datetime
    updated_at: datetime


class Vision(Answer):
    """What a project is for, in Markdown: one document for each project."""

    project_id: str | None = None
    """Null for work that belongs to no project."""
    text: str = ""
    refinement: Refinement | None = None
    """The last one that was asked for."""
    version: int = 0
    """Grows with each change; 0 while nobody has written it."""
    updated_by: str | None = None
    updated_at: datetime | None = None


class DraftedTask(Answer):
    """A task of a requirement, and whether it was made or started now."""

    task: Task
    created: bool
    """False when it was there already."""
    item_id: str | None = None
    """The queue's item for it, where it was asked to start."""
    why_not: str | None = None
    """Why it was not started, where that was asked for."""
    code: str | None = None
    """The code of the error, where the queue refused it."""


class Execution(Answer):
    """The tasks of a requirement."""

    requirement: Requirement
    tasks: list[DraftedTask]


NodeKind = Literal["requirement", "task"]
EdgeKind = Literal["serves", "blocks", "related"]


class GraphNode(Answer):
    """A requirement or a task."""

    id: str
    kind: NodeKind
    title: str
    status: str


class GraphEdge(Answer):
    """How two nodes have to do with each other."""

    source: str
    target: str
    kind: EdgeKind
    """`serves`: the source, a task, serves the target, a requirement. `blocks`: the source must be done before the target."""


class RequirementGraph(Answer):
    """Requirements, their tasks and what these depend on."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    mermaid: str
    """The same as a Mermaid flowchart."""
    truncated: bool
    """There is more than a picture can hold; ask for one requirement."""
