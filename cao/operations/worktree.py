"""Worktrees: a directory and a branch of its own for each agent, so that several may work on one repository at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cao.git import Repository, worktrees
from cao.git.names import BranchName, Revision, WorktreeName
from cao.protocol import (
    CaoError,
    Conflict,
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    NotFound,
    Page,
    Reference,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.git import Merge, Pruned, Worktree, WorktreeFacts, WorktreeState
from cao.store import Transaction, terminals
from cao.store import worktrees as records

from .context import Context
from .git import Message
from .scope import only_project, project_id, require_project

AT_ONCE = 4
"""Worktrees that are looked into at once."""
DAY = 86400.0
"""Seconds for which a worktree without commits is left alone by `prune`."""


class AddWorktree(WriteRequest):
    """What to call it, where it belongs, and what it begins with."""

    name: WorktreeName
    """Its branch is `cao/<name>`, its directory `.cao/worktrees/<name>` in the project."""
    project: Reference | None = None
    """The id or name of the project; the current one unless given."""
    base: Revision | None = None
    """The branch, tag or commit that it begins with; what is checked out unless given."""
    terminal: Reference | None = None
    """The id of the terminal whose agent it is for, as a note."""


@operation(
    "worktree.add",
    path="/worktrees",
    effect="write",
    errors=(NotFound, Unavailable),
    positional=("name",),
    example={"name": "login-form", "base": "main"},
)
async def add(ctx: Context, request: AddWorktree) -> Worktree:
    """Make a directory with a branch of its own in a project's repository, where an agent can work undisturbed.

    Start the agent in it: `cao launch --directory <path>`. A name whose making was cut by a crash can be used again.
    """
    if (before := ctx.replay(Worktree)) is not None:
        return before
    project = require_project(ctx, request.project)
    reader = ctx.store.read()
    if (taken := records.find(reader, project.path, request.name)) is not None:
        raise Conflict(f"a worktree named {taken.name!r} exists; choose another name or: cao worktree list", worktree=taken.id)
    terminal = terminals.get(reader, request.terminal) if request.terminal else None
    repository = await Repository.at(Path(project.path))
    base = await repository.branch_named(request.base)
    made = await worktrees.add(repository.directory, request.name, request.base)
    new = records.NewWorktree(
        name=made.name,
        repository=project.path,
        path=str(made.path),
        branch=made.branch,
        base=base,
        base_commit=made.base_commit,
        project_id=project.id,
        session_id=terminal.session_id if terminal else None,
        terminal_id=terminal.id if terminal else None,
    )
    return await ctx.transact(lambda tx: records.record(tx, new), Worktree)


class ListWorktrees(ListRequest):
    """Which worktrees."""

    project: Reference | None = None
    """Only those of this project: its id or name."""
    state: WorktreeState | None = None
    """Only those in this state."""
    run: Reference | None = None
    """Only those that this run made."""
    facts: bool = False
    """Ask git, too: is there work that is not committed, or not merged?"""


@operation("worktree.list", path="/worktrees", errors=(NotFound,), example={"state": "active", "facts": True}, positional=())
async def list_worktrees(ctx: Context, request: ListWorktrees) -> Page[Worktree]:
    """List worktrees, newest first; whose they are, and with `facts` what git says of each."""
    reader = ctx.store.read()
    project = only_project(ctx, request.project)
    found = records.list_page(reader, request, project_id=project, state=request.state, run_id=request.run)
    return found.model_copy(update={"items": await _informed(found.items)}) if request.facts else found


async def _informed(found: list[Worktree]) -> list[Worktree]:
    """Worktrees with what git says of them, a few looked into at once."""
    room = asyncio.Semaphore(AT_ONCE)

    async def inform(worktree: Worktree) -> Worktree:
        async with room:
            return worktree.model_copy(update={"facts": await _facts(worktree)})

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(inform(worktree)) for worktree in found]
    return [task.result() for task in tasks]


async def _facts(worktree: Worktree) -> WorktreeFacts | None:
    if worktree.state == "removed":
        return None
    try:
        told = await worktrees.look(Path(worktree.repository), worktree.name)
    except CaoError as error:
        return WorktreeFacts(exists=False, dirty=False, ahead=0, merged=False, problem=error.message)
    return WorktreeFacts(exists=told.exists, dirty=told.dirty, ahead=told.ahead, merged=told.merged)


class InWorktree(DestructiveRequest):
    """Which worktree."""

    worktree: Reference
    """Its id or name."""


class MergeWorktree(InWorktree):
    """Which worktree, and into what."""

    into: BranchName | None = None
    """The branch to merge into; the one that it began from unless given."""
    squash: bool = False
    """As one commit, for a branch that is at its end."""
    message: Message | None = None
    """What the merge's commit says."""


