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


_WORKFLOWS = (
    """CREATE TABLE workflows (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, definition TEXT NOT NULL, digest TEXT NOT NULL,
        snapshot TEXT NOT NULL, inputs TEXT NOT NULL, outputs TEXT NOT NULL DEFAULT '{}', session_id TEXT NOT NULL,
        project_id TEXT, directory TEXT NOT NULL, repository TEXT, branch TEXT, labels TEXT NOT NULL,
        paused INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0, feedback TEXT, retried_from TEXT,
        flow_run_id TEXT, worked REAL NOT NULL DEFAULT 0, working_since REAL, created_by TEXT NOT NULL,
        created_at REAL NOT NULL) STRICT""",
    """CREATE TABLE steps (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL, path TEXT NOT NULL,
        kind TEXT NOT NULL, attempt INTEGER NOT NULL, within INTEGER NOT NULL, state TEXT NOT NULL, effect TEXT NOT NULL,
        decision TEXT, output TEXT NOT NULL DEFAULT '{}', pruned INTEGER NOT NULL DEFAULT 0, failure TEXT, directory TEXT,
        branch TEXT, terminal_id TEXT, turn_run_id TEXT, reminders INTEGER NOT NULL DEFAULT 0, approval_id TEXT,
        task_run_id TEXT, begun REAL NOT NULL, started_at REAL NOT NULL, settled_at REAL,
        UNIQUE (run_id, path, attempt)) STRICT""",
    """CREATE INDEX steps_unsettled ON steps (run_id) WHERE state != 'settled'""",
    """CREATE INDEX steps_turn ON steps (turn_run_id) WHERE turn_run_id IS NOT NULL""",
    """CREATE INDEX steps_approval ON steps (approval_id) WHERE approval_id IS NOT NULL""",
    """CREATE INDEX runs_workflow ON runs (state) WHERE kind = 'workflow'""",
    """CREATE VIEW workflow_runs AS SELECT w.*, r.failure, r.started_at, r.settled_at, r.state AS run_state,
        CASE WHEN w.paused AND r.state IN ('queued', 'running', 'waiting') THEN 'paused' ELSE r.state END AS state
        FROM workflows w JOIN runs r ON r.id = w.id""",
    """ALTER TABLE terminals ADD COLUMN model TEXT""",
)


@steps()
def workflows(db: Database) -> None:
    """Runs of workflows, each attempt of each of their phases, and the model that a phase chose for its agent."""
    for statement in _WORKFLOWS:
        db.conn.execute(statement)
