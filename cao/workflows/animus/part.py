"""A part of the foreign file: its fields are taken one by one, and what nobody took is told at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar, cast

from cao.protocol.imports import Remark, RemarkLevel

T = TypeVar("T")

MOST_REMARKS: Final = 500
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.]*)(?::([-?])([^}]*))?\}")


class Report:
    """What is told of the translation, each remark once."""

    def __init__(self) -> None:
        self._remarks: dict[tuple[str, str], Remark] = {}

    @property
    def remarks(self) -> list[Remark]:
        """In the order in which they were found."""
        return list(self._remarks.values())

    def add(self, level: RemarkLevel, pointer: str, message: str, hint: str) -> None:
        """pointer: the place in the foreign file, as a JSON pointer. hint: what to do."""
        if len(self._remarks) < MOST_REMARKS:
            self._remarks.setdefault((pointer, message), Remark(level=level, pointer=pointer, message=message, hint=hint))


def mapping(value: Any) -> dict[str, Any]:
    """The value, if it is a mapping; else an empty one."""
    return dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value, if it is a list; else an empty one."""
    return list(cast("list[Any]", value)) if isinstance(value, list) else []


def by_id(value: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Things that have names, with their places: written as a mapping, or as a list whose entries have an `id`."""
    for name, one in mapping(value).items():
        yield name, name, mapping(one)
    for number, one in enumerate(map(mapping, sequence(value))):
        if isinstance(id := one.pop("id", None), str):
            yield id, str(number), one


class Part:
    """A mapping of the foreign file. Taking a field of another kind than asked tells so, and gives None."""

    def __init__(self, data: Any, pointer: str, report: Report) -> None:
        self._fields = mapping(data)
        self.pointer, self.report = pointer, report
        if data is not None and not isinstance(data, dict):
            self.lost("", "is not a mapping of keys to values", "write it as `key: value`")

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def lost(self, name: str, message: str, hint: str) -> None:
        """Tell of something that has no counterpart."""
        self.report.add("lost", self.at(name), message, hint)

    def changed(self, name: str, message: str, hint: str) -> None:
        """Tell of something that is there but means something else."""
        self.report.add("changed", self.at(name), message, hint)

    def at(self, name: str) -> str:
        return f"{self.pointer}/{name}" if name else self.pointer

    def text(self, name: str) -> str | None:
        """A text that is no template; a variable of the environment in it is replaced by its default."""
        found = self._take(name, str)
        return None if found is None else self._plain(name, found)

    def template(self, name: str) -> str | None:
        """A text as it stands."""
        return self._take(name, str)

    def flag(self, name: str) -> bool | None:
        return self._take(name, bool)

    def number(self, name: str) -> float | None:
        """A number that is not negative."""
        found = self._fields.pop(name, None)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, (int, float)) or found < 0:
            self.lost(name, "is not a number", "give a number")
            return None
        return found

    def whole(self, name: str) -> int | None:
        found = self.number(name)
        return None if found is None else int(found)

    def words(self, name: str) -> list[str]:
        """A list of texts; one text is a list of one."""
        return [item for item in self.items(name) if isinstance(item, str)]

    def items(self, name: str) -> list[Any]:
        found = self._fields.pop(name, None)
        return sequence(found) if isinstance(found, list) or found is None else [found]

    def mapping(self, name: str) -> dict[str, Any]:
        """A mapping as it stands."""
        found = self._fields.pop(name, None)
        if found is not None and not isinstance(found, dict):
            self.lost(name, "is not a mapping of keys to values", "write it as `key: value`")
        return mapping(found)

    def part(self, name: str) -> Part:
        """A part inside; an empty one where there is none."""
        return Part(self._fields.pop(name, None), self.at(name), self.report)

    def parts(self) -> Iterator[tuple[str, Part]]:
        """All fields, as parts by their names."""
        for name in list(self._fields):
            yield name, self.part(name)

    def peek(self, name: str) -> list[dict[str, Any]]:
        """The mappings of a list, which stays."""
        return [mapping(one) for one in sequence(self._fields.get(name))]

    def anything(self, name: str) -> Any:
        return self._fields.pop(name, None)

    def close(self, hints: Mapping[str, str]) -> None:
        """Tell of what is left. hints: what to do, by field."""
        for name in list(self._fields):
            hint = hints.get(name, "look whether it matters; nothing here does the same")
            self.lost(name, f"`{name}` has no counterpart", hint)
            del self._fields[name]

    def _take(self, name: str, kind: type[T]) -> T | None:
        found = self._fields.pop(name, None)
        if found is None or isinstance(found, kind):
            return found
        self.lost(name, f"is no {_KINDS[kind]}", f"write a {_KINDS[kind]}")
        return None

    def _plain(self, name: str, text: str) -> str | None:
        def replaced(found: re.Match[str]) -> str:
            if found[2] == "-":
                self.changed(name, f"`{found[0]}` is read as its default, {found[3]!r}", "write the value that you want")
                return found[3]
            self.lost(name, f"`{found[0]}` is not read from the environment", "write the value itself")
            return ""

        return _VARIABLE.sub(replaced, text).strip() or None


_KINDS: Final[Mapping[type, str]] = {str: "text", bool: "`true` or `false`"}
