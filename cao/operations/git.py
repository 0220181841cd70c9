"""Git: what a project, a worktree or a terminal's directory looks like, and commits in it."""

from __future__ import annotations

from dataclasses import asdict
from operator import attrgetter
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from cao.events import GitCommitted
from cao.git import Repository
from cao.git.names import RelativePath, Revision
from cao.protocol import (
    Conflict,
    InvalidInput,
    ListRequest,
    NotFound,
    Page,
    Reference,
    Request,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.git import BranchInfo, CommitInfo, TreeDiff, TreeStatus
from cao.store import Transaction, terminals, worktrees

from .context import Context
from .pages import by_key, last_key
from .scope import project_id, require_project

DIFF_BYTES = 1 << 20
"""The longest diff that is given, in bytes."""

Paths = Annotated[list[RelativePath], Field(max_length=100)]
Message = Annotated[str, StringConstraints(min_length=1, max_length=8000, pattern=r"^[^\x00]*\S[^\x00]*$")]


class InRepository(Request):
    """Where: a worktree, else a terminal's directory, else a project; the current project unless given."""

    worktree: Reference | None = None
    """The id or name of a worktree."""
    terminal: Reference | None = None
    """The id of a terminal: its working directory."""
    project: Reference | None = None
    """The id or name of a project."""


def place(ctx: Context, request: InRepository) -> Path:
    """The directory that a request means. No other directories can be named. Raises `NotFound`."""
    reader = ctx.store.read()
    if request.worktree is not None:
        return Path(worktrees.require_there(reader, request.worktree, project_id(ctx, request.project)).path)
    if request.terminal is not None:
        return Path(terminals.get(reader, request.terminal).directory)
    return Path(require_project(ctx, request.project).path)


async def repository(ctx: Context, request: InRepository) -> Repository:
    """The same as a repository. Raises `Conflict` where there is none."""
    return await Repository.at(place(ctx, request))


class ReadStatus(InRepository):
    """Where to look."""


@operation("git.status", path="/git/status", errors=(NotFound, Conflict, Unavailable), example={}, positional=())
async def status(ctx: Context, request: ReadStatus) -> TreeStatus:
    """Show what is checked out, and the files that differ from the last commit or that git does not know."""
    found = await repository(ctx, request)
    told = await found.status()
    return TreeStatus.model_validate({**asdict(told), "directory": str(found.directory), "clean": told.clean})


class ReadDiff(InRepository):
    """Where to look, and which difference."""

    base: Revision | None = None
    """From this branch, tag or commit; from the last commit with `staged`, else from the index unless given."""
    target: Revision | None = None
    """To this one; to the index with `staged`, else to the working tree unless given."""
    staged: bool = False
    """What the next commit would hold."""
    paths: Paths = Field(default_factory=list[str])
    """Only these files and folders, as they lie below the directory."""
    limit: Annotated[int, Field(ge=1024, le=DIFF_BYTES)] = 256 * 1024
    """Bytes of the diff to give at most."""


@operation("git.diff", path="/git/diff", errors=(NotFound, Conflict, Unavailable), example={"staged": True}, positional=())
async def diff(ctx: Context, request: ReadDiff) -> TreeDiff:
    """Show a difference: of the working tree, of what is staged, or between two commits."""
    if request.target is not None and request.base is None:
        raise InvalidInput.field("target", "needs a base")
    found = await repository(ctx, request)
    staged = request.staged and request.target is None
    told = await found.diff(base=request.base, target=request.target, staged=staged, paths=request.paths, limit=request.limit)
    return TreeDiff(**asdict(told), directory=str(found.directory))


class ListBranches(ListRequest, InRepository):
    """Where to look."""


@operation("git.branches", path="/git/branches", errors=(NotFound, Conflict, Unavailable), example={"limit": 20}, positional=())
async def branches(ctx: Context, request: ListBranches) -> Page[BranchInfo]:
    """List local branches by name, each with its last commit and the directory in which it is checked out."""
    found = await (await repository(ctx, request)).branches(last_key(request), request.limit + 1)
    return by_key(BranchInfo, found, request, attrgetter("name"), lambda branch: BranchInfo(**asdict(branch)))


class MakeCommit(WriteRequest, InRepository):
    """What to commit, and what to say of it."""

    message: Message
    """What it says."""
    paths: Paths = Field(default_factory=list[str])
    """These files and folders as they are now, and nothing else; what is staged unless given."""
    all: bool = False
    """Everything below the directory that differs, new files included."""


@operation(
    "git.commit",
    path="/git/commits",
    effect="write",
    errors=(NotFound, Unavailable),
    positional=("message",),
    example={"message": "Correct the title.", "all": True},
)
async def commit(ctx: Context, request: MakeCommit) -> CommitInfo:
    """Commit in a worktree, a terminal's directory or a project: in the current one unless given, wherever you are.

    The repository's own hooks run, and may refuse.
    """
    if (before := ctx.replay(CommitInfo)) is not None:
        return before
    found = await repository(ctx, request)
    made = await found.commit(request.message, paths=request.paths, everything=request.all)
    told = CommitInfo(**asdict(made), directory=str(found.directory))

    def change(tx: Transaction) -> CommitInfo:
        terminal = terminals.get(tx, request.terminal) if request.terminal else None
        subject = {"session_id": terminal.session_id, "terminal_id": terminal.id} if terminal else {}
        tx.emit(GitCommitted(directory=told.directory, commit=told.commit, branch=told.branch, files=told.files, **subject))
        return told

    return await ctx.transact(change, CommitInfo)
