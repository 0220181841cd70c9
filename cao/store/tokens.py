"""Personal access tokens: made, found by their digest, used, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cao.events import TokenCreated, TokenRevoked
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.tokens import Token, TokenState, TokenSurface

from .pages import page
from .transaction import Reader, Row, Transaction

TOPIC = "tokens"
"""What is touched when a token or a signed-in browser loses its right: whoever is served under one looks again."""

USE_SECONDS = 3600.0
"""How exactly it is known when a token was last used: a write for each use would cost more than it tells."""


def create(
    tx: Transaction,
    *,
    id: str,
    name: str,
    digest: str,
    scopes: Sequence[str],
    surfaces: Sequence[TokenSurface] | None,
    parent_id: str | None,
    expires_at: float,
) -> Token:
    """Add a token. Raises `Conflict` when one of that name is not revoked."""
    if tx.row("SELECT id FROM tokens WHERE name = ? AND revoked_at IS NULL", (name,)):
        raise Conflict(f"there is a token {name!r} already; choose another name, or first: cao token revoke {name}", name=name)
    tx.insert(
        "tokens",
        id=id,
        name=name,
        digest=digest,
        scopes=list(scopes),
        surfaces=None if surfaces is None else list(surfaces),
        parent_id=parent_id,
        created_by=tx.actor,
        created_at=tx.now,
        expires_at=expires_at,
    )
    tx.emit(TokenCreated(token_id=id, name=name, scopes=list(scopes)))
    return get(tx, id, tx.now)


def get(reader: Reader, reference: str, now: float) -> Token:
    """The token with this id, else the one of this name that is not revoked. Raises `NotFound`."""
    sql = "SELECT * FROM tokens WHERE id = :it OR (name = :it AND revoked_at IS NULL) ORDER BY id = :it DESC LIMIT 1"
    row = reader.row(sql, {"it": reference})
    if row is None:
        raise NotFound(f"no token {reference!r}; see: cao token list", token=reference)
    return _token(row, now)


def list_page(reader: Reader, request: ListRequest, now: float) -> Page[Token]:
    return page(reader, Token, "tokens", request, {}, load=lambda row: _token(row, now))


def by_digest(reader: Reader, digest: str, now: float) -> Token | None:
    """The token whose secret has this digest, whatever its state."""
    row = reader.row("SELECT * FROM tokens WHERE digest = ?", (digest,))
    return None if row is None else _token(row, now)


def any_live(reader: Reader, now: float) -> bool:
    """Whether anybody could come in with a token."""
    return reader.row("SELECT 1 AS one FROM tokens WHERE revoked_at IS NULL AND expires_at > ? LIMIT 1", (now,)) is not None


def use(tx: Transaction, digest: str) -> None:
    """Remember that a token was used."""
    tx.execute("UPDATE tokens SET last_used_at = ? WHERE digest = ?", (tx.now - tx.now % USE_SECONDS, digest))


def revoke(tx: Transaction, token: Token) -> Token:
    """End a token, and with it those that were made under it. One that has ended stays as it is."""
    family = """WITH RECURSIVE family (id) AS (
        SELECT ? UNION SELECT tokens.id FROM tokens JOIN family ON tokens.parent_id = family.id)
        SELECT id, name FROM tokens WHERE id IN family AND revoked_at IS NULL ORDER BY n"""
    for row in tx.rows(family, (token.id,)):
        tx.update("tokens", row["id"], revoked_at=tx.now)
        tx.emit(TokenRevoked(token_id=row["id"], name=row["name"]))
    tx.touch(TOPIC)
    return get(tx, token.id, tx.now)


def _token(row: Row, now: float) -> Token:
    values: dict[str, Any] = {**row, "state": _state(row, now)}
    return Token.model_validate(values)


def _state(row: Row, now: float) -> TokenState:
    if row["revoked_at"] is not None:
        return "revoked"
    return "live" if now < row["expires_at"] else "expired"
