"""What is said of values that do not fit, in the place of pydantic's words and of regular expressions."""

from __future__ import annotations

from typing import Any

_MEANINGS: dict[str, str] = {}
_SAID = {"extra_forbidden": "there is no such field", "missing": "is required"}


def worded(pattern: str, meaning: str) -> str:
    """A pattern for a field, with what a fitting text is in words.

    >>> digits = worded(r"^[0-9]+$", "a number")
    >>> said({"type": "string_pattern_mismatch", "msg": "…", "ctx": {"pattern": digits}})
    'must be a number'
    """
    _MEANINGS[pattern] = meaning
    return pattern


def said(finding: Any) -> str:
    """What to tell people of one of pydantic's findings."""
    kind, message = str(finding["type"]), str(finding["msg"])
    if kind == "string_pattern_mismatch" and (meaning := _MEANINGS.get(finding["ctx"]["pattern"])):
        return f"must be {meaning}"
    return _SAID.get(kind) or message.removeprefix("Value error, ")
