"""What a workflow's run is started with: its definitions as they are now, checked, and its inputs. Read before the change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cao.protocol import InvalidInput
from cao.store.workflows import NewWorkflow
from cao.workflows.check import examine
from cao.workflows.definition import Definition
from cao.workflows.entry import code_of
from cao.workflows.inputs import given
from cao.workflows.library import Library, Source, digest_of
from cao.workflows.rules.places import Surroundings
from cao.workflows.text import refusal

from .context import Context
from .libraries import surroundings
from .paths import absolute
from .scope import InDirectory, find_project, require_project


async def prepared(
    ctx: Context, place: InDirectory, definition: str, inputs: Mapping[str, Any], labels: Mapping[str, str]
) -> NewWorkflow:
    """A run of a definition of a project. Raises `NotFound`, or `InvalidInput` with what is wrong with definition or inputs."""
    if definition in ctx.services.flows and place.project is None:
        return _registered(ctx, place, ctx.services.flows[definition], inputs, labels)
    project = require_project(ctx, place.project, place.directory)
    snapshot, digest = await asyncio.to_thread(_snapshot, ctx, Library(Path(project.path)), definition)
    directory = absolute("directory", place.directory) if place.directory else Path(project.path)
    if not directory.is_dir():
        raise InvalidInput.field("directory", "is not a directory on this computer")
    flow = snapshot[definition].flow
    return NewWorkflow(
        definition=definition,
        digest=digest,
        snapshot=json.dumps({name: found.model_dump(mode="json") for name, found in snapshot.items()}),
        inputs=given(snapshot[definition], inputs),
        directory=str(directory),
        project_id=project.id,
        labels=dict(labels),
        code=await asyncio.to_thread(code_of, flow, Path(project.path)) if flow else None,
    )


def _registered(
    ctx: Context, place: InDirectory, definition: Definition, inputs: Mapping[str, Any], labels: Mapping[str, str]
) -> NewWorkflow:
    """A run of a flow that this program registered: it belongs to the current project, if there is one."""
    project = find_project(ctx, None)
    text = definition.model_dump(mode="json")
    directory = absolute("directory", place.directory) if place.directory else Path(project.path if project else Path.cwd())
    return NewWorkflow(
        definition=definition.name,
        digest=digest_of(json.dumps(text)),
        snapshot=json.dumps({definition.name: text}),
        inputs=given(definition, inputs),
        directory=str(directory),
        project_id=project.id if project else None,
        labels=dict(labels),
    )


def _snapshot(ctx: Context, library: Library, name: str) -> tuple[dict[str, Definition], str]:
    """The definition and all that it nests, each of them sound. Reads files."""
    around = surroundings(ctx, library)
    sources = library.collected(name)
    return {key: _sound(source, around) for key, source in sources.items()}, sources[name].digest


def _sound(source: Source, around: Surroundings) -> Definition:
    examined = examine(source.text, around, source.name)
    if examined.document is None or examined.problems:
        raise refusal(examined.problems, f"{source.name}: ")
    return examined.document.definition
