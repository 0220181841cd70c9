"""Git as sessions need it: what a repository looks like, commits, and worktrees. Knows directories only, never the store."""

from .merging import MergeOutcome
from .program import Failed, Ran, run
from .repository import Branch, Change, Commit, Difference, Repository, Status
from .worktrees import Facts, Worktree

__all__ = [
    "Branch",
    "Change",
    "Commit",
    "Difference",
    "Facts",
    "Failed",
    "MergeOutcome",
    "Ran",
    "Repository",
    "Status",
    "Worktree",
    "run",
]
