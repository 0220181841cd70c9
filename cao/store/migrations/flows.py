"""The code of workflows that are Prefect flows, as it was when a run of them was started."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps


@steps()
def code_of_flows(db: Database) -> None:
    """A run keeps to the code that it began with, as other runs keep to their definitions."""
    db.conn.execute("CREATE TABLE flow_code (run_id TEXT PRIMARY KEY, code TEXT NOT NULL) STRICT")
