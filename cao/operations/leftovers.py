"""What a crash left behind: found by comparing what the store says with who lives and what lies on the disk, and mended."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from cao.agents import survivors
from cao.git import worktrees as git
from cao.liveness import Owner
from cao.protocol import CaoError, Conflict
from cao.protocol.git import Worktree
from cao.protocol.records import Project
from cao.protocol.runner import Orphan
from cao.store import Reader, Transaction, activations, runners, worktrees
from cao.store.activations import Activation
from cao.store.locks import is_held, sweep

from .context import Context

CLEANUP = "cao runner cleanup"
MOST = 1000
"""Things of one kind that are told at most."""


def is_alive(ctx: Context) -> Callable[[str], bool]:
    """Whether a process of this data directory lives, by the name that leases have for it."""
    return lambda name: is_held(owners_folder(ctx) / f"{name}.lock")


def owners_folder(ctx: Context) -> Path:
    return ctx.services.settings.home / "owners"


async def find(ctx: Context) -> list[Orphan]:
    """All that is known to be left behind."""
    on_disk = await asyncio.to_thread(_on_disk, ctx)
    return [*_in_store(ctx), *on_disk, *await _at_work(ctx), *await _in_repositories(ctx)]


async def _at_work(ctx: Context) -> list[Orphan]:
    """Processes of agents of this data directory that nobody alive can be waiting for."""
    processes = await asyncio.to_thread(survivors.given, survivors.SESSION)
    reader, hot = ctx.store.read(), _hot(ctx)
    left = [(pid, id) for pid, id in sorted(processes.items()) if id not in hot and _is_ours(reader, id)]
    return [
        Orphan(kind="process", id=str(pid), what=f"a process of an agent of {id}, which is not hot", fix=CLEANUP)
        for pid, id in left[:MOST]
    ]


def _hot(ctx: Context) -> set[str]:
    return activations.hot(ctx.store.read(), is_alive(ctx), ctx.store.clock.now())


def _in_store(ctx: Context) -> list[Orphan]:
    reader, alive = ctx.store.read(), is_alive(ctx)
    sessions = activations.orphans(reader, "", alive, ctx.store.clock.now())
    hot = {activations.lease_name(session) for session in sessions}
    found = [
        Orphan(kind="activation", id=id, what="its process died while the session was hot", fix=CLEANUP) for id in sessions
    ]
    dead = [lease for lease in runners.held(reader) if lease.name not in hot and not alive(lease.owner)]
    return [*found, *(_lease(lease.name) for lease in dead)][:MOST]


def _lease(name: str) -> Orphan:
    fix = "cao tick" if name.startswith("workflow:") else CLEANUP
    return Orphan(kind="lease", id=name, what="the process that holds it died", fix=fix)


def _on_disk(ctx: Context) -> list[Orphan]:
    files = [file for file in sorted(owners_folder(ctx).glob("*.lock")) if not is_held(file)]
    dead = [Orphan(kind="owner", id=file.stem, what="the file of a process that died", fix=CLEANUP) for file in files]
    folders = sorted(path.name for path in scratch_folder(ctx).glob("ter_*") if path.is_dir() and not path.is_symlink())
    unused = [id for id in folders if not _is_open(ctx.store.read(), id)]
    what = "private files of a terminal that is closed"
    return [*dead[:MOST], *(Orphan(kind="scratch", id=id, what=what, fix=CLEANUP) for id in unused[:MOST])]


def scratch_folder(ctx: Context) -> Path:
    return ctx.services.settings.home / "terminals"


def _is_open(reader: Reader, terminal_id: str) -> bool:
    return reader.row("SELECT 1 FROM terminals WHERE id = ? AND status != 'closed'", (terminal_id,)) is not None


def _is_ours(reader: Reader, session_id: str) -> bool:
    return reader.row("SELECT 1 FROM sessions WHERE id = ?", (session_id,)) is not None


async def _in_repositories(ctx: Context) -> list[Orphan]:
    reader = ctx.store.read()
    gone = [
        Orphan(kind="worktree", id=one.id, what=f"worktree {one.name}: directory and branch are gone", fix=CLEANUP)
        for one in worktrees.there(reader)
        if await _is_gone(one)
    ]
    projects = reader.all(Project, "SELECT * FROM projects ORDER BY n LIMIT ?", (MOST,))
    unknown = [
        Orphan(kind="worktree", id=f"{project.name}/{name}", what="git has it, and there is no record of it", fix=CLEANUP)
        for project in projects
        for name in await _unrecorded(reader, project)
    ]
    return [*gone, *unknown][:MOST]


async def _is_gone(worktree: Worktree) -> bool:
    if await asyncio.to_thread(Path(worktree.path).is_dir):
        return False
    try:
        return (await git.look(Path(worktree.repository), worktree.name)).tip is None
    except CaoError:  # the repository itself is gone, or cannot be read now
        return not await asyncio.to_thread(Path(worktree.repository).is_dir)


async def _unrecorded(reader: Reader, project: Project) -> list[str]:
    if not await asyncio.to_thread((Path(project.path) / git.FOLDER).is_dir):
        return []
    try:
        known = await git.names_of(Path(project.path))
    except CaoError:  # no repository any more, or one that cannot be read now
        return []
    return [name for name in known if worktrees.find(reader, project.path, name) is None]


async def mend(ctx: Context, orphan: Orphan) -> Callable[[Transaction], object] | None:
    """Do what can be done outside the store, and give what is to be done in it; None for what needs another command."""
    if orphan.fix != CLEANUP:
        return None
    match orphan.kind:
        case "activation":
            taken = await _end_agents(ctx, orphan.id)
            return lambda tx: activations.abandon(tx, taken) if taken else None
        case "lease":
            return lambda tx: runners.free(tx, orphan.id, is_alive(ctx))
        case "owner":
            await asyncio.to_thread(sweep, owners_folder(ctx) / f"{orphan.id}.lock")
        case "process":
            await _end_process(ctx, int(orphan.id))
        case "scratch":
            await asyncio.to_thread(shutil.rmtree, scratch_folder(ctx) / orphan.id, ignore_errors=True)
        case "worktree":
            return await _mend_worktree(ctx, orphan)
    return lambda _: None


async def _end_agents(ctx: Context, session_id: str) -> Activation | None:
    """Kill the agents of a dead runner, and give its activation to be ended; None if a living one took the session over.

    They are killed under the lease of an owner that lives as long as that takes: nobody else can start agents meanwhile.
    """
    cleaner = Owner(ctx.services.settings.home)
    await asyncio.to_thread(cleaner.appear)
    try:
        taken = await ctx.store.write(lambda tx: runners.take_orphan(tx, session_id, cleaner.name, cleaner.is_alive))
        if taken is not None:
            await asyncio.to_thread(survivors.end, survivors.SESSION, session_id)
        return taken
    finally:
        cleaner.vanish()


async def _end_process(ctx: Context, pid: int) -> None:
    """Kill a process of an agent, unless its session is hot by now."""
    session_id = (await asyncio.to_thread(survivors.given, survivors.SESSION)).get(pid)
    if session_id not in _hot(ctx):
        await asyncio.to_thread(survivors.end_one, pid, survivors.SESSION)


async def _mend_worktree(ctx: Context, orphan: Orphan) -> Callable[[Transaction], object]:
    """Forget the record of one that is gone; write down one that has none."""
    if "/" not in orphan.id:
        return lambda tx: worktrees.removed(tx, worktrees.get(tx, orphan.id), discarded=False)
    project_name, _, name = orphan.id.rpartition("/")
    row = ctx.store.read().row("SELECT * FROM projects WHERE name = ?", (project_name,))
    if row is None:
        raise Conflict(f"project {project_name} was removed meanwhile; look again: cao runner orphans")
    made = await git.add(Path(row["path"]), name)
    new = worktrees.NewWorktree(
        name=name,
        repository=row["path"],
        path=str(made.path),
        branch=made.branch,
        base=None,
        base_commit=made.base_commit,
        project_id=row["id"],
    )
    return lambda tx: worktrees.record(tx, new)
