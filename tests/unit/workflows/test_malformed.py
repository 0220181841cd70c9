"""Definitions that cannot be run: each is told where it is wrong, in which words, and nothing else is said of it."""

from __future__ import annotations

from collections import Counter

import pytest

from cao.protocol.definitions import Problem
from cao.workflows.check import examine

from .corpus import OTHERS, Case, around, cases

MALFORMED = cases("[0-9]_*.txt")
WARNED = cases("warnings.txt")


def said(problems: list[Problem]) -> list[str]:
    return [f"{one.line}:{one.column} {one.message}" + (f"; {one.hint}" if one.hint else "") for one in problems]


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.title)
def test_each_is_told_where_and_why(case: Case) -> None:
    found = examine(case.text, around())
    assert said(found.problems) == case.said
    assert case.said, "a case of the corpus is wrong somewhere"
    assert not found.validation.valid


@pytest.mark.parametrize("case", WARNED, ids=lambda case: case.title)
def test_what_does_no_harm_is_a_warning(case: Case) -> None:
    found = examine(case.text, around())
    assert said(found.warnings) == case.said
    assert found.validation.valid


def test_there_are_enough_and_each_is_another_one() -> None:
    assert len(MALFORMED) >= 150
    assert not [title for title, count in Counter(case.title for case in MALFORMED).items() if count > 1]
    assert not [text for text, count in Counter(case.text for case in MALFORMED).items() if count > 1]


@pytest.mark.parametrize("text", OTHERS, ids=lambda text: text.partition("\n")[0])
def test_what_they_are_judged_beside_can_be_read(text: str) -> None:
    assert examine(text).document is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 is empty; a definition has a `name` and `phases`; see: cao definition schema"),
        ("name: a\n\tphases: []", "2:1 is not YAML: while scanning for the next token, found character '\\t' that cannot"),
        ("name: a\n\x01", "2:1 the character U+0001 is not allowed"),
        ("name: a\ndescription: \ud800", "2:14 holds half of a character (a lone surrogate)"),
        ("name: a\n" + "# long\n" * 40_000, "1:1 is 280008 bytes long; a definition has 262144 at most"),
        ("name: a\nphases: " + "[" * 5000, "2:49 is nested deeper than 40 levels"),
        ("name: a\nphases:" + "\n- " * 300, "3:1 `phases` must have 200 entries at most"),
        ("a: [" + "1, " * 10_500 + "]", "1:29999 holds more than 10000 values"),
        ("x" * 201 + ": 1", "1:1 a key is longer than 200 characters"),
    ],
    ids=["empty", "tab", "control", "surrogate", "large", "deep", "long", "wide", "key"],
)  # fmt: skip
def test_texts_that_no_file_should_hold(text: str, expected: str) -> None:
    assert said(examine(text).problems)[0].startswith(expected)


def test_no_more_is_told_than_can_be_read() -> None:
    text = "name: a\nphases:\n" + "".join(f"  - {{id: p{number}, agent: {{promt: x}}}}\n" for number in range(150))
    assert len(examine(text).problems) == 50


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert examine("\ufeffname: a\nphases: [{id: b, agent: {prompt: x}}]").validation.valid
