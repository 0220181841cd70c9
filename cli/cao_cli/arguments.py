"""From the words of a command line to the fields of a request."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

from cao.client.catalog import Field
from cao.client.wire import WireError

from .commands import Command

TEXT_LIMIT = 1 << 20
"""The most that is read from a file or standard input, in bytes."""

_STDIN = "@-"
"""What `-` stands for: the parser would take a lone dash for an option."""
_KINDS: Mapping[str, type] = {"integer": int, "number": float, "boolean": bool}


class Options(NamedTuple):
    """What every command takes."""

    json: bool = False
    local: bool = False
    home: str | None = None
    url: str | None = None
    token_file: str | None = None


def parse(command: Command, words: Sequence[str]) -> tuple[dict[str, Any], Options]:
    """Read a command's words: the fields that were given, and the options. Raises `WireError` that names the broken one."""
    app = App(name="cao", help_flags=[], version_flags=[])
    app.default(_target(command))
    try:
        _, bound, _ = app.parse_args(
            [_STDIN if word == "-" else word for word in words], exit_on_error=False, print_error=False
        )
    except CycloptsError as error:
        raise _usage(command, error) from None
    given = dict(bound.arguments)
    options = Options(**{field.name: given.pop(field.name) for field in command.options if field.name in given})
    kinds = {field.name: field for field in command.fields}
    return {name: _read(kinds[name], value) for name, value in given.items()}, options


def tree(commands: Sequence[Command]) -> App:
    """All commands in one, for what looks at them all: shell completion."""
    root = App(name="cao", help_flags=["--help", "-h"], version_flags=["--version"], help_format="plaintext")
    nouns: dict[str, App] = {}
    for command in commands:
        place = root
        for noun in command.words[:-1]:
            place = nouns.get(noun) or nouns.setdefault(noun, App(name=noun))
            if place.name[0] not in root:
                root.command(place)
        place.command(_target(command), name=command.words[-1], help=command.entry.summary)
    return root


def _target(command: Command) -> Any:
    """A function with the command's fields as its parameters: what the parser works from."""

    def target(**fields: Any) -> None:
        del fields

    positional = command.entry.positional
    placed = [field for name in positional for field in command.fields if field.name == name]
    named = [field for field in (*command.fields, *command.options) if field.name not in positional]
    parameters = [
        *(_parameter(field, inspect.Parameter.POSITIONAL_OR_KEYWORD) for field in placed),
        *(_parameter(field, inspect.Parameter.KEYWORD_ONLY) for field in named),
    ]
    described = cast("Any", target)
    described.__signature__ = inspect.Signature(parameters)
    described.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return described


def _parameter(field: Field, kind: Any) -> inspect.Parameter:
    value: Any = Literal[field.choices] if field.kind == "choice" else _KINDS.get(field.kind, str)
    value = list[value] if field.many else value
    told = Parameter(help=field.help, negative=(), negative_iterable=())
    annotation = Annotated[value if field.required else value | None, told]
    default = inspect.Parameter.empty if field.required else field.default
    return inspect.Parameter(field.name, kind, annotation=annotation, default=default)


def _read(field: Field, value: Any) -> Any:
    """A value as it goes into the request: long texts from where they are, JSON read, paths made absolute."""
    if field.many:
        return [_read(field._replace(many=False), one) for one in cast("list[Any]", value)]
    if field.kind == "text":
        return _text(field, str(value))
    if field.kind == "json":
        return _json(field, _text(field, str(value)))
    if field.kind == "path" or (field.kind == "source" and _is_file(value)):
        return str(absolute(value))
    return value


def absolute(path: str) -> Path:
    """A path from the root on. Raises `WireError` when it is to begin in a directory that was deleted."""
    try:
        return Path(path).expanduser().absolute()
    except FileNotFoundError:
        raise WireError("invalid_input", "the directory that you are in was deleted; go to another one") from None


def _text(field: Field, value: str) -> str:
    """`-` is standard input, `@file` a file, `@@...` a text that begins with an at sign."""
    if value.startswith("@@"):
        return value[1:]
    if not value.startswith("@"):
        return value
    try:
        if value == _STDIN:
            content = sys.stdin.buffer.read(TEXT_LIMIT + 1)
        else:
            with Path(value[1:]).expanduser().open("rb") as file:
                content = file.read(TEXT_LIMIT + 1)
    except OSError as error:
        raise broken(field.name, f"{value[1:]} cannot be read: {error.strerror or error}") from None
    return _decoded(field, content, "standard input" if value == _STDIN else value[1:])


def _decoded(field: Field, content: bytes, source: str) -> str:
    if len(content) > TEXT_LIMIT:
        raise broken(field.name, f"{source} is longer than 1 MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise broken(field.name, f"{source} is not text in UTF-8") from None
    if "\0" in text:
        raise broken(field.name, f"{source} is binary: it holds a NUL character")
    return text


def _json(field: Field, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise broken(field.name, f"is not JSON ({error}); give JSON, or @FILE") from None


def broken(name: str, message: str, kind: str = "value_error") -> WireError:
    """The error for one field."""
    flaw = {"pointer": f"/{name}", "message": message, "kind": kind}
    return WireError("invalid_input", f"{name}: {message}", {"errors": [flaw]})


def _missing(command: Command, error: CycloptsError) -> str:
    if not isinstance(error, MissingArgumentError) or error.argument is None:
        return ""
    name = error.argument.field_info.name
    return f"{name.upper() if name in command.entry.positional else error.argument.name} is missing"


def _usage(command: Command, error: CycloptsError) -> WireError:
    error.verbose = False
    message = _missing(command, error) or " ".join(str(error).split())
    flaw = {"pointer": "", "message": message, "kind": "usage"}
    if error.argument is not None:
        flaw["pointer"] = f"/{error.argument.field_info.name}"
    hint = f"see: cao {' '.join(command.words)} --help"
    return WireError("invalid_input", f"{message.rstrip('.')}; {hint}", {"errors": [flaw]})


def _is_file(source: str) -> bool:
    """Whether a word that may be a name, a URL or a file is a file."""
    return "://" not in source and ("/" in source or source.endswith(".md"))
