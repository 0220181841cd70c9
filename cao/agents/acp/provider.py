"""The `acp` provider: agents that speak the Agent Client Protocol on standard input and output."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from cao.agents.profile import Profile
from cao.agents.provider import Missing, Prompt, ProviderError, Seat, TurnResult, Watch
from cao.protocol.records import RecoveryPolicy

from . import launch as launching
from .launch import Launch

if TYPE_CHECKING:
    from .attached import Server
    from .session import AgentSession

WARM = 8
"""Agents that are kept running while they have nothing to do; each takes some 200 MB."""


class AcpProvider:
    """Runs agents of the table and any other that speaks the protocol. One process for each terminal, warm between turns."""

    name = "acp"
    summary = "runs an agent over the Agent Client Protocol: claude, codex, gemini, opencode, copilot, qwen, or your own"
    recovery: RecoveryPolicy = "ask"

    def __init__(self, warm: int = WARM) -> None:
        """warm: how many idle agents keep running."""
        self._warm = warm
        self._sessions: OrderedDict[str, AgentSession] = OrderedDict()

    def missing(self, profile: Profile | None) -> list[Missing]:
        return launching.missing(profile)

    async def turn(self, seat: Seat, prompt: Prompt, watch: Watch) -> TurnResult:
        session = await self._session(seat, watch)
        try:
            return await session.turn(seat, prompt.text, watch)
        finally:
            session.busy = False
            await self._tidy(seat.terminal.id, session)

    async def _session(self, seat: Seat, watch: Watch) -> AgentSession:
        """The terminal's agent: the one that is still running, else a new process."""
        launch = self._launch(seat)
        session = self._sessions.get(seat.terminal.id)
        if session is not None and session.healthy and session.launch == launch:
            session.busy = True
            return session
        await self.rest(seat.terminal.id)
        from .session import AgentSession

        session = await AgentSession.open(launch, seat, await self._servers(seat, launch, watch), watch)
        self._sessions[seat.terminal.id] = session
        return session

    def _launch(self, seat: Seat) -> Launch:
        agent = launching.agent_for(seat.profile, seat.conversation.get("agent"))
        if agent is None or (lacking := self.missing(seat.profile)):
            lacking = self.missing(seat.profile)
            raise ProviderError("missing", f"{lacking[0].what}; {lacking[0].fix}")
        return launching.launch(seat, agent)

    async def _servers(self, seat: Seat, launch: Launch, watch: Watch) -> list[Server]:
        from acp.schema import McpServerStdio

        from .attached import of_profile, own

        url, token = await seat.tools.endpoint()
        wanted = of_profile(seat.profile, launch.environment["PATH"])
        possible = [s for s in wanted if launch.agent.mcp_stdio or not isinstance(s, McpServerStdio)]
        for server in wanted:
            if server not in possible:
                await watch.entry("notice", f"{launch.agent.name} starts no MCP servers itself, so {server.name} is left out")
        return [own(url, token), *possible]

    async def _tidy(self, terminal_id: str, session: AgentSession) -> None:
        """End an agent that is of no more use, and the ones that have been idle longest when too many are."""
        if not session.healthy:
            self._sessions.pop(terminal_id, None)
            await session.end()
            return
        if terminal_id in self._sessions:
            self._sessions.move_to_end(terminal_id)
        idle = [id for id, other in self._sessions.items() if not other.busy]
        for id in idle[: max(len(idle) - self._warm, 0)]:
            await self.rest(id)

    async def rest(self, terminal_id: str) -> None:
        session = self._sessions.pop(terminal_id, None)
        if session is not None:
            await session.end()

    async def close(self) -> None:
        async with asyncio.TaskGroup() as group:
            for terminal_id in list(self._sessions):
                group.create_task(self.rest(terminal_id))
