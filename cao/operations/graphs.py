"""Workflows as pictures: a definition as it is written, and a run as it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from cao.protocol import Answer, InvalidInput, Reference, Request, operation
from cao.protocol.workflows import Step
from cao.store import workflows
from cao.workflows.definition import Definition
from cao.workflows.drawing import svg
from cao.workflows.mermaid import mermaid
from cao.workflows.text import read
from cao.workflows.values import Identifier

from .context import Context
from .libraries import library_of
from .scope import InDirectory

Form = Literal["mermaid", "svg"]


class Picture(Answer):
    """A workflow as a graph."""

    name: str
    """What is drawn."""
    form: Form
    text: str
    """Mermaid's words, or an SVG document."""


class DrawDefinition(InDirectory):
    """Which workflow."""

    definition: Identifier
    """Its name."""
    form: Form = "mermaid"
    """`mermaid`, for READMEs and chats, or `svg`, a picture."""


@operation("definition.graph", path="/definitions/{definition}/graph", example={"definition": "change", "form": "svg"})
async def draw_definition(ctx: Context, request: DrawDefinition) -> Picture:
    """Draw a workflow as it is written: its phases and where verdicts lead."""
    library = library_of(ctx, request)

    def draw() -> Picture:
        return _drawn(read(library.get(request.definition).text).definition, request.form, None)

    return await asyncio.to_thread(draw)


class DrawWorkflow(Request):
    """Which run."""

    run: Reference
    """Its id."""
    form: Form = "mermaid"
    """`mermaid`, for READMEs and chats, or `svg`, a picture."""


@operation("workflow.graph", path="/workflows/{run}/graph", example={"run": "run_01k0c0ffee0000000000000000", "form": "svg"})
async def draw_workflow(ctx: Context, request: DrawWorkflow) -> Picture:
    """Draw a run as it stands: which phases are over and how, which are under way, which routes were taken."""
    reader = ctx.store.read()
    found = workflows.get(reader, request.run, ctx.store.clock.now())
    snapshot = workflows.snapshot(reader, found.id)
    if found.definition not in snapshot:
        raise InvalidInput.field("run", "has no definition that can be drawn")
    definition = Definition.model_validate(snapshot[found.definition])
    return await asyncio.to_thread(_drawn, definition, request.form, found.steps)


def _drawn(definition: Definition, form: Form, steps: Sequence[Step] | None) -> Picture:
    text = mermaid(definition, steps) if form == "mermaid" else svg(definition, steps)
    return Picture(name=definition.name, form=form, text=text)
