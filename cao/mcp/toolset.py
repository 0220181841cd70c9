"""What one caller may use over MCP, without a word of the MCP SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from cao.operations.context import Progress
from cao.protocol import Effect


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as a client sees it."""

    name: str
    title: str
    help: str
    effect: Effect
    idempotent: bool
    input_schema: Mapping[str, Any]
    """JSON Schema of the arguments; it refuses unknown ones."""
    output_schema: Mapping[str, Any]
    """JSON Schema of the answer: an object."""
    meta: Mapping[str, str] = field(default_factory=dict[str, str])
    """Facts for programs, under names that begin with `cao/`."""


class UnknownTool(LookupError):
    """There is no tool of this name for anybody."""


class Toolset(Protocol):
    """The tools of one caller."""

    def tools(self) -> Sequence[Tool]:
        """Those that the caller may use."""
        ...

    async def use(self, name: str, arguments: Mapping[str, Any], report: Progress) -> Mapping[str, Any]:
        """Call a tool on JSON-ready arguments; its JSON-ready answer. Raises `CaoError` and `UnknownTool`."""
        ...


class _Terse(GenerateJsonSchema):
    """Schemas without a title for every field: it only repeats the name, and a model pays for reading it."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def input_schema(request: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a request."""
    return request.model_json_schema(schema_generator=_Terse)


def output_schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """The JSON Schema of an answer as it is sent."""
    return adapter.json_schema(mode="serialization", schema_generator=_Terse)
