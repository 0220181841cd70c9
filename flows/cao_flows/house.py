"""What the engine needs of the control that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cao.agents import AgentTools, Profile, Providers
from cao.liveness import Owner
from cao.protocol.records import Terminal
from cao.settings import Settings
from cao.store import Store
from cao.store.terminals import NewTerminal


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who a workflow's phase asks for."""

    name: str
    profile: str
    provider: str | None
    model: str | None
    directory: str


@dataclass(frozen=True, slots=True)
class House:
    """The parts, and three things that only the control can make."""

    settings: Settings
    store: Store
    providers: Providers
    owner: Owner
    profile_of: Callable[[Terminal], Profile]
    """The profile that a terminal was made with, as it is now. Raises `CaoError`."""
    tools_for: Callable[[Terminal], AgentTools]
    """The agents' tools, with this terminal attested as their sender."""
    seat: Callable[[Wanted], NewTerminal]
    """What a terminal for a phase is made of, as for one that a person adds. Raises `CaoError`."""
    flows: Mapping[str, Any]
    """The Prefect flows that this program registered as workflows, by name."""
    public_url: str
    """The origin under which our server shows the page and Prefect's UI; empty where there is none."""

    @property
    def prefect_home(self) -> Path:
        return self.settings.home / "prefect"

    def scratch(self, terminal_id: str) -> Path:
        return self.settings.home / "terminals" / terminal_id
