"""Personal access tokens and sign-in links, as operations answer with them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .models import Answer

Scope = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z]{1,32}:([a-z]{1,32}|\*)|\*:[a-z]{1,32})$")]
"""What may be done: `group:effect` such as `session:read`, `group:*`, `*:effect`, or `*` for everything."""

TokenSurface = Literal["http", "mcp", "graphql", "web"]
"""A way in that a token may be kept to. `http` is also that of the command line and of the Python client."""

TokenState = Literal["live", "expired", "revoked"]


class Token(Answer):
    """A credential for one program or person, with its own name, scopes and end."""

    id: str
    name: str
    """What it does is recorded as done by `token:<name>`. Unique among the tokens that are not revoked."""
    state: TokenState
    scopes: list[str]
    """What it may do; `*` is everything."""
    surfaces: list[TokenSurface] | None = None
    """The ways in that it is kept to; null is all."""
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    """When it was last seen, to the hour."""
    revoked_at: datetime | None = None


class NewToken(Token):
    """A token that was just made."""

    secret: str | None = Field(repr=False)
    """What its holder shows. It is given this once and kept nowhere; null when the same request is answered again."""


class PageLink(Answer):
    """A link that signs one browser in, once."""

    url: str
    """Open it in a browser. What follows the `#` is the code; browsers do not send that part to anybody."""
    expires_at: datetime
