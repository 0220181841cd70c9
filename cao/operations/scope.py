"""Which project a request is about: the one that is named, else that of a directory, else the current one."""

from __future__ import annotations

from pathlib import Path

from cao.protocol import InvalidInput, NotFound, Reference, Request
from cao.protocol.records import Project
from cao.store import projects

from .context import Context
from .paths import LocalPath, absolute

NO_PROJECT = ""
"""The scope of what was made while there was no project."""


class InProject(Request):
    """A request that may name the project whose own profiles come first."""

    project: Reference | None = None
    """The id or name of the project whose own profiles come first; the current one's unless given."""


class InDirectory(Request):
    """A request that may name a project, or a directory inside one."""

    project: Reference | None = None
    """The id or name of the project; that of `directory`, else the current one unless given."""
    directory: LocalPath | None = None
    """A directory of the project, absolute."""


def find_project(ctx: Context, reference: str | None) -> Project | None:
    """The project that is named, else the current one, if there is one. Raises `NotFound` for one that is not there."""
    reader = ctx.store.read()
    return projects.get(reader, reference) if reference else projects.current(reader)


def require_project(ctx: Context, reference: str | None, directory: str | None = None) -> Project:
    """The same, or the one that holds `directory`. Raises `NotFound` when none is named and none is current."""
    if reference is None and directory is not None:
        place = absolute("directory", directory)
        if found := projects.containing(ctx.store.read(), str(place)):
            return found
        raise NotFound(f"no project holds {place}; make it one: cao project init {place}", directory=str(place))
    if found := find_project(ctx, reference):
        return found
    raise NotFound("there is no current project; name one, choose one (cao project use NAME), or make one: cao project init .")


def project_around(ctx: Context, directory: str | None) -> Project | None:
    """The project that `directory` lies in, else the current one, if there is one."""
    inside = projects.containing(ctx.store.read(), directory) if directory else None
    return inside or find_project(ctx, None)


def place_of(ctx: Context, reference: str | None) -> Path | None:
    """The directory of `find_project`."""
    project = find_project(ctx, reference)
    return Path(project.path) if project else None


def project_id(ctx: Context, reference: str | None) -> str | None:
    """The id of the project that a new thing belongs to. Raises `NotFound` for one that is not there."""
    project = find_project(ctx, reference)
    return project.id if project else None


def only_project(ctx: Context, reference: str | None) -> str | None:
    """What a list is filtered by: the id of the project that is named, else None. Raises `NotFound`."""
    return projects.get(ctx.store.read(), reference).id if reference else None


def scope(ctx: Context, reference: str | None, *, everywhere: bool = False) -> str | None:
    """The scope that a question is about: a project's id, `NO_PROJECT`, or None for all of them."""
    if everywhere:
        if reference:
            raise InvalidInput.field("everywhere", "asks for all projects, and `project` for one; give one of them")
        return None
    return project_id(ctx, reference) or NO_PROJECT
