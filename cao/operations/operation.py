"""The protocol describes itself."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from cao.protocol import REGISTRY, Answer, Effect, ListRequest, NotFound, Page, Request, operation
from cao.protocol import Operation as Definition

from .context import Context
from .pages import by_place

SURFACES = ("python", "cli", "http", "mcp", "graphql", "web")
"""The ways in that exist."""


class Operation(Answer):
    """What can be asked."""

    name: str
    """`group.verb`."""
    summary: str
    effect: Effect
    scope: str
    """What a caller must hold."""
    idempotent: bool
    """Asking twice does no more than asking once."""
    method: str
    path: str
    surfaces: list[str]
    """Where it is offered."""
    without: dict[str, str]
    """Where it is not, and why."""


class OperationDetail(Operation):
    """What can be asked, in full."""

    help: str
    request_schema: dict[str, Any]
    """JSON Schema of what it is asked."""
    output_schema: dict[str, Any]
    """JSON Schema of what it answers with (a stream: of each item)."""
    errors: list[str]
    """Codes that it may answer with instead."""
    example: dict[str, Any]
    """A valid request."""


class ListOperations(ListRequest):
    """Which operations."""

    group: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}$")] | None = None
    """Only those of this group."""
    effect: Effect | None = None
    """Only those with this effect."""


@operation("operation.list", path="/operations", example={"group": "session"}, positional=())
async def list_operations(ctx: Context, request: ListOperations) -> Page[Operation]:
    """List everything that can be asked, in the order of the protocol."""
    wanted = [
        defined
        for defined in REGISTRY.values()
        if request.group in (None, defined.group) and request.effect in (None, defined.effect)
    ]
    return by_place(Operation, wanted, request, lambda defined: Operation.model_validate(_summary(defined)))


class GetOperation(Request):
    """Which operation."""

    operation: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}\.[a-z]{1,32}$")]
    """Its name, `group.verb`."""


@operation("operation.get", path="/operations/{operation}", example={"operation": "session.launch"})
async def get_operation(ctx: Context, request: GetOperation) -> OperationDetail:
    """Show one operation: schemas, effect, scope, surfaces and an example."""
    defined = REGISTRY.get(request.operation)
    if defined is None:
        raise NotFound(f"no operation {request.operation!r}; see: cao operation list", operation=request.operation)
    return OperationDetail(
        **_summary(defined),
        help=defined.help,
        request_schema=defined.request.model_json_schema(),
        output_schema=defined.adapter.json_schema(mode="serialization"),
        errors=[error.code for error in defined.errors],
        example=dict(defined.example),
    )


def _summary(defined: Definition) -> dict[str, Any]:
    return {
        "name": defined.name,
        "summary": defined.summary,
        "effect": defined.effect,
        "scope": defined.scope,
        "idempotent": defined.idempotent,
        "method": defined.method,
        "path": defined.path,
        "surfaces": [surface for surface in SURFACES if defined.on(surface)],
        "without": {str(surface): reason for surface, reason in defined.without.items()},
    }
