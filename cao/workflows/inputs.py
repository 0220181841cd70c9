"""What a run is started with: each declared input has a value of its type. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from cao.protocol import InvalidInput
from cao.protocol.errors import FieldError

from .definition import Definition, Input
from .values import SPOKEN, InputType, fits

LIMIT = 256 * 1024
"""Bytes of all inputs of a run, as JSON."""

_JSON: Mapping[InputType, str] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "list": "array",
    "object": "object",
}


def schema(declared: Mapping[str, Input]) -> dict[str, Any]:
    """The JSON Schema of what a run is started with: what forms are made of."""
    return {
        "type": "object",
        "properties": {name: _property(one) for name, one in declared.items()},
        "required": [name for name, one in declared.items() if one.required],
        "additionalProperties": False,
    }


def _property(declared: Input) -> dict[str, Any]:
    items = {"type": _JSON[declared.items]} if declared.items else None
    told = {"description": declared.description, "default": declared.default, "enum": declared.choices, "items": items}
    return {"type": _JSON[declared.type], **{name: value for name, value in told.items() if value not in (None, "")}}


def given(definition: Definition, values: Mapping[str, Any]) -> dict[str, Any]:
    """All inputs of a run by name; null for one that has no value. Raises `InvalidInput` that names each that does not fit.

    Text is read as JSON where another type is declared, for command lines know only text.
    """
    if len(json.dumps(values, default=str).encode()) > LIMIT:
        raise InvalidInput.field(
            "inputs", f"have more than {LIMIT} bytes; put large data into a file of the project", "too_long"
        )
    errors = [_unknown(definition, name) for name in values if name not in definition.inputs]
    taken: dict[str, Any] = {}
    for name, declared in definition.inputs.items():
        if name in values:
            taken[name] = _read(declared, values[name])
            errors += _misfit(name, declared, taken[name])
        elif declared.required:
            errors.append(
                FieldError(pointer=f"/inputs/{name}", message=f"is required: {SPOKEN[declared.type]}", kind="missing")
            )
        else:
            taken[name] = declared.default
    if errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InvalidInput(f"{first['pointer']} {first['message']}{more}", errors=errors[:50])
    return taken


def _unknown(definition: Definition, name: str) -> FieldError:
    near = get_close_matches(name, definition.inputs, 1)
    known = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(definition.inputs) or 'none'}"
    return FieldError(pointer=f"/inputs/{name}", message=f"is no input of {definition.name}; {known}", kind="extra_forbidden")


def _read(declared: Input, value: Any) -> Any:
    if not isinstance(value, str) or declared.type == "string":
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _misfit(name: str, declared: Input, value: Any) -> list[FieldError]:
    pointer, message = f"/inputs/{name}", ""
    if not fits(declared.type, value):
        message = f"must be {SPOKEN[declared.type]}"
    elif declared.choices is not None and value not in declared.choices:
        message = f"must be one of {', '.join(json.dumps(choice) for choice in declared.choices)}"
    elif declared.items is not None and isinstance(value, list):
        wrong = [n for n, item in enumerate(cast("list[Any]", value)) if not fits(declared.items, item)]
        if wrong:
            pointer, message = f"{pointer}/{wrong[0]}", f"must be {SPOKEN[declared.items]}"
    return [FieldError(pointer=pointer, message=message, kind="value_error")] if message else []