@operation(
    "worktree.merge",
    path="/worktrees/{worktree}/merge",
    effect="destructive",
    status=200,
    errors=(Unavailable,),
    example={"worktree": "login-form", "into": "main", "dry_run": True},
)
async def merge(ctx: Context, request: MergeWorktree) -> Merge:
    """Merge a worktree's branch. Conflicts are told file by file and change nothing, on either side.

    Where the other branch is checked out, its files follow, unless changes that are not committed there stand in the way.
    """
    if (before := ctx.replay(Merge)) is not None:
        return before
    found = _there(ctx, request.worktree)
    into = request.into or found.base
    if into is None:
        raise InvalidInput.field("into", "must be given: the worktree began from no branch")
    await _require_committed(found)
    outcome = await worktrees.merge(
        Path(found.repository), found.branch, into, squash=request.squash, message=request.message, dry_run=request.dry_run
    )
    if outcome.commit is None:
        files = ", ".join(outcome.conflicts[:5]) + (" …" if len(outcome.conflicts) > 5 else "")
        raise Conflict(
            f"{found.branch} and {into} both changed {files}; nothing was merged. "
            f"Merge {into} into the worktree, mend the files, commit, and try again",
            files=outcome.conflicts,
        )
    commit = outcome.commit

    def change(tx: Transaction) -> Merge:
        return Merge(worktree=records.merged(tx, found, into, commit), into=into, commit=commit, changed=outcome.changed)

    return await ctx.transact(change, Merge)


def _there(ctx: Context, reference: str) -> Worktree:
    return records.require_there(ctx.store.read(), reference, project_id(ctx, None))


async def _require_committed(worktree: Worktree) -> None:
    facts = await worktrees.look(Path(worktree.repository), worktree.name)
    if facts.dirty:
        raise Conflict(
            f"worktree {worktree.name} has changes that are not committed, which a merge would leave behind; "
            f"commit them: cao git commit --worktree {worktree.name} --all '<message>'",
            worktree=worktree.id,
        )


class RemoveWorktree(InWorktree):
    """Which worktree, and whether work in it may be lost."""

    discard: bool = False
    """Even when it holds changes that are not committed, or commits that are not merged."""


@operation(
    "worktree.remove",
    path="/worktrees/{worktree}",
    effect="destructive",
    method="DELETE",
    errors=(Unavailable,),
    example={"worktree": "login-form", "dry_run": True},
)
async def remove(ctx: Context, request: RemoveWorktree) -> Worktree:
    """Take a worktree and its branch away. Work that is not committed or not merged is kept, unless you say `discard`."""
    if (before := ctx.replay(Worktree)) is not None:
        return before
    found = _there(ctx, request.worktree)
    facts = await worktrees.remove(Path(found.repository), found.name, discard=request.discard, dry_run=request.dry_run)
    lost = facts.dirty or not facts.merged
    return await ctx.transact(lambda tx: records.removed(tx, found, discarded=lost), Worktree)


class PruneWorktrees(DestructiveRequest):
    """Whose worktrees."""

    project: Reference | None = None
    """Only those of this project: its id or name."""


@operation(
    "worktree.prune",
    path="/worktrees/prune",
    effect="destructive",
    status=200,
    errors=(NotFound, Unavailable),
    example={"dry_run": True},
    positional=(),
)
async def prune(ctx: Context, request: PruneWorktrees) -> Pruned:
    """Remove the worktrees that are clean and merged, and forget those whose directory and branch are gone. Others are kept.

    One that nobody has committed to yet is kept for a day: somebody may be about to.
    """
    if (before := ctx.replay(Pruned)) is not None:
        return before
    reader = ctx.store.read()
    project = only_project(ctx, request.project)
    found = await _informed(records.there(reader, project))
    spare = [one for one in found if _is_spare(one, ctx.store.clock.now())]
    gone: list[Worktree] = []
    kept = [one for one in found if one not in spare]
    for one in spare:
        try:
            await worktrees.remove(Path(one.repository), one.name, dry_run=request.dry_run)
            gone.append(one)
        except Conflict:  # somebody went on working in it meanwhile
            kept.append(one)

    def change(tx: Transaction) -> Pruned:
        removed = [records.removed(tx, one, discarded=False) for one in gone]
        return Pruned(removed=removed, kept=kept, dry_run=request.dry_run)

    return await ctx.transact(change, Pruned)


def _is_spare(worktree: Worktree, now: float) -> bool:
    facts = worktree.facts
    if facts is None or facts.problem is not None or facts.dirty or not facts.merged:
        return False
    return facts.ahead > 0 or not facts.exists or now - worktree.created_at.timestamp() > DAY
