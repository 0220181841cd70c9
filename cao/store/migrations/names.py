"""Indexes for what is looked up by its name."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps


@steps()
def names_of_sessions(db: Database) -> None:
    """Sessions are asked for by name, the closed ones too."""
    db.conn.execute("CREATE INDEX sessions_name ON sessions (name, n)")
