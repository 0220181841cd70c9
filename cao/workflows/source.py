"""YAML as data, and where in the text each part of it stands. A strict subset: what could surprise is refused, with its place.

Scalars are read as YAML 1.2 says: `yes`, `no`, `on` and `off` are text, `0o17` is a number and `017` is seventeen. There are no
tags, anchors, aliases or second documents, no key stands twice, and size, depth and the number of values are bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from .problems import Finding, Pointer

LIMIT = 256 * 1024
"""The longest text, in bytes of UTF-8."""
DEEPEST = 40
MOST_VALUES = 10_000

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DIGITS = 15
"""Whole numbers of so many digits are exact wherever JSON is read."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text, from 1."""

    line: int
    column: int
    literal: bool = False
    """The text of a `|` block, whose own lines begin below."""


class Unreadable(Exception):
    """The text is no YAML of ours; `line` and `column` from 1."""

    def __init__(self, message: str, mark: Mark, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.mark, self.hint = message, mark, hint


@dataclass(frozen=True, slots=True)
class Tree:
    """A text's data, and where each value and each key of it stands."""

    data: Any
    values: dict[Pointer, Mark] = field(repr=False)
    keys: dict[Pointer, Mark] = field(repr=False)
    lines: list[str] = field(repr=False)

    def place(self, found: Finding) -> Mark:
        """Where a finding stands: its value, its key, or the nearest part around it that is there."""
        pointer = found.pointer
        if found.at_key and pointer in self.keys:
            return self.keys[pointer]
        if pointer in self.values:
            return self._inside(self.values[pointer], found.line)
        while pointer and pointer not in self.values:
            pointer = pointer[:-1]
        return self.keys.get(pointer) or self.values.get(pointer) or Mark(1, 1)

    def _inside(self, mark: Mark, line: int) -> Mark:
        """A line inside a `|` block."""
        number = mark.line + line
        if not mark.literal or number > len(self.lines):
            return mark
        text = self.lines[number - 1]
        return Mark(number, len(text) - len(text.lstrip()) + 1)


def load(text: str) -> Tree:
    """Read YAML. Raises `Unreadable` for the first place that cannot be read."""
    text = text.removeprefix("\ufeff")
    _check_size(text)
    try:
        return _Builder(text).build()
    except yaml.MarkedYAMLError as error:
        mark = (error.context_mark if _is_unclosed(error) else None) or error.problem_mark or error.context_mark
        raise Unreadable(_said(error), _mark(mark) if mark else Mark(1, 1), _advice(error)) from None
    except yaml.reader.ReaderError as error:
        raise Unreadable(f"the character U+{_code(error.character):04X} is not allowed", _at(text, error.position)) from None
    except yaml.YAMLError as error:
        raise Unreadable(" ".join(str(error).split())[:300], Mark(1, 1)) from None


def _check_size(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise Unreadable("holds half of a character (a lone surrogate)", _at(text, error.start)) from None
    if size > LIMIT:
        raise Unreadable(f"is {size} bytes long; a definition has {LIMIT} at most", Mark(1, 1))


def _at(text: str, position: int) -> Mark:
    before = text[:position]
    return Mark(before.count("\n") + 1, position - before.rfind("\n"))


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


def _mark(mark: Any, literal: bool = False) -> Mark:
    return Mark(cast("int", mark.line) + 1, cast("int", mark.column) + 1, literal)


def _is_unclosed(error: yaml.MarkedYAMLError) -> bool:
    """Something begins and the text ends before it does."""
    return "end of stream" in (error.problem or "") or "<stream end>" in (error.problem or "")


def _said(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return f"is not YAML: {', '.join(parts)}"[:300]


def _advice(error: yaml.MarkedYAMLError) -> str | None:
    problem = error.problem or ""
    if _is_unclosed(error):
        return "it begins here and is never closed"
    if "got '?'" in problem:
        return "put a text with a question mark in quotes"
    if "mapping values are not allowed" in problem:
        return "put a text with a colon in quotes, or look at the indentation"
    if "'\\t'" in problem:
        return "indent with blanks, not with tabs"
    if "'@'" in problem or "'`'" in problem or "'%'" in problem:
        return "put a text that begins with this character in quotes"
    return None


class _Builder:
    """Builds data from the parser's events; every bound is looked at as an event comes."""

    def __init__(self, text: str) -> None:
        self._events = cast("Iterator[Any]", yaml.parse(text, Loader=yaml.SafeLoader))
        self._values: dict[Pointer, Mark] = {}
        self._keys: dict[Pointer, Mark] = {}
        self._lines = text.split("\n")

    def build(self) -> Tree:
        data: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise Unreadable("holds a second document", _mark(event.start_mark), "one file is one definition")
            elif isinstance(event, yaml.NodeEvent):
                data = self._value(event, ())
        return Tree(data, self._values, self._keys, self._lines)

    def _value(self, event: Any, pointer: Pointer) -> Any:
        self._check(event, pointer)
        self._values[pointer] = _mark(event.start_mark, getattr(event, "style", None) == "|")
        match event:
            case yaml.ScalarEvent():
                return _scalar(event)
            case yaml.SequenceStartEvent():
                return [self._value(item, (*pointer, number)) for number, item in enumerate(self._until(yaml.SequenceEndEvent))]
            case _:
                return self._mapping(pointer)

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _mapping(self, pointer: Pointer) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._key(event)
            place = (*pointer, key)
            mark = _mark(event.start_mark)
            value = self._value(next(self._events), place)
            if key in found:
                self._repeat(place, mark)
            found[key] = value
            self._keys.setdefault(place, mark)
        return found

    def _repeat(self, place: Pointer, mark: Mark) -> None:
        first = self._keys[place]
        message = f"the key `{place[-1]}` stands here a second time"
        raise Unreadable(message, mark, f"it is in line {first.line} already")

    def _key(self, event: Any) -> str:
        self._check(event, ())
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(
                "a key must be a text",
                _mark(event.start_mark),
                'put a text that begins with { or [ in quotes, as in "{{ inputs.goal }}"',
            )
        key = _scalar(event)
        if not isinstance(key, str):
            raise Unreadable(f"the key `{event.value}` is not a text", _mark(event.start_mark), f'write "{event.value}"')
        if len(key) > 200:
            raise Unreadable("a key is longer than 200 characters", _mark(event.start_mark))
        return key

    def _check(self, event: Any, pointer: Pointer) -> None:
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(f"`*{event.anchor}` repeats another part, which is not allowed", mark, "write it out")
        if event.anchor is not None:
            raise Unreadable(f"`&{event.anchor}` names a part, which is not allowed", mark, "write it out where it is needed")
        if event.tag is not None:
            raise Unreadable(
                f"the tag `{event.tag.replace('tag:yaml.org,2002:', '!!')}` is not allowed",
                mark,
                "put a text that begins with ! in quotes",
            )
        if len(pointer) > DEEPEST:
            raise Unreadable(f"is nested deeper than {DEEPEST} levels", mark)
        if len(self._values) >= MOST_VALUES:
            raise Unreadable(f"holds more than {MOST_VALUES} values", mark)


def _scalar(event: Any) -> Any:
    """What a scalar is, as the core schema of YAML 1.2 says."""
    text = cast("str", event.value)
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text) or _BASED.match(text):
        return _whole(text, event)
    if _FLOAT.match(text) or _SPECIAL.match(text):
        return _real(text, event)
    return text


def _whole(text: str, event: Any) -> int:
    if len(text) > _DIGITS:
        raise Unreadable("a number of more than 15 digits is not exact", _mark(event.start_mark), "put it in quotes, as a text")
    return int(text, 0) if _BASED.match(text) else int(text)


def _real(text: str, event: Any) -> float:
    number = math.inf if _SPECIAL.match(text) else float(text)
    if not math.isfinite(number):
        raise Unreadable(f"`{text[:20]}` is no number that JSON has", _mark(event.start_mark), "put it in quotes, as a text")
    return number
