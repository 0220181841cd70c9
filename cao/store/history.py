"""History: what was asked of whom and what came of it, listed and searched. Triggers write it; see its migration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from cao.events import HistoryCleaned
from cao.protocol import ListRequest, Page
from cao.protocol.history import EXCERPT, Cleaned, HistoryRecord, Hit
from cao.protocol.paging import seal, unseal

from .transaction import Reader, Row, Transaction

R = TypeVar("R", bound=HistoryRecord)

Order = Literal["newest", "best"]

RATED = 5000
"""Of so many matches, the newest ones, the best are looked for: rating all of a frequent word takes long."""
REMOVED_AT_ONCE = 10_000
FEW = 300
"""Fewer records than this are looked through one by one."""
_TERMS = 32
_COLUMNS = (
    "h.n, h.id, h.kind, h.state, h.title, h.project_id, h.session_id, h.terminal_id, h.task_id, h.created_at, h.settled_at, "
    + ", ".join(f"substr(h.{text}, 1, {EXCERPT}) AS {text}" for text in ("prompt", "result", "reason"))
)
_SNIPPET = "snippet(history_text, -1, '«', '»', ' … ', 24) AS snippet"
_TERM = re.compile(r'"([^"]*)"(\*?)|(\S+)')


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records; a field that is None lets all through. Times in seconds since 1970."""

    kind: str | None = None
    state: str | None = None
    session_id: str | None = None
    project_id: str | None = None
    task_id: str | None = None
    runs_only: bool = False
    """No tasks."""
    since: float | None = None
    until: float | None = None

    def conditions(self) -> tuple[list[str], list[Any]]:
        """As SQL about `h`, and its parameters."""
        same = {name: getattr(self, name) for name in ("kind", "state", "session_id", "project_id", "task_id")}
        found = {f"h.{name} = ?": value for name, value in same.items() if value is not None}
        found |= {"h.created_at >= ?": self.since} if self.since is not None else {}
        found |= {"h.created_at < ?": self.until} if self.until is not None else {}
        sql = [*found, *(["h.kind != 'task'"] if self.runs_only else [])]
        return sql, list(found.values())


def recent(reader: Reader, request: ListRequest, wanted: Filter) -> Page[HistoryRecord]:
    """Records, newest first."""
    conditions, parameters = wanted.conditions()
    start = _start(request)
    sql = f"SELECT {_COLUMNS} FROM history h WHERE {' AND '.join([*conditions, 'h.n < ?'])} ORDER BY h.n DESC LIMIT ?"  # noqa: S608
    rows = reader.rows(sql, [*parameters, start, request.limit + 1])
    return _page(HistoryRecord, rows, request)


def search(reader: Reader, request: ListRequest, words: str, wanted: Filter, order: Order) -> Page[Hit]:
    """Records in which all the words stand, newest first or best first. Words that hold nothing to look for find nothing."""
    match = query(words)
    if not match:
        return Page[Hit](items=[])
    return _best(reader, request, match, wanted) if order == "best" else _newest(reader, request, match, wanted)


def _newest(reader: Reader, request: ListRequest, match: str, wanted: Filter) -> Page[Hit]:
    conditions, parameters = wanted.conditions()
    tables = "history_text CROSS JOIN history h ON h.n = history_text.rowid"
    if conditions and _are_few(reader, conditions, parameters):
        tables = "history h CROSS JOIN history_text ON history_text.rowid = h.n"
    sql = (
        f"SELECT {_COLUMNS}, {_SNIPPET} FROM {tables} "  # noqa: S608 - names are ours
        f"WHERE {' AND '.join(['history_text MATCH ?', 'h.n < ?', 'history_text.rowid < ?', *conditions])} "
        "ORDER BY history_text.rowid DESC LIMIT ?"
    )
    start = _start(request)
    return _page(Hit, reader.rows(sql, [match, start, start, *parameters, request.limit + 1]), request)


