"""The line: the order in which what waits in the queue is dispatched, and how items change places in it.

Items stand in lanes, one for each priority; in a lane, the smaller `place` is first. Places have gaps, so that an item is put
between two others by changing itself alone; a lane whose gap is used up is numbered again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Literal

from cao.protocol.tasks import Priority

from .transaction import Reader, Row, Transaction

To = Literal["front", "back", "before", "after"]

GAP = 1 << 20

LANES: dict[Priority, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3}
"""As the table's column `lane` has them."""


def last_place(reader: Reader, priority: Priority) -> int:
    """The place at the end of a lane: also behind what is being dispatched, which may come back to its own place."""
    in_flight, waiting = (
        reader.number("SELECT coalesce(max(place), 0) FROM queue WHERE stage = ? AND lane = ?", (stage, LANES[priority]))
        for stage in (0, 1)
    )
    return max(in_flight, waiting) + GAP


def positions(reader: Reader, rows: Iterable[Row]) -> dict[str, int]:
    """The place in the whole line of each of these that waits, by id: 1 is dispatched next."""
    found: dict[str, int] = {}
    counted, before = 0, (-1, 0, 0)
    for row in sorted((row for row in rows if row["stage"] == 1), key=_key):
        counted += reader.number(
            "SELECT count(*) FROM queue WHERE stage = 1 AND (lane, place, n) > (?, ?, ?) AND (lane, place, n) <= (?, ?, ?)",
            (*before, *_key(row)),
        )
        found[row["id"]], before = counted, _key(row)
    return found


def put(tx: Transaction, rows: Sequence[Row], to: To, *, anchor: Row | None = None, priority: Priority | None = None) -> None:
    """Put these, in this order, at an end of the line or beside `anchor`.

    They keep their priority unless one is given; beside an anchor they take the anchor's.
    """
    wanted: Priority | None = anchor["priority"] if anchor else priority
    lanes: dict[Priority, list[Row]] = {}
    for row in rows:
        lanes.setdefault(wanted or row["priority"], []).append(row)
    for lane, movers in lanes.items():
        for row, place in zip(movers, _places(tx, lane, movers, to, anchor), strict=True):
            tx.update("queue", row["id"], priority=lane, place=place)


def _places(tx: Transaction, lane: Priority, movers: Sequence[Row], to: To, anchor: Row | None) -> range:
    """Free places for the movers, as far apart as there is room."""
    low, high = _bounds(tx, lane, movers, to, anchor)
    if low is None:
        low = (high or 0) - GAP * (len(movers) + 1)
    if high is None:
        high = low + GAP * (len(movers) + 1)
    step = (high - low) // (len(movers) + 1)
    if step < 1:
        _number_again(tx, lane)
        return _places(tx, lane, movers, to, anchor)
    return range(low + step, low + step * len(movers) + 1, step)


def _bounds(
    tx: Transaction, lane: Priority, movers: Sequence[Row], to: To, anchor: Row | None
) -> tuple[int | None, int | None]:
    """The places of those between whom the movers go; None at an end of the lane."""
    others = "FROM queue WHERE stage = 1 AND lane = ? AND id NOT IN (SELECT value FROM json_each(?))"
    scope = (LANES[lane], json.dumps([row["id"] for row in movers]))
    if anchor is None:
        end = tx.row(f"SELECT min(place) AS first, max(place) AS last {others}", scope)
        assert end is not None  # noqa: S101 - an aggregate has a row
        return (None, end["first"]) if to == "front" else (end["last"], None)
    fixed = tx.row("SELECT place, n FROM queue WHERE id = ?", (anchor["id"],))
    assert fixed is not None  # noqa: S101 - the caller read it in this transaction
    sign, order = ("<", "DESC") if to == "before" else (">", "ASC")
    neighbour = tx.row(
        f"SELECT place {others} AND (place, n) {sign} (?, ?) ORDER BY place {order}, n {order} LIMIT 1",
        (*scope, fixed["place"], fixed["n"]),
    )
    beside = neighbour["place"] if neighbour else None
    return (beside, fixed["place"]) if to == "before" else (fixed["place"], beside)


def _number_again(tx: Transaction, lane: Priority) -> None:
    tx.execute(
        "UPDATE queue SET place = ranked.rank * ? FROM (SELECT id, row_number() OVER (ORDER BY place, n) AS rank FROM queue "
        "WHERE stage = 1 AND lane = ?) AS ranked WHERE queue.id = ranked.id",
        (GAP * 128, LANES[lane]),
    )


def _key(row: Row) -> tuple[int, int, int]:
    return row["lane"], row["place"], row["n"]
