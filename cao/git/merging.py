"""Merging a branch without a checkout: `git merge-tree` makes the tree, and the branch gets it in one step.

A conflict, a crash or a refusal leaves both sides as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cao.protocol import Conflict, NotFound, Unavailable

from . import names
from .program import WORK_SECONDS, run
from .repository import Repository, commit_at

PREFIX = "cao/"
"""What the names of worktrees' branches begin with."""
CONFLICTS = 200
"""Files that a conflict names at most."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """What came of a merge."""

    branch: str
    into: str
    commit: str | None
    """Where `into` stands now; None when there are conflicts."""
    merged: str
    """The tip of the branch that was merged."""
    changed: bool = False
    """Whether `into` moved; it does not when it held all of the branch already."""
    conflicts: list[str] = field(default_factory=list[str])
    """The files that both sides changed; nothing was changed then."""


async def merge(
    repository: Path,
    branch: str,
    into: str,
    *,
    squash: bool = False,
    message: str | None = None,
    dry_run: bool = False,
) -> MergeOutcome:
    """Merge a branch into another: always with a commit of its own, or squashed into one.

    Conflicts come back in the outcome and change nothing. Where `into` is checked out, its files follow; raises `Conflict` when
    changes that are not committed there stand in the way, and changes nothing then either. Hooks of commits do not run.
    dry_run: only look whether there are conflicts.
    """
    found = await Repository.at(repository)
    names.branch("branch", branch)
    names.branch("into", into)
    for _ in range(_TRIES):
        ours, theirs = await _tip(found, into), await _tip(found, branch)
        if await _contains(repository, ours, theirs):
            return MergeOutcome(branch, into, ours, theirs)
        tree, conflicts = await _merge_trees(repository, ours, theirs)
        if conflicts:
            return MergeOutcome(branch, into, None, theirs, conflicts=conflicts)
        if squash and tree == (await run(repository, "rev-parse", f"{ours}^{{tree}}")).text:
            await _remember_merge(repository, branch, theirs)
            return MergeOutcome(branch, into, ours, theirs)
        if dry_run:
            return MergeOutcome(branch, into, ours, theirs, changed=True)
        said = message or (f"Squash branch '{branch}'" if squash else f"Merge branch '{branch}' into {into}")
        parents = ["-p", ours, *([] if squash else ["-p", theirs])]
        commit = (await run(repository, "commit-tree", tree, *parents, "-m", said)).text
        if await _hand_over(repository, into, ours, commit):
            await _remember_merge(repository, branch, theirs)
            return MergeOutcome(branch, into, commit, theirs, changed=True)
    raise Conflict(f"branch {into} moved while {branch} was being merged into it; try again", into=into)


async def _tip(repository: Repository, branch: str) -> str:
    tip = await commit_at(repository.directory, f"refs/heads/{branch}")
    if tip is None:
        raise NotFound(f"no branch {branch!r}; see: cao git branches", branch=branch)
    return tip


async def _contains(repository: Path, tip: str, other: str) -> bool:
    return (await run(repository, "merge-base", "--is-ancestor", other, tip, expect=(0, 1))).status == 0


async def _merge_trees(repository: Path, ours: str, theirs: str) -> tuple[str, list[str]]:
    """The merged tree, or the files in conflict."""
    ran = await run(
        repository, "merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", ours, theirs,
        expect=(0, 1, 129), seconds=WORK_SECONDS,
    )  # fmt: skip
    if ran.status == 129:
        version = (await run(repository, "version")).text
        raise Unavailable(f"merging needs git 2.38 or newer, and this is {version}; install a newer one")
    tree, *conflicts = ran.output.decode("utf-8", "replace").rstrip("\n").split("\0")
    return tree.strip(), [path for path in conflicts if path][:CONFLICTS] if ran.status == 1 else []


async def _hand_over(repository: Path, into: str, before: str, after: str) -> bool:
    """Move the branch, with the files of the working tree in which it is checked out; False when it moved meanwhile."""
    told = await run(repository, "for-each-ref", "--format=%(worktreepath)", f"refs/heads/{into}")
    if told.text:
        place = Path(told.text)
        if await commit_at(place, "HEAD") != before:
            return False
        await run(place, "merge", "--ff-only", "--quiet", after, seconds=WORK_SECONDS)
        return True
    ran = await run(repository, "update-ref", "-m", "cao: merge", f"refs/heads/{into}", after, before, expect=(0, 128))
    return ran.status == 0


async def _remember_merge(repository: Path, branch: str, tip: str) -> None:
    if branch.startswith(PREFIX):
        await run(repository, "update-ref", f"refs/cao/merged/{branch.removeprefix(PREFIX)}", tip)
