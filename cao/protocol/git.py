"""What is told of repositories and worktrees."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .models import Answer

ChangeKind = Literal["added", "modified", "deleted", "renamed", "copied", "type_changed", "conflicted", "untracked"]
WorktreeState = Literal["active", "merged", "removed"]


class ChangedFile(Answer):
    """One file that differs from the last commit."""

    path: str
    """Below the directory that was asked about."""
    kind: ChangeKind
    staged: bool
    """Part of the difference is in the index."""
    before: str | None = None
    """Its path before it was renamed or copied."""


class TreeStatus(Answer):
    """Where a working tree stands."""

    directory: str
    branch: str | None
    """Null when no branch is checked out."""
    commit: str | None
    """Null before the first commit."""
    upstream: str | None
    ahead: int
    """Commits that the upstream lacks."""
    behind: int
    """Commits of the upstream that are not here."""
    clean: bool
    """Nothing differs and git knows every file."""
    changes: list[ChangedFile]
    """At most 2,000."""
    truncated: bool
    """There are more."""


class DifferingFile(Answer):
    """How much of one file differs."""

    path: str
    added: int | None
    """Lines; null for a binary file."""
    removed: int | None


class TreeDiff(Answer):
    """A difference between two states."""

    directory: str
    text: str
    """A unified diff."""
    files: list[DifferingFile]
    """At most 2,000."""
    truncated: bool
    """The diff is longer, or more files differ."""


class BranchInfo(Answer):
    """A local branch."""

    name: str
    commit: str
    subject: str
    """The first line of its last commit's message."""
    committed_at: datetime
    current: bool
    """It is checked out in the directory that was asked about."""
    upstream: str | None
    worktree: str | None
    """The directory in which it is checked out."""


class CommitInfo(Answer):
    """A commit that was made."""

    directory: str
    commit: str
    branch: str | None
    subject: str
    files: int
    """How many it changed."""


class WorktreeFacts(Answer):
    """What git says of a worktree now."""

    exists: bool
    """Its directory is there."""
    dirty: bool
    """It holds changes or new files that are not committed."""
    ahead: int
    """Commits since the one that it began with."""
    merged: bool
    """All of them are in another branch too, or were merged as they are."""
    problem: str | None = None
    """Why git could not tell."""


class Worktree(Answer):
    """A directory and a branch of its own for an agent or a phase."""

    id: str
    name: str
    """Unique among those of its repository that are not removed."""
    state: WorktreeState
    project_id: str | None = None
    repository: str
    """The directory that it belongs to, absolute."""
    path: str
    """Its own directory, absolute: `.cao/worktrees/<name>` below the repository."""
    branch: str
    """`cao/<name>`."""
    base: str | None
    """The branch that it began from and is merged into unless another is named; null when that was no branch."""
    base_commit: str
    """The commit that it began with."""
    merged_commit: str | None = None
    """Where the other branch stood after the last merge."""
    session_id: str | None = None
    terminal_id: str | None = None
    """Whose it is, where somebody said so."""
    run_id: str | None = None
    phase: str | None = None
    facts: WorktreeFacts | None = None
    """What git says now; only where it was asked."""
    created_at: datetime
    merged_at: datetime | None = None
    removed_at: datetime | None = None


class Merge(Answer):
    """What a merge did."""

    worktree: Worktree
    into: str
    commit: str
    """Where that branch stands now."""
    changed: bool
    """Whether it moved; it does not when it held everything already."""


class Pruned(Answer):
    """What was pruned, or would be (`dry_run`)."""

    removed: list[Worktree]
    """Clean and merged ones."""
    kept: list[Worktree]
    """Those that still hold work, each with what git says of it."""
    dry_run: bool = False
