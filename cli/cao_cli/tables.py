"""Tables and detail views: what people see of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from .lists import columns_of
from .text import ago, fitted, one_line, plain, width

Item = Mapping[str, Any]
Paint = Callable[[str, str], str]
"""Colours a cell: the text as it stands in its column, and the value it was made of."""

_MOST_COLUMNS = 7
_LEAST = 6
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def table(name: str, items: Sequence[Item], columns: int, paint: Paint) -> str:
    """Items as aligned columns that fit into so many columns of the terminal. name: as in `COLUMNS`."""
    keys = _keys(name, items)
    rows = [[cell(key, _value(key, item)) for key in keys] for item in items]
    titles = [_title(key.removesuffix("_at")) for key in keys]
    sizes = _sizes([titles, *rows], columns)
    lines = [_line([paint(fitted(title, size), "title") for title, size in zip(titles, sizes, strict=True)])]
    for row in rows:
        lines.append(_line([paint(fitted(text, size), text) for text, size in zip(row, sizes, strict=True)]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cells).rstrip()


def _keys(name: str, items: Sequence[Item]) -> list[str]:
    wanted = columns_of(name) or tuple(items[0])[:_MOST_COLUMNS]
    filled = [key for key in wanted if any(_value(key, item) not in _EMPTY for item in items)]
    return filled if len(filled) > 1 else list(items[0])[:_MOST_COLUMNS]


def _value(key: str, item: Item) -> Any:
    if key == "agent" and "terminals" in item:
        return ", ".join(f"{one['profile']} ({one['status']})" for one in _items(item, "terminals"))
    if key == "fix" and "missing" in item:
        return "; ".join(str(one["fix"]) for one in _items(item, "missing"))
    return item.get(key)


def _items(item: Item, key: str) -> list[Item]:
    return cast("list[Item]", item.get(key) or [])


def cell(key: str, value: Any) -> str:
    """A value in one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return one_line(ago(value) if key == "at" or key.endswith("_at") else value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return " ".join(f"{one_line(str(name))}={cell(name, one)}" for name, one in pairs if one not in _EMPTY)
    if isinstance(value, list):
        return ", ".join(cell(key, one) for one in cast("list[Any]", value))
    return str(value)


def _sizes(rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    """Each column as wide as its widest cell; the widest give way until the line fits."""
    sizes = [max(width(row[place]) for row in rows) for place in range(len(rows[0]))]
    room = max(columns - 2 * (len(sizes) - 1), _LEAST * len(sizes))
    while sum(sizes) > room:
        widest = max(range(len(sizes)), key=sizes.__getitem__)
        second = max((size for place, size in enumerate(sizes) if place != widest), default=_LEAST)
        sizes[widest] = max(_LEAST, min(sizes[widest] - 1, max(second, sizes[widest] - (sum(sizes) - room))))
    return sizes


def details(answer: Item, columns: int, paint: Paint, indent: int = 0) -> str:
    """One answer, a line for each field; longer texts and lists stand below their name."""
    shown = {key: value for key, value in answer.items() if value not in _EMPTY}
    wide = max((width(_title(key)) for key in shown), default=0)
    return "\n".join(_field(key, value, wide, columns, paint, indent) for key, value in shown.items())


def _field(key: str, value: Any, wide: int, columns: int, paint: Paint, indent: int) -> str:
    pad = " " * indent
    name = paint(fitted(_title(key), wide), "title")
    if items := _table_of(value):
        inner = table(key.removesuffix("s"), items, columns - indent - 2, paint)
        return f"{pad}{name.rstrip()}\n" + _indented(inner, indent + 2)
    if isinstance(value, Mapping) and _is_deep(cast("Item", value)):
        return f"{pad}{name.rstrip()}\n" + details(cast("Item", value), columns, paint, indent + 2)
    if isinstance(value, str) and ("\n" in value.strip() or width(value) > columns - wide - indent - 2):
        return f"{pad}{name.rstrip()}\n" + _indented(plain(value).strip("\n"), indent + 2)
    text = cell(key, value)
    return f"{pad}{name}  {paint(text, text)}"


def _table_of(value: Any) -> list[Item]:
    """The items of a list that is shown as a table; empty for any other value, such as an agent's list of this and that."""
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return cast("list[Item]", items) if all(isinstance(item, Mapping) for item in items) else []


def _title(key: str) -> str:
    """A field's name. Those of an approval's action are an agent's words."""
    return one_line(key.replace("_", " "))


def _is_deep(value: Item) -> bool:
    return len(value) > 3 or any(isinstance(one, Mapping | list) for one in value.values())


def _indented(text: str, columns: int) -> str:
    return "\n".join(" " * columns + line if line else "" for line in text.split("\n"))
