"""Projects: directories that scope profiles and sessions."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from cao.protocol import (
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    Name,
    Page,
    Reference,
    Request,
    WriteRequest,
    operation,
)
from cao.protocol.records import Project
from cao.store import Transaction, projects

from .context import Context
from .paths import LocalPath, absolute

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class InitProject(WriteRequest):
    """Which directory."""

    path: LocalPath
    """An existing directory, absolute."""
    name: Name | None = None
    """What to call it; the directory's name unless given."""


@operation(
    "project.init",
    path="/projects",
    effect="write",
    idempotent=True,
    positional=("path",),
    example={"path": "~/code/docs", "name": "docs"},
)
async def init(ctx: Context, request: InitProject) -> Project:
    """Make a directory a project. Its own profiles belong in `.cao/profiles/`, which is made.

    The first project becomes the current one. A directory that is a project already is given back as it is.
    """
    if (before := ctx.replay(Project)) is not None:
        return before
    place = absolute("path", request.path)
    await asyncio.to_thread(_furnish, place)
    name = request.name or _name(place)
    return await ctx.transact(lambda tx: projects.add(tx, name, place), Project)


def _furnish(place: Path) -> None:
    """Make the folder for profiles, inside the project whatever links may say."""
    try:
        if not place.is_dir():
            raise InvalidInput.field("path", "is not a directory on this computer")
        folder = place / ".cao" / "profiles"
        if not folder.resolve().is_relative_to(place):
            raise InvalidInput.field("path", "has a .cao that is a link out of the project")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput.field("path", f"cannot hold .cao/profiles: {error.strerror or error}") from None


def _name(place: Path) -> str:
    """A project name from a directory's: `My code!` becomes `My-code`."""
    return _UNFIT.sub("-", place.name).strip("-._")[:64] or "root"


class ListProjects(ListRequest):
    """Which page."""


@operation("project.list", path="/projects", example={"limit": 10}, positional=())
async def list_projects(ctx: Context, request: ListProjects) -> Page[Project]:
    """List projects, newest first; `current` marks the one that new sessions belong to."""
    return projects.list_page(ctx.store.read(), request)


class GetProject(Request):
    """Which project."""

    project: Reference
    """Its id or name."""


@operation("project.get", path="/projects/{project}", example={"project": "docs"})
async def get_project(ctx: Context, request: GetProject) -> Project:
    """Show one project."""
    return projects.get(ctx.store.read(), request.project)


class UseProject(WriteRequest):
    """Which project."""

    project: Reference
    """Its id or name."""


@operation(
    "project.use",
    path="/projects/{project}/use",
    effect="write",
    status=200,
    idempotent=True,
    example={"project": "docs"},
)
async def use(ctx: Context, request: UseProject) -> Project:
    """Make a project the current one: sessions that name no directory start in it, and its profiles come first."""

    def change(tx: Transaction) -> Project:
        project = projects.get(tx, request.project)
        projects.use(tx, project)
        return projects.get(tx, project.id)

    return await ctx.transact(change, Project)


class RemoveProject(DestructiveRequest):
    """Which project."""

    project: Reference
    """Its id or name."""


@operation(
    "project.remove",
    path="/projects/{project}",
    effect="destructive",
    method="DELETE",
    example={"project": "docs", "dry_run": True},
)
async def remove(ctx: Context, request: RemoveProject) -> Project:
    """Forget a project. Its files and its sessions stay."""

    def change(tx: Transaction) -> Project:
        project = projects.get(tx, request.project)
        projects.remove(tx, project)
        return project

    return await ctx.transact(change, Project)
