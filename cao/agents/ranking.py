"""How well a profile fits the words that somebody looks for."""

from __future__ import annotations

import re

from .profile import Profile

WORDS = 32
"""Words of a question that count at most."""


def score(profile: Profile, question: str) -> int:
    """More is better, 0 is no match. A word of the name counts most, then capabilities, tags and role, then the description.

    >>> score(Profile(name="critic", tags=["review"]), "review")
    8
    """
    shelves = ((8, profile.name), (4, " ".join((*profile.capabilities, *profile.tags, profile.role))), (1, profile.description))
    texts = [(weight, _words(text)) for weight, text in shelves]
    return sum(weight * _closeness(word, text) for word in _words(question)[:WORDS] for weight, text in texts)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _closeness(word: str, text: list[str]) -> int:
    """2 where the word stands in the text, 1 where a word of it begins or ends with it, else 0."""
    if word in text:
        return 2
    return int(len(word) > 2 and any(one.startswith(word) or one.endswith(word) for one in text))
