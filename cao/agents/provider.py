"""The contract between the engine and whatever runs an agent.

A provider turns a prompt into a finished turn and knows how to come back to a conversation. It may keep a process warm
between turns and must be able to go on without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cao.protocol import NotFound
from cao.protocol.records import EntryKind, Failure, Message, RecoveryPolicy, Terminal, Usage

from . import survivors
from .profile import Profile


class ProviderError(Exception):
    """A turn failed for a reason that its caller should see. `retryable` failures follow the profile's `retries`."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.failure = Failure(code=code, message=message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a provider needs and does not find, and the command that mends it."""

    what: str
    fix: str


class AgentTools(Protocol):
    """What an agent may ask of its session: the catalogue of `cao.mcp.agent`, with its sender attested."""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a tool in this process. Raises `CaoError`."""
        ...

    async def endpoint(self) -> tuple[str, str]:
        """The URL of the same tools over MCP's streamable HTTP, and the bearer token that attests the terminal."""
        ...


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a turn takes place."""

    terminal: Terminal
    profile: Profile
    directory: Path
    conversation: Mapping[str, Any]
    """What the provider last told of it (`TurnResult.conversation`, `Watch.remember`); empty at first."""
    tools: AgentTools
    attempt: int
    """More than 1 when an earlier attempt at this turn was cut or failed."""
    scratch: Path
    """A private directory (0700) for the provider's own files of this terminal; it may not exist yet."""

    @property
    def variables(self) -> Mapping[str, str]:
        """What each process of the agent is to be given: so it knows its place, and is found when it outlives a crash."""
        return {survivors.SESSION: self.terminal.session_id, survivors.TERMINAL: self.terminal.id}


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the agent reads."""

    text: str
    """The whole prompt: the person's words, or mail wrapped as data with its attested sender."""
    messages: Sequence[Message]
    """The same, as it came."""

    @property
    def trusted(self) -> bool:
        """Whether it is work that was asked of this agent, and not mail that only tells it something."""
        return bool(self.messages) and self.messages[0].kind == "prompt"


class Watch(Protocol):
    """Looks over the agent's shoulder while it works."""

    async def entry(self, kind: EntryKind, text: str = "", data: Mapping[str, Any] | None = None) -> None:
        """Append to the transcript. Pieces of text may come as fine as they like; they are joined before they are stored."""
        ...

    async def permission(self, tool: str, question: str, action: Mapping[str, Any]) -> bool:
        """May the agent do this? Answered by the profile's policy (deny, then allow), else by a person."""
        ...

    async def remember(self, conversation: Mapping[str, Any]) -> None:
        """How to come back to this conversation, as soon as it is known: the turn may be interrupted, fail or be cut."""
        ...


@dataclass(frozen=True, slots=True)
class TurnResult:
    """How a turn ended well."""

    text: str
    """The answer: what the caller of a handoff gets."""
    conversation: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the provider needs to come back to this conversation; JSON-ready."""
    usage: Usage | None = None


class Provider(Protocol):
    """How an agent is run."""

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str:
        """One line for `cao provider list`."""
        ...

    @property
    def recovery(self) -> RecoveryPolicy:
        """What happens to a turn that a crash cut, unless the profile says otherwise."""
        ...

    def missing(self, profile: Profile | None) -> list[Missing]:
        """What stands between this provider and a turn (with `profile`, if one is given). Quick: it starts nothing."""
        ...

    async def turn(self, seat: Seat, prompt: Prompt, watch: Watch) -> TurnResult:
        """Run one turn. Cancellation means: stop the agent now. Raises `ProviderError`."""
        ...

    async def rest(self, terminal_id: str) -> None:
        """The terminal's session goes to rest, or the terminal is closed: end what is kept warm for it."""
        ...

    async def close(self) -> None:
        """End everything that is kept warm."""
        ...


class Providers(Mapping[str, Provider]):
    """The providers of one control, by name."""

    def __init__(self, providers: Sequence[Provider] = ()) -> None:
        self._by_name = {provider.name: provider for provider in providers}

    def __getitem__(self, name: str) -> Provider:
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(sorted(self._by_name))
            raise NotFound(f"no provider {name!r}; there are: {known}", provider=name) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def add(self, provider: Provider) -> None:
        """Register a provider; a second one of the same name replaces the first."""
        self._by_name[provider.name] = provider
