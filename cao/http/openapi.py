"""OpenAPI 3.1, written from the registry's own pydantic models: what is validated is what is published."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from cao.protocol import REGISTRY, CaoError, Described, Internal, Operation, Unauthenticated, Unavailable
from cao.version import VERSION

from .replies import Misdirected, TooLarge, TooManyAttempts, TooSlow, UnsupportedMedia

Schema = dict[str, Any]

_REF = "#/components/schemas/{model}"
_REFERENCE = re.compile(r'"#/components/schemas/(\w+)"')
_OPEN = frozenset(("daemon.health",))
_WITH_TOKEN: tuple[type[CaoError], ...] = (Unauthenticated, TooManyAttempts)
_ALWAYS: tuple[type[CaoError], ...] = (Misdirected, Internal, Unavailable)
_WITH_BODY: tuple[type[CaoError], ...] = (TooSlow, TooLarge, UnsupportedMedia)

_ABOUT = """\
Sessions of AI agents, driven over HTTP. Every operation here is the same on the command line, in Python and over MCP.

{authentication}* **Errors** are problem documents (RFC 9457). `code` is stable; `details.errors` points at broken fields.
* **Repeating a write** is safe with an `Idempotency-Key`: the same key with the same request gives the same answer.
* **Lists** give `next_cursor`; pass it as `cursor` for the next page.
* **Events** stream from `/events` as server-sent events and resume by `Last-Event-ID`.
"""

_AUTHENTICATION = """\
* **Authentication**: `Authorization: Bearer <token>`: one that `token.create` made, or on the server's own computer the text of
  the file `token` in the data directory.
"""


class BrokenField(Described):
    """One field of a request that is not as it should be."""

    pointer: str
    """A JSON pointer into the request."""
    message: str
    kind: str
    """The kind of fault, for programs."""


class Details(Described):
    """What programs may want to know about a problem."""

    model_config = ConfigDict(extra="allow")

    errors: list[BrokenField] | None = None
    """Of `invalid_input`: the broken fields."""


class ProblemDetails(Described):
    """What went wrong, as RFC 9457 says it. `code` and `details` are the same on every surface."""

    model_config = ConfigDict(extra="forbid")

    type: str
    """A URI that names the kind of problem."""
    title: str
    """The kind in words."""
    status: int
    """The HTTP status."""
    code: str
    """The stable code that programs look at."""
    detail: str
    """What happened, to which object, and what to try next."""
    details: Details | None = None
    """More for programs."""
    instance: str | None = None
    """The path that was asked."""


@functools.lru_cache(8)
def document(prefix: str | None = None) -> Schema:
    """The whole document. It is made when it is first asked for, and must not be changed.

    prefix: where another application has put us, which knows itself how its callers sign in; None on our own server.
    """
    return _whole() if prefix is None else _embedded(_whole(), prefix)


def _embedded(whole: Schema, prefix: str) -> Schema:
    paths = {
        path: {method: {key: value for key, value in entry.items() if key != "security"} for method, entry in methods.items()}
        for path, methods in whole["paths"].items()
    }
    return {
        **{key: value for key, value in whole.items() if key != "security"},
        "info": {**whole["info"], "description": _about("")},
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": {"schemas": whole["components"]["schemas"]},
    }


def _about(authentication: str) -> str:
    return _ABOUT.format(authentication=authentication)


@functools.cache
def _whole() -> Schema:
    operations = REGISTRY.on("http")
    schemas, components = _schemas(operations)
    paths: dict[str, Schema] = {}
    for operation in operations:
        entry = _entry(operation, schemas, components)
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    used = _used(paths, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cao", "version": VERSION, "description": _about(_AUTHENTICATION), "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": group} for group in dict.fromkeys(operation.group for operation in operations)],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name in used},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token of yours."}},
        },
    }


def _used(paths: Schema, components: Schema) -> set[str]:
    """The components that the paths lead to. Requests without a body are spelled out as parameters, so theirs are not."""
    used: set[str] = set()
    found = _references(paths)
    while found:
        used |= found
        found = {name for seen in found for name in _references(components[seen])} - used
    return used


def _references(schema: Schema) -> set[str]:
    return set(_REFERENCE.findall(json.dumps(schema)))


def _schemas(operations: Iterable[Operation]) -> tuple[Mapping[str, Schema], Schema]:
    """References to each operation's request and answer, and the components that they refer to."""
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        ("problem", "serialization", cast("TypeAdapter[Any]", TypeAdapter(ProblemDetails)))
    ]
    for operation in operations:
        wanted.append((operation.name + " request", "validation", TypeAdapter(operation.request)))
        wanted.append((operation.name + " answer", "serialization", operation.adapter))
    found, shared = TypeAdapter.json_schemas(wanted, ref_template=_REF)
    return {str(key): schema for (key, _), schema in found.items()}, shared["$defs"]


