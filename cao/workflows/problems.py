"""What is wrong with a definition, and where: found as a pointer into its data, told as a line and a column of its text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Level = Literal["error", "warning"]
Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a definition, before anybody knows where in the text it stands."""

    pointer: Pointer
    message: str
    hint: str | None = None
    level: Level = "error"
    at_key: bool = False
    """It is about the key, not about its value."""
    line: int = 1
    """The line inside a text of several lines."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant.

    >>> closest("promt", ["prompt", "profile"])
    'prompt'
    """
    found = get_close_matches(word[:100], list(known)[:1000], n=1, cutoff=0.6)
    return found[0] if found else None


def meant(word: str, known: Iterable[str], otherwise: str = "there is") -> str:
    """A hint for an unknown word: the one that was probably meant, or all of them.

    >>> meant("advanc", ["advance", "fail"]), meant("x", ["advance", "fail"]), meant("x", [])
    ('did you mean `advance`?', 'there is `advance`, `fail`', 'there is none')
    """
    words = list(known)
    if found := closest(word, words):
        return f"did you mean `{found}`?"
    shown = ", ".join(f"`{one}`" for one in words[:20]) or "none"
    return f"{otherwise} {shown}{', …' if len(words) > 20 else ''}"


def quoted(pointer: Pointer) -> str:
    """A JSON pointer.

    >>> quoted(("phases", 0, "a/b"))
    '/phases/0/a~1b'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)
