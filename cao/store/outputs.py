"""What a run said, as one text that only grows: an offset that was given once means the same place for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cao.protocol import ListRequest, Page
from cao.protocol.records import FINAL_RUN_STATES, Run
from cao.protocol.workflows import Step

from . import runs
from .pages import page
from .transaction import Reader

_BATCH = 100
"""Rows that are read at once."""


@dataclass(slots=True)
class Reel:
    """Reads a run's text from its beginning, piece by piece.

    A turn's text is what its agent said, with a line end where it did something else in between; its result where it said
    nothing on the way. A workflow's is what its phases gave, in the order in which they were settled, each below its name.
    """

    run: Run
    offset: int = 0
    """Bytes that were given so far."""
    _after: tuple[float, int] = (0.0, 0)
    _broken: bool = False
    """Something stood between the last text and what comes."""
    _text: str = field(default="\n", repr=False)
    """The last piece that was given."""

    def more(self, reader: Reader) -> str | None:
        """The next piece, which may be empty; None when there is none yet."""
        pieces = self._of_phases(reader) if self.run.kind == "workflow" else self._of_turn(reader)
        if pieces is None:
            pieces = self._result(reader)
        if pieces:
            self.offset += len(pieces.encode())
            self._text = pieces
        return pieces

    def _of_turn(self, reader: Reader) -> str | None:
        rows = reader.rows(
            "SELECT seq, json_extract(data, '$.kind') AS kind, json_extract(data, '$.text') AS text, "
            "json_extract(data, '$.turn_id') AS turn FROM events WHERE terminal_id = ? AND run_id = ? "
            "AND type = 'transcript.appended' AND seq > ? ORDER BY seq LIMIT ?",
            (self.run.terminal_id, self.run.id, self._after[1], _BATCH),
        )
        if not rows:
            return None
        said: list[str] = []
        for row in rows:
            if row["kind"] != "text":
                self._broken = True
            elif row["text"]:
                before = said[-1] if said else self._text
                said.append(("\n" if self._broken and not before.endswith("\n") else "") + row["text"])
                self._broken = False
        self._after = (0.0, rows[-1]["seq"])
        return "".join(said)

    def _of_phases(self, reader: Reader) -> str | None:
        rows = reader.rows(
            "SELECT n, path, attempt, settled_at, json_extract(output, '$.text') AS text FROM steps "
            "WHERE run_id = ? AND state = 'settled' AND (settled_at, n) > (?, ?) ORDER BY settled_at, n LIMIT ?",
            (self.run.id, *self._after, _BATCH),
        )
        if not rows:
            return None
        self._after = (rows[-1]["settled_at"], rows[-1]["n"])
        return "".join(_phase(row["path"], row["attempt"], row["text"]) for row in rows)

    def _result(self, reader: Reader) -> str | None:
        """What a settled turn gave that had said nothing on the way."""
        if self.offset or self.run.kind == "workflow":
            return None
        run = runs.get(reader, self.run.id)
        return run.result if run.state in FINAL_RUN_STATES and run.result else None


def _phase(path: str, attempt: int, text: Any) -> str:
    again = f" (attempt {attempt})" if attempt > 1 else ""
    said = str(text).rstrip("\n") if text is not None else ""
    return f"# {path}{again}\n" + (f"{said}\n" if said else "")


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a run's text; offsets and sizes in bytes."""

    text: str
    offset: int
    end: int
    size: int


def window(reader: Reader, run: Run, offset: int, limit: int) -> Window:
    """At most `limit` bytes from `offset` on, cut between characters."""
    kept = bytearray()
    size = 0
    for piece in _pieces(reader, run):
        data = piece.encode()
        start, stop = max(offset - size, 0), offset + limit - size
        if stop > 0:
            kept += data[start:stop]
        size += len(data)
    lead = _strays(kept)
    text = kept[lead:].decode("utf-8", "ignore")
    begin = min(offset + lead, size)
    return Window(text, begin, begin + len(text.encode()), size)


def size(reader: Reader, run: Run) -> int:
    """Bytes of a run's text so far."""
    return sum(len(piece.encode()) for piece in _pieces(reader, run))


def _pieces(reader: Reader, run: Run) -> Iterator[str]:
    reel = Reel(run)
    while (piece := reel.more(reader)) is not None:
        yield piece


def _strays(data: bytearray) -> int:
    """Bytes at the beginning that belong to a character which began before."""
    return next((place for place, byte in enumerate(data[:4]) if byte & 0xC0 != 0x80), min(len(data), 4))


def phases(reader: Reader, request: ListRequest, run: Run, path: str | None) -> Page[Step]:
    """The attempts of a workflow's phases, oldest first."""
    return page(reader, Step, "steps", request, {"run_id": run.id, "path": path}, oldest_first=True)


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a run named, as it named it."""

    name: str
    directory: str
    source: str
    phase: str | None = None


FILES = 500
"""Files of one run that are told at most."""


def files(reader: Reader, run: Run) -> list[Named]:
    """The files that a run's agent wrote, or that its phases gave as evidence, in the order in which they came up."""
    return _evidence(reader, run) if run.kind == "workflow" else _written(reader, run)


def _written(reader: Reader, run: Run) -> list[Named]:
    rows = reader.rows(
        "SELECT DISTINCT f.value AS name, t.directory FROM events e JOIN terminals t ON t.id = e.terminal_id, "
        "json_each(e.data, '$.data.files') f WHERE e.terminal_id = ? AND e.run_id = ? AND e.type = 'transcript.appended' "
        "AND json_extract(e.data, '$.data.tool') = 'write' LIMIT ?",
        (run.terminal_id, run.id, FILES),
    )
    return [Named(str(row["name"]), row["directory"], "written") for row in rows]


def _evidence(reader: Reader, run: Run) -> list[Named]:
    rows = reader.rows(
        "SELECT DISTINCT json_extract(e.value, '$.file') AS name, coalesce(s.directory, w.directory) AS directory, s.path "
        "FROM steps s JOIN workflows w ON w.id = s.run_id, json_each(s.decision, '$.evidence') e "
        "WHERE s.run_id = ? AND s.decision IS NOT NULL AND json_extract(e.value, '$.file') IS NOT NULL LIMIT ?",
        (run.id, FILES),
    )
    return [Named(str(row["name"]), row["directory"], "evidence", row["path"]) for row in rows]
