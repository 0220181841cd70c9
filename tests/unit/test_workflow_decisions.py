"""Decisions: read from talk, held against contracts, within bounds whatever is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cao.workflows import schemas
from cao.workflows.decision import DEPTH, breaches, instructions, of_answer, of_command, reminder, required
from cao.workflows.definition import Phase

GATE = {
    "evidence": ["tests-passed", "code-review-clean"],
    "confidence": 0.8,
    "risk": "medium",
    "output": {
        "type": "object",
        "required": ["files"],
        "properties": {"files": {"type": "array", "items": {"type": "string"}}},
    },
}
GOOD = {
    "verdict": "advance",
    "confidence": 0.9,
    "risk": "low",
    "reason": "all is well",
    "evidence": [{"kind": "tests-passed"}, {"kind": "code-review-clean", "file": "a.py"}],
    "output": {"files": ["a.py"]},
}


def agent(**fields: Any) -> Phase:
    return Phase.model_validate({"id": "build", "agent": {"prompt": "Build it."}, **fields})


def command(**fields: Any) -> Phase:
    work = {"run": ["make"], **{name: fields.pop(name) for name in ("output", "failed", "success") if name in fields}}
    return Phase.model_validate({"id": "test", "command": work, **fields})


def verdict(text: str, phase: Phase | None = None) -> str | None:
    decision, _ = of_answer(text, phase or agent(routes={"rework": "build"}))
    return decision.verdict if decision else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"verdict": "advance"}', "advance"),
        ('Done.\n\n```json\n{\n  "verdict": "rework",\n  "reason": "a } in a string"\n}\n```\nBye.', "rework"),
        ('First I thought {"verdict": "fail"} but then {"verdict": "advance"}.', "advance"),
        ('{"verdict": "advance", "output": {"verdict": "fail"}}', "advance"),
        ('def f() { return "x" } {it\'s} {"a": 1} {"verdict": "skip"} {"b": 2}', "skip"),
        ('{"verdict": "fail"} and then {"verdict": "advance",}', "fail"),
        ('{"result": {"verdict": "Rework"}}', "rework"),
        ('{"verdict": "ADVANCE "}', "advance"),
        ("The verdict is advance.", None),
        ('{"verdict": 3}', None),
        ('{"verdict": "not a word!"}', None),
        ('["verdict"]', None),
        ('{"verdict": "advance"', None),
        ("", None),
    ],
    ids=lambda value: (value or "nothing")[:20],
)
def test_the_last_outermost_object_with_a_verdict_is_the_decision(text: str, expected: str | None) -> None:
    assert verdict(text) == expected


def test_an_own_verdict_is_read_where_decisions_are_asked_and_ignored_elsewhere() -> None:
    assert (
        verdict('{"verdict": "needs-design"}', agent(verdicts=["needs-design"], routes={"needs-design": "build"}))
        == "needs-design"
    )
    assert verdict('{"verdict": "guilty"}', agent()) is None
    assert verdict('{"verdict": "fail"}', agent()) == "fail"


def test_fields_that_cannot_be_used_count_as_missing() -> None:
    said = {"verdict": "advance", "confidence": "certain", "risk": "extreme", "reason": 7, "evidence": [3, "Tests_Passed", {}]}
    decision, output = of_answer(json.dumps(said), agent(contract={}))
    assert decision is not None
    assert (decision.confidence, decision.risk, decision.reason, decision.by) == (None, None, "", "agent")
    assert [one.kind for one in decision.evidence] == ["tests-passed"]
    assert "json" not in output


def test_a_huge_reason_and_much_evidence_are_cut() -> None:
    said = {"verdict": "rework", "reason": "x" * 100_000, "evidence": [{"kind": f"k{n}", "value": n} for n in range(200)]}
    decision, _ = of_answer(json.dumps(said), agent(contract={}))
    assert decision is not None
    assert (len(decision.reason), len(decision.evidence)) == (8000, 50)


@pytest.mark.parametrize(
    "text",
    [
        '{"verdict": ' * 100_000,
        '{"a":' * 200_000 + '"verdict"',
        '{"verdict": "advance", "output": ' + "[" * (DEPTH + 5) + "]" * (DEPTH + 5) + "}",
        '{"a":' * 900 + "[" + "1," * 300_000 + '"verdict"',
        '{"' * 500_000 + '"verdict"',
    ],
    ids=["open", "deep", "nested", "deep and long", "braces"],
)
def test_hostile_answers_hold_no_decision(text: str) -> None:
    assert verdict(text) is None


@given(st.text(alphabet='{}[]":, abverdict\\\n', max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text: str) -> None:
    decision, output = of_answer(text + '"verdict"', agent(contract={}))
    assert output["text"] == text + '"verdict"'
    assert decision is None or decision.verdict


def test_a_good_decision_keeps_its_contract() -> None:
    phase = agent(contract=GATE)
    decision, output = of_answer(json.dumps(GOOD), phase)
    assert decision is not None
    assert breaches(phase, decision, output) == []
    assert output["json"] == {"files": ["a.py"]}


@pytest.mark.parametrize(
    ("change", "breach"),
    [
        ({"verdict": "perhaps"}, "the verdict 'perhaps' is none of advance, rework, skip, fail"),
        ({"evidence": [{"kind": "tests-passed"}]}, "evidence of the kind 'code-review-clean' is missing"),
        ({"confidence": 0.79}, "the confidence is 0.79, and must be a number from 0.8 to 1"),
        ({"confidence": None}, "the confidence is not told, and must be a number from 0.8 to 1"),
        ({"risk": "high"}, "the risk is high, and may be medium at most"),
        ({"risk": None}, "the risk is not told, and may be medium at most"),
        ({"output": {"files": [3]}}, "output.files[0]: 3 is not of type 'string'"),
        ({"output": []}, "output: [] is not of type 'object'"),
    ],
    ids=["verdict", "evidence", "confidence", "no confidence", "risk", "no risk", "output", "kind of output"],
)
def test_a_breach_is_told_in_a_sentence(change: dict[str, Any], breach: str) -> None:
    phase = agent(contract=GATE)
    decision, output = of_answer(json.dumps({**GOOD, **change}), phase)
    assert decision is not None
    assert breaches(phase, decision, output) == [breach]


def test_an_output_that_the_contract_asks_for_must_be_there() -> None:
    phase = agent(contract={"output": {"type": "null"}})
    decision, output = of_answer('{"verdict": "advance"}', phase)
    assert decision is not None
    assert breaches(phase, decision, output) == ["the output is missing"]
    decision, output = of_answer('{"verdict": "advance", "output": null}', phase)
    assert decision is not None
    assert breaches(phase, decision, output) == []


@pytest.mark.parametrize("word", ["rework", "skip", "fail"])
def test_a_contract_is_about_results(word: str) -> None:
    phase = agent(contract=GATE)
    decision, output = of_answer(json.dumps({"verdict": word}), phase)
    assert decision is not None
    assert breaches(phase, decision, output) == []


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"type": "strng"}, "strng"),
        ({"$ref": "https://example.com/schema.json"}, "inside the schema"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "/properties/a/$ref"),
        ({"allOf": [{"$ref": 3}]}, "/allOf/0/$ref"),
    ],
    ids=["type", "remote", "file", "number"],
)
def test_a_schema_that_cannot_be_kept_is_refused(schema: dict[str, Any], word: str) -> None:
    assert word in str(schemas.problem(schema))


def test_references_inside_a_schema_are_followed_and_lost_ones_told() -> None:
    schema = {"$ref": "#/$defs/part", "$defs": {"part": {"type": "integer"}}}
    assert schemas.problem(schema) is None
    assert list(schemas.misfits(schema, {"json": "x"})) == ["output: 'x' is not of type 'integer'"]
    assert "leads nowhere" in next(schemas.misfits({"$ref": "#/$defs/lost"}, {"json": 1}))
    assert "circles" in next(schemas.misfits({"$ref": "#"}, {"json": 1}))
    assert "leads nowhere" in next(schemas.misfits({"$ref": "http://127.0.0.1:9/x"}, {"json": 1}))


def test_a_commands_exit_code_decides() -> None:
    decision, output = of_command(0, "fine\n", command())
    assert (decision.verdict, decision.by, output) == ("advance", "command", {"text": "fine\n"})
    assert decision.evidence[0].value == 0
    decision, _ = of_command(2, "one\n", command(), stderr="boom\n")
    assert (decision.verdict, decision.reason) == ("fail", "exit code 2\none\nboom")
    assert of_command(2, "", command(routes={"rework": "build"}))[0].verdict == "rework"
    assert of_command(2, "", command(failed="broken", verdicts=["broken"]))[0].verdict == "broken"
    assert of_command(3, "", command(success=[0, 3]))[0].verdict == "advance"
    assert of_command(-9, "", command())[0].reason == "exit code -9"
    assert len(of_command(1, "x" * 100_000, command())[0].reason) < 5000


def test_a_commands_document_is_its_output_and_may_decide() -> None:
    phase = command(output="json")
    decision, output = of_command(0, '{"found": 3}', phase)
    assert (decision.verdict, output["json"]) == ("advance", {"found": 3})
    decision, output = of_command(0, '{"decision": {"verdict": "rework", "reason": "slow"}}', phase)
    assert (decision.verdict, decision.reason, decision.by) == ("rework", "slow", "command")
    decision, output = of_command(0, "no json", phase)
    assert breaches(phase, decision, output) == ["the command's output is not one JSON document, as `output: json` says it is"]
    decision, output = of_command(1, '{"decision": {"verdict": "advance"}}', phase)
    assert decision.verdict == "fail"


def test_instructions_tell_all_that_is_held_against_the_answer() -> None:
    assert instructions(agent()) == ""
    assert not required(agent())
    phase = agent(contract=GATE, verdicts=["needs-design"], routes={"rework": "plan", "needs-design": "plan"})
    told = instructions(phase)
    for word in ("`needs-design`", "`plan`", "`tests-passed`, `code-review-clean`", "0.8", "medium", '"required": ["files"]'):
        assert word in told, word
    example, _ = of_answer(told, phase)
    assert example is not None
    assert example.verdict == "advance"
    assert reminder(phase, []).startswith("Your answer has no decision.\n\nEnd your answer")
    assert "- the risk is high" in reminder(phase, ["the risk is high"])
