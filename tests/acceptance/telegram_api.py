"""A stand-in for Telegram's Bot API on loopback: the documented methods that a chat bot needs, and the people in the chat."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TOKEN = "424242:stand-in-token-of-no-bot"
NUMBERS = itertools.count(1000)
"""Of updates and queries: no two services of a test use one twice, as Telegram does not."""
BOT = {"id": 424242, "is_bot": True, "first_name": "Bridge", "username": "bridge_bot"}
Message = dict[str, Any]


class Refused(Exception):
    """What the Bot API answers instead of a result."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        self.status = code
        self.body = {"ok": False, "error_code": code, "description": description, "parameters": parameters}


@dataclass
class Telegram:
    """The service. Tests press buttons and say things; everything that the bot does is kept."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    edits: list[Message] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    busy: int = 0
    """So many messages are refused with 429 first."""
    url: str = ""
    closed: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def says(self, chat: int, user: int, text: str) -> dict[str, Any]:
        """Somebody writes a message; its update."""
        message = {"message_id": next(NUMBERS), "date": 1, "chat": _chat(chat), "from": _user(user), "text": text}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        return await self._add("message", message)

    async def presses(self, message: Message, label: str, user: int, chat: int | None = None, data: str | None = None) -> str:
        """Somebody presses a button; the id of the query, under which `answers` has the answer. data: what a forger sends."""
        buttons = message["reply_markup"]["inline_keyboard"][0]
        carried = data or next(button["callback_data"] for button in buttons if label in button["text"])
        shown = {"message_id": message["message_id"], "date": 1, "chat": _chat(chat or message["chat"]["id"])}
        query = {"id": f"query-{next(NUMBERS)}", "from": _user(user), "chat_instance": "1", "data": carried, "message": shown}
        await self._add("callback_query", query)
        return str(query["id"])

    async def _add(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        update = {"update_id": next(NUMBERS), kind: content}
        async with self._changed:
            self.updates.append(update)
            self._changed.notify_all()
        return update

    async def until(self, condition: Callable[[], Any], seconds: float = 90) -> Any:
        """What `condition` says, once it says something."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)
        return condition()

    def told(self, chat: int, words: str) -> Message | None:
        """The first message in a chat that has these words."""
        return next((one for one in self.messages if one["chat"]["id"] == chat and words in one["text"]), None)

    async def close(self) -> None:
        """End the calls that wait."""
        async with self._changed:
            self.closed = True
            self._changed.notify_all()

    async def answer(self, request: Request) -> JSONResponse:
        """One call of the Bot API."""
        fields = dict(parse_qsl((await request.body()).decode()))
        method = getattr(self, "_" + request.path_params["method"], None)
        if request.path_params["token"] != TOKEN or method is None:
            return JSONResponse({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
        try:
            result = await method(fields)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        async with self._changed:
            self._changed.notify_all()
        return JSONResponse({"ok": True, "result": result})

    async def _getMe(self, fields: Mapping[str, str]) -> Any:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _getUpdates(self, fields: Mapping[str, str]) -> Any:
        """Everything from `offset` on; what is before it is confirmed and forgotten. Waits as long as it is asked to."""
        if "offset" in fields:
            self.updates = [one for one in self.updates if one["update_id"] >= int(fields["offset"])]
        try:
            async with asyncio.timeout(float(fields.get("timeout", 0))), self._changed:
                await self._changed.wait_for(lambda: self.updates or self.closed)
        except TimeoutError:
            return []
        return self.updates[: int(fields.get("limit", 100))]

    async def _sendMessage(self, fields: Mapping[str, str]) -> Any:
        if self.busy:
            self.busy -= 1
            raise Refused(429, "Too Many Requests: retry after 1", retry_after=1)
        message = {"message_id": 5000 + len(self.messages), **_content(fields)}
        self.messages.append(message)
        return message

    async def _editMessageText(self, fields: Mapping[str, str]) -> Any:
        message = {"message_id": int(fields["message_id"]), **_content(fields)}
        self.edits.append(message)
        return message

    async def _answerCallbackQuery(self, fields: Mapping[str, str]) -> Any:
        _require(len(fields.get("text", "")) <= 200, "MESSAGE_TOO_LONG")
        self.answers[fields["callback_query_id"]] = fields.get("text", "")
        return True


def _content(fields: Mapping[str, str]) -> Message:
    text = fields.get("text", "")
    _require(bool(text.strip()), "message text is empty")
    _require(len(text.encode("utf-16-le")) // 2 <= 4096, "message is too long")
    _require("parse_mode" not in fields, "the bridge sends plain text only")
    content = {"date": 1, "chat": _chat(int(fields["chat_id"])), "from": BOT, "text": text}
    if "reply_markup" in fields:
        content["reply_markup"] = json.loads(fields["reply_markup"])
        buttons = content["reply_markup"]["inline_keyboard"][0]
        _require(all(1 <= len(button["callback_data"].encode()) <= 64 for button in buttons), "BUTTON_DATA_INVALID")
    return content


def _require(fine: bool, otherwise: str) -> None:
    if not fine:
        raise Refused(400, f"Bad Request: {otherwise}")


def _chat(id: int) -> dict[str, Any]:
    return {"id": id, "type": "private", "first_name": "Somebody"} if id > 0 else {"id": id, "type": "group", "title": "Team"}


def _user(id: int) -> dict[str, Any]:
    return {"id": id, "is_bot": False, "first_name": f"Person {id}"}


@asynccontextmanager
async def telegram() -> AsyncGenerator[Telegram]:
    """The service on a free port."""
    service = Telegram()
    app = Starlette(routes=[Route("/bot{token}/{method}", service.answer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server._serve([listener]))  # without its signals
    service.url = f"http://127.0.0.1:{listener.getsockname()[1]}/bot"
    try:
        yield service
    finally:
        await service.close()
        server.should_exit = True
        await serving
