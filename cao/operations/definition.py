"""Definitions of workflows: the files in a project's `.cao/workflows/`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from cao.events import DefinitionRemoved, DefinitionWritten
from cao.protocol import (
    Answer,
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    NotFound,
    Page,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.definitions import (
    DefinitionSummary,
    DefinitionText,
)
from cao.protocol.records import Project
from cao.store import Transaction
from cao.workflows import inputs
from cao.workflows.check import Examined, examine
from cao.workflows.library import Library, Source
from cao.workflows.rules.places import Surroundings
from cao.workflows.source import LIMIT
from cao.workflows.text import refusal, sentence
from cao.workflows.values import Identifier

from .context import Context
from .libraries import library_of, surroundings
from .pages import by_key
from .scope import InDirectory, require_project

DefinitionDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ListDefinitions(ListRequest, InDirectory):
    """Of which project."""


@operation("definition.list", path="/definitions", errors=(NotFound,), example={"limit": 10}, positional=())
async def list_definitions(ctx: Context, request: ListDefinitions) -> Page[DefinitionSummary]:
    """List a project's workflows by name; files that cannot be run are listed with their first problem."""
    library = library_of(ctx, request)

    def page() -> Page[DefinitionSummary]:
        around = surroundings(ctx, library)
        return by_key(DefinitionSummary, library.names(), request, str, lambda name: _summary(library, name, around))

    return await asyncio.to_thread(page)


def _summary(library: Library, name: str, around: Surroundings) -> DefinitionSummary:
    try:
        source = library.get(name)
    except (InvalidInput, NotFound) as error:  # it is no text, or went away just now
        return DefinitionSummary(name=name, digest="", problem=error.message)
    examined = examine(source.text, around, name)
    problem = sentence(examined.problems[0]) if examined.problems else None
    if examined.document is None:
        return DefinitionSummary(name=name, digest=source.digest, problem=problem)
    definition = examined.document.definition
    return DefinitionSummary(
        name=name,
        description=definition.description,
        inputs=[f"{key}*" if declared.required else key for key, declared in definition.inputs.items()],
        phases=[phase.id for phase in definition.phases],
        digest=source.digest,
        problem=problem,
    )


class GetDefinition(InDirectory):
    """Which workflow."""

    definition: Identifier
    """Its name."""


@operation("definition.get", path="/definitions/{definition}", example={"definition": "change"})
async def get_definition(ctx: Context, request: GetDefinition) -> DefinitionText:
    """Show a workflow's file, its digest, and what is wrong with it, if anything is."""
    project = require_project(ctx, request.project, request.directory)
    library = Library(Path(project.path))

    def look() -> DefinitionText:
        source = library.get(request.definition)
        return _shown(project, source, examine(source.text, surroundings(ctx, library), source.name))

    return await asyncio.to_thread(look)


def _shown(project: Project, source: Source, examined: Examined) -> DefinitionText:
    return DefinitionText(
        name=source.name,
        text=source.text,
        digest=source.digest,
        path=str(source.path),
        project_id=project.id,
        inputs=inputs.schema(examined.document.definition.inputs) if examined.document else {},
        valid=not examined.problems,
        problems=examined.problems,
        warnings=examined.warnings,
    )


class PutDefinition(WriteRequest, InDirectory):
    """What to write, and in the place of what."""

    definition: Identifier
    """Its name: what its text says, and what its file is called."""
    text: Annotated[str, StringConstraints(min_length=1, max_length=LIMIT)]
    """The definition, in YAML, 256 KiB at most."""
    expect_digest: DefinitionDigest | None = None
    """Only in the place of a text with this digest, as `definition get` tells it, so that nobody's change is lost."""


@operation(
    "definition.put",
    path="/definitions/{definition}",
    effect="write",
    method="PUT",
    idempotent=True,
    errors=(Unavailable,),
    example={
        "definition": "greet",
        "text": "name: greet\nphases:\n  - id: hello\n    command: {run: [echo, Hello]}\n",
    },
)
async def put(ctx: Context, request: PutDefinition) -> DefinitionText:
    """Write a workflow's file, whole or not at all. A text that cannot be run is refused with each problem's line and column.

    Runs that are under way keep the definition that they began with.
    """
    if (before := ctx.replay(DefinitionText)) is not None:
        return before
    project = require_project(ctx, request.project, request.directory)
    library = Library(Path(project.path))

    def write() -> DefinitionText:
        examined = examine(request.text, surroundings(ctx, library), request.definition)
        if examined.problems:
            raise refusal(examined.problems, f"{request.definition}: ")
        return _shown(project, library.put(request.definition, request.text, request.expect_digest), examined)

    written = await asyncio.to_thread(write)

    def change(tx: Transaction) -> DefinitionText:
        tx.emit(DefinitionWritten(name=written.name, digest=written.digest, project_id=project.id))
        return written

    return await ctx.transact(change, DefinitionText)


class RemoveDefinition(DestructiveRequest, InDirectory):
    """Which workflow."""

    definition: Identifier
    """Its name."""


class RemovedDefinition(Answer):
    """What was removed, or would be (`dry_run`)."""

    name: str
    path: str
    digest: str
    """SHA-256 of what it was."""
    nested_by: list[str]
    """Workflows that nest it and can no longer be run."""
    dry_run: bool = False


@operation(
    "definition.remove",
    path="/definitions/{definition}",
    effect="destructive",
    method="DELETE",
    example={"definition": "change", "dry_run": True},
)
async def remove(ctx: Context, request: RemoveDefinition) -> RemovedDefinition:
    """Delete a workflow's file. Its runs stay, and those under way go on."""
    if (before := ctx.replay(RemovedDefinition)) is not None:
        return before
    project = require_project(ctx, request.project, request.directory)
    library = Library(Path(project.path))

    def look() -> RemovedDefinition:
        source = library.get(request.definition)
        return RemovedDefinition(
            name=source.name,
            path=str(source.path),
            digest=source.digest,
            nested_by=library.nested_by(source.name),
            dry_run=request.dry_run,
        )

    found = await asyncio.to_thread(look)

    def change(tx: Transaction) -> RemovedDefinition:
        tx.emit(DefinitionRemoved(name=found.name, digest=found.digest, project_id=project.id))
        if not request.dry_run:  # last: a file that stays is told of as an error, not as removed
            library.remove(request.definition)
        return found

    return await ctx.transact(change, RemovedDefinition)
