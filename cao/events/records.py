"""Facts of repositories, worktrees and what is kept of the past."""

from __future__ import annotations

from .base import EventData


class WorktreeAdded(EventData, type="worktree.added"):
    """There is a directory and a branch of its own for an agent or a phase."""

    worktree_id: str
    name: str
    branch: str


class WorktreeMerged(EventData, type="worktree.merged"):
    """A worktree's branch was merged into another."""

    worktree_id: str
    name: str
    branch: str
    into: str
    commit: str
    """Where that branch stands now."""


class WorktreeRemoved(EventData, type="worktree.removed"):
    """A worktree and its branch were taken away."""

    worktree_id: str
    name: str
    branch: str
    discarded: bool
    """Whether that was asked for even if work was lost."""


class ErrorRetried(EventData, type="error.retried"):
    """A failed run was started again; the event is about that run."""

    retried_as: str
    """The new run's id."""


class HistoryCleaned(EventData, type="history.cleaned"):
    """Old records of history were forgotten; runs, sessions and the event log stay."""

    removed: int


class GitCommitted(EventData, type="git.committed"):
    """A commit was made through an operation."""

    directory: str
    commit: str
    branch: str | None = None
    files: int
