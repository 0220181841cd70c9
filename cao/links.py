"""Approval links: a signed address with which whoever has it may decide one approval, once, until it expires.

    /approve/<token>    GET shows the action and decides nothing; POST decides

The token says which approval, in which wording, and who was sent it; the signature makes it the authority. Nothing of it is
stored before it is used. Its use is the idempotency key of the decision, so it is recorded in the decision's own transaction.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from cao.protocol import REGISTRY, Caller, Conflict, Denied
from cao.protocol.records import Approval
from cao.store import Reader, approvals
from cao.vault import Vault

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer

    from cao.control import Control

PATH = "/approve"
"""Where the links lead."""

TOKEN_LIMIT = 600
"""Characters of a token at most."""


class Gone(Conflict):
    """The link was good once: it expired, or was used."""

    http_status = 410


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says."""

    id: str
    """Names this link among all others; the delivery that carried it."""
    approval: str
    digest: str
    """Of the question and the action that the person was told of."""
    holder: str
    """The name of the notifier that it was sent to: the decision's actor is `link:<holder>`."""
    expires_at: int
    """Seconds since 1970."""

    @property
    def key(self) -> str:
        """The idempotency key of the decision."""
        return f"link:{self.id}"


class Signer:
    """Makes tokens of links, and reads them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def sign(self, link: Link) -> str:
        """The token. The same link has the same token."""
        return self._serializer.dumps([link.id, link.approval, link.digest, link.holder, link.expires_at])

    def read(self, token: str) -> Link:
        """The link of a token that we signed. Raises `Denied` for any other text."""
        from itsdangerous import BadData

        if len(token) <= TOKEN_LIMIT:
            try:
                link = Link(*cast("list[Any]", self._serializer.loads(token)))
            except (BadData, TypeError):
                pass
            else:
                if self.sign(link) == token:  # the last character of a signature has bits that nobody reads
                    return link
        raise Denied("this link is not one of ours, or was changed on its way; open it again from the message")

    @cached_property
    def _serializer(self) -> URLSafeSerializer:
        from itsdangerous import URLSafeSerializer

        kwargs = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        return URLSafeSerializer(self._vault.key("approval links"), salt="approval link", signer_kwargs=kwargs)


@dataclass(frozen=True, slots=True)
class Question:
    """What a link leads to."""

    approval: Approval
    session: str
    terminal: str
    """Names."""


class ApprovalLinks:
    """What may be done with a link. The routes of the HTTP surface call this."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._signer = Signer(Vault(control.settings.home))

    def show(self, token: str) -> Question:
        """The question that a link leads to.

        Raises `Denied` for a token that is not ours, `Gone` when it expired or was used, and `Conflict` when somebody decided.
        """
        link, reader = self._signer.read(token), self._control.services.store.read()
        approval = self._check(reader, link)
        asker = _name(reader, "terminals", approval.terminal_id) if approval.terminal_id else "the workflow"
        return Question(approval, _name(reader, "sessions", approval.session_id), asker)

    async def decide(self, token: str, decision: Literal["approve", "deny"]) -> Approval:
        """Decide in the name of whom the link was sent to. Raises the same, and what a plugin refuses."""
        link = self._signer.read(token)
        self._check(self._control.services.store.read(), link)
        operation = REGISTRY["approval.decide"]
        fields = {"approval": link.approval, "decision": decision, "digest": link.digest, "idempotency_key": link.key}
        caller = Caller(f"link:{link.holder}", "web", frozenset(("approval:write",)))
        return await self._control.call(operation, operation.parse(fields), caller)

    def _check(self, reader: Reader, link: Link) -> Approval:
        if reader.number("SELECT count(*) FROM idempotency WHERE key = ?", (link.key,)):
            raise Gone("this link was used already; each works once")
        approval = approvals.get(reader, link.approval)
        if approval.digest != link.digest:
            raise Conflict("the agent asks for another action by now than the one that you were told of")
        if approval.state not in ("pending", "expired"):
            by = f" by {approval.decided_by}" if approval.decided_by else ""
            raise Conflict(f"this was {approval.state} already{by}; your decision is not needed any more")
        if approval.state == "expired" or link.expires_at <= self._control.services.store.clock.now():
            raise Gone("this link expired; what nobody decided in time counts as denied")
        return approval


def _name(reader: Reader, table: str, id: str) -> str:
    row = reader.row(f"SELECT name FROM {table} WHERE id = ?", (id,))  # noqa: S608 - our own tables' names
    return str(row["name"]) if row else id
