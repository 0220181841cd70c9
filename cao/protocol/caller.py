"""Who asks, and on which surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import Denied

Surface = Literal["python", "cli", "http", "mcp", "agent", "graphql", "web"]
"""The way in. `agent` is the small MCP catalogue that a turn is given."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The attested origin of a call. A binding fills it from the connection, never from the request's fields."""

    actor: str = "owner"
    surface: Surface = "python"
    scopes: frozenset[str] = frozenset({"*"})
    terminal: str | None = None
    """The terminal whose running turn makes this call, when an agent calls."""

    def require(self, scope: str) -> None:
        """Refuse unless the caller holds `scope` (`group:effect`), or a wildcard that covers it."""
        group, _, effect = scope.partition(":")
        if self.scopes.isdisjoint(("*", scope, f"{group}:*", f"*:{effect}")):
            raise Denied(f"{self.actor} may not do this: it needs the scope {scope!r}", scope=scope)


OWNER = Caller()
"""The person at this computer, as the library sees them."""
