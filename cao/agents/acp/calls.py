"""An agent's tool calls: put together from the updates in which they come, and named as profiles name tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, cast

from acp.schema import ToolCall, ToolCallUpdate

from cao.agents.loose import fields, items, words

from .attached import OWN_SERVER

ARGUMENTS = 16 * 1024
"""Characters of a call's arguments in the transcript; longer ones are shown as the beginning of their JSON."""
OUTPUT = 64 * 1024
"""Characters of a call's output in the transcript."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "execute": ("shell", "execute", "execute_bash"),
    "edit": ("write", "edit", "fs_write"),
    "delete": ("write", "delete", "edit", "fs_write"),
    "move": ("write", "move", "edit", "fs_write"),
    "read": ("read", "fs_read"),
    "search": ("read", "search", "fs_list"),
    "fetch": ("fetch",),
    "think": ("think",),
    "switch_mode": ("switch_mode",),
}
"""The names under which profiles speak of a kind of call; the first is ours."""
_OWN_TITLE = re.compile(rf"(?:mcp__)?{OWN_SERVER}(?:__|[_./-])(\w+)")


@dataclass(slots=True)
class Call:
    """One tool call, as far as it is known."""

    id: str
    title: str = ""
    kind: str | None = None
    status: str = "pending"
    input: Any = None
    output: str = ""
    files: list[str] = field(default_factory=list[str])
    meta: dict[str, Any] = field(default_factory=dict[str, Any])
    announced: bool = False
    """Whether the transcript has it."""

    def merge(self, update: ToolCall | ToolCallUpdate) -> None:
        """Take up what an update says."""
        self.title = update.title or self.title
        self.kind = update.kind or self.kind
        self.status = update.status or self.status
        self.input = update.raw_input or self.input
        self.meta |= {key: value for key, value in (update.field_meta or {}).items() if key != "terminal_output_delta"}
        self.files = [place.path for place in update.locations or ()] or self.files
        self._take_output(update)

    def _take_output(self, update: ToolCall | ToolCallUpdate) -> None:
        texts = [getattr(getattr(block, "content", None), "text", None) for block in update.content or ()]
        told = "\n".join(text for text in texts if text) or _output(update.raw_output)
        streamed = fields(fields(update.field_meta).get("terminal_output_delta"))
        self.output = (told or self.output + str(streamed.get("data", "")))[:OUTPUT]

    @property
    def finished(self) -> bool:
        return self.status in ("completed", "failed")

    @property
    def own_tool(self) -> str | None:
        """The name of the tool, if it is one of those that our own MCP server gave to the agent.

        What the model wrote must not pass for it: adapters tell the tool's name apart from the title; without them a title
        counts only for a call that is of no other kind.
        """
        server, tool = self._mcp
        return tool if server == OWN_SERVER else None

    @property
    def _mcp(self) -> tuple[str | None, str | None]:
        if name := fields(self.meta.get("claudeCode")).get("toolName"):
            parts = str(name).split("__", 2)
            return (parts[1], parts[2]) if parts[0] == "mcp" and len(parts) == 3 else (None, None)
        if self.meta.get("is_mcp_tool_call"):
            asked = fields(self.input)
            return str(asked.get("server")), str(asked.get("tool"))
        match = _OWN_TITLE.fullmatch(self.title) if self.kind in (None, "other") else None
        return (OWN_SERVER, match.group(1)) if match else (None, None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which a profile may speak of this tool, ours first."""
        server, tool = self._mcp
        if tool is not None:
            return (tool, f"{server}/{tool}", f"@{server}")
        return _KINDS.get(self.kind or "", (self.title or "other",))

    @property
    def question(self) -> str:
        """The whole action in words."""
        title = self.title or self.names[0]
        shown = "" if not self.input or title in json.dumps(self.input) else f" {json.dumps(self.input, ensure_ascii=False)}"
        return f"{self.names[0]}: {title}{shown}"

    def told(self) -> dict[str, Any]:
        """What the transcript keeps of the call."""
        return {"id": self.id, "tool": self.names[0], "arguments": bounded(self.input)} | (
            {"files": self.files[:100]} if self.files else {}
        )

    def result(self) -> dict[str, Any]:
        """What the transcript keeps of its end, beside the output."""
        return {"id": self.id, "tool": self.names[0], "status": self.status}


def name_for(names: Sequence[str], denied: Sequence[str], allowed: Sequence[str] | None) -> str:
    """The one of a tool's names that the profile speaks of: denied ones first, then allowed ones, else ours.

    >>> name_for(["write", "edit"], ["edit"], None)
    'edit'
    """
    patterns = (*denied, *(allowed or ()))
    return next((name for pattern in patterns for name in names if fnmatchcase(name, pattern)), names[0])


def bounded(value: Any) -> Any:
    """A JSON value as it is, or the beginning of its text when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= ARGUMENTS else {"beginning": text[:ARGUMENTS]}


def _output(raw: Any) -> str:
    """The words of a raw output: text, content blocks, or an MCP result; other shapes have none."""
    if isinstance(raw, str):
        return raw
    return words(items(cast("object", raw)) or items(fields(fields(raw).get("result")).get("content")))
