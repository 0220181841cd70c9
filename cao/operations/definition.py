"""Definitions of workflows: the files in a project's `.cao/workflows/`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from cao.events import DefinitionRemoved, DefinitionWritten
from cao.protocol import (
    MESSAGE_LIMIT,
    Answer,
    DestructiveRequest,
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
from cao.protocol.definitions import (
    DefinitionSchema,
    DefinitionSummary,
    DefinitionText,
    Problem,
    Rendered,
    Validation,
)
from cao.protocol.paging import seal, unseal
from cao.protocol.records import Project
from cao.store import Transaction, projects
from cao.workflows import inputs, schema
from cao.workflows.check import Examined, examine
from cao.workflows.library import Library, Source, read_text
from cao.workflows.preview import Wish, preview
from cao.workflows.rules.places import Surroundings
from cao.workflows.source import LIMIT
from cao.workflows.text import refusal, sentence
from cao.workflows.values import Identifier

from .context import Context
from .paths import LocalPath, absolute
from .sources import file

DefinitionDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PhasePath = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,47}([/\[][a-z0-9/\[\]-]{0,200})?$")]


class InDirectory(Request):
    """A request that may name a project, or a directory inside one."""

    project: Reference | None = None
    """The id or name of the project; that of `directory`, else the current one unless given."""
    directory: LocalPath | None = None
    """A directory of the project, absolute."""


def project_of(ctx: Context, request: InDirectory) -> Project:
    """The project that a request is about. Raises `NotFound` when none is named and none is current."""
    reader = ctx.store.read()
    if request.project is not None:
        return projects.get(reader, request.project)
    if request.directory is not None:
        place = absolute("directory", request.directory)
        if found := projects.containing(reader, str(place)):
            return found
        raise NotFound(f"no project holds {place}; make it one: cao project init {place}", directory=str(place))
    if found := projects.current(reader):
        return found
    raise NotFound("there is no current project; make a directory one: cao project init .")


def _library(ctx: Context, request: InDirectory) -> tuple[Project, Library]:
    project = project_of(ctx, request)
    return project, Library(Path(project.path))


def _surroundings(ctx: Context, library: Library) -> Surroundings:
    """What a definition is judged beside. Reads files."""
    profiles = frozenset(found.profile.name for found in ctx.services.library.all(library.project))
    return library.surroundings(profiles, frozenset(ctx.services.providers))


class ListDefinitions(ListRequest, InDirectory):
    """Of which project."""


@operation("definition.list", path="/definitions", errors=(NotFound,), example={"limit": 10}, positional=())
async def list_definitions(ctx: Context, request: ListDefinitions) -> Page[DefinitionSummary]:
    """List a project's workflows by name; files that cannot be run are listed with their first problem."""
    question = request.model_dump(mode="json")
    last = str(unseal(request.cursor, question, 1)[0]) if request.cursor else ""
    _, library = _library(ctx, request)

    def page() -> Page[DefinitionSummary]:
        around = _surroundings(ctx, library)
        names = [name for name in library.names() if name > last]
        items = [_summary(library, name, around) for name in names[: request.limit]]
        more = len(names) > request.limit
        return Page[DefinitionSummary](items=items, next_cursor=seal([items[-1].name], question) if more else None)

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
    project, library = _library(ctx, request)

    def look() -> DefinitionText:
        source = library.get(request.definition)
        return _shown(project, source, examine(source.text, _surroundings(ctx, library), source.name))

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
    project, library = _library(ctx, request)

    def write() -> DefinitionText:
        examined = examine(request.text, _surroundings(ctx, library), request.definition)
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
    project, library = _library(ctx, request)

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
        return found

    removed = await ctx.transact(change, RemovedDefinition)
    if not request.dry_run:
        await asyncio.to_thread(library.remove, request.definition)
    return removed


