"""One page of a table, newest first, with filters. Every list of the protocol goes through here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from cao.protocol import ListRequest, Page
from cao.protocol.paging import seal, unseal

from .transaction import Reader, Row

M = TypeVar("M", bound=BaseModel)


def page(
    reader: Reader,
    model: type[M],
    table: str,
    request: ListRequest,
    filters: Mapping[str, Any],
    *,
    key: str = "n",
    oldest_first: bool = False,
    load: Callable[[Row], M] | None = None,
) -> Page[M]:
    """Items of `table` where every filter that is not None holds.

    filters: column to value. key: the integer column that orders the list.
    """
    question = request.model_dump(mode="json")
    kept = {column: value for column, value in filters.items() if value is not None}
    conditions = [f"{column} = ?" for column in kept]
    parameters = list(kept.values())
    if request.cursor is not None:
        conditions.append(f"{key} {'>' if oldest_first else '<'} ?")
        parameters.append(unseal(request.cursor, question, int)[0])
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "ASC" if oldest_first else "DESC"
    sql = f"SELECT * FROM {table} {where} ORDER BY {key} {order} LIMIT ?"  # noqa: S608 - names are ours, values are bound
    rows = reader.rows(sql, [*parameters, request.limit + 1])
    more = len(rows) > request.limit
    rows = rows[: request.limit]
    items = [load(row) if load else model.model_validate(row) for row in rows]
    return Page[M](items=items, next_cursor=seal([rows[-1][key]], question) if more else None)