def _entry(operation: Operation, schemas: Mapping[str, Schema], components: Schema) -> Schema:
    request = _resolve(schemas[operation.name + " request"], components)
    entry: Schema = {
        "operationId": operation.identifier,
        "tags": [operation.group],
        "summary": operation.summary,
        "description": operation.help,
        "parameters": [*_parameters(operation, request), *_headers(operation, request)],
        "responses": {**_answers(operation, schemas), **_problems(operation)},
        "x-cao": {
            "name": operation.name,
            "effect": operation.effect,
            "idempotent": operation.idempotent,
            "scope": operation.scope,
        },
    }
    if operation.has_body:
        entry["requestBody"] = _body(operation, schemas[operation.name + " request"], request)
    if operation.name in _OPEN:
        entry["security"] = []
    return entry


def _resolve(schema: Schema, components: Schema) -> Schema:
    return components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _parameters(operation: Operation, request: Schema) -> list[Schema]:
    in_path = operation.path_fields
    in_query = [] if operation.has_body else [name for name in request.get("properties", {}) if name not in in_path]
    return [_parameter(operation, request, name, "path") for name in in_path] + [
        _parameter(operation, request, name, "query") for name in in_query
    ]


def _parameter(operation: Operation, request: Schema, name: str, place: str) -> Schema:
    schema = _without_null(request["properties"][name])
    parameter: Schema = {"name": name, "in": place, "required": place == "path" or name in request.get("required", ())}
    if description := schema.pop("description", None):
        parameter["description"] = description
    schema.pop("title", None)
    parameter["schema"] = schema
    if name in operation.example:
        parameter["example"] = operation.example[name]
    return parameter


def _without_null(schema: Schema) -> Schema:
    """A query string cannot say null: leaving the parameter out says it."""
    kept = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if not kept:
        return dict(schema)
    bare = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**bare, **(kept[0] if len(kept) == 1 else {"anyOf": kept})}


def _headers(operation: Operation, request: Schema) -> list[Schema]:
    if operation.effect == "stream":
        return [
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "Go on after this `seq`; it wins over `after`. Browsers send it by themselves after a cut.",
                "schema": {"type": "integer", "minimum": 0, "maximum": 2**62},
            }
        ]
    if operation.effect == "read":
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same as the field `idempotency_key`; give one of them.",
            "schema": {
                key: value
                for key, value in _without_null(request["properties"]["idempotency_key"]).items()
                if key in ("type", "pattern")
            },
        }
    ]


def _body(operation: Operation, reference: Schema, request: Schema) -> Schema:
    in_path = operation.path_fields
    required = [name for name in request.get("required", ()) if name not in in_path]
    schema = reference if not in_path else _object_without(request, in_path, required)
    example = {name: value for name, value in operation.example.items() if name not in in_path}
    return {"required": bool(required), "content": {"application/json": {"schema": schema, "example": example}}}


def _object_without(request: Schema, left_out: Iterable[str], required: list[str]) -> Schema:
    schema = {key: value for key, value in request.items() if key not in ("properties", "required", "title")}
    schema["properties"] = {name: value for name, value in request["properties"].items() if name not in left_out}
    if required:
        schema["required"] = required
    return schema


def _answers(operation: Operation, schemas: Mapping[str, Schema]) -> Schema:
    answer = schemas[operation.name + " answer"]
    if operation.effect == "stream":
        content: Schema = {"text/event-stream": {"schema": {"type": "string"}, "x-item": answer}}
        return {"200": {"description": "Server-sent events; `id` is the `seq`, `data` an item as JSON.", "content": content}}
    content = {"application/json": {"schema": answer}}
    if not operation.waits:
        return {str(operation.status): {"description": operation.summary, "content": content}}
    content["text/event-stream"] = {"schema": {"type": "string"}}
    about = "The answer; with `Accept: text/event-stream` events `progress`, then one `result` or `error`."
    return {str(operation.status): {"description": about, "content": content}}


def _problems(operation: Operation) -> Schema:
    errors = (*operation.errors, *(() if operation.name in _OPEN else _WITH_TOKEN), *_ALWAYS)
    if operation.has_body:
        errors += _WITH_BODY
    by_status: dict[int, list[str]] = {}
    for error in errors:
        by_status.setdefault(error.http_status, []).append((error.__doc__ or "").partition("\n")[0])
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}. " + " ".join(dict.fromkeys(meanings)),
            "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="ProblemDetails")}}},
        }
        for status, meanings in sorted(by_status.items())
    }
