"""What those who enqueue may do."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps


@steps()
def rights(db: Database) -> None:
    """An item is started with the scopes of who enqueued it; NULL, of items made before, is all."""
    db.conn.execute("ALTER TABLE queue ADD COLUMN scopes TEXT")
