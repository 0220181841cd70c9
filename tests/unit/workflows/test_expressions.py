"""Templates: what they give, what they cannot reach, and that none of them grows without bound."""

from __future__ import annotations

import os
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cao.workflows.expressions import OUTPUT_LIMIT, ExpressionError, evaluate, filled, names, references, render, single

EXAMPLES = int(os.environ.get("CAO_FUZZ_EXAMPLES", "30"))
"""How many the fuzzer tries; tens of thousands when somebody has the time."""
"""How many the fuzzer tries; tens of thousands when somebody has the time."""

SCOPE: dict[str, Any] = {
    "inputs": {"goal": "ship", "parts": ["api", "web"], "count": 3, "none": None, "big": "x" * 400_000},
    "phases": {
        "plan": {"verdict": "advance", "reason": "", "output": {"text": "Plan.", "json": {"steps": ["a", "b"], "items": 7}}},
        "build": {"verdict": "rework", "output": {"items": [{"text": "one"}, {"text": "two"}]}},
    },
    "run": {"id": "run_1", "directory": "/srv/code", "branch": "change"},
    "feedback": "",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Do {{ inputs.goal }}.", "Do ship."),
        ("{{ inputs['goal'] }}", "ship"),
        ("{{ inputs.none }}|", "|"),
        ("{{ inputs.parts }}", '["api", "web"]'),
        ("{{ true }} {{ 1 == 1.0 }} {{ 7 // 2 }} {{ 7 / 2 }} {{ -3 % 2 }}", "true true 3 3.5 1"),
        ("{{ phases.plan.output.json.items }}", "7"),
        ("{{ phases.build.output.items[1].text }}", "two"),
        ("{% for part in inputs.parts %}{{ loop.index }}{{ part }}{{ '' if loop.last else ',' }}{% endfor %}", "1api,2web"),
        ("{{ inputs.parts | map('upper') | to_json | from_json | unique | join('I') | split('I') | reverse | join }}", "WEBAP"),
        ("{{ 'a b\\nc' | lines | first | trim | replace('b', 'xyz') | truncate(4) | capitalize }}", "A x…"),
        ("{% for key, value in {'a': 1} | items %}{{ key }}={{ value }}{% endfor %}", "a=1"),
        ("{% if feedback %}no{% elif inputs.count > 2 and not feedback %}yes{% endif %}", "yes"),
        ("{{ inputs.nothing | default('else') }}", "else"),
        ("{{ inputs.nothing.deeper is defined }}", "false"),
        ("{{ phases.build.output.items | map(attribute='text') | join(' and ') }}", "one and two"),
        ("{{ inputs.parts | select('ne', 'api') | list }}", '["web"]'),
        ("{{ [3, 1, 2] | sort | join }} {{ [3, 1] | sum }} {{ [3, 1] | max }}", "123 4 3"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ 2.567 | round(1) }} {{ 2.5 | round }} {{ '12' | int }} {{ 'x' | int(7) }} {{ -2 | abs }}", "2.6 2 12 7 2"),
        ("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc\n"),
        ("{% raw %}{{ kept }}{% endraw %}{# gone #}", "{{ kept }}"),
        ("{{ 'a' if inputs.count == 3 }}{{ inputs.goal ~ 1 ~ none }}", "aship1"),
    ],
)  # fmt: skip
def test_what_templates_give(template: str, text: str) -> None:
    assert render(template, SCOPE) == text


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.parts", ["api", "web"]),
        ("inputs.parts | length > 1 and feedback == ''", True),
        ("phases.plan.output.json", {"steps": ["a", "b"], "items": 7}),
        ("[inputs.goal, none, 1.5]", ["ship", None, 1.5]),
        ("'web' in inputs.parts", True),
        ("inputs.parts | map('upper')", ["API", "WEB"]),
    ],
)
def test_what_expressions_give(expression: str, value: Any) -> None:
    assert evaluate(expression, SCOPE) == value


