"""Who is behind what a client shows: the local token, a personal access token, a link's code, a signed-in browser.

Every request asks the store, which is one indexed read: so a revoked token is refused from the next request on, whichever
process revoked it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass
from typing import Literal

from cao.protocol import OWNER, Caller, CaoError, Denied, Surface, Unauthenticated
from cao.protocol.tokens import Token, TokenSurface
from cao.store import Store, Transaction, bearers, browsers, tokens
from cao.store.browsers import Right

LOOK_SECONDS = 1.0
"""How often a stream looks whether its credential still holds; what this process commits, it sees at once."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credential:
    """Something that a client showed, and that was good."""

    caller: Caller
    kind: Literal["local", "token", "browser", "none"]
    digest: str = ""
    surfaces: frozenset[TokenSurface] | None = None
    """The ways in that it is kept to; None is all."""
    use_due: bool = False
    """Its use is to be written down: it was not for an hour."""

    @property
    def ends(self) -> bool:
        """Whether it may expire or be revoked while it is in use."""
        return self.kind in ("token", "browser")


_LOCAL = Credential(OWNER, "local")


class Admission:
    """Knows whom the store lets in."""

    def __init__(self, store: Store, local_token: str) -> None:
        self._store = store
        self._local = hashlib.sha256(local_token.encode()).digest()

    def bearer(self, shown: str) -> Credential:
        """Whose token this is. Raises `Unauthenticated`."""
        if hmac.compare_digest(hashlib.sha256(shown.encode()).digest(), self._local):
            return _LOCAL
        if bearers.kind_of(shown) != "pat":
            raise Unauthenticated("this is no token of this server; make one: cao token create NAME --scopes SCOPE")
        return self._token(bearers.digest(shown))

    def _token(self, digest: str) -> Credential:
        now = self._store.clock.now()
        token = tokens.by_digest(self._store.read(), digest, now)
        if token is None:
            raise Unauthenticated("this is no token of this server; make one: cao token create NAME --scopes SCOPE")
        _require_live(token)
        caller = Caller(f"token:{token.name}", "http", frozenset(token.scopes), token=token.id)
        used = token.last_used_at.timestamp() if token.last_used_at else 0.0
        return Credential(caller, "token", digest, _kept_to(token), use_due=now - used >= tokens.USE_SECONDS)

    def browser(self, cookie: str) -> Credential:
        """Who is signed in with this cookie. Raises `Unauthenticated`."""
        return self._browser(bearers.digest(cookie))

    def _browser(self, digest: str) -> Credential:
        reader, now = self._store.read(), self._store.clock.now()
        found = browsers.find(reader, digest, now)
        if found is None:
            raise Unauthenticated("this browser is not signed in, or no more; get a link with: cao page")
        right, surfaces = found.right, None
        if right.token_id:
            token = tokens.get(reader, right.token_id, now)
            _require_live(token)
            surfaces = _kept_to(token)
        caller = Caller(right.actor, "web", right.scopes, token=right.token_id)
        rested = browsers.REST_SECONDS - (found.expires_at - now)
        return Credential(caller, "browser", digest, surfaces, use_due=rested >= tokens.USE_SECONDS)

    async def sign_in(self, shown: str) -> tuple[str, Credential]:
        """Sign a browser in, with a link's code or a token: its cookie's value. Raises `Unauthenticated` and `Denied`."""
        held = None if bearers.kind_of(shown) == "code" else _right_of(self.bearer(shown))
        cookie = bearers.mint("web")

        def change(tx: Transaction) -> None:
            right = held or browsers.take_code(tx, bearers.digest(shown))
            if right is None:
                raise Unauthenticated("this link was used already, or is older than a minute; get another: cao page")
            browsers.sign_in(tx, bearers.digest(cookie), right)
            _audit(tx, "sign.in", right.actor, "web", "ok")

        await self._store.write(change)
        return cookie, self.browser(cookie)

    async def sign_out(self, credential: Credential) -> None:
        """End a browser's stay."""

        def change(tx: Transaction) -> None:
            browsers.sign_out(tx, credential.digest)
            _audit(tx, "sign.out", credential.caller.actor, "web", "ok")

        await self._store.write(change)

    async def record_failure(self, address: str, surface: Surface, error: Denied) -> None:
        """Write down that somebody showed something wrong, and from where; not what it was."""
        await self._store.write(lambda tx: _audit(tx, "sign.in", f"address:{address}", surface, error.code))

    async def note_use(self, credential: Credential) -> None:
        """Write down that it was used. A store that cannot be written is no reason to keep anybody out."""
        if not credential.use_due:
            return
        use = browsers.use if credential.kind == "browser" else tokens.use
        try:
            await self._store.write(lambda tx: use(tx, credential.digest))
        except CaoError:
            logger.warning("the use of a credential of %s could not be noted", credential.caller.actor, exc_info=True)

    async def over(self, credential: Credential) -> Unauthenticated:
        """Wait until a credential has ended; why it did. To wait under it is to use it."""
        look = self._browser if credential.kind == "browser" else self._token
        with self._store.hub.subscribe(tokens.TOPIC) as commits:
            while True:
                try:
                    await self.note_use(look(credential.digest))
                except Unauthenticated as error:
                    return error
                await commits.wait(LOOK_SECONDS)

    def has_tokens(self) -> bool:
        """Whether anybody could come in with a personal access token now."""
        return tokens.any_live(self._store.read(), self._store.clock.now())


def _require_live(token: Token) -> None:
    if token.state == "live":
        return
    what, at = ("was revoked", token.revoked_at) if token.state == "revoked" else ("expired", token.expires_at)
    raise Unauthenticated(
        f"the token {token.name} {what} at {at:%Y-%m-%d %H:%M} UTC; make another: cao token create NAME --scopes SCOPE"
    )


def _kept_to(token: Token) -> frozenset[TokenSurface] | None:
    return None if token.surfaces is None else frozenset(token.surfaces)


def _right_of(credential: Credential) -> Right:
    """What a token gives to the browser that it signs in."""
    caller = credential.caller
    if credential.surfaces is not None and "web" not in credential.surfaces:
        raise Denied(f"{caller.actor} is kept from the page: it is for {', '.join(sorted(credential.surfaces))}")
    return Right(caller.actor, caller.scopes, caller.token)


def _audit(tx: Transaction, operation: str, actor: str, surface: Surface, outcome: str) -> None:
    tx.insert("audit", at=tx.now, operation=operation, actor=actor, surface=surface, outcome=outcome, request={})
