"""Write what is derived from the registry: the typed facade, the command line's catalogue and help pages, GraphQL's schema.

python -m cao.generate           write the files
python -m cao.generate --check   fail when one of them is stale
"""

from __future__ import annotations

import json
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cao.protocol import ERRORS, REGISTRY, DestructiveRequest, ListRequest, Operation
from cao.protocol.described import descriptions

import_module("cao.operations")  # fills the registry

ROOT = Path(__file__).parent
WIDTH = 120
LONG_TEXT = 65536
"""Text fields that take at least so many characters may come from a file or standard input, as secrets always may."""

FACADE_HEAD = '''"""The typed interface: one attribute for each group, one method for each operation.

Generated from the registry by `python -m cao.generate`; do not edit.
"""
'''
FACADE_BASE = '''
class Transport(Protocol):
    """How an operation is reached: in this process, or over HTTP. Both raise `CaoError` and nothing else."""

    async def call(self, name: str, fields: Mapping[str, Any]) -> Any:
        """Run an operation; its answer as the operation's own model."""
        ...

    def stream(self, name: str, fields: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The items of a streaming operation."""
        ...
'''


class Names:
    """The classes that generated annotations mention, under names that do not collide."""

    def __init__(self) -> None:
        self._used: dict[str, type] = {}

    def of(self, kind: type) -> str:
        """How to write `kind`."""
        known = self._used.setdefault(kind.__name__, kind)
        if known is kind:
            return kind.__name__
        alias = kind.__module__.rpartition(".")[2].title() + kind.__name__
        if self._used.setdefault(alias, kind) is not kind:
            raise TypeError(f"two classes are called {alias}")
        return alias

    def imports(self) -> list[str]:
        """The import statements, as ruff sorts them: the standard library first, and each alias in a line of its own."""
        modules: dict[str, list[str]] = {}
        for name, kind in self._used.items():
            spelled = name if name == kind.__name__ else f"{kind.__name__} as {name}"
            modules.setdefault(kind.__module__, []).append(spelled)
        standard = {module for module in modules if module.partition(".")[0] in sys.stdlib_module_names}
        blocks = [
            [line for module in sorted(some) for line in _imports(module, sorted(modules[module]))]
            for some in (standard, modules.keys() - standard)
        ]
        return [*blocks[0], *([""] if all(blocks) else []), *blocks[1]]


def _imports(module: str, names: list[str]) -> list[str]:
    lines = [(name, f"from {module} import {name}") for name in names if " as " in name]
    plain = [name for name in names if " as " not in name]
    line = f"from {module} import {', '.join(plain)}"
    if len(line) > WIDTH:
        line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in plain) + ")"
    lines += [(plain[0], line)] if plain else []
    return [line for _, line in sorted(lines)]


