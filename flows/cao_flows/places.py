"""Where a phase works: the run's directory, or a git worktree of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cao.git import worktrees
from cao.workflows.definition import Worktree
from cao.workflows.plan import Todo

if TYPE_CHECKING:
    from .workflow import WorkflowRunner


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, and the branch that it is on if that is the phase's own."""

    directory: Path
    branch: str | None = None


def none(runner: WorkflowRunner) -> Place:
    """The run's directory."""
    return Place(Path(runner.journal.directory))


async def of(runner: WorkflowRunner, todo: Todo) -> Place:
    """The place of a phase, made if it needs one. Raises `CaoError`."""
    if not todo.phase.worktree:
        return none(runner)
    asked = todo.phase.worktree if isinstance(todo.phase.worktree, Worktree) else Worktree()
    name = f"{runner.id[-8:]}-{todo.path.replace('/', '-').replace('[', '-').replace(']', '')}"[:60]
    journal = runner.journal
    made = await worktrees.add(Path(journal.project or journal.directory), name, asked.base or journal.branch)
    return Place(made.path, made.branch)
