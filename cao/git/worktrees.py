"""Worktrees: a directory and a branch of its own for each agent or phase, below the repository that they belong to.

A worktree called `name` lies in `.cao/worktrees/<name>` on the branch `cao/<name>`. Two references of git's keep what a crash
must not lose: `refs/cao/base/<name>` the commit that it began with, `refs/cao/merged/<name>` the tip that was last merged.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cao.protocol import Conflict, Unavailable
from cao.store.locks import FileLock

from . import names
from .merging import PREFIX, MergeOutcome, merge
from .program import WORK_SECONDS, run
from .repository import Repository, commit_at

__all__ = ["FOLDER", "PREFIX", "Facts", "MergeOutcome", "Worktree", "add", "branch_of", "look", "merge", "path_of", "remove"]

FOLDER = Path(".cao") / "worktrees"
LOCK_SECONDS = 60.0
"""The longest that a worktree is waited for which another process is making or taking away."""


@dataclass(frozen=True, slots=True)
class Worktree:
    """A worktree that exists."""

    name: str
    path: Path
    branch: str
    base_commit: str
    """The commit that it began with."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What git knows of a worktree."""

    exists: bool
    tip: str | None
    """Where its branch stands; None when the branch is gone."""
    dirty: bool
    """It holds changes or new files that are not committed."""
    ahead: int
    """Commits since the one that it began with."""
    merged: bool
    """All of them are in another branch too, or were merged as they are."""


def branch_of(name: str) -> str:
    return PREFIX + name


def path_of(repository: Path, name: str) -> Path:
    return repository / FOLDER / name


async def add(repository: Path, name: str, base: str | None = None) -> Worktree:
    """The worktree called `name`, made if it is not there yet; one that is there stays as it is, whatever `base` says.

    repository: a directory in a working tree; the worktree lies below it. base: what it begins with, HEAD unless given.
    Raises `Conflict` for a repository without commits, `NotFound` for a base that does not exist.
    """
    names.worktree("name", name)
    found = await Repository.at(repository)
    async with _alone(repository, name):
        begun = await commit_at(repository, f"refs/cao/base/{name}") or await _first(found, base)
        await _hide(repository)
        await run(repository, "update-ref", f"refs/cao/base/{name}", begun)
        await _check_out(repository, name, begun)
    return Worktree(name, path_of(repository, name), branch_of(name), begun)


async def _first(repository: Repository, base: str | None) -> str:
    commit = await repository.head() if base is None else await repository.resolve(base, "base")
    if commit is None:
        raise Conflict(
            f"{repository.directory} has no commit yet; make the first one: cao git commit", directory=str(repository.top)
        )
    return commit


async def _check_out(repository: Path, name: str, begun: str) -> None:
    path = path_of(repository, name)
    registered = (await _registered(repository)).get(path.resolve())
    if registered == "initializing" or (registered is None and path.exists()):
        await _clear(repository, path)  # a crash cut its making: nobody has worked in it
    elif registered is not None and path.is_dir():
        return
    await run(repository, "worktree", "prune")
    known = await commit_at(repository, f"refs/heads/{branch_of(name)}")
    chosen = [str(path), branch_of(name)] if known else ["-b", branch_of(name), str(path), begun]
    await run(repository, "worktree", "add", "--quiet", *chosen, seconds=WORK_SECONDS)


async def _clear(repository: Path, path: Path) -> None:
    await run(repository, "worktree", "remove", "--force", "--force", str(path), expect=(0, 128))
    await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)


async def _registered(repository: Path) -> dict[Path, str]:
    """The worktrees that git knows, each with the reason for which it is locked, if it is."""
    found: dict[Path, str] = {}
    ran = await run(repository, "worktree", "list", "--porcelain", "-z")
    current = Path()
    for entry in ran.fields:
        word, _, rest = entry.partition(" ")
        if word == "worktree":
            current = Path(rest)
            found[current] = ""
        elif word == "locked":
            found[current] = rest
    return found


async def names_of(repository: Path) -> list[str]:
    """The names of the worktrees that git knows in the folder where ours lie; other names than ours are left out."""
    folder = await asyncio.to_thread((repository / FOLDER).resolve)
    found = [path.name for path in await _registered(repository) if path.parent == folder]
    return sorted(name for name in found if names.is_worktree(name))


async def _hide(repository: Path) -> None:
    """Keep the folder of worktrees out of what git shows of the repository: in its own exclude file, which nobody commits."""
    told = await run(repository, "rev-parse", "--path-format=absolute", "--git-path", "info/exclude")
    await asyncio.to_thread(_append_line, Path(told.text), f"{FOLDER.as_posix()}/")


