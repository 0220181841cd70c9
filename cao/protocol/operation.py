"""One operation: the unit of the protocol, and the registry that every binding walks.

An operation is one typed async function; its docstring is the help on every surface::

    @operation("session.get", path="/sessions/{session}", example={"session": "docs"})
    async def get(ctx: Context, request: GetSession) -> Session:
        '''Show one session.'''

Bindings read `REGISTRY` and nothing else, so a new operation is there on every surface by itself.
"""

from __future__ import annotations

import inspect
import json
import keyword
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from .caller import Caller, Surface
from .errors import CaoError, Conflict, Denied, InvalidInput, NotFound
from .models import Request, WriteRequest

Effect = Literal["read", "write", "destructive", "stream"]
Method = Literal["GET", "POST", "PUT", "DELETE"]

_NAME = re.compile(r"^[a-z]+\.[a-z]+$")
_FIELD = re.compile(r"{(\w+)}")


class CallContext(Protocol):
    """What an operation needs of its context before it runs."""

    @property
    def caller(self) -> Caller: ...

    def enter(self, operation: Operation, request: BaseModel) -> None:
        """Remember what is being called, for idempotency and the audit trail."""
        ...


@dataclass(frozen=True, slots=True)
class Operation:
    """Everything that a surface must know of one operation."""

    name: str
    function: Callable[[Any, Any], Any]
    request: type[Request]
    output: Any
    effect: Effect
    idempotent: bool
    method: Method
    path: str
    status: int
    scope: str
    errors: tuple[type[CaoError], ...]
    positional: tuple[str, ...]
    example: Mapping[str, Any]
    shortcut: str | None
    waits: bool
    """It may take long and reports progress while it does."""
    without: Mapping[Surface, str]
    """Surfaces that it is kept from, each with the reason."""
    summary: str
    help: str
    adapter: TypeAdapter[Any] = field(repr=False)

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        return self.name.partition(".")[2]

    @property
    def method_name(self) -> str:
        """The verb in the typed interface: one that Python keeps for itself has an underscore behind it, as in `import_`."""
        return self.verb + "_" * keyword.iskeyword(self.verb)

    @property
    def identifier(self) -> str:
        """The name where dots are not allowed: MCP tools, OpenAPI operation ids."""
        return self.name.replace(".", "_")

    @property
    def path_fields(self) -> tuple[str, ...]:
        return tuple(_FIELD.findall(self.path))

    @property
    def has_body(self) -> bool:
        return self.method in ("POST", "PUT")

    def on(self, surface: Surface) -> bool:
        """Whether it is offered on `surface`."""
        return surface not in self.without

    def parse(self, fields: Mapping[str, Any]) -> Request:
        """Read fields that may be text (command line, query strings) or Python values."""
        try:
            return self.request.model_validate(fields)
        except ValidationError as error:
            raise InvalidInput.from_validation(error) from None

    def parse_json(self, body: bytes | str) -> Request:
        """Read JSON as its schema says: "3" is no integer, but 3.0 is one (JSON Schema) though pydantic refuses it."""
        try:
            return self.request.model_validate_json(body, strict=True)
        except ValidationError as error:
            if any(found["type"] == "int_type" for found in error.errors(include_input=False, include_url=False)):
                return self._parse_integral_floats(body)
            raise InvalidInput.from_validation(error) from None

    def _parse_integral_floats(self, body: bytes | str) -> Request:
        folded = json.loads(body, parse_float=_integral)
        try:
            return self.request.model_validate_json(json.dumps(folded), strict=True)
        except ValidationError as error:
            raise InvalidInput.from_validation(error) from None

    async def call(self, ctx: CallContext, request: BaseModel) -> Any:
        """Authorise, then do it. Every surface comes through here."""
        self._enter(ctx, request)
        return await cast("Awaitable[Any]", self.function(ctx, request))

    def stream(self, ctx: CallContext, request: BaseModel) -> AsyncGenerator[Any]:
        """Authorise, then yield items until the caller stops."""
        self._enter(ctx, request)
        return cast("AsyncGenerator[Any]", self.function(ctx, request))

    def authorise(self, caller: Caller) -> None:
        """Raise `Denied` unless this is offered on the caller's surface and the caller may ask it."""
        if not self.on(caller.surface):
            raise Denied(f"{self.name} is not offered here: {self.without[caller.surface]}", operation=self.name)
        caller.require(self.scope)

    def _enter(self, ctx: CallContext, request: BaseModel) -> None:
        self.authorise(ctx.caller)
        ctx.enter(self, request)


