"""The tables of tokens and of signed-in browsers."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

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