def spell(annotation: Any, names: Names) -> str:
    """Write a type the way a caller gives it: lists as sequences, mappings read-only, constraints left out."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return spell(arguments[0], names)
    if origin in (Union, types.UnionType):
        return " | ".join(spell(argument, names) for argument in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(_quoted(value) for value in arguments)}]"
    if origin in (list, dict):
        kind = "Sequence" if origin is list else "Mapping"
        return f"{kind}[{', '.join(spell(argument, names) for argument in arguments)}]"
    if annotation is None or annotation is types.NoneType:
        return "None"
    if annotation is Any:
        return "Any"
    return _class(cast("type", annotation), names)


def _class(kind: type, names: Names) -> str:
    if kind.__module__ == "builtins":
        return kind.__name__
    generic = cast("Mapping[str, Any]", getattr(kind, "__pydantic_generic_metadata__", {}))
    if generic.get("origin") is not None:
        arguments = ", ".join(spell(argument, names) for argument in generic["args"])
        return f"{names.of(generic['origin'])}[{arguments}]"
    return names.of(kind)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _parameter(name: str, info: FieldInfo, names: Names) -> tuple[str, str]:
    """A field as it stands in the signature, and as it is handed on."""
    kind = spell(info.annotation, names)
    if info.is_required():
        return f"{name}: {kind}", name
    if info.default_factory is None:
        return f"{name}: {kind} = {_quoted(info.default)}", name
    empty = info.get_default(call_default_factory=True, validated_data={})
    if empty == []:
        return f"{name}: {kind} = ()", f"list({name})"
    if empty == {}:
        return f"{name}: {kind} | None = None", f"dict({name} or {{}})"
    raise TypeError(f"{name}: only empty lists and mappings are made by a factory")


def _method(operation: Operation, names: Names) -> Iterator[str]:
    fields = operation.request.model_fields
    ordered = in_order(operation)
    spelled = {name: _parameter(name, fields[name], names) for name in ordered}
    verb = operation.method_name
    answer, prefix, call = spell(operation.output, names), "async def", "await self._transport.call"
    if operation.effect == "stream":
        answer, prefix, call = f"AsyncIterator[{answer}]", "def", "self._transport.stream"
    if ordered:
        yield f"    {prefix} {verb}(\n        self,"
        yield from (_wrapped_choices(f"        {spelled[name][0]},") for name in operation.positional)
        yield from ("        *,",) * (len(ordered) > len(operation.positional))
        yield from (_wrapped_choices(f"        {spelled[name][0]},") for name in ordered[len(operation.positional) :])
        yield f"    ) -> {answer}:"
    else:
        yield f"    {prefix} {verb}(self) -> {answer}:"
    yield from _docstring(operation)
    if not ordered:
        yield f'        return {call}("{operation.name}", {{}})'
        return
    yield f'        return {call}(\n            "{operation.name}",\n            {{'
    yield from (f'                "{name}": {given},' for name, (_, given) in spelled.items())
    yield "            },\n        )"


def _wrapped_choices(line: str) -> str:
    """A parameter as ruff writes it: many choices stand one in a line."""
    before, choices, after = line.partition("Literal[")
    if len(line) <= 128 or not choices:
        return line
    inside, _, rest = after.partition("]")
    listed = "".join(f"            {choice},\n" for choice in inside.split(", "))
    parted = "\n        " if rest.startswith(" |") else ""
    return f"{before}Literal[\n{listed}        ]{parted}{rest.lstrip()}"


def _docstring(operation: Operation) -> Iterator[str]:
    described = {name: descriptions(operation.request).get(name) for name in in_order(operation)}
    notes = [f"{name}: {text}" for name, text in described.items() if text]
    wrapped = [part for line in operation.help.splitlines() for part in _wrapped(line)]
    wrapped += ["", *(part for note in notes for part in _wrapped(note, "    "))] if notes else []
    if len(wrapped) == 1:
        yield f'        """{wrapped[0]}"""'
        return
    yield f'        """{wrapped[0]}'
    yield from (f"        {line}".rstrip() for line in wrapped[1:])
    yield '        """'


def groups(surface: Literal["python", "cli"]) -> dict[str, list[Operation]]:
    """The operations that a surface offers, by group."""
    found: dict[str, list[Operation]] = {}
    for operation in REGISTRY.on(surface):
        found.setdefault(operation.group, []).append(operation)
    return found


def _wrapped(line: str, indent: str = "") -> list[str]:
    return textwrap.wrap(line, WIDTH - 16, subsequent_indent=indent) or [""]


def in_order(operation: Operation) -> list[str]:
    """The fields of a request as people meet them: the positional ones, its own, then those that every such request has."""
    common = {*DestructiveRequest.model_fields, *ListRequest.model_fields}
    rest = [name for name in operation.request.model_fields if name not in operation.positional]
    return [*operation.positional, *sorted(rest, key=lambda name: name in common)]


def summary(operations: list[Operation]) -> str:
    """What a group is about: the first line of the module that defines it."""
    module = sys.modules[operations[0].function.__module__]
    return (module.__doc__ or "").strip().partition("\n")[0]


def facade() -> str:
    """The text of `cao/client/facade.py`."""
    names = Names()
    classes = [_group(group, operations, names) for group, operations in groups("python").items()]
    head = [
        FACADE_HEAD,
        "from __future__ import annotations\n",
        "from collections.abc import AsyncIterator, Mapping, Sequence",
        "from typing import TYPE_CHECKING, Any, Literal, Protocol\n",
        "if TYPE_CHECKING:",
        textwrap.indent("\n".join(names.imports()), "    "),
        "",
    ]
    return "\n".join([*head, FACADE_BASE, *classes, _facade_class()]) + "\n"


def _group(group: str, operations: list[Operation], names: Names) -> str:
    methods = "\n\n".join("\n".join(_method(operation, names)) for operation in operations)
    return f'''
class {group.title()}Group:
    """{summary(operations)}"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

{methods}
'''


