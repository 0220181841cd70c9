"""The tables of workflows, and the columns of runs and approvals that only turns have."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

_RUNS = (
    """CREATE TABLE runs_new (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL,
        session_id TEXT NOT NULL, terminal_id TEXT, message_id TEXT, parent_terminal_id TEXT,
        deliver INTEGER NOT NULL DEFAULT 0, result TEXT, failure TEXT, created_at REAL NOT NULL, started_at REAL,
        settled_at REAL) STRICT""",
    """INSERT INTO runs_new SELECT n, id, kind, state, session_id, terminal_id, message_id, parent_terminal_id, deliver, result,
        failure, created_at, started_at, settled_at FROM runs""",
    """DROP TABLE runs""",
    """ALTER TABLE runs_new RENAME TO runs""",
    """CREATE INDEX runs_session ON runs (session_id, n)""",
    """CREATE INDEX runs_state ON runs (state, n)""",
    """CREATE TABLE approvals_new (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, terminal_id TEXT,
        turn_id TEXT, run_id TEXT, kind TEXT NOT NULL, question TEXT NOT NULL, action TEXT NOT NULL,
        digest TEXT NOT NULL, state TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0, decided_by TEXT, reason TEXT,
        created_at REAL NOT NULL, expires_at REAL NOT NULL, settled_at REAL) STRICT""",
    """INSERT INTO approvals_new SELECT n, id, session_id, terminal_id, turn_id, run_id, kind, question, action, digest, state,
        used, decided_by, reason, created_at, expires_at, settled_at FROM approvals""",
    """DROP TABLE approvals""",
    """ALTER TABLE approvals_new RENAME TO approvals""",
    """CREATE INDEX approvals_state ON approvals (state, n)""",
    """CREATE INDEX approvals_turn ON approvals (turn_id)""",
    """CREATE INDEX approvals_run ON approvals (run_id) WHERE run_id IS NOT NULL""",
)


@steps()
def runs_of_workflows(db: Database) -> None:
    """A run may be a workflow's: then it has no terminal and no message of its own, and neither have its approvals."""
    for statement in _RUNS:
        db.conn.execute(statement)
