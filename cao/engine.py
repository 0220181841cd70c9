"""The engine as operations see it: something that is told which session has work. `cao_flows` implements it on Prefect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["stopped", "starting", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How the engine is."""

    state: State
    detail: str = ""
    """What it is doing while it starts, or why it failed."""
    api_url: str | None = None
    """Prefect's API."""
    active: int = 0
    """Sessions that are hot."""
    queued: int = 0
    """Sessions that wait for a place."""


class Engine(Protocol):
    """Runs activations and turns. Every method may be called from any thread."""

    def submit(self, session_id: str) -> None:
        """The session has work, or an interruption. Returns at once; the engine starts if it does not run yet."""
        ...

    def start(self) -> None:
        """Begin to start, in the background, so that the first work need not wait for it."""
        ...

    def status(self) -> EngineStatus: ...

    async def stop(self, grace: float) -> None:
        """Take no more work, give running turns `grace` seconds, cut the rest, and end."""
        ...
