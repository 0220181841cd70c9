"""Reads documents and runs them for a caller. Loading this module loads graphql-core."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    execute,  # pyright: ignore[reportUnknownVariableType] - only middleware's type is, which we do not use
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import get_variable_values

from cao.protocol import Caller, CaoError, InvalidInput

from . import errors, limits
from .schema import Call, schema
from .wire import Answer, Asked, Refused, shown

if TYPE_CHECKING:
    from cao.control import Control

_ERRORS = 20
_KEPT = 2000
"""The longest document, in characters, that is kept for the next time; clients send the same few."""
_BREATH = 4
"""Items of a stream after which others get a turn: a replay waits for nothing by itself."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that may be run, with its variables."""

    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, Any]
    waits: bool
    """It calls an operation that may take long."""

    @property
    def changes(self) -> bool:
        """Whether it is a mutation."""
        return self.operation.operation is OperationType.MUTATION

    @property
    def streams(self) -> bool:
        """Whether it is a subscription."""
        return self.operation.operation is OperationType.SUBSCRIPTION


class Executor:
    """Runs documents on one control."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._schema = schema()

    def prepare(self, asked: Asked) -> Prepared:
        """Read a document and its variables. Raises `Refused`."""
        try:
            document = read(asked.query)
            operation = _operation(document, asked.operation_name)
        except CaoError as error:
            raise Refused([shown(error)]) from None
        given = asked.variables or {}
        variables = get_variable_values(self._schema, operation.variable_definitions or (), given, _ERRORS)
        if isinstance(variables, list):
            raise self._refused(document, *variables)
        try:
            return Prepared(document, operation, given, self._waits(document, operation, variables))
        except GraphQLError as error:  # a directive that a variable makes senseless
            raise self._refused(document, error) from None

    def _refused(self, document: DocumentNode, *found: GraphQLError) -> Refused:
        return Refused([errors.of_document(error, self._schema, document) for error in found])

    def _waits(self, document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]) -> bool:
        root = cast("GraphQLObjectType", self._schema.get_root_type(operation.operation))
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        called = collect_fields(self._schema, fragments, variables, root, operation.selection_set)
        fields = [root.fields.get(nodes[0].name.value) for nodes in called.values()]
        return any(field is not None and field.extensions["waits"] for field in fields)

    async def run(self, prepared: Prepared, caller: Caller) -> Answer:
        """Run a query or a mutation. Cancelled, it ends at once when it only reads or waits; a change is finished before."""
        result = self._execute(prepared, self._call(caller))
        if inspect.isawaitable(result):
            result = await (_to_its_end(result) if prepared.changes and not prepared.waits else result)
        return _answer(result)

    async def stream(self, prepared: Prepared, caller: Caller) -> AsyncGenerator[Answer]:
        """Run a subscription. Raises `Refused` when it cannot begin or go on."""
        call, count = self._call(caller), 0
        source = await self._source(prepared, call)
        async with contextlib.aclosing(source):
            try:
                async for item in source:
                    yield _answer(cast("ExecutionResult", self._execute(prepared, call, item)))
                    count += 1
                    if count % _BREATH == 0:
                        await asyncio.sleep(0)
            except CaoError as error:
                raise Refused([shown(error)]) from None

    async def _source(self, prepared: Prepared, call: Call) -> AsyncGenerator[Any]:
        begun = await create_source_event_stream(
            self._schema,
            prepared.document,
            context_value=call,
            variable_values=prepared.variables,
            operation_name=_name(prepared.operation),
        )
        if isinstance(begun, ExecutionResult):
            raise Refused([errors.of_execution(error) for error in begun.errors or ()])
        return cast("AsyncGenerator[Any]", begun)

    def _execute(self, prepared: Prepared, call: Call, root: Any = None) -> Awaitable[ExecutionResult] | ExecutionResult:
        return execute(
            self._schema,
            prepared.document,
            root,
            call,
            prepared.variables,
            _name(prepared.operation),
        )

    def _call(self, caller: Caller) -> Call:
        return Call(self._control, dataclasses.replace(caller, surface="graphql"))


def read(text: str) -> DocumentNode:
    """A document that is valid and of bearable size. Raises `InvalidInput` and `Refused`."""
    return _kept(text) if len(text) <= _KEPT else _read(text)


def _read(text: str) -> DocumentNode:
    if len(text) > limits.DOCUMENT_LIMIT:
        raise InvalidInput.field(
            "query", f"is longer than {limits.DOCUMENT_LIMIT} characters; put texts in variables", "too_long"
        )
    document = _parse(text)
    limits.check(document)
    if found := validate(schema(), document, max_errors=_ERRORS):
        raise Refused([errors.of_document(error, schema(), document) for error in found])
    return document


_kept = lru_cache(maxsize=64)(_read)


def _parse(text: str) -> DocumentNode:
    try:
        return parse(text, max_tokens=limits.TOKENS)
    except GraphQLSyntaxError as error:
        raise Refused([errors.of_document(error, schema())]) from None
    except RecursionError:
        raise InvalidInput.field("query", "is nested too deeply", "too_long") from None


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    found = get_operation_ast(document, name)
    if found is None:
        raise InvalidInput.field("operationName", "does not name one of the document's operations")
    return found


async def _to_its_end(work: Awaitable[ExecutionResult]) -> ExecutionResult:
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait((running,))


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _answer(result: ExecutionResult) -> Answer:
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [errors.of_execution(error) for error in result.errors]
    return answer
