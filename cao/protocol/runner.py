"""What is told of the machinery that runs sessions: who runs here, what a crash left behind, how often things began again."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .models import Answer

OrphanKind = Literal["activation", "lease", "owner", "process", "scratch", "worktree"]


class OwnerInfo(Answer):
    """A process that works, or worked, on this data directory."""

    name: str
    """As leases name it."""
    alive: bool
    leases: int
    """Sessions, workflows and other work that it holds."""


class RunnerHealth(Answer):
    """How the machinery is."""

    status: Literal["ok", "degraded"]
    """`degraded` when the engine failed or a dead process still holds work."""
    engine: Literal["stopped", "starting", "ready", "failed"]
    detail: str
    """What the engine is doing while it starts, or why it failed."""
    active: int
    """Sessions that are hot in this process."""
    queued: int
    """Sessions that wait for a place in it."""
    open_activations: int
    """Sessions that are hot, or were when their process died."""
    orphans: int
    """Of these, the ones whose process died."""
    owners: list[OwnerInfo]
    """The processes by name, at most 200."""


class Orphan(Answer):
    """Something that a crash left behind."""

    kind: OrphanKind
    """`activation`: a session that was hot; `lease`: other work that a dead process holds; `owner`: a dead process's file;
    `process`: one of an agent whose session is not hot; `scratch`: private files of a closed terminal; `worktree`: one that git
    and the record tell differently."""
    id: str
    """The session, the lease, the owner, the process's number, the terminal, or the worktree."""
    what: str
    """What is the matter."""
    fix: str
    """The command that mends it."""


class CleanedUp(Answer):
    """What was mended, or would be (`dry_run`)."""

    mended: list[Orphan]
    left: list[Orphan]
    """What needs another command: see its `fix`."""
    dry_run: bool = False


class RunnerStats(Answer):
    """How often things began, and began again, counted from the event log."""

    since: datetime
    servers_started: int
    engine_started: int
    """Lives of the engine: each starts Prefect."""
    engine_failed: int
    prefect_restarted: int
    """How often Prefect's process ended by itself and was started again."""
    turns_started: int
    turns_again: int
    """Of these, second and later attempts."""
    turns_cut: dict[str, int]
    """Turns whose process died, by what was done about it: `retry`, `ask`, `fail` or `cancel`."""
    turns_interrupted: int
    runs: dict[str, int]
    """Runs that were settled, by state."""
    handovers: int
    """How often the work of one process was taken up by another or begun anew, in all time."""
