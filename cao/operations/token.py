"""Tokens: credentials for programs and people, each with its own name, scopes and end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from cao.protocol import (
    REGISTRY,
    Caller,
    Conflict,
    Denied,
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    Name,
    Page,
    Reference,
    WriteRequest,
    operation,
)
from cao.protocol.tokens import NewToken, PageLink, Scope, Token, TokenSurface
from cao.store import Reader, Transaction, bearers, browsers, tokens
from cao.store.ids import new_id

from .context import Context

DAY = 86400.0


class CreateToken(WriteRequest):
    """What the token is for."""

    name: Name
    """Who or what will hold it; its doings are recorded as `token:<name>`."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=64)]
    """What it may do: `session:read`, `session:*`, `*:read`, or `*` for everything. None that you do not hold yourself."""
    days: Annotated[float, Field(gt=0, le=366)] = 90.0
    """How long it lives; never longer than the token that makes it."""
    surfaces: Annotated[list[TokenSurface], Field(min_length=1, max_length=4)] | None = None
    """Keep it to these ways in; all of them unless given."""


@operation(
    "token.create",
    path="/tokens",
    effect="write",
    positional=("name",),
    example={"name": "ci", "scopes": ["session:*", "run:read"], "days": 30},
    without={"mcp": "the answer holds a secret, and a model's context is no place for one"},
)
async def create(ctx: Context, request: CreateToken) -> NewToken:
    """Make a token. Its secret is shown this once; who shows it may do what the scopes say, until it expires or is revoked."""
    _check_scopes(ctx, request.scopes)
    secret, id = bearers.mint("pat"), new_id("tok", ctx.store.clock.now())

    def change(tx: Transaction) -> NewToken:
        maker = _maker(ctx, tx)
        made = tokens.create(
            tx,
            id=id,
            name=request.name,
            digest=bearers.digest(secret),
            scopes=request.scopes,
            surfaces=_within(maker, request.surfaces),
            parent_id=ctx.caller.token,
            expires_at=min(tx.now + request.days * DAY, maker.expires_at.timestamp() if maker else float("inf")),
        )
        return NewToken(**made.model_dump(), secret=None)

    made = await ctx.transact(change, NewToken)
    return made.model_copy(update={"secret": secret}) if made.id == id else made


def _maker(ctx: Context, reader: Reader) -> Token | None:
    """The token that asks, if one does."""
    return tokens.get(reader, ctx.caller.token, ctx.store.clock.now()) if ctx.caller.token else None


def _check_scopes(ctx: Context, scopes: list[str]) -> None:
    """Nobody gives what they do not have, and no scope is a typing error that would silently allow nothing."""
    for scope in scopes:
        if not ctx.caller.may(scope):
            raise Denied(f"{ctx.caller.actor} cannot give the scope {scope!r}: it does not hold it", scope=scope)
        holder = Caller(scopes=frozenset({scope}))
        if not any(holder.may(defined.scope) for defined in REGISTRY.values()):
            raise InvalidInput.field("scopes", f"{scope!r} allows no operation; see the scopes in: cao operation list")


def _within(maker: Token | None, wanted: list[TokenSurface] | None) -> list[TokenSurface] | None:
    """The surfaces of a token: no others than those of the token that makes it."""
    if maker is None or maker.surfaces is None:
        return wanted
    beyond = sorted(set(wanted or ()) - set(maker.surfaces))
    if beyond:
        raise Denied(f"token:{maker.name} is kept to {', '.join(maker.surfaces)} and cannot give {', '.join(beyond)}")
    return wanted or maker.surfaces


class ListTokens(ListRequest):
    """How many."""


@operation("token.list", path="/tokens", example={"limit": 20}, positional=())
async def list_tokens(ctx: Context, request: ListTokens) -> Page[Token]:
    """List tokens, newest first, those that have ended too. Secrets are kept nowhere, so none is shown."""
    return tokens.list_page(ctx.store.read(), request, ctx.store.clock.now())


class RevokeToken(DestructiveRequest):
    """Which token."""

    token: Reference
    """Its id or name."""


@operation(
    "token.revoke",
    path="/tokens/{token}/revoke",
    effect="destructive",
    idempotent=True,
    example={"token": "ci", "dry_run": True},
)
async def revoke(ctx: Context, request: RevokeToken) -> Token:
    """End a token at once, and all that were made with it. Streams under it end; what it started goes on."""

    def change(tx: Transaction) -> Token:
        return tokens.revoke(tx, tokens.get(tx, request.token, tx.now))

    return await ctx.transact(change, Token)


def _require_page(ctx: Context) -> None:
    """A token that is kept from the page opens it to nobody."""
    token = _maker(ctx, ctx.store.read())
    if token is not None and token.surfaces is not None and "web" not in token.surfaces:
        raise Denied(f"token:{token.name} is kept to {', '.join(token.surfaces)} and opens no page", surface="web")


class LinkPage(WriteRequest):
    """Nothing to say."""


@operation(
    "token.link",
    path="/tokens/link",
    effect="write",
    shortcut="page",
    example={},
    without={"mcp": "the link signs a person's browser in, and a model's context is no place for it"},
)
async def link(ctx: Context, request: LinkPage) -> PageLink:
    """Make a link that opens the page in a browser, signed in as you. It works once, for a minute."""
    services = ctx.services
    if services.server is None:
        raise Conflict("no server runs here to show the page; start one: cao daemon start")
    if ctx.replay(PageLink) is not None:
        raise Conflict("the link of this idempotency key was given once and kept nowhere; ask again without the key")
    _require_page(ctx)
    base = (services.settings.public_url or services.server.url).rstrip("/")
    right = browsers.Right(ctx.caller.actor, ctx.caller.scopes, ctx.caller.token)
    code = bearers.mint("code")

    def change(tx: Transaction) -> PageLink:
        expires_at = browsers.add_code(tx, bearers.digest(code), right)
        return PageLink(url=f"{base}/", expires_at=datetime.fromtimestamp(expires_at, UTC))

    made = await ctx.transact(change, PageLink)
    return made.model_copy(update={"url": f"{made.url}#code={code}"})
