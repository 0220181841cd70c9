"""Errors as GraphQL carries them: our code and details in `extensions`, and pointers to the fields of the operation."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, cast

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLError,
    GraphQLSchema,
    Node,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_required_argument,
    visit,
)

from cao.protocol import CaoError, Internal, InvalidInput
from cao.protocol.errors import FieldError

from .wire import shown

logger = logging.getLogger(__name__)

_MESSAGE = 300
"""How much of a message is shown; it may quote the document."""


def of_execution(error: GraphQLError) -> dict[str, Any]:
    """What went wrong in a field. A defect is logged and masked."""
    return {**shown(_cause(error)), "locations": _places(error), "path": error.path}


def _cause(error: GraphQLError) -> CaoError:
    original = error.original_error
    if isinstance(original, CaoError):
        return original
    if isinstance(original, GraphQLError) and not any(isinstance(node, FieldNode) for node in error.nodes or ()):
        return InvalidInput(error.message)  # an argument that only shows its value when it is used
    incident = secrets.token_hex(4)
    logger.error("incident %s at %s", incident, error.path, exc_info=original or error)
    return Internal.masked(incident)


def of_document(error: GraphQLError, schema: GraphQLSchema, document: DocumentNode | None = None) -> dict[str, Any]:
    """What is wrong with a document or its variables: it points at the argument, or else at the document."""
    found = _Findings(schema, document).of(error) if document else []
    found = found or [FieldError(pointer="/query", message=error.message[:_MESSAGE], kind="graphql")]
    message = f"{found[0]['pointer']}: {found[0]['message']}"
    return {**shown(InvalidInput(message, errors=found)), "locations": _places(error)}


def _places(error: GraphQLError) -> list[Any]:
    return [place.formatted for place in error.locations or ()]


class _Findings(Visitor):
    """Finds the fields of a request that an error is about: `/limit`, as on the other surfaces.

    Refused values are left out of what is said: they may be secrets or huge.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        super().__init__()
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        self._operations = {name: field for root in roots if root for name, field in root.fields.items()}
        self._calls: list[FieldNode] = []
        self._variables: list[VariableNode] = []
        visit(document, self)

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in self._operations:
            self._calls.append(node)

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self._variables.append(node)

    def of(self, error: GraphQLError) -> list[FieldError]:
        found = [(pointer, message) for node in error.nodes or () for pointer, message in self._of_node(node, error)]
        return [FieldError(pointer=pointer, message=message, kind="graphql") for pointer, message in dict(found).items()]

    def _of_node(self, node: Node, error: GraphQLError) -> Iterator[tuple[str, str]]:
        if isinstance(node, VariableDefinitionNode):
            for use in self._variables:
                if use.name.value == node.variable.name.value:
                    yield from self._around(use, error)
        elif isinstance(node, FieldNode):
            for name, argument in self._missing(node):
                yield f"/{argument.out_name}", f"the argument {name} is required"
        else:
            yield from self._around(node, error)

    def _missing(self, call: FieldNode) -> Iterator[tuple[str, GraphQLArgument]]:
        given = {argument.name.value for argument in call.arguments}
        for name, argument in self._arguments(call).items():
            if name not in given and is_required_argument(argument):
                yield name, argument

    def _around(self, node: Node, error: GraphQLError) -> Iterator[tuple[str, str]]:
        for call in self._calls:
            for given in call.arguments:
                if _encloses(given, node):
                    known = self._arguments(call).get(given.name.value)
                    yield (f"/{known.out_name}", _expected(known)) if known else (f"/{given.name.value}", error.message)

    def _arguments(self, call: FieldNode) -> Mapping[str, GraphQLArgument]:
        field = self._operations.get(call.name.value)
        return field.args if field else {}


def _expected(argument: GraphQLArgument) -> str:
    expected = cast("Any", argument).type
    named = cast("object", get_named_type(expected))
    choices = f": {', '.join(named.values)}" if isinstance(named, GraphQLEnumType) else ""
    return f"is not a value of type {expected}{choices}"


def _encloses(argument: ArgumentNode, node: Node) -> bool:
    if argument.loc is None or node.loc is None:
        return False
    return argument.loc.start <= node.loc.start and node.loc.end <= argument.loc.end
