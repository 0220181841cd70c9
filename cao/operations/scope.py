"""Which project a task, a requirement or a vision belongs to: the one that is named, else the current one, else none."""

from __future__ import annotations

from cao.protocol import InvalidInput
from cao.store import projects

from .context import Context

NO_PROJECT = ""
"""The scope of what was made while there was no project."""


def project_id(ctx: Context, reference: str | None) -> str | None:
    """The id of the project that a new thing belongs to. Raises `NotFound` for one that is not there."""
    reader = ctx.store.read()
    project = projects.get(reader, reference) if reference else projects.current(reader)
    return project.id if project else None


def scope(ctx: Context, reference: str | None, *, everywhere: bool = False) -> str | None:
    """The scope that a question is about: a project's id, `NO_PROJECT`, or None for all of them."""
    if everywhere:
        if reference:
            raise InvalidInput.field("everywhere", "asks for all projects, and `project` for one; give one of them")
        return None
    return project_id(ctx, reference) or NO_PROJECT
