"""Documents that call one operation: for its reference page, and for whoever wants all that it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from graphql import GraphQLField, GraphQLObjectType, get_named_type

from cao.protocol import Operation

from .schema import root_of, schema
from .types import camel, snake


def document(operation: Operation, given: Iterable[str], *, depth: int = 6, as_records: bool = False) -> str:
    """A document with a variable for each of the `given` fields of the request; it asks for all fields down to `depth`.

    as_records: name the fields of the answer as the records of the other surfaces do.
    """
    name, root = camel(operation.identifier), root_of(operation)
    field = cast("GraphQLObjectType", schema().type_map[root]).fields[name]
    names = [camel(one) for one in given]
    variables = ", ".join(f"${one}: {field.args[one].type}" for one in names)
    arguments = ", ".join(f"{one}: ${one}" for one in names)
    lines = [
        root.lower() + (f" ({variables}) {{" if variables else " {"),
        f"  {name}({arguments}) {{" if arguments else f"  {name} {{",
        *_selections(cast("GraphQLObjectType", _type_of(field)), depth, "    ", as_records),
        "  }",
        "}",
    ]
    return "\n".join(lines)


def _selections(kind: GraphQLObjectType, depth: int, indent: str, as_records: bool) -> Iterator[str]:
    for name, field in kind.fields.items():
        inner = _type_of(field)
        spoken = f"{snake(name)}: {name}" if as_records and snake(name) != name else name
        if not isinstance(inner, GraphQLObjectType):
            yield indent + spoken
        elif depth > 1:
            yield f"{indent}{spoken} {{"
            yield from _selections(inner, depth - 1, indent + "  ", as_records)
            yield indent + "}"


def _type_of(field: GraphQLField) -> object:
    return cast("object", get_named_type(cast("Any", field).type))
