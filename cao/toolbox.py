"""The five tools that an agent gets to reach the other agents of its session. They are operations, with the sender attested."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cao.operations.context import Progress
from cao.protocol import REGISTRY, Caller, Conflict, InvalidInput, NotFound, Operation, Request
from cao.protocol.records import Terminal

SCOPES = frozenset(("terminal:read", "terminal:write", "message:write", "run:read"))
"""What an agent's turn may do, and nothing else."""


class Call(Protocol):
    """Runs an operation for an agent and gives its JSON-ready answer. Raises `CaoError`."""

    def __call__(
        self, operation: Operation, request: Request, caller: Caller, report: Progress | None = None
    ) -> Awaitable[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class AgentTool:
    """An operation as agents see it."""

    name: str
    operation: str
    help: str
    fields: tuple[str, ...]
    """The fields of the request that an agent fills."""
    fixed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields that its seat fills: to an attribute of its terminal."""

    @property
    def definition(self) -> Operation:
        return REGISTRY[self.operation]


TOOLS: Mapping[str, AgentTool] = {
    tool.name: tool
    for tool in (
        AgentTool(
            "handoff",
            "terminal.handoff",
            "Give work to another agent and wait for its answer. If it takes longer than `timeout` seconds, the work goes on "
            "and its result comes to your inbox by itself.",
            ("profile", "message", "name", "directory", "timeout"),
            {"session": "session_id"},
        ),
        AgentTool(
            "assign",
            "terminal.assign",
            "Give work to another agent and go on at once. Its result comes to your inbox by itself; get_result waits for it.",
            ("profile", "message", "name", "directory"),
            {"session": "session_id"},
        ),
        AgentTool(
            "send_message",
            "message.send",
            "Tell another agent of your session something. It reads it when it is free; for work use assign or handoff.",
            ("terminal", "text"),
        ),
        AgentTool(
            "get_result",
            "run.result",
            "Read the result of work that you gave, by the id that assign or handoff returned; waits `timeout` seconds for it.",
            ("run", "timeout"),
        ),
        AgentTool(
            "list_agents", "terminal.list", "List the agents of your session and what they are doing.", ("status", "limit")
        ),
    )
}
"""The catalogue, by name."""


class Toolbox:
    """The tools of one terminal. Implements `cao.agents.AgentTools`."""

    def __init__(self, terminal: Terminal, call: Call, endpoint: Callable[[Terminal], Awaitable[tuple[str, str]]]) -> None:
        self._terminal = terminal
        self._call = call
        self._endpoint = endpoint

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return await use(self._terminal, name, arguments, self._call)

    async def endpoint(self) -> tuple[str, str]:
        return await self._endpoint(self._terminal)


async def use(
    terminal: Terminal, name: str, arguments: Mapping[str, Any], call: Call, report: Progress | None = None
) -> Mapping[str, Any]:
    """Call a tool as `terminal`, on JSON-ready arguments. Raises `CaoError`."""
    tool = TOOLS.get(name)
    if tool is None:
        raise NotFound(f"no tool {name!r}; there are: {', '.join(TOOLS)}", tool=name)
    for argument in arguments:
        if argument not in tool.fields:
            raise InvalidInput.field(argument, f"is not an argument of {name}", "extra_forbidden")
    seated = {name: getattr(terminal, attribute) for name, attribute in tool.fixed.items()}
    request = tool.definition.parse_json(json.dumps({**arguments, **seated}))
    caller = Caller(actor=f"terminal:{terminal.id}", surface="agent", scopes=SCOPES, terminal=terminal.id)
    await _require_open(terminal, caller, call)
    return await call(tool.definition, request, caller, report)


async def _require_open(terminal: Terminal, caller: Caller, call: Call) -> None:
    """An agent may outlive its seat by moments, and its token by more; neither may act for it."""
    get = REGISTRY["terminal.get"]
    now = await call(get, get.parse({"terminal": terminal.id}), caller)
    if now["status"] == "closed":
        raise Conflict(f"terminal {terminal.name} is closed, so its agent can do nothing more", terminal=terminal.id)
