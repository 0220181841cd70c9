"""What headless agents print, and how it is read: plain text, one JSON document, or an agent's own stream of events.

A reader is fed lines and gives transcript entries; at the end it knows the answer, the conversation's id and the usage.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cao.protocol.records import EntryKind, Usage

from .loose import fields, first, items, parsed, words
from .profile import OutputFormat

Entry = tuple[EntryKind, str, dict[str, Any]]
Event = Mapping[str, Any]

ANSWER = 4 * 1024 * 1024
"""Characters of an answer that are kept."""
_TEXTS = ("result", "response", "answer", "text", "message", "output", "content")
_IDS = ("session_id", "sessionId", "conversation_id", "thread_id")


class Reader(ABC):
    """Reads one turn's output."""

    def __init__(self) -> None:
        self.answer = ""
        self.conversation: str | None = None
        self.usage: Usage | None = None
        self.error: str | None = None
        """What the agent calls an error, whatever its exit status."""

    @abstractmethod
    def feed(self, line: str) -> Iterable[Entry]:
        """Take one line; the entries that it makes."""

    def finish(self) -> Iterable[Entry]:
        """The output is complete; the last entries."""
        return ()


class TextReader(Reader):
    """Everything that is printed is the answer."""

    def feed(self, line: str) -> Iterable[Entry]:
        self.answer = (self.answer + line)[:ANSWER]
        yield "text", line, {}

    def finish(self) -> Iterable[Entry]:
        self.answer = self.answer.strip()
        return ()


class JsonReader(Reader):
    """One JSON document, or lines of which the last is one."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""

    def feed(self, line: str) -> Iterable[Entry]:
        self._text = (self._text + line)[-ANSWER:]
        return ()

    def finish(self) -> Iterable[Entry]:
        document = parsed(self._text) or parsed(self._text.strip().rpartition("\n")[2])
        if document is None:
            self.error = "printed no JSON object"
            return
        self.conversation = first(document, _IDS)
        self.answer = first(document, _TEXTS) or json.dumps(document)
        self.usage = _usage(document.get("usage"), document.get("total_cost_usd"))
        if document.get("is_error") or document.get("error"):
            self.error = words(document.get("error")) or self.answer
        yield "text", self.answer, {}


class EventReader(Reader):
    """Base of those that read one JSON object a line; other lines are notices."""

    def feed(self, line: str) -> Iterable[Entry]:
        event = parsed(line)
        if event is not None:
            yield from self.take(event)
        elif line.strip():
            yield "notice", line.rstrip("\n"), {}

    @abstractmethod
    def take(self, event: Event) -> Iterable[Entry]: ...


class ClaudeReader(EventReader):
    """`claude -p --output-format stream-json --verbose`, and those that print the same."""

    def take(self, event: Event) -> Iterable[Entry]:
        self.conversation = first(event, ("session_id",)) or self.conversation
        match event.get("type"):
            case "assistant" | "user":
                for block in items(fields(event.get("message")).get("content")):
                    yield from self._block(fields(block))
            case "result":
                self.answer = str(event.get("result") or self.answer)
                self.usage = _usage(event.get("usage"), event.get("total_cost_usd"))
                if event.get("is_error"):
                    self.error = self.answer or str(event.get("subtype"))
            case _:
                pass

    def _block(self, block: Event) -> Iterable[Entry]:
        match block.get("type"):
            case "text":
                self.answer = str(block.get("text", ""))
                yield "text", self.answer, {}
            case "thinking":
                yield "thought", str(block.get("thinking", "")), {}
            case "tool_use":
                yield "tool_call", str(block.get("name")), {"id": block.get("id"), "arguments": block.get("input")}
            case "tool_result":
                yield "tool_result", words(block.get("content")), {"id": block.get("tool_use_id")}
            case _:
                pass


class CodexReader(EventReader):
    """`codex exec --json`."""

    def take(self, event: Event) -> Iterable[Entry]:
        item = fields(event.get("item"))
        match event.get("type"):
            case "thread.started":
                self.conversation = first(event, ("thread_id",))
            case "item.started":
                yield from self._started(item)
            case "item.completed":
                yield from self._completed(item)
            case "turn.completed":
                self.usage = _usage(event.get("usage"))
            case "turn.failed" | "error":
                self.error = words(event.get("error") or event.get("message"))
            case _:
                pass

    def _started(self, item: Event) -> Iterable[Entry]:
        match item.get("type"):
            case "command_execution":
                yield "tool_call", str(item.get("command")), {"id": item.get("id"), "tool": "shell"}
            case "mcp_tool_call":
                data = {"id": item.get("id"), "tool": item.get("tool"), "arguments": item.get("arguments")}
                yield "tool_call", str(item.get("tool")), data
            case _:
                pass

    def _completed(self, item: Event) -> Iterable[Entry]:
        data = {"id": item.get("id"), "status": item.get("status")}
        match item.get("type"):
            case "agent_message":
                self.answer = str(item.get("text", ""))
                yield "text", self.answer, {}
            case "reasoning":
                yield "thought", str(item.get("text", "")), {}
            case "command_execution":
                yield "tool_result", str(item.get("aggregated_output", "")), data
            case "mcp_tool_call":
                yield "tool_result", words(item.get("result") or item.get("error")), data
            case "file_change":
                yield "tool_result", "files changed", {**data, "changes": item.get("changes")}
            case "error":
                yield "notice", str(item.get("message", "")), {}
            case _:
                pass


class GeminiReader(EventReader):
    """`gemini -o stream-json`."""

    def take(self, event: Event) -> Iterable[Entry]:
        self.conversation = first(event, ("session_id",)) or self.conversation
        match event.get("type"):
            case "message" if event.get("role") == "assistant":
                text = str(event.get("content", ""))
                self.answer = (self.answer + text)[:ANSWER] if event.get("delta") else text
                yield "text", text, {}
            case "tool_use":
                self.answer = ""
                data = {"id": event.get("tool_id"), "arguments": event.get("parameters")}
                yield "tool_call", str(event.get("tool_name")), data
            case "tool_result":
                yield "tool_result", words(event.get("output")), {"id": event.get("tool_id"), "status": event.get("status")}
            case "error":
                yield "notice", words(event.get("message")), {}
            case "result":
                self.usage = _usage(event.get("stats"))
                if event.get("status") == "error":
                    self.error = words(event.get("error")) or "it tells of an error"
            case _:
                pass


READERS: Mapping[OutputFormat, Callable[[], Reader]] = {
    "text": TextReader,
    "json": JsonReader,
    "claude": ClaudeReader,
    "codex": CodexReader,
    "gemini": GeminiReader,
}
"""A new reader, by the word that profiles use for its format."""


def _usage(told: Any, cost: Any = None) -> Usage | None:
    counts = fields(told)
    if not counts:
        return None
    numbers = [counts.get(name) for name in ("input_tokens", "output_tokens")]
    tokens = [number if isinstance(number, int) and number >= 0 else 0 for number in numbers]
    spent = float(cost) if isinstance(cost, int | float) else None
    return Usage(input_tokens=tokens[0], output_tokens=tokens[1], cost=spent)
