"""Transcripts: what agents said and did, read from the event log that holds it."""

from __future__ import annotations

from cao.protocol import ListRequest, Page
from cao.protocol.paging import seal, unseal
from cao.protocol.records import Entry, EntryKind

from .transaction import Reader, Row

_TYPE = "transcript.appended"


def list_page(
    reader: Reader, request: ListRequest, *, session_id: str, terminal_id: str | None, kind: EntryKind | None
) -> Page[Entry]:
    """Entries oldest first, so that reading on means reading what came later."""
    question = request.model_dump(mode="json")
    start = unseal(request.cursor, question, int)[0] if request.cursor else 0
    subject, value = ("terminal_id", terminal_id) if terminal_id else ("session_id", session_id)
    rows = reader.rows(
        f"SELECT * FROM events WHERE {subject} = ? AND type = ? AND seq > ? "  # noqa: S608 - names are ours
        "AND (? IS NULL OR json_extract(data, '$.kind') = ?) ORDER BY seq LIMIT ?",
        (value, _TYPE, start, kind, kind, request.limit + 1),
    )
    items = [_entry(row) for row in rows[: request.limit]]
    return Page[Entry](items=items, next_cursor=seal([items[-1].seq], question) if len(rows) > request.limit else None)


def of_turn(reader: Reader, terminal_id: str, turn_id: str, limit: int = 2000) -> list[Entry]:
    """A turn's entries, oldest first."""
    rows = reader.rows(
        "SELECT * FROM events WHERE terminal_id = ? AND type = ? AND json_extract(data, '$.turn_id') = ? ORDER BY seq LIMIT ?",
        (terminal_id, _TYPE, turn_id, limit),
    )
    return [_entry(row) for row in rows]


def _entry(row: Row) -> Entry:
    return Entry.model_validate({**row["data"], "seq": row["seq"], "terminal_id": row["terminal_id"], "at": row["at"]})
