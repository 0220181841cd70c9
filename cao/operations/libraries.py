"""A project's definitions of workflows, and what they are judged beside."""

from __future__ import annotations

from pathlib import Path

from cao.workflows.library import Library
from cao.workflows.rules.places import Surroundings

from .context import Context
from .scope import InDirectory, require_project


def library_of(ctx: Context, request: InDirectory) -> Library:
    """The definitions of the project that a request is about. Raises `NotFound` when there is none."""
    return Library(Path(require_project(ctx, request.project, request.directory).path))


def surroundings(ctx: Context, library: Library) -> Surroundings:
    """The profiles, providers and definitions that are known beside a definition. Reads files."""
    profiles = frozenset(found.profile.name for found in ctx.services.library.all(library.project))
    return library.surroundings(profiles, frozenset(ctx.services.providers))
