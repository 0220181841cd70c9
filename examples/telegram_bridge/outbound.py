"""From the event log to Telegram: what agents say, what they ask, and how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import telegram
from telegram.constants import MessageLimit
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter

import cao
from cao.protocol.records import Approval, Event, Session

from .mapping import CHAT, Mapping, Shown

TYPES = ["transcript.appended", "approval.*", "run.completed", "run.failed", "run.cancelled"]
TRIES = 8
PAUSE_SECONDS = 2.0
LONGEST_PAUSE = 300.0

BUTTONS = {"approve": "✓ Allow", "deny": "✗ Deny"}
DIGITS = 32
"""How much of an approval's digest a button carries: 128 bits."""
OUTCOMES = {
    "pending": "Waits for a decision.",
    "approved": "✓ Allowed",
    "denied": "✗ Denied",
    "expired": "✗ Expired: nobody decided in time.",
    "withdrawn": "✗ Withdrawn: the agent does not wait any more.",
}
_UNSEEN = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {9, 10})
"""Characters that nobody sees and that change what others see: controls, and those that turn the direction of text."""

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Outbound:
    """Passes on the events of sessions that belong to a chat, one after the other, in the order of the log."""

    def __init__(self, control: cao.Remote, bot: telegram.Bot, mapping: Mapping, chats: frozenset[int]) -> None:
        self._control, self._bot, self._mapping, self._chats = control, bot, mapping, chats

    async def run(self) -> None:
        """For ever: from the event after the last one that was passed on."""
        while True:
            try:
                async for event in self._control.event.follow(after=await self._start(), types=TYPES):
                    if event.session_id is not None and await self._pass_on(event, event.session_id):
                        await self._mapping.passed_on(event.seq)
            except cao.Unavailable as error:
                logger.warning("the server is away: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _start(self) -> int:
        """Where to go on. A bridge that is new here begins with what happens now."""
        if self._mapping.memory.seq is None:
            await self._mapping.passed_on((await self._control.daemon.status()).last_seq)
        return self._mapping.memory.seq or 0

    async def _pass_on(self, event: Event, session_id: str) -> bool:
        """Whether it was one for a chat."""
        session = await self._control.session.get(session_id)
        chat = session.labels.get(CHAT, "")
        if not chat.lstrip("-").isdecimal() or int(chat) not in self._chats:
            return False
        who = _who(session, event)
        match event.type:
            case "approval.requested":
                await self._ask(int(chat), who, await self._approval(event))
            case "approval.decided":
                await self._close(await self._approval(event))
            case "transcript.appended" if event.data["kind"] == "text":
                await self._say(int(chat), f"{who}: {event.data['text']}")
            case "run.completed":
                await self._say(int(chat), f"✓ {who} is done.")
            case "run.failed":
                await self._say(int(chat), f"✗ {who} failed: {event.data['failure']['message']}")
            case "run.cancelled":
                await self._say(int(chat), f"✗ {who} was stopped.")
            case _:
                return False
        return True

    async def _approval(self, event: Event) -> Approval:
        return await self._control.approval.get(str(event.data["approval_id"]))

    async def _say(self, chat: int, text: str) -> None:
        await patiently(lambda: self._bot.send_message(chat, plain(text)))

    async def _ask(self, chat: int, who: str, approval: Approval) -> None:
        """Show the question with its buttons. What cannot be shown whole cannot be allowed from here."""
        text, verdicts = f"{who} asks:\n\n{approval.question}", ("approve", "deny")
        if plain(text) != text:
            text, verdicts = (
                f"{who} asks more than fits here; see: cao approval get {approval.id}\n\n{approval.question}",
                ("deny",),
            )
        keyboard = telegram.InlineKeyboardMarkup([[button(verdict, approval) for verdict in verdicts]])
        sent = await patiently(lambda: self._bot.send_message(chat, plain(text), reply_markup=keyboard))
        if sent is not None:
            self._mapping.show(approval.id, Shown(chat=chat, message=sent.message_id))

    async def _close(self, approval: Approval) -> None:
        """Write the outcome over the question and take its buttons away, wherever it was decided."""
        shown = self._mapping.memory.questions.pop(approval.id, None)
        if shown is not None:
            reason = f" · {approval.reason}" if approval.reason else ""
            text = plain(f"{OUTCOMES[approval.state]}{reason}\n\n{approval.question}")
            await patiently(lambda: self._bot.edit_message_text(text, chat_id=shown.chat, message_id=shown.message))


def button(verdict: str, approval: Approval) -> telegram.InlineKeyboardButton:
    """A button for one verdict on exactly this approval; Telegram gives it 64 bytes."""
    return telegram.InlineKeyboardButton(BUTTONS[verdict], callback_data=f"{verdict}:{approval.id}:{approval.digest[:DIGITS]}")


def _who(session: Session, event: Event) -> str:
    """The agent and its session, as people know them."""
    names = [terminal.name for terminal in session.terminals if terminal.id == event.terminal_id]
    return f"{names[0] if names else 'agent'} ({session.name})"


def plain(text: str) -> str:
    """Text as it may be sent: nothing unseen in it, cut at Telegram's limit, never empty.

    >>> plain("a\\x1b[31mb")
    'a[31mb'
    """
    text = text.translate(_UNSEEN).strip() or "(nothing)"
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MessageLimit.MAX_TEXT_LENGTH:
        return text
    return units[: 2 * (MessageLimit.MAX_TEXT_LENGTH - 1)].decode("utf-16-le", "ignore") + "…"


async def patiently(call: Callable[[], Awaitable[T]]) -> T | None:
    """Call Telegram, again after a pause where it asks for one or does not answer. None when it will not do this at all."""
    for attempt in range(1, TRIES + 1):
        try:
            return await call()
        except RetryAfter as error:
            pause = error.retry_after
            await asyncio.sleep(min(pause.total_seconds() if isinstance(pause, timedelta) else pause, LONGEST_PAUSE))
        except (BadRequest, Forbidden) as error:
            logger.warning("Telegram refused: %s", error)
            return None
        except NetworkError:
            if attempt == TRIES:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
    raise TimeoutError(f"Telegram asked {TRIES} times to try again later")
