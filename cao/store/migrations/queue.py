"""The table of the queue."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

_QUEUE = (
    """CREATE TABLE queue (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, what TEXT NOT NULL, subject TEXT,
        project_id TEXT, provider TEXT, launch TEXT NOT NULL, priority TEXT NOT NULL, place INTEGER NOT NULL,
        state TEXT NOT NULL, reason TEXT, not_before REAL, expires_at REAL, attempts INTEGER NOT NULL DEFAULT 0,
        run_id TEXT, session_id TEXT, created_by TEXT NOT NULL, created_at REAL NOT NULL, dispatched_at REAL,
        settled_at REAL, owner TEXT, token INTEGER NOT NULL DEFAULT 0, lease_until REAL,
        lane INTEGER NOT NULL GENERATED ALWAYS AS (
            CASE priority WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END) VIRTUAL,
        stage INTEGER NOT NULL GENERATED ALWAYS AS (
            CASE WHEN state IN ('dispatching', 'dispatched') THEN 0 WHEN state IN ('ready', 'held') THEN 1 ELSE 2 END) VIRTUAL
        ) STRICT""",
    """CREATE INDEX queue_line ON queue (stage, lane, place, n)""",
    """CREATE INDEX queue_state ON queue (state, n)""",
    """CREATE INDEX queue_run ON queue (run_id) WHERE run_id IS NOT NULL""",
    """CREATE INDEX queue_not_before ON queue (not_before) WHERE stage = 1 AND not_before IS NOT NULL""",
    """CREATE INDEX queue_expires ON queue (expires_at) WHERE stage = 1 AND expires_at IS NOT NULL""",
    """CREATE VIEW queue_items AS SELECT n, id, kind, what, subject, project_id, provider, priority, place, state, reason,
        not_before, expires_at, attempts, run_id, session_id, created_by, created_at, dispatched_at, settled_at, owner, token,
        lease_until, lane, stage FROM queue""",
    """CREATE UNIQUE INDEX queue_once ON queue (subject) WHERE stage < 2 AND kind IN ('task', 'requirement')""",
)


@steps()
def queue(db: Database) -> None:
    """Work that waits to be dispatched. `lane` is the priority as a number, `stage` is 0 in flight, 1 waiting, 2 settled.

    The view leaves out `launch`, which may hold a mebibyte of prompt.
    """
    for statement in _QUEUE:
        db.conn.execute(statement)
