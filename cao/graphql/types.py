"""GraphQL types of our models: as exact as GraphQL allows, and a scalar `JSON` for what it cannot say."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLString,
    IntValueNode,
    Undefined,
    ValueNode,
    value_from_ast_untyped,
)
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cao.protocol import DestructiveRequest, ListRequest
from cao.protocol.described import descriptions

SAFE_INTEGER = 2**53 - 1
"""The largest whole number that every JSON reader keeps as it is."""
_INT = 2**31
_WORD = re.compile(r"[A-Za-z]\w*")
_ENUM_VALUE = re.compile(r"(?!(?:true|false|null)$)[A-Za-z_]\w*")
_COMMON = frozenset((*DestructiveRequest.model_fields, *ListRequest.model_fields))

T = TypeVar("T")


def _long(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or abs(value) > SAFE_INTEGER:
        raise TypeError("Long is a whole number between -(2^53 - 1) and 2^53 - 1")
    return int(value)


def _long_literal(node: ValueNode, variables: Mapping[str, Any] | None = None) -> int:
    if not isinstance(node, IntValueNode):
        raise TypeError("Long is a whole number")
    return _long(int(node.value))


def _anything(value: Any) -> Any:
    return value


def _instant(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("DateTime is a string, for instance 2026-01-31T12:00:00Z")
    return value


Long = GraphQLScalarType(
    "Long", _long, _long, _long_literal, description="A whole number, exact up to 2^53 - 1 in both directions; JSON's number."
)
DateTime = GraphQLScalarType(
    "DateTime",
    _instant,
    _instant,
    description="A moment as RFC 3339 writes it, in UTC where we give it.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
)
Json = GraphQLScalarType(
    "JSON",
    parse_value=_anything,
    parse_literal=value_from_ast_untyped,
    description="Any JSON value: mappings, and what GraphQL has no type for.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
)

_SCALARS: Mapping[Any, GraphQLNamedType] = {
    str: GraphQLString,
    bool: GraphQLBoolean,
    float: GraphQLFloat,
    datetime: DateTime,
}


def camel(name: str) -> str:
    """A name of ours as GraphQL writes names.

    >>> camel("idempotency_key")
    'idempotencyKey'
    """
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def snake(name: str) -> str:
    """The name that `camel` was given.

    >>> snake("idempotencyKey")
    'idempotency_key'
    """
    return re.sub(r"[A-Z]", lambda capital: "_" + capital[0].lower(), name)


class _Spot:
    """Where a type stands: a field of a model that is answered or asked."""

    def __init__(self, model: type[BaseModel], field: str, *, asked: bool = False) -> None:
        self.asked = asked
        self.model = model
        self._field = field

    def alias(self, literal: Any) -> str:
        """What the code calls the type: the alias in the field's annotation, or else the model with the field."""
        for kind in self.model.__mro__:
            written = vars(kind).get("__annotations__", {}).get(self._field)
            known = vars(sys.modules[kind.__module__])
            for word in _WORD.findall(written) if isinstance(written, str) else ():
                if get_origin(known.get(word)) is Literal and known[word] == literal:
                    return word
        return _plain_name(self.model) + camel("_" + self._field)


