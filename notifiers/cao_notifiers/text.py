"""Text of agents and services is data: cleaned, cut, and kept from being markup where it is read as such."""

from __future__ import annotations

import re
import unicodedata

TITLE_LIMIT = 200
BODY_LIMIT = 1500
"""Characters of a notification's text: what the smallest of the common services takes, with room for the link."""
ERROR_LIMIT = 300

LINK = "\ue000"
"""Stands for the approval link in stored text: the link itself is never stored. `clean` takes it out of other text."""

LINK_WORDS = "(approval link)"

_KEPT = frozenset("\n\t")
_MARKDOWN = re.compile(r"([\\`*_~|<>\[\]()#])")
_MENTION = re.compile(r"@(?=\w)|(?<=<)(?=[@!#])")


def clean(text: str, limit: int) -> str:
    """Without control, format and private characters (terminal sequences, text that runs backwards), and cut.

    >>> clean("a\\x1b[31mred", 20)
    'a[31mred'
    """
    kept = "".join(one for one in text[: 4 * limit] if one in _KEPT or unicodedata.category(one)[0] != "C").strip()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def line(text: str, limit: int) -> str:
    """The same on one line.

    >>> line("one\\n two", 20)
    'one two'
    """
    return " ".join(clean(text, limit).split())


def shown(text: str) -> str:
    """Stored text as people read it in a list: the link has no place there."""
    return text.replace(LINK, LINK_WORDS)


def escape_markdown(text: str) -> str:
    """Text that means itself where Markdown is read.

    >>> escape_markdown("*not bold*")
    '\\\\*not bold\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", text)


def unmention(text: str) -> str:
    """Text that calls nobody: after its at signs stands a space without width.

    >>> unmention("@everyone") == "@\\u200beveryone"
    True
    """
    return _MENTION.sub(lambda found: found.group() + "\u200b", text)
