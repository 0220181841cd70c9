"""What the bridge remembers: how far it has read, and which message shows which question. One small file.

Which chat a session belongs to is not in it: the session carries that itself, as a label.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import BaseModel

CHAT = "telegram_chat"
"""The label of a session that names its chat."""

UPDATES = 200
"""How many updates are remembered as handled: twice what Telegram hands out at once."""
ENTRIES = 1000
"""How many chats and questions are remembered; the oldest are forgotten."""


class Shown(BaseModel):
    """A message that shows an approval."""

    chat: int
    message: int


class Memory(BaseModel):
    """The content of the file."""

    seq: int | None = None
    """The last event that was passed on; None before the first start."""
    handled: list[int] = []
    """The newest updates of Telegram that were handled, by their id."""
    current: dict[int, str] = {}
    """The session that a chat talks to, by the chat's id."""
    questions: dict[str, Shown] = {}
    """The message that shows an approval as long as that waits for a decision, by the approval's id."""


class Mapping:
    """The memory and its file, which is replaced as a whole: a crash leaves the old one or the new one."""

    def __init__(self, path: Path) -> None:
        """Raises `ValueError` for a file that is not one of these."""
        self._path = path
        self._writing = asyncio.Lock()
        self.memory = Memory.model_validate_json(path.read_text("utf-8")) if path.exists() else Memory()

    async def passed_on(self, seq: int) -> None:
        """All events up to this one have been told to those whom they concern."""
        self.memory.seq = seq
        await self._save()

    async def handled(self, update: int) -> None:
        """What this update asked for has been done."""
        self.memory.handled = [*self.memory.handled, update][-UPDATES:]
        await self._save()

    def talk(self, chat: int, session: str) -> None:
        """From now on, the chat talks to this session."""
        self.memory.current = dict([*self.memory.current.items(), (chat, session)][-ENTRIES:])

    def show(self, approval: str, shown: Shown) -> None:
        """This message shows that approval."""
        self.memory.questions = dict([*self.memory.questions.items(), (approval, shown)][-ENTRIES:])

    async def _save(self) -> None:
        async with self._writing:
            await asyncio.to_thread(self._write, self.memory.model_dump_json())

    def _write(self, text: str) -> None:
        draft = self._path.with_name(self._path.name + ".new")
        draft.touch(mode=0o600)
        draft.write_text(text, "utf-8")
        draft.replace(self._path)
