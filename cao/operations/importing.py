"""Taking over workflows that were written for another system."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints, model_validator

from cao.agents.library import Library as Profiles
from cao.events import DefinitionWritten
from cao.protocol import InvalidInput, Name, NotFound, Unavailable, WriteRequest, operation
from cao.protocol.imports import Import, ImportedFile
from cao.store import Transaction
from cao.workflows.animus import Translation, translate
from cao.workflows.check import examine
from cao.workflows.library import Library, digest_of, read_text
from cao.workflows.rules.places import Surroundings
from cao.workflows.source import LIMIT, Unreadable, load
from cao.workflows.text import Document, attempt, sentence

from .context import Context
from .paths import LocalPath
from .scope import InDirectory, require_project
from .sources import file as named_file


class ImportWorkflow(WriteRequest, InDirectory):
    """What to take over, and into which project: exactly one of a file and a text."""

    file: LocalPath | None = None
    """A file that was written for Animus, such as `.animus/workflows.yaml`; from the command line and Python only."""
    text: Annotated[str, StringConstraints(min_length=1, max_length=LIMIT)] | None = None
    """The same as text, at most 256 KiB."""
    provider: Name | None = None
    """How the agents of all its phases are run, such as `acp`; else as their profiles say."""
    replace: bool = False
    """Overwrite definitions and profiles of the same names."""
    preview: bool = False
    """Write nothing: only tell what would be written."""

    @model_validator(mode="after")
    def _one(self) -> ImportWorkflow:
        if (self.file is None) == (self.text is None):
            raise ValueError("give either file or text")
        return self


@dataclass(frozen=True, slots=True)
class _Place:
    """Where it goes."""

    definitions: Library
    profiles: Profiles
    replace: bool
    preview: bool


EXAMPLE = """\
phases:
  greet: {mode: agent, directive: "Greet {{who}}."}
workflows:
  - {id: hello, phases: [greet]}
"""


@operation(
    "workflow.import",
    path="/workflows/import",
    effect="write",
    status=200,
    positional=("file",),
    errors=(NotFound, Unavailable),
    example={"text": EXAMPLE, "preview": True},
)
async def import_workflow(ctx: Context, request: ImportWorkflow) -> Import:
    """Take over workflows that were written for Animus: definitions and profiles go into the project; a report tells the rest.

    The report names each thing that means something else here, or has no counterpart, with its place and what to do about it.
    What stands there already under the same name is kept unless `replace` is given.
    """
    if (before := ctx.replay(Import)) is not None:
        return before
    project = require_project(ctx, request.project, request.directory)
    root = Path(project.path)
    profiles = root / ".cao" / "profiles"
    place = _Place(Library(root), Profiles(profiles), request.replace, request.preview)

    def write() -> Import:
        if not profiles.resolve().is_relative_to(root.resolve()):
            raise InvalidInput.field("project", "cannot take profiles: .cao/profiles is a link out of the project")
        translation = translate(_data(_text(ctx, request)), provider=request.provider)
        if not translation.definitions:
            raise InvalidInput.field("file" if request.file else "text", "holds no `workflows` of Animus")
        return _written(ctx, translation, place)

    made = await asyncio.to_thread(write)

    def change(tx: Transaction) -> Import:
        for one in made.files:
            if one.kind == "definition" and one.state == "written":
                tx.emit(DefinitionWritten(name=one.name, digest=digest_of(one.text), project_id=project.id))
        return made

    return await ctx.transact(change, Import)


def _text(ctx: Context, request: ImportWorkflow) -> str:
    if request.text is not None:
        return request.text
    path = named_file(ctx, "file", request.file or "")
    return read_text(path, path.name)


def _data(text: str) -> Any:
    try:
        return load(text).data
    except Unreadable as error:
        hint = f"; {error.hint}" if error.hint else ""
        raise InvalidInput(f"line {error.mark.line}, column {error.mark.column}: {error.message}{hint}") from None


def _written(ctx: Context, translation: Translation, place: _Place) -> Import:
    """The files, once they are written, and what is wrong with the definitions among them."""
    profiles = [_profile(name, text, place) for name, text in translation.profiles.items()]
    definitions = [_definition(name, text, place) for name, text in translation.definitions.items()]
    return Import(
        files=[*definitions, *profiles],
        remarks=translation.report.remarks,
        problems=list(_problems(ctx, translation, place)),
    )


def _profile(name: str, text: str, place: _Place) -> ImportedFile:
    path = place.profiles.installed_path(name)
    there = path.read_text("utf-8") if path.is_file() else None
    made = ImportedFile(kind="profile", name=name, path=str(path), state=_state(there, text, place), text=text)
    if made.state == "written":
        place.profiles.install(name, text)
    return made


def _definition(name: str, text: str, place: _Place) -> ImportedFile:
    there = place.definitions.get(name).text if name in place.definitions.names() else None
    path = place.definitions.folder / f"{name}.yaml"
    document = attempt(text)
    phases = len(document.definition.phases) if isinstance(document, Document) else 0
    state = _state(there, text, place)
    if state == "written":
        place.definitions.put(name, text)
    return ImportedFile(kind="definition", name=name, path=str(path), state=state, text=text, phases=phases)


def _state(there: str | None, text: str, place: _Place) -> Any:
    """What becomes of a file."""
    if there == text:
        return "unchanged"
    if there is not None and not place.replace:
        return "kept"
    return "previewed" if place.preview else "written"


def _problems(ctx: Context, translation: Translation, place: _Place) -> Iterator[str]:
    """What keeps the translated definitions from being run, beside each other and what the project has."""
    known = place.definitions.surroundings()
    made = {name: document.definition for name, text in translation.definitions.items() if (document := _document(text))}
    found = ctx.services.library.all(place.definitions.project)
    profiles = frozenset(one.profile.name for one in found) | frozenset(translation.profiles)
    around = Surroundings({**(known.definitions or {}), **made}, known.broken, profiles, frozenset(ctx.services.providers))
    for name, text in translation.definitions.items():
        yield from (f"{name}: {sentence(problem)}" for problem in examine(text, around, name).problems)


def _document(text: str) -> Document | None:
    found = attempt(text)
    return found if isinstance(found, Document) else None
