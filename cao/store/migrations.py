"""The schema, as ordered steps. A released step is never changed; a new one is added below it."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

steps = Migrations("cao")

_SPINE = (
    """CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT""",
    """CREATE TABLE projects (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL UNIQUE,
        created_at REAL NOT NULL) STRICT""",
    """CREATE TABLE sessions (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, status TEXT NOT NULL,
        project_id TEXT, labels TEXT NOT NULL DEFAULT '{}', created_at REAL NOT NULL, closed_at REAL) STRICT""",
    """CREATE UNIQUE INDEX sessions_open_name ON sessions (name) WHERE status = 'open'""",
    """CREATE INDEX sessions_status ON sessions (status, n)""",
    """CREATE TABLE terminals (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, name TEXT NOT NULL,
        profile TEXT NOT NULL, provider TEXT NOT NULL, directory TEXT NOT NULL, status TEXT NOT NULL, parent_id TEXT,
        depth INTEGER NOT NULL, allowed_tools TEXT, closes_when_done INTEGER NOT NULL DEFAULT 0, conversation TEXT,
        created_at REAL NOT NULL, closed_at REAL, UNIQUE (session_id, name)) STRICT""",
    """CREATE INDEX terminals_session ON terminals (session_id, n)""",
    """CREATE TABLE messages (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, terminal_id TEXT NOT NULL,
        kind TEXT NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL, run_id TEXT, turn_id TEXT,
        about_run_id TEXT, failure TEXT, created_at REAL NOT NULL, delivered_at REAL, settled_at REAL) STRICT""",
    """CREATE INDEX messages_terminal ON messages (terminal_id, n)""",
    """CREATE INDEX messages_session ON messages (session_id, n)""",
    """CREATE INDEX messages_pending ON messages (session_id, terminal_id, n) WHERE state = 'pending'""",
    """CREATE INDEX messages_turn ON messages (turn_id) WHERE turn_id IS NOT NULL""",
    """CREATE UNIQUE INDEX messages_result_once ON messages (about_run_id) WHERE about_run_id IS NOT NULL""",
    """CREATE TABLE turns (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, terminal_id TEXT NOT NULL,
        run_id TEXT, state TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, recovery TEXT NOT NULL, token INTEGER NOT NULL,
        interrupted INTEGER NOT NULL DEFAULT 0, result TEXT, failure TEXT, usage TEXT, flow_run_id TEXT, task_run_id TEXT,
        created_at REAL NOT NULL, started_at REAL, settled_at REAL) STRICT""",
    """CREATE INDEX turns_terminal ON turns (terminal_id, n)""",
    """CREATE INDEX turns_unsettled ON turns (session_id) WHERE state IN ('queued', 'running', 'waiting')""",
    """CREATE TABLE runs (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL,
        session_id TEXT NOT NULL, terminal_id TEXT NOT NULL, message_id TEXT NOT NULL, parent_terminal_id TEXT,
        deliver INTEGER NOT NULL DEFAULT 0, result TEXT, failure TEXT, created_at REAL NOT NULL, started_at REAL,
        settled_at REAL) STRICT""",
    """CREATE INDEX runs_session ON runs (session_id, n)""",
    """CREATE INDEX runs_state ON runs (state, n)""",
    """CREATE TABLE approvals (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, terminal_id TEXT NOT NULL,
        turn_id TEXT NOT NULL, run_id TEXT, kind TEXT NOT NULL, question TEXT NOT NULL, action TEXT NOT NULL,
        digest TEXT NOT NULL, state TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0, decided_by TEXT, reason TEXT,
        created_at REAL NOT NULL, expires_at REAL NOT NULL, settled_at REAL) STRICT""",
    """CREATE INDEX approvals_state ON approvals (state, n)""",
    """CREATE INDEX approvals_turn ON approvals (turn_id)""",
    """CREATE TABLE activations (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, state TEXT NOT NULL,
        flow_run_id TEXT, token INTEGER NOT NULL, created_at REAL NOT NULL, ended_at REAL) STRICT""",
    """CREATE INDEX activations_open ON activations (session_id) WHERE state = 'running'""",
    """CREATE TABLE leases (
        name TEXT PRIMARY KEY, owner TEXT, token INTEGER NOT NULL, expires_at REAL NOT NULL) STRICT""",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, at REAL NOT NULL, actor TEXT NOT NULL, session_id TEXT,
        terminal_id TEXT, run_id TEXT, data TEXT NOT NULL) STRICT""",
    """CREATE INDEX events_session ON events (session_id, seq) WHERE session_id IS NOT NULL""",
    """CREATE INDEX events_terminal ON events (terminal_id, seq) WHERE terminal_id IS NOT NULL""",
    """CREATE INDEX events_type ON events (type, seq)""",
    """CREATE TABLE idempotency (
        key TEXT PRIMARY KEY, operation TEXT NOT NULL, digest TEXT NOT NULL, answer TEXT NOT NULL, at REAL NOT NULL) STRICT""",
    """CREATE TABLE audit (
        n INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, operation TEXT NOT NULL, actor TEXT NOT NULL,
        surface TEXT NOT NULL, outcome TEXT NOT NULL, request TEXT NOT NULL) STRICT""",
)


@steps()
def spine(db: Database) -> None:
    """Sessions, terminals, messages, turns, runs, approvals, the event log and what keeps them honest."""
    for statement in _SPINE:
        db.conn.execute(statement)


@steps()
def plugins(db: Database) -> None:
    """Which plugins are switched off, and which events those that are installed record in transactions."""
    db.conn.execute(
        """CREATE TABLE plugins (
            name TEXT PRIMARY KEY, enabled INTEGER NOT NULL DEFAULT 1, records TEXT NOT NULL DEFAULT '') STRICT"""
    )


_TOKENS = (
    """CREATE TABLE tokens (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE,
        scopes TEXT NOT NULL, surfaces TEXT, parent_id TEXT, created_by TEXT NOT NULL, created_at REAL NOT NULL,
        expires_at REAL NOT NULL, last_used_at REAL, revoked_at REAL) STRICT""",
    """CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_at IS NULL""",
    """CREATE INDEX tokens_parent ON tokens (parent_id) WHERE parent_id IS NOT NULL""",
    """CREATE TABLE page_codes (
        digest TEXT PRIMARY KEY, actor TEXT NOT NULL, scopes TEXT NOT NULL, token_id TEXT, expires_at REAL NOT NULL) STRICT""",
    """CREATE TABLE page_browsers (
        digest TEXT PRIMARY KEY, actor TEXT NOT NULL, scopes TEXT NOT NULL, token_id TEXT, created_at REAL NOT NULL,
        expires_at REAL NOT NULL) STRICT""",
)


@steps()
def tokens(db: Database) -> None:
    """Personal access tokens, and browsers that are signed in."""
    for statement in _TOKENS:
        db.conn.execute(statement)


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
