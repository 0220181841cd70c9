"""What a workflow's run is started with, as a schema that forms are made of."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cao.protocol import InvalidInput
from cao.workflows.definition import Definition, Input
from cao.workflows.inputs import given, schema

INPUTS = {
    "goal": Input(required=True, description="What is wanted"),
    "size": Input(choices=["small", "large"], default="small"),
    "times": Input(type="integer", default=0),
    "careful": Input(type="boolean", default=True),
    "files": Input(type="list", items="string"),
    "more": Input(type="object"),
}
VALUES: list[dict[str, Any]] = [
    {"goal": "x"},
    {"goal": "x", "size": "large", "times": 3, "careful": False, "files": ["a"], "more": {"b": 1}},
    {},
    {"goal": "x", "size": "huge"},
    {"goal": "x", "times": 1.5},
    {"goal": "x", "careful": 1},
    {"goal": "x", "files": [1]},
    {"goal": "x", "more": []},
    {"goal": "x", "other": 1},
]


def test_the_schema_tells_what_a_form_shows() -> None:
    made = schema(INPUTS)
    assert made["required"] == ["goal"]
    assert made["properties"]["goal"] == {"type": "string", "description": "What is wanted"}
    assert made["properties"]["times"] == {"type": "integer", "default": 0}
    assert made["properties"]["files"] == {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize("values", VALUES, ids=str)
def test_the_schema_takes_what_a_run_takes(values: dict[str, Any]) -> None:
    definition = Definition(name="change", inputs=INPUTS)
    valid = next(Draft202012Validator(schema(INPUTS)).iter_errors(values), None) is None  # pyright: ignore[reportUnknownMemberType]
    try:
        given(definition, values)
    except InvalidInput:
        assert not valid
    else:
        assert valid
