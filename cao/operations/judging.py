"""Looking at definitions before they are run: what is wrong with one, what a phase would get, and how one is written."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from cao.protocol import MESSAGE_LIMIT, InvalidInput, NotFound, Request, operation
from cao.protocol.definitions import DefinitionSchema, Problem, Rendered, Validation
from cao.store import projects
from cao.workflows import schema
from cao.workflows.check import examine
from cao.workflows.library import Library, read_text
from cao.workflows.preview import Wish, preview
from cao.workflows.rules.places import Surroundings
from cao.workflows.text import refusal
from cao.workflows.values import Identifier, PhasePath

from .context import Context
from .libraries import library_of, surroundings
from .paths import LocalPath
from .scope import InDirectory
from .sources import file


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
        around = surroundings(ctx, library) if library else Surroundings()
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
    return library_of(ctx, request)


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
    library = library_of(ctx, request)
    wish = Wish(request.phase, request.inputs, request.phases, request.feedback)

    def fill() -> Rendered:
        around = surroundings(ctx, library)
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
