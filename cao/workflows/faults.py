"""What pydantic finds wrong with a definition's data, in the words of those who write definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from .definition import Definition
from .problems import Finding, Pointer, closest, meant
from .values import LONGEST, PATTERNS

_LOOSE_BOOLEANS = frozenset(("yes", "no", "on", "off", "y", "n"))
_OLD_WORDS: Mapping[str, str] = {
    "command": "run", "cmd": "run", "program": "run", "args": "run", "env": "environment", "cwd": "directory",
    "message": "prompt", "directive": "prompt", "instructions": "question", "mode": "agent", "on_verdict": "routes",
    "steps": "phases", "jobs": "phases", "depends_on": "routes", "needs": "routes", "if": "skip_if", "when": "skip_if",
    "variables": "inputs", "target": "to", "foreach": "map", "items": "over",
}  # fmt: skip
"""What other systems call a key of ours."""


def findings(error: ValidationError, data: Any) -> list[Finding]:
    """All findings, those about the branches of a union that were not meant left out."""
    pointed = [(each, *_pointer(each["loc"], each["type"] == "missing", data)) for each in error.errors(include_url=False)]
    found = [_finding(pointer, each, data) for each, pointer, meant_so in pointed if meant_so]
    misspelt = {(*one.pointer[:-1], word) for one in found if (word := _guess(one)) is not None}
    return [one for one in found if one.at_key or one.pointer not in misspelt]


def _guess(found: Finding) -> str | None:
    """The key that an unknown one was probably meant to be; that it is missing need not be said as well."""
    hint = found.hint or ""
    return hint.removeprefix("did you mean `").removesuffix("`?") if hint.startswith("did you mean") else None


def _pointer(location: tuple[int | str, ...], missing: bool, data: Any) -> tuple[Pointer, bool]:
    """The pointer that a location means, and whether it is about what was probably meant.

    Pydantic puts the name of a union's branch between the keys: `("worktree", "Worktree", "base")`. A mapping was meant as the
    branch that is a model, anything else as another one.
    """
    pointer: list[int | str] = []
    here = data
    meant_so = True
    for number, part in enumerate(location):
        if _is_key(part, here) or (missing and number == len(location) - 1):
            pointer.append(part)
            here = _inside(here, part)
        elif isinstance(part, str) and part != "[key]":
            meant_so = meant_so and part[:1].isupper() == isinstance(here, dict)
    return tuple(pointer), meant_so


def _is_key(part: int | str, here: Any) -> bool:
    if isinstance(part, int):
        return isinstance(here, list) and part < len(cast("list[Any]", here))
    return isinstance(here, dict) and part in here


def _inside(here: Any, part: int | str) -> Any:
    try:
        return here[part]
    except (LookupError, TypeError):
        return None


def _finding(pointer: Pointer, error: Any, data: Any) -> Finding:
    kind, context = cast("str", error["type"]), cast("Mapping[str, Any]", error.get("ctx", {}))
    value = error.get("input")
    if kind == "missing":
        return Finding(pointer, f"`{pointer[-1]}` is missing", _example(pointer))
    if kind == "extra_forbidden":
        return _unknown_key(pointer, data)
    at_key = error["loc"][-1:] == ("[key]",)
    message, hint = _said(kind, context, value, cast("str", error["msg"]))
    what = f"the key `{pointer[-1]}`" if at_key else _named(pointer)
    return Finding(pointer, f"{what} {message}", hint, at_key=at_key)


def _named(pointer: Pointer) -> str:
    names = [part for part in pointer if isinstance(part, str)]
    name = f"`{names[-1]}`" if names else "this"
    return f"an entry of {name}" if pointer and isinstance(pointer[-1], int) else name


def _example(pointer: Pointer) -> str | None:
    examples = {"id": "`id: build`", "prompt": "`prompt: What to do`", "run": "`run: [make, test]`", "name": "`name: change`"}
    example = examples.get(str(pointer[-1]))
    return f"add {example}" if example else None


def _unknown_key(pointer: Pointer, data: Any) -> Finding:
    key = str(pointer[-1])
    known = _known_keys(pointer[:-1])
    old = _OLD_WORDS.get(key)
    hint = f"did you mean `{old}`?" if old in known else meant(key, known, "the keys here are")
    return Finding(pointer, f"unknown key `{key}`", hint, at_key=True)


def _known_keys(pointer: Pointer) -> list[str]:
    """The keys that are known at a place."""
    model: Any = Definition
    for part in pointer:
        if isinstance(part, str) and isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), None)
    return list(cast("type[BaseModel]", model).model_fields) if model else []


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type: that of `list[Phase]`, of `bool | Worktree`, of `dict[str, Input]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in cast("tuple[Any, ...]", getattr(cast("object", annotation), "__args__", ())):
        yield from _models(argument)


def _said(kind: str, context: Mapping[str, Any], value: Any, message: str) -> tuple[str, str | None]:
    """The message and the hint for one kind of error."""
    match kind:
        case "string_type" | "model_type" | "dict_type" | "list_type" | "float_type" if value is None:
            return "is empty", None
        case "string_type":
            return "must be a text", "put it in quotes" if isinstance(value, (bool, int, float)) else None
        case "bool_type" | "bool_parsing":
            loose = isinstance(value, str) and value.lower() in _LOOSE_BOOLEANS
            return "must be true or false", f"`{value}` is a text in YAML 1.2" if loose else None
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be a whole number", None
        case "float_type" | "float_parsing":
            return "must be a number", None
        case "list_type":
            return "must be a list", "write it as [one, two], or each entry on a line after a dash"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "must be a mapping of keys to values", None
        case "literal_error":
            choices = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
            return f"must be one of {', '.join(choices)}", _guessed(value, choices)
        case "string_pattern_mismatch":
            return PATTERNS.get(str(context["pattern"]), f"must look like {context['pattern']}"), None
        case "value_error":
            return f"is not right: {context['error']}", None
        case _:
            return _bounds(kind, context) or f"is not right: {message}", None


def _guessed(value: Any, choices: list[str]) -> str | None:
    guess = closest(value, choices) if isinstance(value, str) else None
    return f"did you mean `{guess}`?" if guess else None


def _bounds(kind: str, context: Mapping[str, Any]) -> str | None:
    """What bounds say: `must be at least 1`."""
    match kind:
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "greater_than":
            return f"must be more than {context['gt']:g}"
        case "less_than_equal" if context["le"] == LONGEST:
            return f"must be at most {LONGEST / 86400:g} days"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have {context['max_length']} characters at most"
        case "too_short":
            return "must not be empty"
        case "too_long":
            return f"must have {context['max_length']} entries at most"
        case _:
            return None
