"""Where a workflow and its phases work: the run's directory, or git worktrees of their own."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cao.git import Repository, worktrees
from cao.protocol import CaoError
from cao.store import Transaction, workflows
from cao.store import worktrees as records
from cao.store.leases import fence
from cao.workflows.definition import Worktree
from cao.workflows.paths import phase_at
from cao.workflows.plan import Todo

if TYPE_CHECKING:
    from .workflow import WorkflowRunner

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, and the branch that it is on if that is the phase's own."""

    directory: Path
    branch: str | None = None


def of_run(runner: WorkflowRunner) -> Place:
    """The run's directory."""
    return Place(Path(runner.journal.directory))


async def of_phase(runner: WorkflowRunner, todo: Todo) -> Place:
    """The place of a phase, made if it is to have one of its own. Raises `CaoError`."""
    if not todo.phase.worktree:
        return of_run(runner)
    new = await _add(runner, todo.phase.worktree, todo.path)

    def change(tx: Transaction) -> None:
        fence(tx, runner.lease)
        records.record(tx, new)

    await runner.write(change)
    return Place(Path(new.path), new.branch)


async def move_in(runner: WorkflowRunner) -> None:
    """Give the run a worktree of its own, if its definition wants one and it has none yet. Raises `CaoError`."""
    journal = runner.journal
    wanted = journal.snapshot.definition.worktree
    if not wanted or journal.branch is not None:
        return
    new = await _add(runner, wanted, None)

    def change(tx: Transaction) -> None:
        fence(tx, runner.lease)
        records.record(tx, new)
        workflows.place(tx, runner.id, directory=new.path, repository=new.repository, branch=new.branch)

    await runner.write(change)
    journal.directory, journal.branch, journal.repository = new.path, new.branch, new.repository


async def _add(runner: WorkflowRunner, wanted: bool | Worktree, path: str | None) -> records.NewWorktree:
    """A worktree that is there afterwards, whether it was before or not."""
    journal = runner.journal
    repository = Path(journal.repository or journal.directory)
    base = (wanted.base if isinstance(wanted, Worktree) else None) or journal.branch
    made = await worktrees.add(repository, name_of(runner.entered.definition, runner.id, path), base)
    return records.NewWorktree(
        name=made.name,
        repository=str(repository),
        path=str(made.path),
        branch=made.branch,
        base=await (await Repository.at(repository)).branch_named(base),
        base_commit=made.base_commit,
        project_id=journal.project_id,
        session_id=journal.session_id,
        run_id=runner.id,
        phase=path,
    )


def name_of(definition: str, run_id: str, path: str | None) -> str:
    """A worktree's name: the same each time for the same phase of a run.

    >>> name_of("change", "run_01m80s8ps930nrmts", "build[2]/api")
    'change-930nrmts-build-2-api'
    """
    words = [definition[:20], run_id[-8:], *([re.sub(r"[^a-z0-9]+", "-", path).strip("-")] if path else [])]
    name = "-".join(words)
    return name if len(name) <= 64 else f"{name[:55]}-{sha256(name.encode()).hexdigest()[:8]}"


async def tidy(runner: WorkflowRunner) -> None:
    """Take away the run's worktrees that need not stay and hold nothing that would be lost."""
    reader = runner.house.store.read()
    for worktree in records.of_run(reader, runner.id):
        if _stays(runner, worktree.phase):
            continue
        try:
            await worktrees.remove(Path(worktree.repository), worktree.name)
        except CaoError as error:
            logger.info("worktree %s stays: %s", worktree.name, error.message)
            continue
        await runner.write(lambda tx, gone=worktree: records.removed(tx, gone, discarded=False))


def _stays(runner: WorkflowRunner, path: str | None) -> bool:
    snapshot = runner.journal.snapshot
    phase = phase_at(snapshot, path) if path else None
    wanted = phase.worktree if phase else snapshot.definition.worktree
    return not isinstance(wanted, Worktree) or wanted.keep
