"""What the command line shows: nothing that steers a terminal, and tables that fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cao.client import catalog
from cao_cli.output import event_line, rendered
from cao_cli.tables import details, table
from cao_cli.text import ago, escaped, fitted, one_line, plain, width

NOW = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)


def bare(text: str, value: str) -> str:
    return text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x1b]52;c;ZXZpbA==\x07b", "ab"),
        ("a\x1bP1$r\x1b\\b", "ab"),
        ("\x9b31mred", "red"),
        ("\x1b7\x1bcreset", "reset"),
        ("over\rwritten\b\b", "overwritten"),
        ("\u202egnp.exe\u2066\u200f", "gnp.exe"),
        ("half \ud800 pair", "half  pair"),
        ("kept\tand\nkept ü 漢 🙂", "kept\tand\nkept ü 漢 🙂"),
        ("cut off \x1b]0;never ends", "cut off "),
    ],
)
def test_control_sequences_are_taken_out(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


@given(st.text())
def test_nothing_that_steers_is_left(text: str) -> None:
    left = plain(text)
    assert "\x1b" not in left
    assert all(character in "\t\n" or character.isprintable() or ord(character) >= 0xA0 for character in left)
    assert plain(left) == left


@given(st.text())
def test_json_keeps_what_it_escapes(text: str) -> None:
    import json

    line = escaped(json.dumps(text, ensure_ascii=False))
    assert json.loads(line) == text
    assert "\u202e" not in line
    assert "\x9b" not in line


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"])), st.integers(2, 60))
def test_a_cell_takes_exactly_its_columns(text: str, columns: int) -> None:
    assert width(fitted(text, columns)) == columns


def test_lines_are_folded_into_one() -> None:
    assert one_line("a\n b\t\tc \x1b[1md") == "a b c d"


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2030-01-02T12:00:00Z", "now"),
        ("2030-01-02T11:59:30Z", "30 s ago"),
        ("2030-01-02T11:00:00+00:00", "1 h ago"),
        ("2029-12-30T12:00:00Z", "3 d ago"),
        ("2030-01-02T12:05:00Z", "in 5 min"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_are_said_as_people_say_them(moment: str, said: str) -> None:
    assert ago(moment, NOW) == said


def test_a_table_is_aligned_and_drops_what_nothing_fills() -> None:
    items = [{"seq": 1, "type": "run.queued", "data": {}}, {"seq": 20, "type": "run.done", "data": {}}]
    assert table("event", items, 80, bare) == "seq  type\n1    run.queued\n20   run.done"


@pytest.mark.parametrize("columns", [30, 50, 80, 200])
def test_a_table_fits_the_terminal(columns: int) -> None:
    items = [{"id": "run_" + "x" * 20, "state": "completed", "session_id": "ses_1", "result": "漢字 and words " * 40}]
    lines = table("run", items, columns, bare).split("\n")
    assert all(width(line) <= columns for line in lines)
    assert len(lines) == 2


def test_a_hostile_value_cannot_break_a_table_or_a_detail_view() -> None:
    hostile = "\x1b[2Jboo\nrun_2  completed"
    shown = table("run", [{"id": "run_1", "state": "failed", "result": hostile}], 80, bare)
    assert shown.count("\n") == 1
    assert "\x1b" not in shown + details({"id": "run_1", "result": hostile, "data": {hostile: hostile}}, 80, bare)


def test_a_detail_view_puts_long_texts_and_lists_below_their_names() -> None:
    answer = {"id": "ses_1", "note": "one\ntwo", "terminals": [{"name": "a", "status": "idle"}], "labels": {"team": "docs"}}
    assert details(answer, 80, bare).split("\n") == [
        "id         ses_1",
        "note",
        "  one",
        "  two",
        "terminals",
        "  name  status",
        "  a     idle",
        "labels     team=docs",
    ]


_HOSTILE = st.text(st.sampled_from("ab \x1b[]\x07\x9b\r\n\u202e0;m"), max_size=12)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | _HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_HOSTILE, inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(_HOSTILE, _ANYTHING, min_size=1, max_size=6))
def test_an_answer_steers_no_terminal_whatever_its_names_and_values_are(answer: dict[str, Any]) -> None:
    """Values are agents' words, and so are the names in an approval's action."""
    shown = (
        rendered(catalog.entry("approval.get"), answer),
        rendered(catalog.entry("approval.list"), {"items": [answer], "next_cursor": None}),
        event_line({"seq": 1, "type": "x.y", "data": answer}),
    )
    for text in shown:
        assert not set(text) & set("\x1b\x07\x9b\r\u202e")
