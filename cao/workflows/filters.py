"""The filters and sums of templates: each pays for the size of what it reads and of what it makes."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from jinja2 import Undefined, pass_context
from jinja2.filters import FILTERS as THEIRS
from jinja2.runtime import Context

from .meter import WIDEST, Exhausted, counted, kind_of, plain, sized, spend, written

_DIGITS = 17
_SUMS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": operator.mod,
}


def calculated(sign: str, left: Any, right: Any) -> Any:
    """A sum of two numbers, or `+` of two texts or two lists. Raises `TypeError` for other values."""
    spend(1)
    if _is_number(left) and _is_number(right):
        return _number(_SUMS[sign](left, right))
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        sized(len(left) + len(right))
        return left + right
    if sign == "+" and isinstance(left, list) and isinstance(right, list):
        spend(len(cast("list[Any]", left)) + len(cast("list[Any]", right)))
        return [*cast("list[Any]", left), *cast("list[Any]", right)]
    _there(left)
    _there(right)
    raise TypeError(f"`{sign}` cannot be calculated of {kind_of(left)} and {kind_of(right)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Any) -> Any:
    if not -WIDEST <= value <= WIDEST:
        raise Exhausted("makes a number that is too large")
    return value


def _there(value: Any) -> None:
    """Let a value that is missing say so."""
    if isinstance(value, Undefined):
        str(value)


def _text(value: Any) -> str:
    """A value as a text, paid for."""
    return written(value)


def _items(value: Any) -> list[Any]:
    """A list, or the keys of a mapping, or the characters of a text, paid for."""
    _there(value)
    if isinstance(value, str):
        spend(len(value))
        return list(value)
    return counted(value)


def joined(value: Sequence[Any]) -> str:
    """`a ~ b`: the parts as one text."""
    parts = [_text(part) for part in counted(value)]
    sized(sum(map(len, parts)))
    return "".join(parts)


@pass_context
def join(context: Context, value: Any, separator: str = "", attribute: str | None = None) -> str:
    """The items as one text with the separator between them, or an attribute of each."""
    items = _items(value) if attribute is None else _picked(context, value, attribute)
    parts = [_text(item) for item in items]
    sized(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0))
    return separator.join(parts)


def _picked(context: Context, value: Any, attribute: str) -> list[Any]:
    found: list[Any] = []
    for item in counted(value):
        for part in attribute.split("."):
            item = context.environment.getitem(item, int(part) if part.isdigit() else part)
        found.append(item)
    return found


@pass_context
def mapped(context: Context, value: Any, name: str | None = None, *arguments: Any, attribute: str | None = None) -> list[Any]:
    """Each item's attribute, or each item through a filter."""
    if attribute is not None:
        return _picked(context, value, attribute)
    if name is None or name not in FILTERS:
        raise ValueError(f"no filter is called {name!r}")
    return [context.environment.call_filter(name, item, arguments, context=context) for item in counted(value)]


def _chosen(kind: str) -> Callable[..., list[Any]]:
    """Jinja's select, reject, selectattr and rejectattr, as lists."""
    theirs = cast("Callable[..., Iterable[Any]]", THEIRS[f"{kind}"])

    @pass_context
    def chosen(context: Context, value: Any, *arguments: Any) -> list[Any]:
        return list(theirs(context, counted(value), *arguments))

    return chosen


def replace(value: Any, old: str, new: str) -> str:
    """Every `old` in the text as `new`."""
    text = _text(value)
    sized(len(text) + text.count(old) * max(len(new) - len(old), 0))
    return text.replace(old, new)


def indent(value: Any, width: int = 4, first: bool = False) -> str:
    """The lines of a text moved to the right; not the first one, unless told."""
    lines = _text(value).split("\n")
    if not 0 <= width <= 100:
        raise ValueError("indents by 0 to 100")
    sized(sum(map(len, lines)) + len(lines) * (width + 1))
    blank = " " * width
    return "\n".join(blank + line if line and (first or number) else line for number, line in enumerate(lines))


def truncate(value: Any, length: int = 255, end: str = "…") -> str:
    """The first `length` characters, with `end` where something is missing."""
    text = _text(value)
    return text if len(text) <= length else text[: max(length - len(end), 0)] + end


