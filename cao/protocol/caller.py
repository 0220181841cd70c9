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
    token: str | None = None
    """The id of the personal access token that stands behind this call, if one does."""

    @property
    def is_here(self) -> bool:
        """Whether this user asks, at this computer: what is read for them they could read themselves.

        What the holder of a token says of their way in is only words.
        """
        return self.surface in ("python", "cli") and self.token is None

    def may(self, scope: str) -> bool:
        """Whether the caller holds `scope`, or a wildcard that covers it.

        >>> reader = Caller(scopes=frozenset({"*:read"}))
        >>> reader.may("run:read"), reader.may("run:*"), reader.may("*:read")
        (True, False, True)
        """
        group, _, effect = scope.partition(":")
        return not self.scopes.isdisjoint(("*", scope, f"{group}:*", f"*:{effect}"))

    def require(self, scope: str) -> None:
        """Refuse unless the caller may do what `scope` (`group:effect`) names."""
        if not self.may(scope):
            raise Denied(f"{self.actor} may not do this: it needs the scope {scope!r}", scope=scope)


OWNER = Caller()
"""The person at this computer, as the library sees them."""
