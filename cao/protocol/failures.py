"""What is told of runs that failed."""

from __future__ import annotations

from datetime import datetime

from .models import Answer
from .records import Entry, Failure, RunKind, Turn


class FailedRun(Answer):
    """A run that failed, and what is needed to judge it."""

    id: str
    """The run's id."""
    kind: RunKind
    failure: Failure
    session_id: str
    session: str
    """The session's name."""
    terminal_id: str | None = None
    profile: str | None = None
    """Null for a workflow, as is the provider."""
    provider: str | None = None
    definition: str | None = None
    """The workflow; null for a turn."""
    project_id: str | None = None
    retried_as: str | None = None
    """The run that was started in its place."""
    created_at: datetime
    settled_at: datetime


class FailedRunDetail(FailedRun):
    """The same, with what was asked and what was tried."""

    prompt: str
    """What was asked, at most 64 KiB of it; for a workflow its inputs as JSON."""
    turns: list[Turn]
    """The turns that were spent on it, newest first, at most 20."""
    entries: list[Entry]
    """The end of the last turn's transcript, at most 20 entries."""


class FailureCount(Answer):
    """How often something failed."""

    name: str
    count: int


class FailureStats(Answer):
    """Failed runs, counted."""

    since: datetime
    runs: int
    """Runs that were settled in this time."""
    failed: int
    retried: int
    """Of those that failed, the ones that were started again."""
    by_code: list[FailureCount]
    """The most frequent first, at most 50; so in the other counts."""
    by_profile: list[FailureCount]
    by_provider: list[FailureCount]
    by_workflow: list[FailureCount]
    by_day: list[FailureCount]
    """By the day on which they were settled, in UTC; the newest first."""


class Retried(Answer):
    """A failed run, and the one that was started in its place."""

    run_id: str
    retried_as: str
    session_id: str
    """Where the new one is."""
