"""Definitions that can be run: examples, positions of what is odd, the schema, and whatever a fuzzer writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cao.protocol import InvalidInput
from cao.workflows import schema
from cao.workflows.check import examine
from cao.workflows.definition import Definition, Phase
from cao.workflows.library import Library
from cao.workflows.preview import Wish, preview
from cao.workflows.rules.places import places
from cao.workflows.source import LIMIT, load
from cao.workflows.text import Document, attempt, read

from .corpus import OTHERS, around, cases

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "workflows").glob("*.yaml"))
TRIES = int(os.environ.get("CAO_FUZZ_EXAMPLES", "30"))
FUZZ = settings(max_examples=TRIES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_can_be_run(path: Path) -> None:
    others = {other.stem: read(other.read_text()).definition for other in EXAMPLES}
    known = around()
    beside = type(known)(others, frozenset(), frozenset({"developer", "reviewer", "supervisor"}), known.providers)
    found = examine(path.read_text(), beside, path.stem)
    assert (found.problems, found.warnings) == ([], [])
    jsonschema.Draft202012Validator(schema.document()).validate(load(path.read_text()).data)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_phase_of_an_example_can_be_previewed(path: Path) -> None:
    definition = read(path.read_text()).definition
    others = {other.stem: read(other.read_text()).definition for other in EXAMPLES}
    for place in places(definition):
        if place.phase.parallel is None and place.phase.map is None:
            assert preview(definition, Wish(place.path), others).text


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_the_schema_is_one_and_is_in_the_documentation() -> None:
    document = schema.document()
    jsonschema.Draft202012Validator.check_schema(document)
    written = (ROOT / "docs" / "schema" / "workflow.json").read_text("utf-8")
    assert json.loads(written) == document


def test_the_schema_takes_what_we_take_and_refuses_unknown_keys() -> None:
    validator = jsonschema.Draft202012Validator(schema.document())
    for text in OTHERS:
        validator.validate(load(text).data)
    for case in cases("warnings.txt"):
        validator.validate(load(case.text).data)
    refused = [case for case in cases("2_form.txt") if list(validator.iter_errors(load(case.text).data))]
    taken = {case.title for case in cases("2_form.txt")} - {case.title for case in refused}
    assert taken == {"2_form: a time-out that is too long"}, "a schema cannot count what `31d` is"


def test_every_key_says_what_it_is_for() -> None:
    document = schema.document()
    parts = {"Workflow": document, **document["$defs"]}
    for name, part in parts.items():
        for key, field in part.get("properties", {}).items():
            assert "description" in field or "$ref" in json.dumps(field), f"{name}.{key} is not described"


SEED = EXAMPLES[0].read_text() if EXAMPLES else OTHERS[0]
PIECES = ["- ", ": ", "  ", "\n", "{", "}", "[", "]", "{{ ", " }}", "*a", "&a ", "!!x ", "|", "'"]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 5000),
        st.integers(0, 12),
        st.one_of(st.text(max_size=6), st.sampled_from(PIECES)),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


def _judged(text: str) -> None:
    """Nothing is raised, and every problem stands in the text."""
    found = examine(text, around())
    lines = text.removeprefix("\ufeff").split("\n")
    for problem in (*found.problems, *found.warnings):
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1
        assert problem.message
    assert len(found.problems) <= 50
    assert found.validation.valid or found.problems


@FUZZ
@given(EDITS)
def test_a_definition_with_anything_changed_is_judged(edits: list[tuple[int, int, str]]) -> None:
    text = SEED
    for start, gone, new in edits:
        start %= len(text) + 1
        text = text[:start] + new + text[start + gone :]
    _judged(text)


@FUZZ
@given(st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    _judged(text)


KEYS = [
    *Definition.model_fields,
    *Phase.model_fields,
    "prompt",
    "run",
    "over",
    "phase",
    "to",
    "at_most",
    "type",
    "default",
    "name",
    "x",
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**14), 10**14),
        st.floats(allow_nan=False, allow_infinity=False, width=16),
        st.sampled_from(["a", "", "{{ inputs.x }}", "{{ phases.a.output.text }}", "30m", "rework", "inputs.x", "idempotent"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)),
    max_leaves=30,
)  # fmt: skip


@settings(FUZZ, max_examples=max(TRIES // 2, 1))
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6), st.lists(VALUES, max_size=4))
def test_any_data_is_judged(data: dict[str, Any], phases: list[Any]) -> None:
    text = yaml.safe_dump({"name": "a", "phases": phases, **data})
    _judged(text)
    document = attempt(text)
    if isinstance(document, Document):
        assert read(text).definition == document.definition


def test_the_largest_definition_is_judged() -> None:
    line = '  - {id: p%03d, agent: {prompt: "%s {{ inputs.x }}"}}\n'
    text = "name: a\ninputs: {x: {}}\nphases:\n" + "".join(line % (number, "word " * 240) for number in range(200))
    assert len(text.encode()) < LIMIT
    assert examine(text).validation.valid


def test_what_a_run_needs_is_collected(tmp_path: Path) -> None:
    library = Library(tmp_path)
    inner, outer = OTHERS[0], "name: outer\nphases: [{id: x, workflow: {name: greet, inputs: {who: you}}}]\n"
    library.put("greet", inner)
    library.put("outer", outer)
    assert {name: source.text for name, source in library.collected("outer").items()} == {"outer": outer, "greet": inner}
    library.put("outer", outer.replace("greet", "gone"))
    with pytest.raises(InvalidInput):
        library.put("Outer", outer)
    with pytest.raises(Exception, match="no workflow 'gone'"):
        library.collected("outer")