def _append_line(file: Path, line: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    known = file.read_text("utf-8", "replace") if file.exists() else ""
    if line not in known.splitlines():
        with file.open("a", encoding="utf-8") as target:
            target.write(("" if known.endswith("\n") or not known else "\n") + line + "\n")


async def look(repository: Path, name: str) -> Facts:
    """What git knows of a worktree now."""
    path = path_of(repository, name)
    tip = await commit_at(repository, f"refs/heads/{branch_of(name)}")
    exists = path.is_dir()
    head = await commit_at(path, "HEAD") if exists else None  # whoever worked there may have left the branch
    begun = await commit_at(repository, f"refs/cao/base/{name}")
    at_stake = [commit for commit in dict.fromkeys((tip, head)) if commit is not None]
    return Facts(
        exists=exists,
        tip=tip,
        dirty=exists and await is_dirty(path),
        ahead=max([await _count(repository, begun, commit) for commit in at_stake], default=0),
        merged=all([await _is_merged(repository, name, commit, begun) for commit in at_stake]),
    )


async def _count(repository: Path, begun: str | None, commit: str) -> int:
    return int((await run(repository, "rev-list", "--count", f"{begun}..{commit}")).text) if begun else 0


async def is_dirty(path: Path) -> bool:
    """Whether a working tree holds anything that is not committed; files that git ignores do not count."""
    ran = await run(path, "status", "--porcelain", "-z", "--untracked-files=normal", limit=1 << 16)
    return bool(ran.output)


async def _is_merged(repository: Path, name: str, tip: str, begun: str | None) -> bool:
    if tip in (begun, await commit_at(repository, f"refs/cao/merged/{name}")):
        return True
    ran = await run(repository, "for-each-ref", "--format=%(refname:short)", f"--contains={tip}", "refs/heads", "refs/remotes")
    return any(branch != branch_of(name) for branch in ran.text.splitlines())


async def remove(repository: Path, name: str, *, discard: bool = False, dry_run: bool = False) -> Facts:
    """Take a worktree and its branch away; what they held. Nothing happens to one that is gone already.

    discard: even when work would be lost. Raises `Conflict` otherwise. dry_run: only look whether it may be removed.
    """
    names.worktree("name", name)
    await Repository.at(repository)
    async with _alone(repository, name):
        facts = await look(repository, name)
        if not discard:
            _require_safe(name, facts)
        if dry_run:
            return facts
        path = path_of(repository, name)
        if facts.exists:
            force = ["--force", "--force"] if discard else []
            await run(repository, "worktree", "remove", *force, str(path), seconds=WORK_SECONDS)
        await run(repository, "worktree", "prune")
        if facts.tip is not None:
            await run(repository, "update-ref", "-d", f"refs/heads/{branch_of(name)}", facts.tip)
        for kind in ("base", "merged"):
            await run(repository, "update-ref", "-d", f"refs/cao/{kind}/{name}")
    return facts


def _require_safe(name: str, facts: Facts) -> None:
    if facts.dirty:
        raise Conflict(
            f"worktree {name} has changes that are not committed; commit them: "
            f"cao git commit --worktree {name} --all '<message>', or lose them: cao worktree remove {name} --discard",
            worktree=name, reason="uncommitted",
        )  # fmt: skip
    if not facts.merged:
        raise Conflict(
            f"worktree {name} has {facts.ahead} commits that are in no other branch; merge them: cao worktree merge {name}, "
            f"or lose them: cao worktree remove {name} --discard",
            worktree=name, reason="unmerged", commits=facts.ahead,
        )  # fmt: skip


@asynccontextmanager
async def _alone(repository: Path, name: str) -> AsyncGenerator[None]:
    """Be the only process that makes or removes this worktree. Raises `Unavailable` when another takes too long."""
    told = await run(repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
    folder = Path(told.text) / "cao-worktrees"
    folder.mkdir(exist_ok=True)
    lock, loop = FileLock(folder / f"{name}.lock"), asyncio.get_running_loop()
    deadline = loop.time() + LOCK_SECONDS
    while not lock.acquire():
        if loop.time() > deadline:
            raise Unavailable(f"another process has been at worktree {name} for {LOCK_SECONDS:g} s; try again")
        await asyncio.sleep(0.05)
    try:
        yield
    finally:
        lock.release()
