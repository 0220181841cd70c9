"""A running agent with its one session: opened or taken up again, prompted turn by turn, stopped, ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from acp import PROTOCOL_VERSION, RequestError, text_block
from acp.client import ClientSideConnection
from acp.interfaces import Client
from acp.schema import (
    AllowedOutcome,
    ClientCapabilities,
    DeniedOutcome,
    Implementation,
    PermissionOption,
    PromptResponse,
    RequestPermissionResponse,
    SessionNotification,
    ToolCallUpdate,
)
from pydantic import ValidationError

from cao.agents.process import Child
from cao.agents.provider import ProviderError, Seat, TurnResult, Watch
from cao.version import VERSION

from .attached import Server
from .launch import Launch
from .turn import Turn
from .wire import Wire

START_SECONDS = 90.0
"""How long an agent may take until its session is open."""
STOP_SECONDS = 3.0
"""How long it may take to stop a turn before its process is ended."""
_LOGIN_NEEDED = -32000

logger = logging.getLogger(__name__)


class AgentSession:
    """One agent process and the session in it. Made by `open`."""

    def __init__(self, launch: Launch, child: Child) -> None:
        self.launch = launch
        self.id = ""
        """The agent's own id of the session."""
        self.busy = True
        self._fresh = False
        self._cost = 0.0
        self._stuck = False
        self._turn: Turn | None = None
        self._child = child
        self._wire = Wire(child, self._heard)
        self._connection = ClientSideConnection(cast("Client", self), self._wire, use_unstable_protocol=True)

    @classmethod
    async def open(cls, launch: Launch, seat: Seat, servers: Sequence[Server], watch: Watch) -> AgentSession:
        """Start the agent and open its session: the seat's conversation if that can be loaded, else a new one.

        Raises `ProviderError`; nothing is left running then.
        """
        session = cls(launch, await Child.start(launch.argv, launch.directory, launch.environment))
        try:
            async with asyncio.timeout(START_SECONDS):
                await session._begin(seat, list(servers), watch)
            await watch.remember(session.conversation)
        except BaseException as error:
            await session.end()
            session._explain(error)
            raise
        return session

    @property
    def conversation(self) -> dict[str, Any]:
        """How to come back to it in another process."""
        return {"agent": self.launch.agent.name, "session": self.id}

    @property
    def healthy(self) -> bool:
        """Whether it can take another prompt."""
        return self._child.running and not self._stuck and self._wire.failure is None

    async def _begin(self, seat: Seat, servers: list[Server], watch: Watch) -> None:
        agent, us = self.launch.agent, Implementation(name="cao", version=VERSION)
        hello = await self._connection.initialize(PROTOCOL_VERSION, ClientCapabilities(), us)
        if hello.protocol_version != PROTOCOL_VERSION:
            raise ProviderError("cannot_start", f"{agent.name} speaks version {hello.protocol_version} of the protocol")
        loads = bool(agent.loads and hello.agent_capabilities and hello.agent_capabilities.load_session)
        if not await self._load(seat, servers, watch, loads):
            meta = agent.meta(seat.profile)
            made = await self._connection.new_session(str(self.launch.directory), mcp_servers=cast("Any", servers), **meta)
            self.id, self._fresh = made.session_id, True
        if mode := _mode(self.launch, seat):
            await self._connection.set_session_mode(self.id, mode)
        for option, value in agent.options(seat.profile).items():
            await self._connection.set_config_option(option, self.id, value)

    async def _load(self, seat: Seat, servers: list[Server], watch: Watch, loads: bool) -> bool:
        """Take up the seat's conversation; False, after a notice, when a new session has to do."""
        agent, known = self.launch.agent, seat.conversation.get("session")
        if not known:
            return False
        try:
            if seat.conversation.get("agent") != agent.name:
                raise LookupError(f"it was held with {seat.conversation.get('agent')}")
            if not loads:
                raise LookupError(f"{agent.name} cannot load conversations")
            meta = agent.meta(seat.profile)
            await self._connection.load_session(
                str(self.launch.directory), str(known), mcp_servers=cast("Any", servers), **meta
            )
        except (LookupError, RequestError) as reason:
            await watch.entry("notice", f"the earlier conversation cannot be taken up, so a new one begins: {reason}")
            return False
        self.id = str(known)
        return True

    async def turn(self, seat: Seat, text: str, watch: Watch) -> TurnResult:
        """Run one turn. Raises `ProviderError`; a cancelled turn is stopped before the cancellation goes on."""
        turn = self._turn = Turn(self.launch.agent, seat, watch, self._cost)
        self._child.start_of_turn()
        try:
            response = await self._prompt(self._worded(seat, text), turn)
            return await turn.result(response, self.conversation)
        except Exception as error:
            if not self.healthy or isinstance(error, ConnectionError):
                await self._child.end()  # so that it can be told how it ended
            self._explain(error)
            raise
        finally:
            self._turn, self._cost = None, turn.cost

    def _worded(self, seat: Seat, text: str) -> str:
        introduced = self._fresh and self.launch.agent.system == "prompt" and seat.profile.prompt
        self._fresh = False
        return f"{seat.profile.prompt}\n\n{text}" if introduced else text

    async def _prompt(self, text: str, turn: Turn) -> PromptResponse:
        asking = asyncio.create_task(self._connection.prompt(self.id, [text_block(text)]))
        failing = asyncio.create_task(turn.failed.wait())
        try:
            await asyncio.wait({asking, failing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            failing.cancel()
            if not asking.done():
                await self._stop(asking, turn)
        if turn.failure is not None:
            raise turn.failure
        return await asking

    async def _stop(self, asking: asyncio.Task[PromptResponse], turn: Turn) -> None:
        """Tell the agent to stop; one that does not is of no more use."""
        self._stuck = True
        turn.withdraw()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._connection.cancel(self.id)
                await asyncio.wait({asking})
            self._stuck = False
        except (TimeoutError, ConnectionError):
            logger.debug("%s did not stop in %s s and is ended", self.launch.agent.name, STOP_SECONDS)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _heard(self, params: Mapping[str, Any]) -> None:
        if self._turn is None or params.get("sessionId") != self.id:
            return  # the history that a loaded session repeats, and sessions of the agent's own helpers
        try:
            notification = SessionNotification.model_validate(params)
        except ValidationError:
            return  # an update that is newer than the protocol's package
        await self._turn.take(notification.update)

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        """The agent asks whether it may; called by the connection."""
        allowed = await self._turn.may(tool_call) if self._turn is not None else None
        chosen = None if allowed is None else _option(options, "allow" if allowed else "reject")
        if chosen is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(option_id=chosen, outcome="selected"))

    def _explain(self, error: BaseException) -> None:
        """Raise the error as the turn's caller should see it, if that is another one."""
        name = self.launch.agent.name
        if isinstance(error, RequestError):
            raise self._refusal(error) from error
        if isinstance(error, ConnectionError):
            raise self._wire.failure or ProviderError("agent_ended", self._child.complaint()) from error
        if isinstance(error, TimeoutError):
            late = f"{name} was not ready within {START_SECONDS:.0f} s; {self._child.complaint()}"
            raise ProviderError("cannot_start", late) from error

    def _refusal(self, error: RequestError) -> ProviderError:
        agent = self.launch.agent
        if error.code == _LOGIN_NEEDED:
            return ProviderError("login_needed", f"{agent.name} needs a login: {agent.login or error}")
        details = f" {error.data}" if error.data else ""
        return ProviderError("model_error", f"{agent.name}: {error}{details}"[:2000], retryable=True)

    async def end(self) -> None:
        """End the agent's process and everything that it started."""
        await self._child.end()
        await self._connection.close()


def _mode(launch: Launch, seat: Seat) -> str | None:
    """The careful mode where the agent must ask before it writes or runs something, as far as it has such modes."""
    agent, allowed = launch.agent, seat.terminal.allowed_tools
    denied = seat.profile.denied_tools
    careful = bool(denied) or (allowed is not None and not {"*", "write", "shell"} & set(allowed))
    return agent.careful_mode if careful and agent.careful_mode else agent.mode


def _option(options: Sequence[PermissionOption], wanted: str) -> str | None:
    """The option that answers for this once, else one of the same meaning."""
    ranked = sorted((o for o in options if o.kind.startswith(wanted)), key=lambda o: not o.kind.endswith("once"))
    return ranked[0].option_id if ranked else None