def _are_few(reader: Reader, conditions: list[str], parameters: list[Any]) -> bool:
    """Whether so few records fit that it is quicker to look for the words in each than for these among all with the words."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM history h WHERE {' AND '.join(conditions)} LIMIT {FEW})"  # noqa: S608
    return reader.number(sql, parameters) < FEW


def _best(reader: Reader, request: ListRequest, match: str, wanted: Filter) -> Page[Hit]:
    conditions, parameters = wanted.conditions()
    question = request.model_dump(mode="json")
    offset = min(max(unseal(request.cursor, question, int)[0], 0), RATED) if request.cursor else 0
    where = " AND ".join(["history_text MATCH ?", *conditions])
    sql = (
        f"WITH rated AS (SELECT history_text.rowid AS n, bm25(history_text, 4.0, 2.0, 1.0, 1.0) AS score FROM history_text "  # noqa: S608
        f"CROSS JOIN history h ON h.n = history_text.rowid WHERE {where} ORDER BY history_text.rowid DESC LIMIT {RATED}), "
        "chosen AS (SELECT n, score FROM rated ORDER BY score, n DESC LIMIT ? OFFSET ?) "
        f"SELECT {_COLUMNS}, {_SNIPPET} FROM chosen CROSS JOIN history_text ON history_text.rowid = chosen.n "
        "CROSS JOIN history h ON h.n = chosen.n WHERE history_text MATCH ? ORDER BY chosen.score, chosen.n DESC"
    )
    rows = reader.rows(sql, [match, *parameters, request.limit + 1, offset, match])
    items = [Hit.model_validate(row) for row in rows[: request.limit]]
    more = len(rows) > request.limit
    return Page[Hit](items=items, next_cursor=seal([offset + request.limit], question) if more else None)


def _start(request: ListRequest) -> int:
    return unseal(request.cursor, request.model_dump(mode="json"), int)[0] if request.cursor else 2**62


def _page(model: type[R], rows: list[Row], request: ListRequest) -> Page[R]:
    items = [model.model_validate(row) for row in rows[: request.limit]]
    more = len(rows) > request.limit
    position = seal([rows[request.limit - 1]["n"]], request.model_dump(mode="json")) if more else None
    return Page[R](items=items, next_cursor=position)


def query(words: str) -> str:
    """What people type as a query of FTS5: all words must be there, "several words" as they stand, `word*` as a beginning.

    Nothing else has a meaning, so that no text is bad syntax.

    >>> query('time-out "not found" conn* OR')
    '"time-out" "not found" "conn"* "OR"'
    """
    terms = [_term(*found.groups()) for found in _TERM.finditer(words.replace("\0", " "))]
    return " ".join([term for term in terms if any(char.isalnum() for char in term)][:_TERMS])


def _term(phrase: str | None, star: str | None, word: str | None) -> str:
    if phrase is not None:
        return f'"{phrase}"{star or ""}'
    text = word or ""
    star = "*" if text.endswith("*") else ""
    text = text.rstrip("*").replace('"', '""')
    return f'"{text}"{star}'


def clean(tx: Transaction, before: float, keep: int) -> Cleaned:
    """Forget records of runs that were settled before a time, oldest first, at most 10,000 at once; the newest `keep` stay."""
    edge = tx.row("SELECT n FROM history ORDER BY n DESC LIMIT 1 OFFSET ?", (keep,))
    old: Mapping[str, Any] = {"before": before, "edge": edge["n"] if edge else 0}
    where = "settled_at < :before AND n <= :edge AND kind != 'task'"
    found = tx.number(f"SELECT count(*) FROM history WHERE {where}", old)  # noqa: S608
    chosen = f"SELECT n FROM history WHERE {where} ORDER BY settled_at LIMIT {REMOVED_AT_ONCE}"  # noqa: S608
    removed = tx.execute(f"DELETE FROM history WHERE n IN ({chosen})", old)  # noqa: S608
    if removed:
        tx.emit(HistoryCleaned(removed=removed))
    return Cleaned(removed=removed, left=found - removed, kept=tx.number("SELECT count(*) FROM history"))
