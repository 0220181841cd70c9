"""`/mcp` of our server: the operations as tools, over streamable HTTP; `/mcp?groups=session,run` offers those of two groups."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from cao.protocol import InvalidInput

from .catalogue import INSTRUCTIONS, OperatorTools, catalogue, chosen, groups_named
from .http import HttpServer, Receive, Scope, Send, refuse

if TYPE_CHECKING:
    from cao.control import Control


GROUPS = "cao.groups"
"""The key in a scope for the groups that a client chose."""


class McpApp:
    """An ASGI application for a server that has authenticated the caller (`scope["cao.caller"]`).

    Enter it on the loop that serves. It loads the MCP SDK with its first request, or when `warm` is called.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._server = HttpServer("cao", INSTRUCTIONS, self._tools, catalogue)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.__aexit__(kind, error, trace)

    async def warm(self) -> None:
        """Load the MCP SDK now, in a thread, so that the first request need not wait for it."""
        await self._server.warm()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope["cao.caller"]
        try:
            scope = {**scope, GROUPS: _groups(scope)}
        except InvalidInput as error:
            await refuse(send, error)
            return
        await self._server.handle(scope, receive, send, f"{caller.actor} {' '.join(sorted(caller.scopes))}")

    def _tools(self, scope: Mapping[str, Any]) -> OperatorTools:
        return OperatorTools(self._control, scope["cao.caller"], chosen(scope[GROUPS]))


def _groups(scope: Scope) -> frozenset[str]:
    """The groups that the address names; anything else in it is refused, so that a typo does not offer everything."""
    if scope["type"] != "http":
        return frozenset()
    asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if strange := sorted(asked.keys() - {"groups"}):
        raise InvalidInput.field(strange[0][:64], "the address of /mcp takes groups and nothing else", "extra_forbidden")
    return groups_named(",".join(asked.get("groups", [])))
