"""What people type, as a query of FTS5: no text is bad syntax, and nothing has a meaning that was not promised."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cao.store.history import query


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hello world", '"hello" "world"'),
        ('"not found" error', '"not found" "error"'),
        ("conn*", '"conn"*'),
        ('"two wor"*', '"two wor"*'),
        ("a AND b OR NOT c NEAR(d)", '"a" "AND" "b" "OR" "NOT" "c" "NEAR(d)"'),
        ("title:x ^y -z", '"title:x" "^y" "-z"'),
        ('say "hi', '"say" """hi"'),
        ("!!! ***", ""),
    ],
)
def test_meanings(words: str, expected: str) -> None:
    assert query(words) == expected


def test_terms_are_bounded() -> None:
    assert query("a " * 100).count('"a"') == 32


_INDEX = sqlite3.connect(":memory:", check_same_thread=False)
_INDEX.execute("CREATE VIRTUAL TABLE t USING fts5 (text)")
_INDEX.execute("INSERT INTO t VALUES ('some words')")


@given(st.text(min_size=1, max_size=60) | st.text('"*()^:-+{}\\ aNORD\0\n', max_size=60))
def test_no_text_is_bad_syntax(words: str) -> None:
    if match := query(words):
        _INDEX.execute("SELECT count(*) FROM t WHERE t MATCH ?", (match,)).fetchone()
