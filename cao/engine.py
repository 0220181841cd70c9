"""The engine as operations see it: something that is told what has work. `cao_flows` implements it on Prefect."""

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
    """Sessions and workflows that wait for a place."""
    workflows: int = 0
    """Workflows that are under way."""


def is_workflow(work_id: str) -> bool:
    """Whether work is a workflow's run; else it is a session."""
    return work_id.startswith("run_")


class Engine(Protocol):
    """Runs activations and turns. Every method may be called from any thread."""

    def submit(self, work_id: str) -> None:
        """A session or a workflow's run has work, or an interruption. Returns at once; the engine starts if it does not run."""
        ...

    def start(self) -> None:
        """Begin to start, in the background, so that the first work need not wait for it."""
        ...

    def status(self) -> EngineStatus: ...

    async def stop(self, grace: float) -> None:
        """Take no more work, give running turns `grace` seconds, cut the rest, and end."""
        ...