def _facade_class() -> str:
    made = "\n".join(f"        self.{group} = {group.title()}Group(transport)" for group in groups("python"))
    return f'''
class Facade:
    """Everything that can be asked, typed. `cao.open` and `cao.connect` give one."""

    def __init__(self, transport: Transport) -> None:
{made}'''


def catalogue() -> str:
    """The text of `cao/client/catalog.json`: what the command line needs to know without loading the protocol."""
    offered = groups("cli")
    content = {
        "errors": {error.code: error.exit_status for error in ERRORS},
        "groups": {group: summary(operations) for group, operations in offered.items()},
        "operations": {operation.name: _entry(operation) for operations in offered.values() for operation in operations},
    }
    return "{\n" + ",\n".join(_lines(content)) + "\n}\n"


def _lines(content: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """JSON with one line for each thing, so that a change shows as a line."""
    for part, things in content.items():
        lines = [f"  {_quoted(name)}: {json.dumps(thing, ensure_ascii=False)}" for name, thing in things.items()]
        yield f" {_quoted(part)}: {{\n" + ",\n".join(lines) + "\n }"


def _entry(operation: Operation) -> dict[str, Any]:
    properties = _properties(operation.request)
    return {
        "summary": operation.summary,
        "help": operation.help,
        "method": operation.method,
        "path": operation.path,
        "effect": operation.effect,
        "waits": operation.waits,
        "shortcut": operation.shortcut,
        "positional": list(operation.positional),
        "example": dict(operation.example),
        "without": {str(surface): reason for surface, reason in operation.without.items()},
        "fields": [_field(name, properties[name], operation.request) for name in in_order(operation)],
    }


def _properties(request: type[BaseModel]) -> dict[str, dict[str, Any]]:
    schema = request.model_json_schema()
    definitions = cast("dict[str, dict[str, Any]]", schema.get("$defs", {}))
    return {name: _resolved(one, definitions) for name, one in schema.get("properties", {}).items()}


def _resolved(schema: dict[str, Any], definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A property without its `null` and its reference."""
    choices = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    merged = {**schema, **choices[0]} if len(choices) == 1 else schema
    name = str(merged.get("$ref", "")).rpartition("/")[2]
    return {**definitions[name], **merged} if name else merged


def _field(name: str, schema: dict[str, Any], request: type[BaseModel]) -> dict[str, Any]:
    info = request.model_fields[name]
    many = schema.get("type") == "array"
    element = schema["items"] if many else schema
    return {
        "name": name,
        "kind": _kind(element),
        "many": many,
        "required": info.is_required(),
        "default": None if info.is_required() else schema.get("default"),
        "help": descriptions(request).get(name, "").replace("\n", " "),
        "choices": element.get("enum", []),
    }


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "choice"
    if schema.get("format") in ("path", "path-or-name"):
        return "path" if schema["format"] == "path" else "source"
    if schema.get("type") == "string":
        return "text" if schema.get("maxLength", 0) >= LONG_TEXT or schema.get("format") == "password" else "word"
    return {"integer": "integer", "number": "number", "boolean": "boolean"}.get(str(schema.get("type")), "json")


def pages() -> str:
    """The text of the command line's help pages. The program is above this package, so it is only loaded here, to build."""
    render = import_module("cao_cli.manual")
    return cast("str", render.module(json.loads(catalogue())))


def schema() -> str:
    """The text of `cao/graphql/schema.graphql`. GraphQL is loaded only here, to build."""
    return cast("str", import_module("cao.graphql.schema").printed())


def products() -> dict[Path, str]:
    """Every generated file and what it has to hold."""
    command_line = import_module("cao_cli").__file__
    if command_line is None:
        raise RuntimeError("cao_cli is not a package on disk")
    return {
        ROOT / "client" / "facade.py": facade(),
        ROOT / "client" / "catalog.json": catalogue(),
        ROOT / "graphql" / "schema.graphql": schema(),
        Path(command_line).parent / "pages.py": pages(),
    }


def stale() -> list[Path]:
    """The generated files that do not hold what they should."""
    return [path for path, text in products().items() if not path.exists() or path.read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` only compare them. The exit status."""
    outdated = stale()
    if "--check" in arguments:
        for path in outdated:
            sys.stderr.write(f"{path.name} is stale; run: python -m cao.generate\n")
        return 1 if outdated else 0
    fresh = products()
    for path in outdated:
        path.write_text(fresh[path], "utf-8")
        sys.stderr.write(f"wrote {path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
