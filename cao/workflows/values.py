"""The small types that a definition is made of: identifiers, templates, conditions, durations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

_DURATION = re.compile(r"^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h|d)?$")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{0,47}")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}

LONGEST = 30 * 86400.0
"""Seconds: no phase waits longer than thirty days."""


def seconds(value: Any) -> Any:
    """A duration in seconds: `90`, `"90s"`, `"30m"`, `"12h"`, `"2d"`.

    >>> seconds("30m")
    1800.0
    """
    if not isinstance(value, str):
        return value
    found = _DURATION.match(value.strip())
    if found is None:
        raise ValueError("a duration is a number and s, m, h or d, such as 30m")
    return float(found[1]) * _UNITS[found[2]]


_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST},
        {"type": "string", "pattern": r"^\s*\d{1,7}(\.\d{1,3})?(ms|s|m|h|d)?\s*$"},
    ],
    "description": "Seconds, or a number with a unit, such as 30m.",
}

Duration = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=LONGEST), WithJsonSchema(_DURATION_SCHEMA)]
"""Seconds; written as a number, or with a unit as in `30m`."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
"""The id of a phase, an input or a verdict: lower case letters, digits and dashes."""

PhasePath = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,47}([/\[][a-z0-9/\[\]-]{0,200})?$")]
"""Where a phase is in a definition: its id, or `build/api` and `each[2]/test` for one inside others."""

Variable = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
"""A name that templates use: lower case letters, digits and underscores."""

Template = Annotated[str, StringConstraints(min_length=1, max_length=64 * 1024)]
"""Text with `{{ expressions }}` in it."""

Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
"""One expression, such as `inputs.parts` or `phases.test.verdict == "advance"`; without braces."""

Entry = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_./-]{0,199}:[A-Za-z_][A-Za-z0-9_]{0,99}$")]
"""Where a function is: `package.module:function`, or `file.py:function`."""

PATTERNS: Mapping[str, str] = {
    r"^[a-z][a-z0-9-]{0,47}$": "must be lower case letters, digits and dashes, with a letter first, 48 at most",
    r"^[a-z][a-z0-9_]{0,47}$": "must be lower case letters, digits and underscores, with a letter first, 48 at most",
    r"^[A-Za-z_][A-Za-z0-9_./-]{0,199}:[A-Za-z_][A-Za-z0-9_]{0,99}$": "must be `module:function` or `file.py:function`",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$": "must be the name of a branch",
}
"""What the patterns of a definition ask for, in words."""

InputType = Literal["string", "integer", "number", "boolean", "list", "object"]
"""What an input may be."""


def fits(kind: InputType, value: Any) -> bool:
    """Whether a JSON value is of a type.

    >>> fits("integer", 3), fits("integer", True), fits("number", 3)
    (True, False, True)
    """
    kinds: Mapping[InputType, Any] = {
        "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "list": (list,), "object": (dict,),
    }  # fmt: skip
    return isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool))


SPOKEN: Mapping[InputType, str] = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "list": "a list",
    "object": "a mapping",
}  # fmt: skip


def is_identifier(word: str) -> bool:
    """Whether this can be an identifier, and so the name of a file."""
    return _IDENTIFIER.fullmatch(word) is not None
