"""What the evaluation of one template may cost, in time and in memory, and how values become text."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from jinja2 import Undefined

BUDGET = 400_000
"""Steps of one evaluation. One is a name that is looked up, an item that is visited, or 64 characters that are handled."""
TEXT_LIMIT = 512 * 1024
"""The longest text that an operation gives, in characters."""
WIDEST = 2**53
"""Numbers stay between minus this and this: what JSON readers agree on."""

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


class Exhausted(Exception):
    """An evaluation asks for more than it may have."""


@contextmanager
def metered(budget: int = BUDGET) -> Generator[None]:
    """Everything evaluated inside has this budget together."""
    token = _left.set([budget])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int) -> None:
    """Pay for work before it is done. Raises `Exhausted`."""
    purse = _left.get()
    if purse is None:
        return
    purse[0] -= steps
    if purse[0] < 0:
        raise Exhausted("takes too many steps")


def sized(length: int) -> None:
    """Pay for a text of so many characters before it is made. Raises `Exhausted`."""
    if length > TEXT_LIMIT:
        raise Exhausted(f"makes a text of more than {TEXT_LIMIT} characters")
    spend(1 + length // 64)


def counted(value: Any, weight: int = 1) -> list[Any]:
    """The items of what is looped over, paid for: `weight` steps for each."""
    if isinstance(value, Undefined):
        str(value)  # a StrictUndefined says what is missing
    if isinstance(value, str) or not isinstance(value, (Sequence, Mapping)):
        raise TypeError(f"cannot go through {kind_of(value)}; it must be a list")
    spend(len(cast("Sequence[Any]", value)) * weight)
    return list(cast("Sequence[Any]", value))


def plain(value: Any) -> Any:
    """A value as JSON has it, paid for by its size. Raises `TypeError` for what has no value."""
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, str):
        sized(len(value))
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Exhausted("makes a number that is too large")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    spend(1)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence):
        return [plain(inner) for inner in cast("Sequence[Any]", value)]
    raise TypeError(f"gives {kind_of(value)}, which is no data")


def written(value: Any) -> str:
    """A value as it stands in a text: text as it is, nothing for null, JSON for all else.

    >>> written("a"), written(None), written([1, True])
    ('a', '', '[1, true]')
    """
    if isinstance(value, str):
        sized(len(value))
        return value
    if value is None:
        return ""
    if isinstance(value, Undefined):
        return str(value)
    text = json.dumps(plain(value), ensure_ascii=False)
    sized(len(text))
    return text


def kind_of(value: Any) -> str:
    """What a value is, for people."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return "what has no value"