def split(value: Any, separator: str | None = None) -> list[str]:
    """The parts of a text, at blanks unless told."""
    text = _text(value)
    spend(len(text))
    return text.split(separator)


def lines(value: Any) -> list[str]:
    """The lines of a text."""
    text = _text(value)
    spend(len(text))
    return text.splitlines()


def items(value: Any) -> list[list[Any]]:
    """The keys and values of a mapping, as pairs."""
    _there(value)
    if not isinstance(value, Mapping):
        raise TypeError(f"has no items: it is {kind_of(value)}, not a mapping")
    found = cast("Mapping[str, Any]", value)
    spend(len(found))
    return [[key, inner] for key, inner in found.items()]


def integer(value: Any, default: Any = 0) -> Any:
    """A whole number from a number or a text; `default` where it is none."""
    _there(value)
    try:
        return _number(int(float(value) if isinstance(value, float) else _few_digits(value)))
    except (ValueError, TypeError, OverflowError):
        return default


def real(value: Any, default: Any = 0.0) -> Any:
    """A number from a number or a text; `default` where it is none."""
    _there(value)
    try:
        found = float(_few_digits(value))
        return found if -WIDEST <= found <= WIDEST else default
    except (ValueError, TypeError, OverflowError):
        return default


def _few_digits(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _DIGITS:
        raise ValueError("too long")
    return value


def absolute(value: Any) -> Any:
    """A number without its sign."""
    return abs(calculated("+", value, 0))


def rounded(value: Any, digits: int = 0) -> Any:
    """A number with so many digits after the point."""
    number = round(calculated("+", value, 0), max(0, min(digits, 15)))
    return int(number) if digits <= 0 else number


@pass_context
def total(context: Context, value: Any, attribute: str | None = None) -> Any:
    """The sum of numbers, or of an attribute of each item."""
    result: Any = 0
    for item in counted(value) if attribute is None else _picked(context, value, attribute):
        result = calculated("+", result, item)
    return result


def to_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON."""
    if indent is not None and not 0 <= indent <= 8:
        raise ValueError("indents by 0 to 8")
    found = json.dumps(plain(value), ensure_ascii=False, indent=indent)
    sized(len(found))
    return found


def from_json(value: Any) -> Any:
    """The value of a JSON text."""
    text = _text(value)
    spend(len(text))
    return plain(json.loads(text))


def length(value: Any) -> int:
    """How many items, keys or characters."""
    _there(value)
    if not isinstance(value, (str, Mapping, Sequence)):
        raise TypeError(f"has no length: it is {kind_of(value)}")
    return len(cast("Sequence[Any]", value))


def sort(value: Any, reverse: bool = False) -> list[Any]:
    """The items in their order."""
    found = counted(value, 12)
    return sorted(found, reverse=reverse)


def unique(value: Any) -> list[Any]:
    """Each item once, where it is first."""
    found: dict[str, Any] = {}
    for item in counted(value):
        found.setdefault(json.dumps(plain(item), sort_keys=True), item)
    return list(found.values())


def _of_text(change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: change(_text(value))


def _of_list(choose: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    return lambda value: choose(_items(value))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": absolute, "capitalize": _of_text(str.capitalize), "counted": counted, "d": THEIRS["default"],
    "default": THEIRS["default"], "first": _of_list(lambda found: found[0]), "float": real, "from_json": from_json,
    "indent": indent, "int": integer, "items": items, "join": join, "joined": joined, "last": _of_list(lambda found: found[-1]),
    "length": length, "lines": lines, "list": _of_list(list), "lower": _of_text(str.lower), "map": mapped,
    "max": _of_list(max), "min": _of_list(min), "reject": _chosen("reject"), "rejectattr": _chosen("rejectattr"),
    "replace": replace, "reverse": _of_list(lambda found: found[::-1]), "round": rounded, "select": _chosen("select"),
    "selectattr": _chosen("selectattr"), "sort": sort, "split": split, "string": _text, "sum": total, "to_json": to_json,
    "tojson": to_json, "trim": _of_text(str.strip), "truncate": truncate, "unique": unique, "upper": _of_text(str.upper),
}  # fmt: skip
"""What templates may use; `counted` and `joined` are what loops and `~` become, and cannot be written."""
