"""The tools of operators: every operation that the registry offers on MCP, under the same rules as everywhere else."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Generic, Protocol, TypeVar, cast

from pydantic import BaseModel, Field, TypeAdapter, create_model

from cao.operations.context import Progress
from cao.protocol import REGISTRY, Answer, Caller, Denied, InvalidInput, Operation, Request

from .toolset import Tool, UnknownTool, input_schema, output_schema

T = TypeVar("T")

INSTRUCTIONS = (
    "Control of AI-agent sessions. Launch a session with session_launch; its answer holds a run id: run_wait waits for it and "
    "run_result reads what came of it. event_follow collects what happens. Approvals block an agent until approval_decide."
)


class Operations(Protocol):
    """Whoever runs operations: a `cao.control.Control`."""

    async def call(
        self, operation: Operation, request: Request, caller: Caller = ..., report: Progress | None = None
    ) -> Any: ...

    def stream(self, operation: Operation, request: Request, caller: Caller = ...) -> AsyncIterator[Any]: ...


class Collected(Answer, Generic[T]):
    """What a stream gave until the call was over: MCP has no answers that stream."""

    events: list[T]
    """In order."""
    last_seq: int | None = None
    """The `seq` of the last one: give it as `after` to go on. Null when there is none; ask the same again."""


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """An operation and the tool that it is."""

    operation: Operation
    asked: Operation
    """The same as a tool takes it: a stream is asked for so many items at most, and so many seconds."""
    answer: TypeAdapter[Any]
    """What the tool gives: the operation's answer, or what was collected of a stream."""
    tool: Tool

    def may(self, caller: Caller) -> bool:
        try:
            caller.require(self.operation.scope)
        except Denied:
            return False
        return True


def groups_named(text: str | None) -> frozenset[str]:
    """The groups of operations in `session,run`; none for nothing. Raises `InvalidInput` that names those that there are."""
    wanted = frozenset(word.strip() for word in (text or "").split(",") if word.strip())
    known = {operation.group for operation in REGISTRY.on("mcp")}
    if strange := sorted(wanted - known):
        raise InvalidInput.field("groups", f"there is no group {strange[0][:64]!r}; there are: {', '.join(sorted(known))}")
    return wanted


def chosen(groups: frozenset[str]) -> Mapping[str, Offer]:
    """The tools of some groups, or all where none is named.

    A model reads every tool that it is offered, and pays for it: whoever configures an agent offers what it needs.
    """
    if not groups:
        return catalogue()
    return {name: offer for name, offer in catalogue().items() if offer.operation.group in groups}


class OperatorTools:
    """The operations that one caller may use. Implements `Toolset`."""

    def __init__(self, operations: Operations, caller: Caller, offers: Mapping[str, Offer]) -> None:
        self._operations = operations
        self._caller = dataclasses.replace(caller, surface="mcp")
        self._offers = offers

    def tools(self) -> Sequence[Tool]:
        return [offer.tool for offer in self._offers.values() if offer.may(self._caller)]

    async def use(self, name: str, arguments: Mapping[str, Any], report: Progress) -> Mapping[str, Any]:
        offer = self._offers.get(name)
        if offer is None:
            raise UnknownTool(name)
        request = offer.asked.parse_json(json.dumps(arguments))
        if offer.operation.effect == "stream":
            answer = await self._collect(offer.operation, request.model_dump(), report)
        else:
            answer = await self._operations.call(offer.operation, request, self._caller, report)
        return cast("Mapping[str, Any]", offer.answer.dump_python(answer, mode="json"))

    async def _collect(self, operation: Operation, asked: dict[str, Any], report: Progress) -> Collected[Any]:
        limit, seconds = int(asked["limit"]), float(asked.pop("timeout"))
        request = operation.parse({name: value for name, value in asked.items() if name in operation.request.model_fields})
        items = cast("AsyncGenerator[Any]", self._operations.stream(operation, request, self._caller))
        events: list[Any] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), contextlib.aclosing(items):
                async for item in items:
                    events.append(item)
                    await report(len(events), limit, f"{len(events)} of at most {limit}")
                    if len(events) == limit:
                        break
        return Collected[Any](events=events, last_seq=getattr(events[-1], "seq", None) if events else None)


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Offer]:
    """All operations on MCP, by the tool's name. The first call makes the schemas, which takes a while: call it in a thread."""
    return {operation.identifier: _offer(operation) for operation in REGISTRY.on("mcp")}


def _offer(operation: Operation) -> Offer:
    asked, answer = _bounded(operation) if operation.effect == "stream" else (operation, operation.adapter)
    tool = Tool(
        name=operation.identifier,
        title=operation.summary.rstrip("."),
        help=operation.help,
        effect=operation.effect,
        idempotent=operation.idempotent,
        input_schema=input_schema(asked.request),
        output_schema=output_schema(answer),
        meta={"cao/operation": operation.name, "cao/scope": operation.scope},
    )
    return Offer(operation, asked, answer, tool)


def _bounded(stream: Operation) -> tuple[Operation, TypeAdapter[Any]]:
    request = create_model(
        stream.request.__name__,
        __base__=stream.request,
        __doc__=stream.request.__doc__,
        limit=(Annotated[int, Field(ge=1, le=100, description="Give so many at most.")], 10),
        timeout=(Annotated[float, Field(ge=0, le=60, description="Seconds to wait for them at most.")], 5.0),
    )
    item = cast("type[BaseModel]", stream.output)
    collected = Collected[item]  # pyright: ignore[reportInvalidTypeForm] - the item's type is known only at run time
    return dataclasses.replace(stream, request=request), TypeAdapter(collected)
