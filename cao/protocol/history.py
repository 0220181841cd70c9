"""What is told of what happened: who was asked what, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .models import Answer
from .records import RunState
from .tasks import TaskStatus

HistoryKind = Literal["turn", "workflow", "task"]
HistoryState = Literal[RunState, TaskStatus]

EXCERPT = 400
"""Characters of a text that a record shows."""
TEXT = 65536
"""Characters of a prompt, a result and a description that are searched."""


class HistoryRecord(Answer):
    """One piece of work: a run of an agent or a workflow, or a task. A run's state, a task's status is its `state`."""

    id: str
    """The id of the run or of the task."""
    kind: HistoryKind
    state: HistoryState
    title: str
    """The names of session and terminal, of a workflow, or a task's title."""
    prompt: str
    """How what was asked begins: at most 400 characters. For a task, its description."""
    result: str
    """How the answer begins; empty where there is none."""
    reason: str
    """Why it failed, or why the task is blocked; empty where it did not."""
    project_id: str | None = None
    session_id: str | None = None
    terminal_id: str | None = None
    task_id: str | None = None
    """The task that it was done for."""
    created_at: datetime
    settled_at: datetime | None = None


class Hit(HistoryRecord):
    """A record in which the words were found."""

    snippet: str
    """Where they were found; each stands between « and »."""


class Cleaned(Answer):
    """What was forgotten, or would be (`dry_run`)."""

    removed: int
    left: int
    """Records that are as old and wait for another call: one takes 10,000 at most."""
    kept: int
    """Records that stay."""
    dry_run: bool = False
