"""The tables of the spine."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

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
