"""The schema: reads are fields of Query, changes of Mutation, streams of Subscription, named after their operations.

`session.launch` is `sessionLaunch`, the fields of its request are the arguments. Fields of Query and Mutation are nullable, so
that one that fails leaves the answers of the others.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, print_schema

from cao.protocol import REGISTRY, Caller, Effect, InvalidInput, Operation, Request

from .types import Types, camel, may_be_null

if TYPE_CHECKING:
    from cao.control import Control

_ROOTS: Mapping[Effect, str] = {"read": "Query", "write": "Mutation", "destructive": "Mutation", "stream": "Subscription"}
SCHEMA_FILE = Path(__file__).parent / "schema.graphql"
"""The schema as it was committed: what generated clients are made of."""
_HEAD = "# Generated from the registry by `python -m cao.generate`; do not edit.\n\n"


@dataclass(frozen=True, slots=True)
class Call:
    """The context of one document: who asks, and whom."""

    control: Control
    caller: Caller


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    """The schema of all operations that are offered on GraphQL. Takes half a second when it is first asked for."""
    return build(REGISTRY.on("graphql"))


def printed(made: GraphQLSchema | None = None) -> str:
    """The schema in GraphQL's own language: the text of `schema.graphql`."""
    return _HEAD + print_schema(made or schema()) + "\n"


def root_of(operation: Operation) -> str:
    """The root that has the operation's field."""
    return _ROOTS[operation.effect]


def build(operations: Iterable[Operation]) -> GraphQLSchema:
    """The schema of these operations."""
    types = Types()
    roots: dict[str, dict[str, GraphQLField]] = {"Query": {}, "Mutation": {}, "Subscription": {}}
    for operation in operations:
        make = _subscription if operation.effect == "stream" else _field
        roots[root_of(operation)][camel(operation.identifier)] = make(operation, types)
    made = {name: GraphQLObjectType(name, fields) for name, fields in roots.items() if fields}
    query, mutation, subscription = (cast("GraphQLObjectType | None", made.get(name)) for name in roots)
    return GraphQLSchema(query, mutation, subscription)


def _field(operation: Operation, types: Types) -> GraphQLField:
    async def resolve(root: None, info: GraphQLResolveInfo, **given: Any) -> Any:
        call: Call = info.context
        answer = await call.control.call(operation, _request(operation, given), call.caller)
        return operation.adapter.dump_python(answer, mode="json")

    return GraphQLField(
        types.answer(operation.output),
        types.arguments(operation.request),
        resolve,
        description=operation.help,
        extensions={"waits": operation.waits},
    )


def _subscription(operation: Operation, types: Types) -> GraphQLField:
    async def subscribe(root: None, info: GraphQLResolveInfo, **given: Any) -> AsyncIterator[Any]:
        call: Call = info.context
        items = call.control.stream(operation, _request(operation, given), call.caller)
        async with contextlib.aclosing(cast("AsyncGenerator[Any]", items)):
            async for item in items:
                yield operation.adapter.dump_python(item, mode="json")

    def resolve(item: Any, info: GraphQLResolveInfo, **given: Any) -> Any:
        return item

    return GraphQLField(
        GraphQLNonNull(types.answer(operation.output)),
        types.arguments(operation.request),
        resolve,
        subscribe,
        operation.help,
        extensions={"waits": True},
    )


def _request(operation: Operation, given: Mapping[str, Any]) -> Request:
    """Arguments as the operation's request. Null for what cannot be null says as little as leaving it out."""
    fields = operation.request.model_fields
    said = {name: value for name, value in given.items() if value is not None or may_be_null(fields[name])}
    try:
        return operation.parse_json(json.dumps(said))
    except RecursionError:
        raise InvalidInput("the request is nested too deeply") from None
