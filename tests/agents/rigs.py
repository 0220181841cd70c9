"""Every provider behind one face, so that one set of tests holds for all of them."""

from __future__ import annotations

import asyncio
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cao.agents import Profile, Prompt, Provider, Seat, TurnResult, Watch
from cao.agents.acp import AcpProvider
from cao.agents.callable import CallableProvider
from cao.agents.headless import HeadlessProvider
from cao.agents.scripted import ScriptedProvider
from cao.protocol.records import EntryKind, Message, Terminal
from tests.agents import installed
from tests.agents.scripted_model import ScriptedModel, script

HERE = Path(__file__).parent
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEAD_END = "http://127.0.0.1:9/mcp"
"""Where no tools are served; agents go on without them."""


@dataclass
class Recorder:
    """A watch that keeps what it is told and answers permissions with `allow`."""

    allow: bool = True
    entries: list[tuple[EntryKind, str, Mapping[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    remembered: Mapping[str, Any] = field(default_factory=dict)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def entry(self, kind: EntryKind, text: str = "", data: Mapping[str, Any] | None = None) -> None:
        self.entries.append((kind, text, dict(data or {})))
        self.told.set()

    async def permission(self, tool: str, question: str, action: Mapping[str, Any]) -> bool:
        self.asked.append((tool, question))
        return self.allow

    async def remember(self, conversation: Mapping[str, Any]) -> None:
        self.remembered = conversation

    def texts(self, kind: EntryKind) -> list[str]:
        return [text for entry, text, _ in self.entries if entry == kind]

    async def until(self, kind: EntryKind, seconds: float = 60) -> None:
        """Wait for an entry of this kind."""
        async with asyncio.timeout(seconds):
            while not self.texts(kind):
                self.told.clear()
                await self.told.wait()


class NoTools:
    """Agents' tools that lead nowhere."""

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    async def endpoint(self) -> tuple[str, str]:
        return DEAD_END, "no-token"


def seat(profile: Profile, directory: Path, conversation: Mapping[str, Any] | None = None, id: str = "t1") -> Seat:
    """A seat for one turn."""
    directory.mkdir(parents=True, exist_ok=True)
    terminal = Terminal(
        id=id,
        session_id="s1",
        name="agent",
        profile=profile.name,
        provider="any",
        directory=str(directory),
        status="running",
        allowed_tools=profile.allowed_tools,
        created_at=NOW,
    )
    return Seat(terminal, profile, directory, conversation or {}, NoTools(), 1, directory.parent / "scratch")


def prompt(text: str) -> Prompt:
    """A prompt as a person gives it."""
    message = Message(
        id="m1", session_id="s1", terminal_id="t1", kind="prompt", sender="owner", text=text, state="delivered", created_at=NOW
    )
    return Prompt(text, [message])


class Rig(ABC):
    """One provider with a profile that it can run, and how to make its agent do things."""

    asks = True
    """Whether its agent asks for permission."""
    remembers = True
    """Whether a conversation goes on in another process."""

    def __init__(self, place: Path) -> None:
        self.place, self.work = place, place / "work"
        self.profile = Profile(name="agent", **self.fields())

    def fields(self) -> dict[str, Any]:
        """The profile's fields."""
        return {}

    @abstractmethod
    def provider(self) -> Provider:
        """A new provider, as another process would have it."""

    @abstractmethod
    def says(self, text: str) -> str:
        """A prompt that makes the agent answer `text`."""

    @abstractmethod
    def waits(self) -> str:
        """A prompt that makes the agent tell something and then hang."""

    def creates(self, path: Path) -> str:
        """A prompt that makes the agent create a file, after asking."""
        raise NotImplementedError

    def recalls(self, result: TurnResult) -> bool:
        """Whether the agent knew the turn before when it answered `says('{before}')`."""
        return result.text == "1"

    async def turn(self, provider: Provider, text: str, watch: Watch, last: TurnResult | None = None) -> TurnResult:
        """Run one turn after another."""
        return await provider.turn(seat(self.profile, self.work, last.conversation if last else None), prompt(text), watch)


class Scripted(Rig):
    remembers = False

    def provider(self) -> Provider:
        return ScriptedProvider()

    def says(self, text: str) -> str:
        return _steps({"say": text})

    def waits(self) -> str:
        return _steps({"say": "waiting"}, {"sleep": 600})

    def creates(self, path: Path) -> str:
        return _steps({"ask": "create it?", "as": "x"}, {"say": "{{x.word}}"})


class Callable(Rig):
    remembers = False

    def provider(self) -> Provider:
        provider = CallableProvider()
        provider.bind(asyncio.get_running_loop())
        provider.register("agent", _function)
        return provider

    def says(self, text: str) -> str:
        return f"say {text}"

    def waits(self) -> str:
        return "wait"

    def creates(self, path: Path) -> str:
        return f"create {path}"


class Headless(Rig):
    asks = False

    def fields(self) -> dict[str, Any]:
        conversations = self.place / "conversations"
        conversations.mkdir()
        command = [sys.executable, str(HERE / "headless_agent.py"), "--json"]
        return {
            "command": command,
            "resume": [*command, "--resume", "{conversation}"],
            "output": "codex",
            "environment": {"CONVERSATIONS": str(conversations)},
        }

    def provider(self) -> Provider:
        return HeadlessProvider()

    def says(self, text: str) -> str:
        return f"say {text}"

    def waits(self) -> str:
        return "sleep"


class Acp(Rig):
    """A made-up agent over ACP."""

    flags: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        sessions = self.place / "sessions"
        sessions.mkdir()
        command = [sys.executable, str(HERE / "fake_agent.py"), *self.flags]
        return {"command": command, "environment": {"FAKE_SESSIONS": str(sessions)}}

    def provider(self) -> Provider:
        return AcpProvider()

    def says(self, text: str) -> str:
        return json.dumps([{"think": "hm"}, {"say": text}])

    def waits(self) -> str:
        return json.dumps([{"say": "waiting"}, {"wait": True}])

    def creates(self, path: Path) -> str:
        return json.dumps([{"run": f"touch {path}"}, {"say": "done"}])


class RealAgent(Rig):
    """A real agent over ACP, with the scripted model."""

    agent: str
    hand: str
    """A command for which it asks, that creates a file."""

    def __init__(self, place: Path, model: ScriptedModel) -> None:
        self.model = model
        super().__init__(place)

    def fields(self) -> dict[str, Any]:
        environment = installed.environment(self.agent, self.place / "home", self.model.url, installed.agents_path())
        return {"agent": self.agent, "model": "scripted-model", "environment": environment, "prompt": "You are ROLE-7."}

    def provider(self) -> Provider:
        return AcpProvider()

    def says(self, text: str) -> str:
        return script({"text": text})

    def waits(self) -> str:
        return script({"say": "waiting", "tool": "shell", "args": {"command": "echo waiting; sleep 600"}})

    def creates(self, path: Path) -> str:
        return script({"tool": "shell", "args": {"command": self.hand.format(path=path)}}, {"text": "done"})

    def recalls(self, result: TurnResult) -> bool:
        said = [message.text for message in self.model.last.messages]
        return any("remember me" in text for text in said)


class Claude(RealAgent):
    agent, hand = "claude", "touch {path}"


class Codex(RealAgent):
    agent, hand = "codex", "rm -f {path}; touch {path}"


class CodexExec(Codex):
    """The same program as a headless command."""

    asks = False

    def fields(self) -> dict[str, Any]:
        fields = super().fields()
        flags = ["--json", "--skip-git-repo-check"]
        return {
            "environment": fields["environment"],
            "command": ["codex", "exec", "--model={model}", *flags, "-"],
            "resume": ["codex", "exec", "resume", "--model={model}", *flags, "{conversation}", "-"],
            "model": fields["model"],
            "output": "codex",
        }

    def provider(self) -> Provider:
        return HeadlessProvider()


def _steps(*steps: Mapping[str, Any]) -> str:
    return f"<script>{json.dumps(steps)}</script>"


async def _function(prompt: Prompt, watch: Watch) -> str:
    verb, _, rest = prompt.text.partition(" ")
    match verb:
        case "wait":
            await watch.entry("text", "waiting")
            await asyncio.Event().wait()
        case "create":
            rest = "approved" if await watch.permission("write", f"create {rest}?", {}) else "denied"
    return rest


def processes_of(place: Path) -> list[int]:
    """The processes whose environment names `place`, wherever in the process tree they are."""
    mark, found = str(place).encode(), []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes():
                found.append(int(environment.parent.name))
        except (OSError, ValueError):
            continue  # it ended, or belongs to somebody else
    return found
