"""Opaque cursors: where a list goes on, and a check that it is still the same list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from .errors import InvalidInput

_INTEGERS = 1 << 63


def seal(position: list[str | int], question: Mapping[str, Any]) -> str:
    """Pack the sort key of a page's last item; `question` is the filters that the page answered."""
    packed = json.dumps([position, _digest(question)], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unseal(cursor: str, question: Mapping[str, Any], *kinds: type) -> list[Any]:
    """Unpack a cursor; refuse one that was made for other filters or by nobody.

    kinds: of its sort values: `int`, which has 64 bits, or `str`.
    """
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        sealed: Any = json.loads(packed)
        position, digest = cast("tuple[Any, Any]", sealed)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise InvalidInput.field("cursor", "is not one of ours; start again without it") from None
    if not isinstance(position, list) or digest != _digest(question):
        raise InvalidInput.field("cursor", "belongs to another list; start again without it")
    values = cast("list[Any]", position)
    if len(values) != len(kinds) or not all(map(_is, values, kinds)):
        raise InvalidInput.field("cursor", "is not one of ours; start again without it")
    return values


def _is(value: Any, kind: type) -> bool:
    return type(value) is kind and (kind is str or -_INTEGERS <= value < _INTEGERS)


def _digest(question: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in question.items() if key not in ("limit", "cursor")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:12]
