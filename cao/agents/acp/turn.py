"""One turn as it is heard from an agent: what it says and does becomes transcript entries, what it asks is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    AgentThoughtChunk,
    PromptResponse,
    SessionInfoUpdate,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
    UsageUpdate,
)

from cao.agents.loose import fields
from cao.agents.provider import ProviderError, Seat, TurnResult, Watch
from cao.protocol.records import Usage

from .calls import Call, bounded, name_for
from .table import Agent

CALLS = 10_000
"""Tool calls of one turn."""


class Turn:
    """What is known of the turn under way."""

    def __init__(self, agent: Agent, seat: Seat, watch: Watch, cost: float) -> None:
        """cost: what the session had cost before, in US dollars."""
        self._agent, self._seat, self._watch = agent, seat, watch
        self._calls: dict[str, Call] = {}
        self._asking: set[asyncio.Task[bool]] = set()
        self._answer: list[str] = []
        self._said_before = ""
        self._remark = ""
        self._refused: str | None = None
        self._model_failed = False
        self._context: dict[str, Any] = {}
        self._cost_before = cost
        self.cost = cost
        self.failure: Exception | None = None
        """What went wrong on our side, for instance that the turn was taken over by another process."""
        self.failed = asyncio.Event()

    async def take(self, update: object) -> None:
        """Take up one update."""
        match update:
            case AgentMessageChunk():
                await self._say(update)
            case AgentThoughtChunk():
                await self._watch.entry("thought", _text(update))
            case ToolCallStart() | ToolCallProgress():
                await self._tool(self._call(update))
            case AgentPlanUpdate():
                steps = [{"content": step.content, "status": step.status, "priority": step.priority} for step in update.entries]
                await self._watch.entry("plan", "\n".join(f"{s['status']}: {s['content']}" for s in steps), {"steps": steps})
            case UsageUpdate():
                self._context = {"context_used": update.used, "context_size": update.size}
                self.cost = update.cost.amount if update.cost and update.cost.currency == "USD" else self.cost
            case SessionInfoUpdate():
                self._model_failed |= _thread_status(update.field_meta) == "systemError"
            case _:
                pass

    async def _say(self, chunk: AgentMessageChunk) -> None:
        text = _text(chunk)
        if self._agent.remarks_without_id and chunk.message_id is None:
            self._remark = text.strip()
            await self._watch.entry("notice", self._remark)
        elif text:
            self._answer.append(text)
            await self._watch.entry("text", text)

    def _call(self, update: ToolCallStart | ToolCallUpdate) -> Call:
        if len(self._calls) >= CALLS:
            raise ProviderError("too_much_output", f"{self._agent.name} made more than {CALLS} tool calls in one turn")
        call = self._calls.setdefault(update.tool_call_id, Call(update.tool_call_id))
        call.merge(update)
        return call

    async def _tool(self, call: Call) -> None:
        if call.input or call.status != "pending":
            await self._announce(call)
        if call.finished:
            await self._watch.entry("tool_result", call.output, call.result())
            del self._calls[call.id]

    async def _announce(self, call: Call) -> None:
        if call.announced:
            return
        call.announced = True
        self._said_before, self._answer = self.answer, []
        await self._watch.entry("tool_call", call.title, call.told())

    @property
    def answer(self) -> str:
        """What the agent said after its last tool call, else before it."""
        return "".join(self._answer).strip() or self._said_before

    async def may(self, update: ToolCallUpdate) -> bool | None:
        """Whether the agent may do what it asks for; None when the turn is being stopped."""
        call = self._call(update)
        await self._announce(call)
        asking = asyncio.create_task(self._ask(call))
        self._asking.add(asking)
        try:
            await asyncio.wait({asking})
            return None if asking.cancelled() else asking.result()
        except Exception as error:  # noqa: BLE001 - it fails the turn, which waits for `failed`
            self.failure = error
            self.failed.set()
            return None
        finally:
            asking.cancel()
            self._asking.discard(asking)

    async def _ask(self, call: Call) -> bool:
        denied, allowed = self._seat.profile.denied_tools, self._seat.terminal.allowed_tools
        name = name_for(call.names, denied, allowed)
        if call.own_tool and not any(fnmatchcase(name, pattern) for pattern in denied):
            return True
        allowed_now = await self._watch.permission(name, call.question, {"arguments": bounded(call.input)})
        if not allowed_now:
            self._refused = call.question
        return allowed_now

    def withdraw(self) -> None:
        """The turn is being stopped: nobody waits for an answer any more."""
        for asking in self._asking:
            asking.cancel()

    async def result(self, response: PromptResponse, conversation: Mapping[str, Any]) -> TurnResult:
        """The turn's end. Raises `ProviderError` when the agent did not get to an end of its own."""
        text = self.answer
        if self._model_failed or (self._agent.error_text and text.startswith(self._agent.error_text)):
            words = self._remark if self._agent.remarks_without_id else text
            raise ProviderError("model_error", f"{self._agent.name}: {words or 'an error'}"[:2000], retryable=True)
        if response.stop_reason == "refusal":
            raise ProviderError("refused", f"{self._agent.name} refused the prompt")
        if response.stop_reason == "cancelled":
            text = self._stopped(text)
        elif response.stop_reason != "end_turn":
            await self._watch.entry("notice", f"the agent stopped early: {response.stop_reason}")
        usage = self._usage(response)
        await self._watch.entry("usage", "", {**usage.model_dump(mode="json"), **self._context})
        return TurnResult(text=text, conversation=conversation, usage=usage)

    def _stopped(self, text: str) -> str:
        if self._refused is None or not self._agent.reject_ends_turn:
            raise ProviderError("cancelled", f"{self._agent.name} stopped by itself before it was done")
        return f"{text}\n\nStopped, because this was refused: {self._refused}".strip()

    def _usage(self, response: PromptResponse) -> Usage:
        cost = self.cost - self._cost_before
        told = response.usage
        return Usage(
            input_tokens=told.input_tokens if told else 0,
            output_tokens=told.output_tokens if told else 0,
            cost=round(cost, 6) if cost > 0 else None,
        )


def _text(chunk: AgentMessageChunk | AgentThoughtChunk) -> str:
    return str(getattr(chunk.content, "text", None) or "")


def _thread_status(meta: Mapping[str, Any] | None) -> str | None:
    return fields(fields(fields(meta).get("codex")).get("threadStatus")).get("type")
