"""What a client without the protocol's models knows of the operations: read from `catalog.json`, which is generated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode

_FILE = Path(__file__).with_name("catalog.json")


class Field(NamedTuple):
    """One field of a request."""

    name: str
    kind: str
    """`text` (long), `word`, `path`, `source` (a name, a URL or a path), `integer`, `number`, `boolean`, `choice` or `json`."""
    many: bool
    """A list of these."""
    required: bool
    default: Any
    help: str
    choices: tuple[Any, ...]


class Entry(NamedTuple):
    """One operation."""

    name: str
    summary: str
    help: str
    method: str
    path: str
    effect: str
    waits: bool
    shortcut: str | None
    positional: tuple[str, ...]
    example: Mapping[str, Any]
    without: Mapping[str, str]
    """Surfaces that do not offer it, each with the reason."""
    fields: tuple[Field, ...]

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        return self.name.partition(".")[2]

    @property
    def has_body(self) -> bool:
        return self.method in ("POST", "PUT")


def target(path: str, fields: Mapping[str, Any], *, has_body: bool) -> tuple[str, dict[str, Any] | None]:
    """A request's path with its query, and its body if it has one. Fields that are None are left out of a query.

    >>> target("/runs/{run}/wait", {"run": "run_1", "timeout": 5}, has_body=False)
    ('/runs/run_1/wait?timeout=5', None)
    """
    left = dict(fields)
    place = "/".join(_segment(part, left) for part in path.split("/"))
    if has_body:
        return place, left
    given = {name: _query_text(value) for name, value in left.items() if value is not None}
    return (f"{place}?{urlencode(given, doseq=True)}" if given else place), None


@cache
def content() -> Mapping[str, Any]:
    """The whole file: `errors` (exit status by code), `groups` (summaries) and `operations`."""
    return cast("Mapping[str, Any]", json.loads(_FILE.read_text("utf-8")))


def entry(name: str) -> Entry:
    """The operation called `name`. Raises `KeyError` when there is none."""
    return read_entry(name, content()["operations"][name])


def read_entry(name: str, written: Mapping[str, Any]) -> Entry:
    """An operation from its place in the file."""
    fields = tuple(_field(field) for field in written["fields"])
    raw = {key: value for key, value in written.items() if key not in ("fields", "positional")}
    return Entry(name=name, positional=tuple(written["positional"]), fields=fields, **raw)


def as_list(value: Any) -> list[Any]:
    """A value that may be one or many."""
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _field(written: Mapping[str, Any]) -> Field:
    raw = {key: value for key, value in written.items() if key != "choices"}
    return Field(choices=tuple(written["choices"]), **raw)


def _segment(part: str, fields: dict[str, Any]) -> str:
    return quote(str(fields.pop(part[1:-1])), safe="") if part.startswith("{") else part


def _query_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return [_query_text(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value
