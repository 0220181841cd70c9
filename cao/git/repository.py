"""One repository, seen from a directory in it: status, differences, branches, commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from cao.protocol import Conflict, InvalidInput, NotFound

from . import names
from .program import OUTPUT, WORK_SECONDS, Ran, run

CHANGES = 2000
"""Changed files that a status or a difference lists at most."""

Kind = Literal["added", "modified", "deleted", "renamed", "copied", "type_changed", "conflicted", "untracked"]

_KINDS: dict[str, Kind] = {
    "A": "added", "M": "modified", "D": "deleted", "R": "renamed", "C": "copied", "T": "type_changed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One file that differs from the last commit."""

    path: str
    kind: Kind
    staged: bool
    """Part of the difference is in the index."""
    before: str | None = None
    """Its path before it was renamed or copied."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a working tree stands."""

    branch: str | None
    """None when no branch is checked out."""
    commit: str | None
    """None before the first commit."""
    upstream: str | None
    ahead: int
    behind: int
    changes: list[Change]
    truncated: bool

    @property
    def clean(self) -> bool:
        return not self.changes


@dataclass(frozen=True, slots=True)
class FileDifference:
    """How much of one file differs; None for a binary one."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two states."""

    text: str
    files: list[FileDifference]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A local branch."""

    name: str
    commit: str
    subject: str
    committed_at: datetime
    current: bool
    upstream: str | None
    worktree: str | None
    """The directory in which it is checked out."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that was made."""

    commit: str
    branch: str | None
    subject: str
    files: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A directory inside a working tree. What lies outside the directory is neither shown nor touched."""

    directory: Path
    top: Path
    """The top of the working tree."""

    @property
    def _prefix(self) -> str:
        """What git writes before the path of every file below the directory."""
        inside = self.directory.resolve().relative_to(self.top.resolve())
        return "" if inside == Path() else f"{inside}/"

    @classmethod
    async def at(cls, directory: Path) -> Self:
        """The repository around a directory. Raises `Conflict` where there is none."""
        ran = await run(directory, "rev-parse", "--show-toplevel", expect=(0, 128))
        if ran.status != 0 or not ran.text:
            said = ran.complaint.strip().splitlines()[:1]
            raise Conflict(f"no git repository at {directory}: {' '.join(said)}; make one: git init", directory=str(directory))
        return cls(directory, Path(ran.text))

    async def resolve(self, revision: str, field: str = "revision") -> str:
        """The hash of the commit that a name means. Raises `InvalidInput` for no name, `NotFound` for no commit."""
        name = names.revision(field, revision)
        ran = await self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", expect=(0, 1, 128))
        if ran.status != 0:
            raise NotFound(f"no commit {revision!r} here; see: cao git branches", revision=revision)
        return ran.text

    async def branch_named(self, revision: str | None) -> str | None:
        """The local branch that a name means, or that is checked out when there is none; None where it is no branch."""
        if revision is None:
            ran = await self._ask("symbolic-ref", "--quiet", "--short", "HEAD", expect=(0, 1))
            return ran.text or None
        return revision if await commit_at(self.directory, f"refs/heads/{names.revision('base', revision)}") else None

    async def head(self) -> str | None:
        """The commit that is checked out; None before the first one."""
        return await commit_at(self.directory, "HEAD")

    async def status(self, limit: int = CHANGES) -> Status:
        """Branch, commit, and the files below the directory that differ or that git does not know."""
        ran = await self._ask("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--", ".")
        head, changes = _read_status(ran.fields, self._prefix)
        ahead, behind = (abs(int(count)) for count in head.get("branch.ab", "+0 -0").split())
        commit, branch = head.get("branch.oid", "(initial)"), head.get("branch.head", "(detached)")
        return Status(
            branch=None if branch == "(detached)" else branch,
            commit=None if commit == "(initial)" else commit,
            upstream=head.get("branch.upstream"),
            ahead=ahead,
            behind=behind,
            changes=changes[:limit],
            truncated=ran.truncated or len(changes) > limit,
        )

    async def diff(
        self, *, base: str | None = None, target: str | None = None, staged: bool = False, paths: list[str], limit: int = OUTPUT
    ) -> Difference:
        """From `base` to `target`: else from the index to the working tree; with `staged` to the index, from HEAD."""
        ends = [await self.resolve(end, field) for end, field in ((base, "base"), (target, "target")) if end is not None]
        chosen = ["--cached"] if staged else []
        below = names.paths("paths", paths, self.directory) or ["."]
        plain = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--relative", *chosen)
        text = await self._ask(*plain, *ends, "--", *below, limit=limit)
        counted = await self._ask(*plain, "--numstat", "--no-renames", "-z", *ends, "--", *below)
        files = [_file_difference(line) for line in counted.fields]
        cut = text.truncated or counted.truncated or len(files) > CHANGES
        return Difference(text.output.decode("utf-8", "replace"), files[:CHANGES], cut)

    async def branches(self, after: str = "", limit: int = 50) -> list[Branch]:
        """Local branches by name, those after `after`."""
        form = "%00".join(f"%({field})" for field in _BRANCH_FIELDS)
        ran = await self._ask("for-each-ref", "--sort=refname", f"--format={form}", "refs/heads")
        rows = [line.split("\0") for line in ran.text.splitlines() if line]
        return [_branch(row) for row in rows if row[0] > after][:limit]

    async def commit(self, message: str, *, paths: list[str], everything: bool) -> Commit:
        """Commit `paths`, or `everything` below the directory that differs, or else what is staged; hooks run.

        Raises `Conflict` when there is nothing to commit, or when git or a hook refuses.
        """
        below = ["."] if everything else names.paths("paths", paths, self.directory)
        if below:
            await self._work("add", "--all", "--", *below)
        if (await self._ask("diff", "--cached", "--quiet", "--", *(below or ["."]), expect=(0, 1))).status == 0:
            raise Conflict("there is nothing to commit; see: cao git status", directory=str(self.directory))
        only = ["--only", "--", *below] if below else []
        await self._work("commit", "--quiet", "--no-edit", f"--message={message}", *only)
        return await self._last()

    async def _last(self) -> Commit:
        told = await self._ask("show", "--no-patch", "--format=%H%x00%s%x00", "HEAD")
        hash, subject, _ = told.output.decode("utf-8", "replace").split("\0", 2)
        files = await self._ask("diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "-z", "HEAD")
        return Commit(hash, await self.branch_named(None), subject, len(files.fields))

    async def _ask(self, *arguments: str, limit: int = OUTPUT, expect: tuple[int, ...] = (0,)) -> Ran:
        return await run(self.directory, *arguments, limit=limit, expect=expect)

    async def _work(self, *arguments: str) -> None:
        await run(self.directory, *arguments, seconds=WORK_SECONDS)


async def commit_at(repository: Path, ref: str) -> str | None:
    """The commit that a full reference stands for; None for one that does not exist."""
    ran = await run(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", expect=(0, 1, 128))
    return ran.text if ran.status == 0 else None


_BRANCH_FIELDS = ("refname:short", "objectname", "subject", "committerdate:unix", "HEAD", "upstream:short", "worktreepath")


def _branch(row: list[str]) -> Branch:
    name, commit, subject, at, mark, upstream, worktree = row
    when = datetime.fromtimestamp(int(at or 0), UTC)
    return Branch(name, commit, subject[:500], when, mark == "*", upstream or None, worktree or None)


def _file_difference(line: str) -> FileDifference:
    added, removed, path = line.split("\t", 2)
    return FileDifference(path, None if added == "-" else int(added), None if removed == "-" else int(removed))


def _read_status(fields: list[str], prefix: str) -> tuple[dict[str, str], list[Change]]:
    """Read version 2 of git's status for programs: headers, then one entry a file, a renamed one with its old path after it."""
    head: dict[str, str] = {}
    changes: list[Change] = []
    entries = iter(fields)

    def path(entry: str, columns: int) -> str:
        return entry.split(" ", columns)[columns].removeprefix(prefix) or "."

    for entry in entries:
        match entry[:2]:
            case "# ":
                name, _, value = entry[2:].partition(" ")
                head[name] = value
            case "1 ":
                changes.append(_change(entry, path(entry, 8)))
            case "2 ":
                changes.append(_change(entry, path(entry, 9), next(entries, "").removeprefix(prefix)))
            case "u ":
                changes.append(Change(path(entry, 10), "conflicted", staged=False))
            case "? ":
                changes.append(Change(path(entry, 1), "untracked", staged=False))
            case _:
                raise InvalidInput(f"git tells of a change in a way that is not known here: {entry[:20]!r}")
    return head, changes


def _change(entry: str, path: str, before: str | None = None) -> Change:
    index, tree = entry[2], entry[3]
    return Change(path, _KINDS.get(index if index != "." else tree, "modified"), staged=index != ".", before=before)
