"""What a change is written through: SQL, redaction and events in one `BEGIN IMMEDIATE` transaction without I/O."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from cao.events import EventData

from .hub import LOG
from .ids import Kind, new_id
from .redaction import Redactor

Row = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)

_JSON_COLUMNS = frozenset(
    (
        "failure",
        "usage",
        "allowed_tools",
        "labels",
        "action",
        "data",
        "conversation",
        "launch",
        "scopes",
        "surfaces",
        "tags",
        "events",
        "checklist",
        "depends_on",
        "acceptance",
        "task_ids",
        "decision",
        "inputs",
        "output",
        "outputs",
    )
)

_STATEMENTS = 1000
"""Statements whose columns are remembered."""
_COLUMNS: dict[tuple[str, int], tuple[list[str], list[str]]] = {}


class Reader:
    """Reads rows as mappings, and as the models that the protocol answers with."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """All rows of a bounded query."""
        cursor = self.connection.execute(sql, parameters)
        names, coded = _columns(sql, cursor)
        return [_decoded(dict(zip(names, values, strict=True)), coded) for values in cursor]

    def row(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Row | None:
        """The first row, or None."""
        cursor = self.connection.execute(sql, parameters)
        found = cursor.fetchone()
        if found is None:
            return None
        names, coded = _columns(sql, cursor)
        return _decoded(dict(zip(names, found, strict=True)), coded)

    def one(self, model: type[M], sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> M | None:
        found = self.row(sql, parameters)
        return None if found is None else model.model_validate(found)

    def all(self, model: type[M], sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[M]:
        return [model.model_validate(row) for row in self.rows(sql, parameters)]

    def number(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """The single integer of a query such as `SELECT count(*)`."""
        return int(self.connection.execute(sql, parameters).fetchone()[0] or 0)


class Transaction(Reader):
    """One change to the store. Made by `Store.write`, which commits it and then wakes whoever waits for its topics."""

    def __init__(self, connection: sqlite3.Connection, now: float, redactor: Redactor, actor: str) -> None:
        super().__init__(connection)
        self.now = now
        self.actor = actor
        self.topics: set[str] = set()
        self._redactor = redactor
        self._events: list[tuple[object, ...]] = []

    @property
    def time(self) -> datetime:
        """`now` for the protocol's records."""
        return datetime.fromtimestamp(self.now, UTC)

    def new_id(self, kind: Kind) -> str:
        return new_id(kind, self.now)

    def insert(self, table: str, **values: Any) -> None:
        """Insert one row; lists, dictionaries and models become JSON, and every text passes the redactor."""
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        encoded = [self._encode(value) for value in values.values()]
        self.connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", encoded)  # noqa: S608

    def update(self, table: str, key: str, **values: Any) -> None:
        """Change the row whose id is `key`."""
        assignments = ", ".join(f"{column} = ?" for column in values)
        encoded = [self._encode(value) for value in values.values()]
        self.connection.execute(f"UPDATE {table} SET {assignments} WHERE id = ?", [*encoded, key])  # noqa: S608

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """Run a statement that takes no text from outside; the number of rows that it changed."""
        return self.connection.execute(sql, parameters).rowcount

    def emit(self, event: EventData) -> None:
        """Append an event to the log, at the end of this transaction."""
        subject = (event.session_id, event.terminal_id, event.run_id)
        self.topics.update((LOG, *filter(None, subject)))
        data = json.dumps(self._redactor.value(event.model_dump(mode="json")), ensure_ascii=False)
        self._events.append((event.type, self.now, self.actor, *subject, data))

    def write_events(self) -> list[tuple[int, tuple[object, ...]]]:
        """Store what was emitted and not stored yet; the rows with their numbers.

        Many rows go in one statement: each statement hands the interpreter to another thread.
        """
        emitted, self._events = self._events, []
        numbered: list[tuple[int, tuple[object, ...]]] = []
        for start in range(0, len(emitted), 100):
            rows = emitted[start : start + 100]
            marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(rows))
            last = self.connection.execute(
                f"INSERT INTO events (type, at, actor, session_id, terminal_id, run_id, data) VALUES {marks}",  # noqa: S608
                [value for row in rows for value in row],
            ).lastrowid
            first = (last or 0) - len(rows) + 1
            numbered += enumerate(rows, first)
        return numbered

    def touch(self, *topics: str) -> None:
        """Wake those who wait for `topics` after the commit, where no event says it."""
        self.topics.update(topics)

    def _encode(self, value: Any) -> Any:
        if isinstance(value, BaseModel):
            value = value.model_dump(mode="json")
        value = self._redactor.value(value)
        return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _decoded(row: dict[str, Any], coded: list[str]) -> Row:
    for name in coded:
        if row[name] is not None:
            row[name] = json.loads(row[name])
    return row


def _columns(sql: str, cursor: sqlite3.Cursor) -> tuple[list[str], list[str]]:
    """The names of a query's columns, and of those that hold JSON: worked out once for each statement.

    A table may get more columns while we run, by a migration of another process: then it is another key.
    """
    key = (sql, len(cursor.description))
    known = _COLUMNS.get(key)
    if known is None:
        names = [str(column[0]) for column in cursor.description]
        if len(_COLUMNS) >= _STATEMENTS:
            _COLUMNS.clear()
        known = _COLUMNS[key] = (names, [name for name in names if name in _JSON_COLUMNS])
    return known
