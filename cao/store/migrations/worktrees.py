"""The table of worktrees."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

_WORKTREES = (
    """CREATE TABLE worktrees (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL, project_id TEXT,
        repository TEXT NOT NULL, path TEXT NOT NULL, branch TEXT NOT NULL, base TEXT, base_commit TEXT NOT NULL,
        merged_commit TEXT, session_id TEXT, terminal_id TEXT, run_id TEXT, phase TEXT, created_by TEXT NOT NULL,
        created_at REAL NOT NULL, merged_at REAL, removed_at REAL) STRICT""",
    """CREATE UNIQUE INDEX worktrees_live ON worktrees (repository, name) WHERE state != 'removed'""",
    """CREATE INDEX worktrees_project ON worktrees (project_id, n)""",
    """CREATE INDEX worktrees_state ON worktrees (state, n)""",
    """CREATE INDEX worktrees_run ON worktrees (run_id) WHERE run_id IS NOT NULL""",
)


@steps()
def worktrees(db: Database) -> None:
    """Worktrees, whose they are and what became of them."""
    for statement in _WORKTREES:
        db.conn.execute(statement)
