"""What was started in the place of failed runs."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps


@steps()
def retries(db: Database) -> None:
    """A failed run is started again once; whoever wants more starts the new one again. Failed runs are found by their time."""
    db.conn.execute("CREATE TABLE retries (run_id TEXT PRIMARY KEY, retried_as TEXT NOT NULL, at REAL NOT NULL) STRICT")
    db.conn.execute("CREATE INDEX runs_settled ON runs (settled_at) WHERE settled_at IS NOT NULL")