class Registry(Mapping[str, Operation]):
    """All operations by name, in the order of their definition."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def __getitem__(self, name: str) -> Operation:
        return self._operations[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._operations)

    def __len__(self) -> int:
        return len(self._operations)

    def add(self, operation: Operation) -> None:
        """Register an operation; its name, and its method with its path, must be new."""
        for other in self._operations.values():
            if other.name == operation.name or (other.method, other.path) == (
                operation.method,
                operation.path,
            ):
                raise ValueError(f"{operation.name} repeats the name or the route of {other.name}")
        self._operations[operation.name] = operation

    def on(self, surface: Surface) -> list[Operation]:
        """The operations that `surface` offers."""
        return [operation for operation in self._operations.values() if operation.on(surface)]


REGISTRY = Registry()
"""The protocol. Importing `cao.operations` fills it."""


def operation(
    name: str,
    *,
    path: str,
    example: Mapping[str, Any],
    effect: Effect = "read",
    method: Method | None = None,
    status: int | None = None,
    scope: str | None = None,
    idempotent: bool | None = None,
    errors: tuple[type[CaoError], ...] = (),
    positional: tuple[str, ...] | None = None,
    shortcut: str | None = None,
    waits: bool = False,
    without: Mapping[Surface, str] | None = None,
    registry: Registry = REGISTRY,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Define one operation on `async def function(ctx, request: R) -> A` (a stream: `-> AsyncIterator[A]`).

    name: `group.verb`. path: the HTTP resource, with request fields in braces. example: a valid request, shown on every
    surface's page and tried by the tests. positional: the fields that the command line takes without a flag, the path's
    fields unless given. shortcut: a second, top-level command. The definition is checked here, at import: a broken one
    never reaches a surface.
    """

    def define(function: Callable[..., Any]) -> Callable[..., Any]:
        request, output = _types(name, function, effect)
        fields = tuple(_FIELD.findall(path))
        chosen: Method = method or ("POST" if effect in ("write", "destructive") else "GET")
        help_text = inspect.cleandoc(function.__doc__ or "")
        defined = Operation(
            name=name,
            function=function,
            request=request,
            output=output,
            effect=effect,
            idempotent=effect in ("read", "stream") if idempotent is None else idempotent,
            method=chosen,
            path=path,
            status=status or (201 if effect == "write" and chosen == "POST" else 200),
            scope=scope or f"{name.partition('.')[0]}:{'read' if effect == 'stream' else effect}",
            errors=tuple(dict.fromkeys((InvalidInput, Denied, *((NotFound,) if fields else ()), *_conflicts(effect), *errors))),
            positional=fields if positional is None else positional,
            example=example,
            shortcut=shortcut,
            waits=waits,
            without=without or {},
            summary=help_text.partition("\n")[0],
            help=help_text,
            adapter=TypeAdapter(output),
        )
        _check(defined)
        registry.add(defined)
        return function

    return define


def _conflicts(effect: Effect) -> tuple[type[CaoError], ...]:
    return (Conflict,) if effect in ("write", "destructive") else ()


def _types(name: str, function: Callable[..., Any], effect: Effect) -> tuple[type[Request], Any]:
    hints = get_type_hints(function, include_extras=True)
    if list(inspect.signature(function).parameters) != ["ctx", "request"]:
        raise TypeError(f"{name}: the function takes (ctx, request)")
    output = hints["return"]
    if effect == "stream":
        if get_origin(output) is not AsyncIterator:
            raise TypeError(f"{name}: a stream returns AsyncIterator[...]")
        output = get_args(output)[0]
    elif not inspect.iscoroutinefunction(function):
        raise TypeError(f"{name}: the function is async")
    return hints["request"], output


def _check(defined: Operation) -> None:
    fields = set(defined.request.model_fields)
    unknown = (set(defined.path_fields) | set(defined.positional)) - fields
    problems = {
        "is not named group.verb": not _NAME.match(defined.name),
        "has no docstring": not defined.help,
        f"names fields that {defined.request.__name__} lacks: {sorted(unknown)}": bool(unknown),
        "changes something, so its request is a WriteRequest": defined.effect in ("write", "destructive")
        and not issubclass(defined.request, WriteRequest),
        "answers with something that is not a model": not _is_model(defined.output),
    }
    for problem, found in problems.items():
        if found:
            raise TypeError(f"{defined.name} {problem}")
    defined.parse(defined.example)


def _is_model(output: Any) -> bool:
    return inspect.isclass(output) and issubclass(output, BaseModel)


def _integral(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number