class ValidateDefinition(InDirectory):
    """What to look at: exactly one of a name, a text and a file."""

    definition: Identifier | None = None
    """The name of a workflow of the project."""
    text: Annotated[str, StringConstraints(max_length=MESSAGE_LIMIT)] | None = None
    """A definition's text."""
    path: LocalPath | None = None
    """A file on this computer; from the command line and Python only."""

    @model_validator(mode="after")
    def _one(self) -> ValidateDefinition:
        if sum(value is not None for value in (self.definition, self.text, self.path)) != 1:
            raise ValueError("give exactly one of definition, text and path")
        return self


@operation(
    "definition.validate",
    path="/definitions/validate",
    method="POST",
    positional=("definition",),
    errors=(NotFound,),
    example={"text": "name: greet\nphases:\n  - id: hello\n    agent: {prompt: Say hello.}\n"},
)
async def validate(ctx: Context, request: ValidateDefinition) -> Validation:
    """Tell what is wrong with a workflow's definition, each problem with its line and column; bad YAML is an answer, no error.

    A text or a file is judged beside the definitions of the project, if there is one.
    """
    library = _library_if_any(ctx, request)

    def judge() -> Validation:
        around = _surroundings(ctx, library) if library else Surroundings()
        try:
            text, name = _text_of(ctx, request, library)
        except InvalidInput as error:
            if "problems" not in error.details:
                raise
            return Validation(valid=False, problems=[Problem.model_validate(each) for each in error.details["problems"]])
        return examine(text, around, name).validation

    return await asyncio.to_thread(judge)


def _library_if_any(ctx: Context, request: ValidateDefinition) -> Library | None:
    """The project's definitions; a text can be judged without a project."""
    named = request.definition or request.project or request.directory
    if named is None and projects.current(ctx.store.read()) is None:
        return None
    return _library(ctx, request)[1]


def _text_of(ctx: Context, request: ValidateDefinition, library: Library | None) -> tuple[str, str | None]:
    """The text, and the name that its file gives it."""
    if request.text is not None:
        return request.text, None
    if request.path is not None:
        path = file(ctx, "path", request.path)
        return read_text(path, path.name), path.stem
    assert library is not None and request.definition is not None  # noqa: S101 - a name asks for a project
    return library.get(request.definition).text, request.definition


class RenderPhase(InDirectory):
    """Which phase of what, and what is known of the run that it would be in."""

    definition: Identifier
    """The name of a workflow of the project."""
    phase: PhasePath
    """The phase's path, such as `build`, or `build/api` for one inside another."""
    inputs: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The run's inputs; required ones that are left out are made up."""
    phases: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Results of earlier phases, such as `{"plan": {"output": {"text": "…"}}}`; the others are made up."""
    feedback: Annotated[str, StringConstraints(max_length=8000)] = ""
    """Why the phase would be done again."""


@operation(
    "definition.render",
    path="/definitions/{definition}/render",
    method="POST",
    positional=("definition", "phase"),
    example={"definition": "change", "phase": "plan", "inputs": {"goal": "Say hello."}},
)
async def render(ctx: Context, request: RenderPhase) -> Rendered:
    """Show the prompt, the command or the question that a phase would get. What nobody knows yet stands between ‹ and ›."""
    _, library = _library(ctx, request)
    wish = Wish(request.phase, request.inputs, request.phases, request.feedback)

    def fill() -> Rendered:
        around = _surroundings(ctx, library)
        examined = examine(library.get(request.definition).text, around, request.definition)
        if examined.document is None or examined.problems:
            raise refusal(examined.problems, f"{request.definition}: ")
        return preview(examined.document.definition, wish, around.definitions or {})

    return await asyncio.to_thread(fill)


class GetSchema(Request):
    """Nothing to say."""


@operation("definition.schema", path="/schemas/definition", example={})
async def get_schema(ctx: Context, request: GetSchema) -> DefinitionSchema:
    """Show the JSON Schema of workflow definitions, for editors: `# yaml-language-server: $schema=…` in a file's first line."""
    return DefinitionSchema(document=schema.document())