def test_a_text_that_is_one_expression_gives_its_value() -> None:
    assert filled({"a": ["{{ inputs.parts }}", "{{ inputs.count }} x"], "b": 5}, SCOPE) == {
        "a": [["api", "web"], "3 x"],
        "b": 5,
    }
    assert single("{{ 'a }} {{ b' }}") == "'a }} {{ b'"
    assert single("{{ a }}{{ b }}") is None


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ inputs.nothing }}", "there is no 'nothing' in a mapping"),
        ("{{ nobody.there }}", "'nobody' is undefined"),
        ("{{ ''.__class__ }}", "there is no '__class__' in a text"),
        ("{{ inputs.__init__ }}", "there is no '__init__' in a mapping"),
        ("{{ inputs['__class__'] }}", "there is no '__class__' in a mapping"),
        ("{{ inputs.items }}", "there is no 'items' in a mapping"),
        ("{{ inputs.goal.format }}", "there is no 'format' in a text"),
        ("{{ inputs | attr('__class__') }}", "no filter is called 'attr'"),
        ("{{ inputs | counted(1) }}", "no filter is called 'counted'"),
        ("{{ inputs.parts | map('attr', '__class__') }}", "no filter is called 'attr'"),
        ("{{ inputs.parts | map(attribute='__class__') | first }}", "there is no '__class__' in a text"),
        ("{% for x in [1] %}{{ loop.__init__ }}{% endfor %}", "there is no '__init__' in what has no value"),
        ("{% for x in [1] recursive %}{{ loop(x) }}{% endfor %}", "a loop cannot be recursive"),
        ("{{ cycler }}", "'cycler' is undefined"),
        ("{{ lipsum.__globals__ }}", "'lipsum' is undefined"),
        ("{{ self.__init__ }}", "`self` is not there"),
        ("{{ '%s' % 'x' }}", "`%` cannot be calculated of a text and a text"),
        ("{{ inputs.goal * 3 }}", "`*` cannot be calculated of a text and a number"),
        ("{{ [1] * 3 }}", "`*` cannot be calculated of a list and a number"),
        ("{{ true + 1 }}", "`+` cannot be calculated of true or false and a number"),
        ("{{ inputs.nothing + 1 }}", "there is no 'nothing' in a mapping"),
        ("{{ 1 // 0 }}", "integer division or modulo by zero"),
        ("{{ {[]: 1} }}", "unhashable type: 'list'"),
        ("{{ 5 | length }}", "has no length: it is a number"),
        ("{{ [] | first }}", "list index out of range"),
        ("{{ 'x' | from_json }}", "Expecting value"),
        ("{{ inputs.goal | replace(1, 2) }}", "must be str, not int"),
    ],
)
def test_what_templates_cannot_do(template: str, said: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        render(template, SCOPE)
    assert said in refused.value.message


EVIL = [
    "{{ 'x' * 10 ** 9 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ range(10 ** 9) }}",
    "{{ " + "9" * 60_000 + " }}",
    "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "{{ " + "[" * 20_000 + "]" * 20_000 + " }}",
    "{{ " + "not " * 15_000 + "1 }}",
    "{{ " + "-" * 60_000 + "1 }}",
    "{{ " + "1+" * 30_000 + "1 }}",
    "{{ inputs" + ".a" * 30_000 + " }}",
    "{{ 1" + "|abs" * 15_000 + " }}",
    "{% if 1 %}" * 3_000 + "{% endif %}" * 3_000,
    "{% for a in [1] %}" * 1_500 + "{% endfor %}" * 1_500,
    "{{ 1 }}" * 9_000,
    "{{ inputs.big ~ inputs.big }}",
    "{{ inputs.big + inputs.big }}",
    "{{ " + "inputs.big ~ " * 900 + "1 }}",
    "{{ inputs.big }}" * 600,
    "{{ inputs.big | replace('x', inputs.big) }}",
    "{{ inputs.big | replace('', inputs.big) }}",
    "{{ inputs.big | list | join(inputs.big) }}",
    "{{ 'a' | indent(10 ** 9) }}",
    "{{ inputs.big | list | to_json(indent=8) }}",
    "{{ [" + "inputs.big, " * 900 + "] }}",
    "{% for a in inputs.big | list %}{% for b in inputs.big | list %}{% endfor %}{% endfor %}",
    "{% for a in inputs.big | list %}{{ inputs.big }}{% endfor %}",
    "{% for a in inputs.big | list %}{% if 'xy' in inputs.big %}{% endif %}{% endfor %}",
    "{% for a in inputs.big | list %}" + "{% if 1 == 1 %}{% endif %}" * 300 + "{% endfor %}",
    "{{ inputs.big | list | map('replace', '', inputs.big) | list }}",
    "{{ inputs.big | list | sum }}",
    "{{ 1e308 * 10 }}{{ 1e999 }}",
    "{{ ('9' * 9) | int }}",
    "{{ inputs.big | list | sort | unique | list }}",
]


@pytest.mark.parametrize("number", range(len(EVIL)))
def test_nothing_grows_without_bound(number: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ExpressionError):
            render(EVIL[number], SCOPE)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_an_expression_cannot_grow_either() -> None:
    for expression in ("[" + "inputs.big, " * 150 + "]", "inputs.big | list | map('string') | map('list')"):
        with pytest.raises(ExpressionError):
            evaluate(expression, SCOPE)


def test_what_a_template_reads() -> None:
    text = "{% for part in inputs.parts %}{{ part.name }}{{ loop.index }}{{ phases.a['b'].c }}{% endfor %}\n{{ run.id | d(1) }}"
    assert names(text) == {("inputs", "parts"), ("phases", "a", "b", "c"), ("run", "id")}
    assert [(reference.line, reference.guarded) for reference in references(text)] == [(1, False), (1, False), (2, True)]


WORDS = [
    "{{", "}}", "{%", "%}", "{#", "#}", "if", "for", "in", "endif", "endfor", "else", "set", "inputs", "phases", ".", "[", "]",
    "(", ")", "|", "join", "map", "replace", "'", '"', "x", "9" * 30, "**", "*", "+", "~", "%", "is", "defined", "not", "and",
    ":", ",", "=", "==", "__class__", "self", "loop", "recursive", "range", "\n", " ", "{", "}", "raw", "endraw", "big", "goal",
    "parts", "é", "\\", "-", "1e9",
]  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.booleans())
def test_whatever_is_written_gives_a_text_or_an_error(words: list[str], spaced: bool) -> None:
    text = (" " if spaced else "").join(words)
    for attempt in (text, "{{ " + text + " }}"):
        try:
            assert len(render(attempt, SCOPE)) <= OUTPUT_LIMIT
        except ExpressionError as error:
            assert error.message
    try:
        evaluate(text, SCOPE)
        references("{{ " + text + " }}")
    except ExpressionError as error:
        assert error.line >= 1
