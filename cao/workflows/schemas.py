"""JSON Schemas of contracts (Draft 2020-12): whether one is a schema, and what in a document does not fit it.

No reference leaves the schema: nothing is read from a file or over the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Protocol, cast

MOST = 10
"""How many misfits are told."""
LONGEST = 300
"""Characters of one; the rest of it is the document itself."""


class _Misfit(Protocol):
    message: str
    json_path: str


class _Validator(Protocol):
    def iter_errors(self, instance: Any) -> Iterator[_Misfit]: ...


def problem(schema: Mapping[str, Any]) -> str | None:
    """Why this is no schema that can be kept, or None.

    >>> problem({"type": "strng"})
    "/type: 'strng' is not valid under any of the given schemas"
    >>> problem({"$ref": "https://example.com/other.json"})
    "/$ref: a reference may only lead inside the schema, as in '#/$defs/part'"
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    for pointer, target in _references(schema, "", 0):
        if not (isinstance(target, str) and target.startswith("#")):
            return f"{pointer}: a reference may only lead inside the schema, as in '#/$defs/part'"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        pointer = "".join(f"/{part}" for part in cast("list[Any]", list(error.absolute_path)))
        return f"{pointer}: {error.message}"[:LONGEST]
    except RecursionError:
        return ": nested too deeply"
    return None


def misfits(schema: Mapping[str, Any], output: Mapping[str, Any]) -> Iterator[str]:
    """What in an output's document (`output["json"]`) does not fit the schema, at most ten sentences."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = cast("_Validator", Draft202012Validator(schema, registry=Registry()))
    try:
        for error in islice(validator.iter_errors(output["json"]), MOST):
            yield f"output{error.json_path.removeprefix('$')}: {error.message}"[:LONGEST]
    except Unresolvable as error:
        yield f"the schema's reference {error.ref!r} leads nowhere"
    except RecursionError:
        yield "the schema's references go round in circles"


def _references(value: Any, pointer: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > 100:
        return
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            if name in ("$ref", "$dynamicRef"):
                yield f"{pointer}/{name}", inner
            yield from _references(inner, f"{pointer}/{name}", depth + 1)
    if isinstance(value, list):
        for number, inner in enumerate(cast("list[Any]", value)):
            yield from _references(inner, f"{pointer}/{number}", depth + 1)
