"""Failed runs: which there are, what they have in common, and what was started in their place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cao.events import ErrorRetried
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.failures import FailedRun, FailedRunDetail, FailureCount, FailureStats
from cao.protocol.paging import seal, unseal
from cao.protocol.records import Run, Turn

from . import transcripts
from .transaction import Reader, Transaction

_FAILED = (
    "SELECT r.n, r.id, r.kind, r.failure, r.session_id, s.name AS session, s.project_id, r.terminal_id, t.profile, t.provider, "
    "w.definition, x.retried_as, r.created_at, r.settled_at FROM runs r JOIN sessions s ON s.id = r.session_id "
    "LEFT JOIN terminals t ON t.id = r.terminal_id LEFT JOIN workflows w ON w.id = r.id LEFT JOIN retries x ON x.run_id = r.id "
    "WHERE r.state = 'failed'"
)
_PROMPT = 65536
_TURNS = 20
_ENTRIES = 20
_COUNTS = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which failed runs; a field that is None lets all through."""

    code: str | None = None
    session_id: str | None = None
    project_id: str | None = None
    profile: str | None = None
    provider: str | None = None
    since: float | None = None
    """In seconds since 1970."""
    outside: bool = False
    """Only those of no project."""

    def conditions(self) -> tuple[str, list[Any]]:
        """As SQL to go on with, and its parameters."""
        said = {
            "json_extract(r.failure, '$.code') = ?": self.code,
            "r.session_id = ?": self.session_id,
            "s.project_id = ?": self.project_id,
            "t.profile = ?": self.profile,
            "t.provider = ?": self.provider,
            "r.settled_at >= ?": self.since,
        }
        kept = {sql: value for sql, value in said.items() if value is not None}
        outside = ["s.project_id IS NULL"] if self.outside else []
        return "".join(f" AND {sql}" for sql in (*kept, *outside)), list(kept.values())


def list_page(reader: Reader, request: ListRequest, wanted: Wanted) -> Page[FailedRun]:
    """Failed runs, the newest first."""
    question = request.model_dump(mode="json")
    start = unseal(request.cursor, question, int)[0] if request.cursor else 2**62
    conditions, parameters = wanted.conditions()
    sql = f"{_FAILED}{conditions} AND r.n < ? ORDER BY r.n DESC LIMIT ?"
    rows = reader.rows(sql, [*parameters, start, request.limit + 1])
    items = [FailedRun.model_validate(row) for row in rows[: request.limit]]
    more = len(rows) > request.limit
    return Page[FailedRun](items=items, next_cursor=seal([rows[request.limit - 1]["n"]], question) if more else None)


def get(reader: Reader, id: str) -> FailedRunDetail:
    """A failed run with what was asked and what was tried. Raises `NotFound`."""
    row = reader.row(f"{_FAILED} AND r.id = ?", (id,))
    if row is None:
        raise NotFound(f"no failed run {id!r}; see: cao error list", run=id)
    asked = reader.row(
        "SELECT substr(coalesce(m.text, w.inputs, ''), 1, ?) AS prompt FROM runs r LEFT JOIN messages m ON m.id = r.message_id "
        "LEFT JOIN workflows w ON w.id = r.id WHERE r.id = ?",
        (_PROMPT, id),
    )
    sql = "SELECT * FROM turns WHERE terminal_id = ? AND run_id = ? ORDER BY n DESC LIMIT ?"
    spent = reader.all(Turn, sql, (row["terminal_id"], id, _TURNS))
    entries = transcripts.of_turn(reader, spent[0].terminal_id, spent[0].id)[-_ENTRIES:] if spent else []
    prompt = asked["prompt"] if asked else ""
    return FailedRunDetail.model_validate({**row, "prompt": prompt, "turns": spent, "entries": entries})


def count(reader: Reader, wanted: Wanted) -> int:
    """How many there are."""
    conditions, parameters = wanted.conditions()
    return reader.number(f"SELECT count(*) FROM ({_FAILED}{conditions})", parameters)  # noqa: S608 - names are ours


def stats(reader: Reader, wanted: Wanted) -> FailureStats:
    """Failed runs since a time, counted by what they have in common."""
    conditions, parameters = wanted.conditions()
    found, since = f"({_FAILED}{conditions})", wanted.since or 0.0

    def by(column: str, order: str = "count DESC, name") -> list[FailureCount]:
        sql = (
            f"SELECT {column} AS name, count(*) AS count FROM {found} WHERE {column} IS NOT NULL "  # noqa: S608 - names are ours
            f"GROUP BY 1 ORDER BY {order} LIMIT {_COUNTS}"
        )
        return reader.all(FailureCount, sql, parameters)

    return FailureStats(
        since=datetime.fromtimestamp(since, UTC),
        runs=reader.number("SELECT count(*) FROM runs WHERE settled_at >= ?", (since,)),
        failed=count(reader, wanted),
        retried=reader.number(f"SELECT count(retried_as) FROM {found}", parameters),  # noqa: S608
        by_code=by("json_extract(failure, '$.code')"),
        by_profile=by("profile"),
        by_provider=by("provider"),
        by_workflow=by("definition"),
        by_day=by("date(settled_at, 'unixepoch')", "name DESC"),
    )


def require_retriable(reader: Reader, run: Run) -> None:
    """Raise `Conflict` unless the run failed and nothing was started in its place."""
    if run.state != "failed":
        raise Conflict(f"run {run.id} is {run.state}; only failed ones are started again", state=run.state)
    row = reader.row("SELECT retried_as FROM retries WHERE run_id = ?", (run.id,))
    if row is not None:
        retried = str(row["retried_as"])
        raise Conflict(f"run {run.id} was started again as {retried}; see: cao run get {retried}", retried_as=retried)


def retried(tx: Transaction, run: Run, new: Run) -> None:
    """Remember what was started in a failed run's place."""
    require_retriable(tx, run)
    tx.insert("retries", run_id=run.id, retried_as=new.id, at=tx.now)
    tx.emit(ErrorRetried(session_id=run.session_id, terminal_id=run.terminal_id, run_id=run.id, retried_as=new.id))
