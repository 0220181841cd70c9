"""Text for a terminal. Whatever an agent, a file or a server wrote passes `plain` before it is shown."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS, SOS, PM, APC: titles, links, clipboard
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction: what is read is not what is there
    "\u2028\u2029\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """Take out everything that steers a terminal or hides what is written; tabs and line feeds stay.

    >>> plain("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07and\\r\\n\\u202egnp.exe")
    'red and\\ngnp.exe'
    """
    return _UNSAFE.sub("", _SEQUENCE.sub("", text))


def escaped(line: str) -> str:
    """The same for a line of JSON, where such characters can be written out and nothing is lost.

    >>> escaped('"\\u202e"')
    '"\\\\u202e"'
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


def one_line(text: str) -> str:
    """A text in one line: white space folded."""
    return " ".join(plain(text).split())


def width(text: str) -> int:
    """Columns that a line takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fitted(text: str, columns: int) -> str:
    """Exactly so many columns: padded, or cut with an ellipsis."""
    space = columns - width(text)
    if space >= 0:
        return text + " " * space
    kept, used = "", 0
    for character in text:
        if used + _columns(character) > columns - 1:
            break
        kept, used = kept + character, used + _columns(character)
    return kept + "…" + " " * (columns - 1 - used)


def ago(moment: str, now: datetime | None = None) -> str:
    """An ISO time as people say it: `3 min ago`. Anything else is given back as it is."""
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    if at.tzinfo is None:
        return moment
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    said = _span(abs(seconds))
    return "now" if said == "0 s" else f"{said} ago" if seconds >= 0 else f"in {said}"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
