"""Text in a picture: about how wide it is, cut to its room, safe for XML. Fonts differ, so there is room to spare."""

from __future__ import annotations

from html import escape
from typing import Final

BOLD: Final = 1.1
"""How much wider bold text is."""
MONO: Final = 0.61
"""The width of a letter of fixed width, for a size of 1."""


def text_width(text: str, size: float) -> float:
    """About how wide text is, in pixels: narrow letters are about half as wide as the others."""
    narrow = sum(one in "iljtfrI.,:;|'![]()/ " for one in text)
    return size * (0.61 * (len(text) - narrow) + 0.36 * narrow)


def cut(text: str, room: float, size: float) -> str:
    """Text that fits into its room.

    >>> cut("make everything", 60, 11)
    'make ev…'
    """
    if text_width(text, size) <= room:
        return text
    kept = min(len(text), int(room / (size * 0.36)) + 1)
    while kept and text_width(text[:kept], size) > room - size:
        kept -= 1
    return text[:kept].rstrip() + "…"


def cut_mono(text: str, room: float, size: float) -> str:
    """The same for letters of fixed width."""
    fits = int(room / (size * MONO))
    return text if len(text) <= fits else text[: max(fits - 1, 0)].rstrip() + "…"


def safe(text: str) -> str:
    """Text for XML: escaped, without the characters that XML has no place for."""
    return escape("".join(one for one in text if one.isprintable() or one == "\n"))
