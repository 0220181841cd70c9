"""From Telegram to the server: commands and buttons, of those who may."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

import telegram
from telegram.error import NetworkError, RetryAfter

import cao

from .mapping import CHAT, Mapping
from .outbound import DIGITS, OUTCOMES, PAUSE_SECONDS, patiently, plain

POLL_SECONDS = 25
KINDS = ["message", "callback_query"]
STRANGERS = 1000
"""How many strangers are told that they are; those after them hear nothing."""

HELP = """/cao launch TEXT: start an agent on this
/cao send TEXT: say this to the agent that was started last
/cao status: what it does
/cao stop: stop what it does"""

logger = logging.getLogger(__name__)


class Inbound:
    """Polls for updates and does what they ask, one after the other."""

    def __init__(
        self,
        control: cao.Remote,
        bot: telegram.Bot,
        mapping: Mapping,
        *,
        chats: frozenset[int],
        users: frozenset[int],
        profile: str,
        provider: str | None,
    ) -> None:
        """chats: where it listens. users: whom it obeys there; everybody if empty. profile, provider: what `launch` starts."""
        self._control, self._bot, self._mapping = control, bot, mapping
        self._chats, self._users = chats, users
        self._profile, self._provider = profile, provider
        self._refused: set[int] = set()

    async def run(self) -> None:
        """For ever. Telegram gives an update again until it is told of a later one, so what was handled is remembered."""
        offset: int | None = None
        while True:
            try:
                updates = await self._bot.get_updates(offset, timeout=POLL_SECONDS, allowed_updates=KINDS)
            except (NetworkError, RetryAfter) as error:
                logger.warning("Telegram is away: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            for update in updates:
                if update.update_id not in self._mapping.memory.handled:
                    await self._handle(update)
                    await self._mapping.handled(update.update_id)
                offset = update.update_id + 1

    async def _handle(self, update: telegram.Update) -> None:
        chat, user, query, message = update.effective_chat, update.effective_user, update.callback_query, update.message
        if chat is None or user is None:
            return
        may = chat.id in self._chats and (not self._users or user.id in self._users)
        if query is not None:
            await self._answer(query, await self._decide(query, user, chat.id) if may else "This is not for you.")
        elif message is not None and (words := _command(message.text or "")):
            said = await self._obey(words, update, chat.id) if may else self._refuse(user, chat.id)
            if said:
                await patiently(lambda: self._bot.send_message(chat.id, plain(said)))

    def _refuse(self, user: telegram.User, chat: int) -> str | None:
        """What a stranger is told, once."""
        if user.id in self._refused or len(self._refused) >= STRANGERS:
            return None
        self._refused.add(user.id)
        return f"I do not know you here. Whoever runs me can let you in: you are {user.id}, this chat is {chat}."

    async def _obey(self, words: list[str], update: telegram.Update, chat: int) -> str:
        key = f"telegram-{self._bot.id}-{update.update_id}"  # the same update, seen again after a crash, does nothing twice
        session, text = self._mapping.memory.current.get(chat), words[1]
        try:
            match words[0]:
                case "launch" if text:
                    return await self._launch(text, chat, key)
                case "send" if text and session:
                    await self._control.session.send(session, text, idempotency_key=key)
                    return "It will read that."
                case "status" if session:
                    seats = (await self._control.session.get(session)).terminals
                    return "\n".join(f"{seat.name}: {seat.status}" for seat in seats)
                case "stop" if session:
                    stopped = await self._control.session.interrupt(session, idempotency_key=key)
                    return f"Stopping {len(stopped.turn_ids)} agents."
                case "send" | "status" | "stop" if not session:
                    return "Nothing was started in this chat yet. /cao launch TEXT"
                case _:
                    return HELP
        except cao.CaoError as error:
            return f"That did not work: {error.message}"

    async def _launch(self, text: str, chat: int, key: str) -> str:
        session = await self._control.session.launch(
            text, profile=self._profile, provider=self._provider, labels={CHAT: str(chat)}, idempotency_key=key
        )
        self._mapping.talk(chat, session.id)
        return f"Started {session.name}. What it says comes here."

    async def _decide(self, query: telegram.CallbackQuery, user: telegram.User, chat: int) -> str:
        """Decide exactly what the button was shown with. What it carries can be forged, so it has to fit the chat."""
        verdict, id, digest = _button(query.data or "")
        try:
            approval = await self._control.approval.get(id)
            session = await self._control.session.get(approval.session_id)
            if verdict is None or not approval.digest.startswith(digest) or session.labels.get(CHAT) != str(chat):
                return "That is no question of this chat."
            if approval.state == "pending":
                by = plain(f"{user.full_name[:100]} ({user.id}) on Telegram")
                approval = await self._control.approval.decide(id, verdict, digest=approval.digest, reason=by)
            return OUTCOMES[approval.state]
        except cao.Conflict:  # somebody else was faster, or the time
            return OUTCOMES[(await self._control.approval.get(id)).state]
        except cao.CaoError as error:
            return f"That did not work: {error.message}"

    async def _answer(self, query: telegram.CallbackQuery, text: str) -> None:
        await patiently(lambda: self._bot.answer_callback_query(query.id, text[:200], show_alert=True))


def _command(text: str) -> list[str]:
    """The verb and the rest of `/cao VERB REST`; empty for anything else."""
    first, _, rest = text.strip().partition(" ")
    if first.partition("@")[0] != "/cao":
        return []
    verb, _, words = rest.strip().partition(" ")
    return [verb, words.strip()]


def _button(data: str) -> tuple[Literal["approve", "deny"] | None, str, str]:
    """The verdict, the approval and the beginning of its digest, as `outbound.button` put them together."""
    match data.split(":"):
        case ["approve" | "deny" as verdict, id, digest] if len(digest) == DIGITS:
            return verdict, id, digest
        case _:
            return None, "unknown", ""
