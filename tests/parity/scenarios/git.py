"""The scenarios of git and of worktrees: each has a repository of its own."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

from .world import Case, World, has, lists, scenario


async def repository(world: World) -> Any:
    """A project in a git repository with one commit."""
    project = await world.project()
    await asyncio.to_thread(begin, Path(project.path))
    return project


def begin(place: Path) -> None:
    (place / "read.me").write_text("hello\n")
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("config", "user.name", "Tester"),
        ("config", "user.email", "tester@example.org"),
        ("add", "."),
        ("commit", "--quiet", "--message=Begin"),
    ):
        subprocess.run(["git", *arguments], cwd=place, check=True, timeout=30)


@scenario("git.status")
async def _(world: World) -> Case:
    project = await repository(world)
    return Case({"project": project.id}, has(directory=project.path, branch="main", clean=True))


@scenario("git.diff")
async def _(world: World) -> Case:
    project = await repository(world)
    (Path(project.path) / "read.me").write_text("bye\n")
    fields = {"project": project.id, "base": "HEAD", "paths": ["read.me"], "limit": 4096}
    return Case(fields, has(files=[{"path": "read.me", "added": 1, "removed": 1}], truncated=False))


@scenario("git.branches")
async def _(world: World) -> Case:
    return Case({"project": (await repository(world)).id, "limit": 5}, lists("main", key="name"))


@scenario("git.commit")
async def _(world: World) -> Case:
    project = await repository(world)
    (Path(project.path) / "new").write_text("new\n")
    return Case({"project": project.id, "message": "Add a file", "paths": ["new"]}, has(subject="Add a file", files=1))


@scenario("worktree.add")
async def _(world: World) -> Case:
    project, name = await repository(world), world.name()
    return Case({"project": project.id, "name": name, "base": "main"}, has(branch=f"cao/{name}", state="active", base="main"))


async def _worktree(world: World) -> Any:
    project = await repository(world)
    return await world.client.worktree.add(world.name(), project=project.id)


@scenario("worktree.list")
async def _(world: World) -> Case:
    worktree = await _worktree(world)
    return Case({"project": worktree.project_id, "facts": True}, lists(worktree.id))


@scenario("worktree.merge")
async def _(world: World) -> Case:
    worktree = await _worktree(world)
    (Path(worktree.path) / "new").write_text("new\n")
    await world.client.git.commit("Add a file", worktree=worktree.id, all=True)
    return Case({"worktree": worktree.id, "into": "main"}, has(into="main", changed=True))


@scenario("worktree.remove")
async def _(world: World) -> Case:
    worktree = await _worktree(world)
    return Case({"worktree": worktree.id}, has(id=worktree.id, state="removed"))


@scenario("worktree.prune")
async def _(world: World) -> Case:
    worktree = await _worktree(world)
    return Case({"project": worktree.project_id}, has(removed=[], dry_run=False))