class Types:
    """The types of one schema. What a model refers to is made when the schema is, so models may refer to themselves."""

    def __init__(self) -> None:
        self._claimed: dict[str, Any] = {}
        self._made: dict[tuple[Any, str], Any] = {}

    def answer(self, model: type[BaseModel]) -> GraphQLObjectType:
        """The type of an answer, which is resolved from its JSON-ready mapping."""
        name = self._name(_plain_name(model), model, model.__module__)
        return self._once((model, name), lambda: self._object(name, model))

    def arguments(self, model: type[BaseModel]) -> dict[str, GraphQLArgument]:
        """The fields of a request as arguments, those that every such request has at the end. They come out under their own
        names."""
        return {
            camel(name): GraphQLArgument(
                self._input(model, name), default_value(info), descriptions(model).get(name), out_name=name
            )
            for name, info in sorted(model.model_fields.items(), key=lambda field: field[0] in _COMMON)
        }

    def _object(self, name: str, model: type[BaseModel]) -> GraphQLObjectType:
        def fields() -> dict[str, GraphQLField]:
            return {
                camel(field): GraphQLField(
                    self._of(info.annotation, info.metadata, _Spot(model, field)),
                    resolve=_from_mapping(field),
                    description=descriptions(model).get(field),
                )
                for field, info in model.model_fields.items()
            }

        return cast("GraphQLObjectType", GraphQLObjectType(name, fields, description=_doc(model)))

    def _input_object(self, name: str, model: type[BaseModel]) -> GraphQLInputObjectType:
        def fields() -> dict[str, GraphQLInputField]:
            return {
                camel(field): GraphQLInputField(
                    self._input(model, field), default_value(info), descriptions(model).get(field), out_name=field
                )
                for field, info in model.model_fields.items()
            }

        return cast("GraphQLInputObjectType", GraphQLInputObjectType(name, fields, description=_doc(model)))

    def _input(self, model: type[BaseModel], field: str) -> Any:
        """The type that is asked for. What has a default that GraphQL cannot write may be left out by being nullable."""
        info = model.model_fields[field]
        kind = self._of(info.annotation, info.metadata, _Spot(model, field, asked=True))
        written = info.is_required() or default_value(info) is not Undefined
        return kind if written or not isinstance(kind, GraphQLNonNull) else cast("Any", kind).of_type

    def _of(self, annotation: Any, metadata: Iterable[Any], spot: _Spot) -> Any:
        inner, optional = _split(annotation)
        named = self._nullable(inner, metadata, spot)
        return named if optional else GraphQLNonNull(named)

    def _nullable(self, annotation: Any, metadata: Iterable[Any], spot: _Spot) -> Any:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._nullable(arguments[0], (*metadata, *arguments[1:]), spot)
        if origin is list:
            return GraphQLList(self._of(arguments[0], (), spot))
        if origin is Literal:
            return self._choice(annotation, spot)
        if annotation is int:
            return GraphQLInt if _is_small(metadata) else Long
        if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
            return self._asked_model(annotation) if spot.asked else self.answer(annotation)
        return _SCALARS.get(annotation, Json)

    def _asked_model(self, model: type[BaseModel]) -> GraphQLInputObjectType:
        name = self._name(_plain_name(model) + "Input", (model, "asked"), model.__module__)
        return self._once((model, name), lambda: self._input_object(name, model))

    def _choice(self, literal: Any, spot: _Spot) -> GraphQLNamedType:
        values = get_args(literal)
        if not all(isinstance(value, str) for value in values):
            return Json
        if not all(_ENUM_VALUE.fullmatch(value) for value in values):
            return GraphQLString
        name = self._name(spot.alias(literal), literal, spot.model.__module__)
        return self._once((literal, name), lambda: GraphQLEnumType(name, {value: value for value in values}))

    def _name(self, wanted: str, thing: Any, module: str) -> str:
        """`wanted`, or with the module's name before it when something else is called that."""
        if self._claimed.setdefault(wanted, thing) == thing:
            return wanted
        name = camel("_" + module.rpartition(".")[2]) + wanted
        if self._claimed.setdefault(name, thing) != thing:
            raise TypeError(f"two types are called {name}; rename one of the classes")
        return name

    def _once(self, key: tuple[Any, str], make: Callable[[], T]) -> T:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


def default_value(info: FieldInfo) -> Any:
    """The default of an argument, `Undefined` where there is none or GraphQL cannot write it."""
    default = info.get_default(call_default_factory=True, validated_data={})
    return Undefined if info.is_required() or default is None or isinstance(default, dict) else default


def may_be_null(info: FieldInfo) -> bool:
    """Whether the field takes null."""
    return _split(info.annotation)[1]


def _split(annotation: Any) -> tuple[Any, bool]:
    """A type without its None, and whether it had one. A union of more is left as it is."""
    if annotation is Any:
        return Any, True
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    rest = [one for one in get_args(annotation) if one is not types.NoneType]
    return (rest[0] if len(rest) == 1 else annotation), len(rest) < len(get_args(annotation))


def _is_small(metadata: Iterable[Any]) -> bool:
    """Whether bounds keep a number within GraphQL's `Int`, which has 32 bits."""
    found = [part for item in metadata for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
    low = [getattr(bound, name) for bound in found for name in ("ge", "gt") if getattr(bound, name, None) is not None]
    high = [getattr(bound, name) for bound in found for name in ("le", "lt") if getattr(bound, name, None) is not None]
    return bool(low and high) and max(low) >= -_INT and min(high) < _INT


def _from_mapping(field: str) -> Callable[[Mapping[str, Any], GraphQLResolveInfo], Any]:
    return lambda answer, info: answer[field]


def _plain_name(model: type[BaseModel]) -> str:
    """A class's name; a page of sessions is a `SessionPage`."""
    generic = cast("Mapping[str, Any]", getattr(model, "__pydantic_generic_metadata__", {}))
    if generic.get("origin") is None:
        return model.__name__
    return "".join(one.__name__ for one in generic["args"]) + cast("type", generic["origin"]).__name__


def _doc(model: type[BaseModel]) -> str | None:
    origin = cast("Mapping[str, Any]", getattr(model, "__pydantic_generic_metadata__", {})).get("origin")
    text = model.__doc__ or getattr(origin, "__doc__", None)
    return inspect.cleandoc(text) if text else None
