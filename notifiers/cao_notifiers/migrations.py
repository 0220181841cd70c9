"""The plugin's tables. A released step is never changed; a new one is added below it."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

steps = Migrations("cao_notifiers")

_OUTBOX = (
    """CREATE TABLE notifiers (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, sealed TEXT NOT NULL,
        target TEXT NOT NULL, tags TEXT NOT NULL, paused INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL) STRICT""",
    """CREATE TABLE notifiers_rules (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT UNIQUE, events TEXT NOT NULL,
        notifier_id TEXT, tags TEXT NOT NULL, title TEXT, body TEXT, created_at REAL NOT NULL) STRICT""",
    """CREATE TABLE notifiers_deliveries (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, notifier_id TEXT NOT NULL, notifier TEXT NOT NULL,
        rule_id TEXT, event_seq INTEGER, event_type TEXT, kind TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
        approval_id TEXT, about TEXT, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, allowed INTEGER NOT NULL,
        due_at REAL NOT NULL, error TEXT, created_at REAL NOT NULL, settled_at REAL,
        UNIQUE (event_seq, notifier_id)) STRICT""",
    """CREATE INDEX notifiers_deliveries_due ON notifiers_deliveries (due_at) WHERE state IN ('pending', 'sending')""",
    """CREATE INDEX notifiers_deliveries_lane ON notifiers_deliveries (notifier_id, due_at, n)
        WHERE state IN ('pending', 'sending')""",
    """CREATE INDEX notifiers_deliveries_held ON notifiers_deliveries (notifier_id) WHERE state = 'held'""",
    """CREATE INDEX notifiers_deliveries_state ON notifiers_deliveries (state, n)""",
    """CREATE INDEX notifiers_deliveries_notifier ON notifiers_deliveries (notifier, n)""",
    """CREATE TABLE notifiers_receipts (
        n INTEGER PRIMARY KEY AUTOINCREMENT, delivery_id TEXT NOT NULL, attempt INTEGER NOT NULL, at REAL NOT NULL,
        seconds REAL, outcome TEXT NOT NULL, error TEXT, UNIQUE (delivery_id, attempt)) STRICT""",
)


@steps()
def outbox(db: Database) -> None:
    """Notifiers, the rules that choose for them, what is to be delivered, and a receipt for each attempt."""
    for statement in _OUTBOX:
        db.conn.execute(statement)
