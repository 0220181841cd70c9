"""Pages of what is in memory: files, providers, plugins. Those of the store's tables are made by `cao.store.pages`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from cao.protocol import ListRequest, Page
from cao.protocol.paging import seal, unseal

S = TypeVar("S")
T = TypeVar("T", bound=BaseModel)


def by_key(
    model: type[T],
    found: Iterable[S],
    request: ListRequest,
    key: Callable[[S], str],
    make: Callable[[S], T] | None = None,
) -> Page[T]:
    """A page of things in the ascending order of their keys. It goes on well when things come and go between two pages.

    make: turns a thing into an item, where they are not yet; it is called for those of the page only.
    """
    last = last_key(request)
    rest = [one for one in found if key(one) > last]
    part = rest[: request.limit]
    cursor = seal([key(part[-1])], _question(request)) if len(rest) > len(part) else None
    return Page[model](items=_made(part, make), next_cursor=cursor)


def by_place(model: type[T], found: Sequence[S], request: ListRequest, make: Callable[[S], T] | None = None) -> Page[T]:
    """A page of things in an order that no key has: their places are counted."""
    start = max(unseal(request.cursor, _question(request), int)[0], 0) if request.cursor else 0
    stop = start + request.limit
    cursor = seal([stop], _question(request)) if stop < len(found) else None
    return Page[model](items=_made(found[start:stop], make), next_cursor=cursor)


def last_key(request: ListRequest) -> str:
    """The key of the last thing of the page before; empty for the first page."""
    return unseal(request.cursor, _question(request), str)[0] if request.cursor else ""


def _made(part: Sequence[S], make: Callable[[S], T] | None) -> list[T]:
    return [make(one) for one in part] if make else cast("list[T]", list(part))


def _question(request: ListRequest) -> dict[str, Any]:
    return request.model_dump(mode="json")
