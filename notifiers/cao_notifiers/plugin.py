"""The plugin: it records what events cause, and sends it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cao.discovery import read_server
from cao.duties import Duty
from cao.links import PATH, Link, Signer
from cao.plugins import Plugin, within
from cao.protocol import CaoError
from cao.protocol.records import Event
from cao.settings import Settings
from cao.store import Transaction, approvals
from cao.vault import Vault

from . import addresses, notifiers
from .deliveries import Claim, Patience
from .dispatch import Dispatch
from .migrations import steps
from .outbox import Outbox
from .sending import Courier, Message
from .text import LINK

if TYPE_CHECKING:
    from cao.control import Control


class Notifiers(Plugin):
    """Tells people of what happens, over Apprise."""

    name = "notifiers"
    migrations = steps

    def __init__(self, control: Control) -> None:
        super().__init__(control)
        settings, store = control.settings, control.services.store
        self._vault = Vault(settings.home)
        self._signer = Signer(self._vault)
        self._outbox = Outbox(settings.notify_attempts)
        self._dispatch = Dispatch(store, patience(settings), self._courier, self._compose, settings.notify_seconds)

    async def set_up(self) -> None:
        """Teach a server's redactor the addresses; other processes learn those that they use."""
        if self.control.services.server is not None:
            await asyncio.to_thread(self._learn)

    async def tear_down(self) -> None:
        await self._dispatch.close()

    def duties(self) -> Sequence[Duty]:
        return (self._dispatch,)

    @within("*")
    def record(self, tx: Transaction, event: Event) -> None:
        """Queue what the rules ask for, in the event's own transaction."""
        self._outbox.record(tx, event)

    def _courier(self) -> Courier:
        return Courier(self._vault, self.control.services.store.redactor, self.control.settings.notify_seconds)

    def _learn(self) -> None:
        store = self.control.services.store
        for sealed in notifiers.all_sealed(store.read()):
            try:
                store.redactor.learn(*addresses.secrets(self._vault.open(sealed)))
            except CaoError:  # said by the receipt of every delivery to it
                continue

    def _compose(self, claim: Claim) -> Message:
        before, mark, after = claim.body.partition(LINK)
        return Message(claim.title, (before, self._link(claim), after) if mark else (before,), claim.kind)

    def _link(self, claim: Claim) -> str:
        """How the person who is told may decide; words where that is not by a link."""
        approval = approvals.get(self.control.services.store.read(), claim.approval_id or "")
        if approval.state != "pending":
            return f"(It is {approval.state} by now.)"
        base = self._base()
        if base is None:
            return f"cao approval decide {approval.id} approve"
        link = Link(claim.id, approval.id, approval.digest, claim.notifier, int(approval.expires_at.timestamp()))
        return f"{base}{PATH}/{self._signer.sign(link)}"

    def _base(self) -> str | None:
        """Where this data directory's server is reached: as configured, else at this computer."""
        if url := self.control.settings.public_url:
            return url.rstrip("/")
        server = read_server(self.control.settings.home)
        return server.url if server else None


def patience(settings: Settings) -> Patience:
    """How deliveries are tried, as configured."""
    return Patience(settings.notify_attempts, settings.notify_backoff_seconds)
