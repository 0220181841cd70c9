"""How a project stands, on one screen."""

from __future__ import annotations

from datetime import datetime

from .failures import FailedRun
from .models import Answer
from .records import Approval, Project, Run
from .tasks import Task


class Standing(Answer):
    """What is going on in a project. Each list holds the first ten; the numbers count all."""

    project: Project | None
    """Null for what belongs to no project."""
    at: datetime
    waiting_for_you: list[Approval]
    """Questions that nobody has answered, the oldest first."""
    waiting_count: int
    in_progress: list[Task]
    """Tasks that somebody works on, the most urgent first; so in the other lists of tasks."""
    blocked: list[Task]
    next: Task | None
    """The most urgent task that may begin."""
    tasks: dict[str, int]
    """Tasks by status."""
    runs: list[Run]
    """Runs that are queued, under way or wait, the oldest first."""
    run_count: int
    failed_lately: list[FailedRun]
    """Runs that failed in the last 24 hours, the newest first."""
    failed_count: int
    queue: dict[str, int]
    """Queued items by state, but for those that are over."""
    queue_paused: bool
    """Nothing of the queue is dispatched until `cao daemon resume`."""
    open_sessions: int
    worktrees: int
    """Worktrees that were not removed."""
