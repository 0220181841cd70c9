"""Cursors: what is not one of ours is refused, whatever it holds."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cao.protocol import InvalidInput
from cao.protocol.paging import seal, unseal

QUESTION = {"state": "open", "limit": 10, "cursor": None}


def forged(position: Any) -> str:
    """A cursor with the digest of one of ours and another position."""
    ours = seal([7], QUESTION)
    digest = json.loads(base64.urlsafe_b64decode(ours + "=" * (-len(ours) % 4)))[1]
    return base64.urlsafe_b64encode(json.dumps([position, digest]).encode()).decode().rstrip("=")


def test_a_cursor_comes_back_whatever_the_size_of_the_next_page() -> None:
    assert unseal(seal([7, "x"], QUESTION), {**QUESTION, "limit": 3}, int, str) == [7, "x"]


@pytest.mark.parametrize("position", [["7"], [7.5], [True], [None], [1 << 63], [float("inf")], [[7]], [7, 8], [], 7, {"7": 7}])
def test_another_position_is_refused(position: Any) -> None:
    with pytest.raises(InvalidInput):
        unseal(forged(position), QUESTION, int)


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "e30", "W10", "bnVsbA", "[" * 9000])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        unseal(cursor, QUESTION, int)


def test_a_cursor_of_another_question_is_refused() -> None:
    with pytest.raises(InvalidInput, match="another list"):
        unseal(seal([7], QUESTION), {**QUESTION, "state": "done"}, int)
