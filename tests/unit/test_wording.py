"""What is said of values that do not fit: words, and no regular expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

import cao.operations  # noqa: F401 - which fills the registry
from cao.protocol import REGISTRY, InvalidInput
from cao.protocol.wording import said


def patterns(schema: Any) -> Iterator[str]:
    """The patterns anywhere in a JSON schema."""
    if isinstance(schema, dict):
        found = cast("dict[str, Any]", schema)
        if isinstance(found.get("pattern"), str):
            yield found["pattern"]
        for part in found.values():
            yield from patterns(part)
    elif isinstance(schema, list):
        for part in cast("list[Any]", schema):
            yield from patterns(part)


@pytest.mark.parametrize("name", [operation.name for operation in REGISTRY.values()])
def test_every_pattern_of_a_request_has_words(name: str) -> None:
    for pattern in patterns(REGISTRY[name].request.model_json_schema()):
        words = said({"type": "string_pattern_mismatch", "msg": "nothing was written for it", "ctx": {"pattern": pattern}})
        assert words.startswith("must be "), (pattern, words)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("session.launch", {"name": "bad/"}, "/name: must be a name: letters, digits, dot, underscore and dash, at most 64"),
        ("session.launch", {"promt": "x"}, "/promt: there is no such field"),
        ("session.send", {"session": "x"}, "/text: is required"),
        ("queue.enqueue", {}, "request: give one of prompt, task, requirement and workflow"),
        ("error.list", {"within": "24"}, "/within: must be a number of seconds, minutes, hours or days, such as"),
    ],
)
def test_a_request_that_does_not_fit_is_told_in_words(name: str, fields: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        REGISTRY[name].parse(fields)
    assert refused.value.message.startswith(message)
    with pytest.raises(InvalidInput) as refused:
        REGISTRY[name].parse_json(str(fields).replace("'", '"'))
    assert refused.value.message.startswith(message)
