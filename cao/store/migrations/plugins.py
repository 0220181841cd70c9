"""What is remembered of plugins."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps


@steps()
def plugins(db: Database) -> None:
    """Which plugins are switched off, and which events those that are installed record in transactions."""
    db.conn.execute(
        """CREATE TABLE plugins (
            name TEXT PRIMARY KEY, enabled INTEGER NOT NULL DEFAULT 1, records TEXT NOT NULL DEFAULT '') STRICT"""
    )
