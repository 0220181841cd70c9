"""Looking into JSON of programs that we do not control: a value of another shape than expected counts as empty."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast


def parsed(text: str | bytes) -> Mapping[str, Any] | None:
    """The JSON object in `text`; None for anything else."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else None


def fields(value: object) -> Mapping[str, Any]:
    """A value as an object.

    >>> fields({"a": 1}), fields([1])
    ({'a': 1}, {})
    """
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    """A value as a list."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def first(event: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these fields that holds text."""
    return next((value for name in names if isinstance(value := event.get(name), str) and value), None)


def words(value: object) -> str:
    """The words in a value that may be text, a list of content blocks, or an object with a message.

    >>> words([{"type": "text", "text": "a"}, {"message": "b"}])
    'a\\nb'
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return "\n".join(words(item) for item in items(cast("object", value)))
    inside = fields(value)
    found = first(inside, ("message", "text")) or inside.get("content")
    return words(found) if found else json.dumps(value, default=str)
