"""Browsers that are signed in to the page, and the codes that sign them in. Of both only the digest is kept."""

from __future__ import annotations

from dataclasses import dataclass

from .tokens import TOPIC
from .transaction import Reader, Row, Transaction

CODE_SECONDS = 60.0
"""How long a code may be used."""
REST_SECONDS = 12 * 3600.0
"""How long a browser stays signed in without being used."""


@dataclass(frozen=True, slots=True)
class Right:
    """In whose name a browser acts, and what it may do."""

    actor: str
    scopes: frozenset[str]
    token_id: str | None = None
    """The token that it comes from: when that ends, so does this."""


@dataclass(frozen=True, slots=True)
class Browser:
    """A signed-in browser."""

    right: Right
    expires_at: float


def add_code(tx: Transaction, digest: str, right: Right) -> float:
    """Keep a code for one sign-in; when it expires. Codes that nobody used are forgotten on the way."""
    tx.execute("DELETE FROM page_codes WHERE expires_at <= ?", (tx.now,))
    expires_at = tx.now + CODE_SECONDS
    tx.insert("page_codes", digest=digest, expires_at=expires_at, **_columns(right))
    return expires_at


def take_code(tx: Transaction, digest: str) -> Right | None:
    """The right that a code gives, and the code is gone."""
    row = tx.row("DELETE FROM page_codes WHERE digest = ? RETURNING *", (digest,))
    return _right(row) if row is not None and row["expires_at"] > tx.now else None


def sign_in(tx: Transaction, digest: str, right: Right) -> Browser:
    """Let a browser in. Those that have expired are forgotten on the way."""
    tx.execute("DELETE FROM page_browsers WHERE expires_at <= ?", (tx.now,))
    browser = Browser(right, tx.now + REST_SECONDS)
    tx.insert("page_browsers", digest=digest, created_at=tx.now, expires_at=browser.expires_at, **_columns(right))
    return browser


def find(reader: Reader, digest: str, now: float) -> Browser | None:
    """The browser with this digest, if it is still signed in."""
    row = reader.row("SELECT * FROM page_browsers WHERE digest = ? AND expires_at > ?", (digest, now))
    return None if row is None else Browser(_right(row), row["expires_at"])


def use(tx: Transaction, digest: str) -> None:
    """A browser that is used stays signed in."""
    tx.execute("UPDATE page_browsers SET expires_at = ? WHERE digest = ?", (tx.now + REST_SECONDS, digest))


def sign_out(tx: Transaction, digest: str) -> None:
    tx.execute("DELETE FROM page_browsers WHERE digest = ?", (digest,))
    tx.touch(TOPIC)


def _columns(right: Right) -> dict[str, object]:
    return {"actor": right.actor, "scopes": sorted(right.scopes), "token_id": right.token_id}


def _right(row: Row) -> Right:
    return Right(row["actor"], frozenset(row["scopes"]), row["token_id"])
