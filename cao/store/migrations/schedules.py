"""The tables of schedules."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

_SCHEDULES = (
    """CREATE TABLE schedules (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, live INTEGER NOT NULL,
        enabled INTEGER NOT NULL, next_due REAL, cron TEXT, every TEXT, zone TEXT NOT NULL, profile TEXT NOT NULL,
        provider TEXT, directory TEXT NOT NULL, prompt TEXT NOT NULL, file TEXT, script TEXT, session TEXT,
        catch_up TEXT NOT NULL, window TEXT NOT NULL, overlap TEXT NOT NULL, created_by TEXT NOT NULL,
        created_at REAL NOT NULL) STRICT""",
    """CREATE UNIQUE INDEX schedules_live_name ON schedules (name) WHERE live = 1""",
    """CREATE INDEX schedules_due ON schedules (next_due) WHERE next_due IS NOT NULL""",
    """CREATE TABLE fires (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, schedule_id TEXT NOT NULL, schedule TEXT NOT NULL,
        due REAL, until REAL, count INTEGER NOT NULL DEFAULT 1, state TEXT NOT NULL, late INTEGER NOT NULL DEFAULT 0,
        reason TEXT, launch TEXT, session_id TEXT, run_id TEXT, owner TEXT, expires_at REAL, created_at REAL NOT NULL,
        settled_at REAL, UNIQUE (schedule_id, due)) STRICT""",
    """CREATE INDEX fires_schedule ON fires (schedule_id, n)""",
    """CREATE INDEX fires_state ON fires (state, n)""",
    """CREATE INDEX fires_pending ON fires (schedule_id, n) WHERE state = 'pending'""",
    """CREATE INDEX fires_run ON fires (run_id) WHERE run_id IS NOT NULL""",
)


@steps()
def schedules(db: Database) -> None:
    """Schedules, and the ledger of their due times."""
    for statement in _SCHEDULES:
        db.conn.execute(statement)
