"""Looks over an agent's shoulder: its transcript as it grows, and its questions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from cao.agents import Profile
from cao.events import TranscriptAppended
from cao.protocol.records import Approval, EntryKind, Terminal, Turn
from cao.store import Lease, Store, Transaction, approvals, terminals
from cao.store.leases import fence

from . import patience

T = TypeVar("T")

FLUSH_SECONDS = 0.05
"""How long pieces of text are collected before they are stored and shown."""
PIECE = 64 * 1024
"""Characters of one entry at most; longer text becomes several."""


@dataclass(slots=True)
class _Entry:
    kind: EntryKind
    text: str
    data: dict[str, Any]

    def joins(self, kind: EntryKind, text: str, data: Mapping[str, Any] | None) -> bool:
        spoken = kind in ("text", "thought") and not data and not self.data
        return spoken and kind == self.kind and len(self.text) + len(text) <= PIECE


@dataclass(slots=True)
class TurnWatch:
    """The watch of one turn. Entries are collected for a moment and stored together, in their order."""

    store: Store
    lease: Lease
    turn: Turn
    terminal: Terminal
    profile: Profile
    approval_seconds: float
    _waiting: list[_Entry] = field(default_factory=list[_Entry])
    _flusher: asyncio.Task[None] | None = None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Entries are stored in their order, also when a write has to be tried again."""

    async def entry(self, kind: EntryKind, text: str = "", data: Mapping[str, Any] | None = None) -> None:
        if self._waiting and self._waiting[-1].joins(kind, text, data):
            self._waiting[-1].text += text
        else:
            pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)] or [""]
            self._waiting += [_Entry(kind, piece, dict(data or {}) if not n else {}) for n, piece in enumerate(pieces)]
        if kind not in ("text", "thought"):
            await self.write(_nothing)  # before what it tells of has effects of its own in the log
        elif self._flusher is None or self._flusher.done():
            if self._flusher is not None:
                await self._flusher  # its failure, if any, is this turn's
            self._flusher = asyncio.create_task(self._flush_later())

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        await self.write(_nothing)

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Store what was collected, and make a change, in one transaction."""
        async with self._writing:
            collected, self._waiting = self._waiting, []

            def both(tx: Transaction) -> T:
                fence(tx, self.lease)
                self._emit(tx, collected)
                return change(tx)

            return await patience.write(self.store, both)

    def _emit(self, tx: Transaction, collected: list[_Entry]) -> None:
        for entry in collected:
            tx.emit(
                TranscriptAppended(
                    session_id=self.turn.session_id,
                    terminal_id=self.turn.terminal_id,
                    run_id=self.turn.run_id,
                    turn_id=self.turn.id,
                    kind=entry.kind,
                    text=entry.text,
                    data=entry.data,
                )
            )

    async def stop(self) -> None:
        """No more flushing in the background; what is left is written with the turn's end."""
        if self._flusher is not None:
            if not self._writing.locked():
                self._flusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flusher

    async def permission(self, tool: str, question: str, action: Mapping[str, Any]) -> bool:
        answer = policy(tool, self.terminal.allowed_tools, self.profile.denied_tools)
        if answer is not None:
            await self.entry("notice", f"{'allowed' if answer else 'denied'} by policy: {question}", {"tool": tool})
            return answer
        approval = await self._ask(question, {"tool": tool, **action})
        decided = await patience.write(self.store, lambda tx: self._take(tx, approval.id))
        await self.entry("notice", f"{decided.state} by {decided.decided_by or 'nobody'}: {question}", {"approval": decided.id})
        return decided.state == "approved"

    async def remember(self, conversation: Mapping[str, Any]) -> None:
        def keep(tx: Transaction) -> None:
            fence(tx, self.lease)
            terminals.remember(tx, self.terminal.id, conversation)

        await patience.write(self.store, keep)

    async def _ask(self, question: str, action: dict[str, Any]) -> Approval:
        approval = await self.write(lambda tx: approvals.request(tx, self.turn, question, action, self.approval_seconds))
        with self.store.hub.subscribe(approval.id) as decided:
            while (approval := approvals.get(self.store.read(), approval.id)).state == "pending":
                await decided.wait(60)
        return approval

    def _take(self, tx: Transaction, approval_id: str) -> Approval:
        fence(tx, self.lease)
        return approvals.take(tx, approval_id, self.turn)


def _nothing(tx: Transaction) -> None:
    """No change but the entries."""


def policy(tool: str, allowed: list[str] | None, denied: list[str]) -> bool | None:
    """Deny, then allow, then ask (None). Lists hold names or patterns such as `fs_*`.

    >>> policy("shell", ["shell"], ["sh*"])
    False
    """
    if any(fnmatchcase(tool, pattern) for pattern in denied):
        return False
    if any(fnmatchcase(tool, pattern) for pattern in allowed or ()):
        return True
    return None
