"""Visions: what each project is for, in one document."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cao.protocol import NotFound, Reference, Request, Unavailable, WriteRequest, operation
from cao.protocol.requirements import Refinement, Vision
from cao.protocol.tasks import Body
from cao.store import Transaction, visions
from cao.tasks.proposals import VisionProposal

from .context import Context
from .refining import Refine, Wanted, ask_agent
from .scope import project_id


class GetVision(Request):
    """Of which project."""

    project: Reference | None = None
    """Its id or name; the current project unless given."""


@operation("vision.get", path="/vision", positional=("project",), errors=(NotFound,), example={})
async def get_vision(ctx: Context, request: GetVision) -> Vision:
    """Show the vision of a project; an empty one, at version 0, while nobody has written it."""
    return visions.get(ctx.store.read(), project_id(ctx, request.project))


class SetVision(WriteRequest):
    """What the project is for."""

    text: Body
    """The whole document, in Markdown."""
    project: Reference | None = None
    """The project's id or name; the current one unless given."""
    expect_version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """Write it only if it is still at this version; a conflict otherwise."""


@operation(
    "vision.set",
    path="/vision",
    effect="write",
    method="PUT",
    idempotent=True,
    positional=("text",),
    errors=(NotFound,),
    example={"text": "# Notes that keep\n\nWhoever writes a note finds it again in five years.", "expect_version": 0},
)
async def set_vision(ctx: Context, request: SetVision) -> Vision:
    """Write the vision of a project."""
    project = project_id(ctx, request.project)

    def change(tx: Transaction) -> Vision:
        return visions.put(tx, project, request.text, expect_version=request.expect_version)

    return await ctx.transact(change, Vision)


class RefineVision(Refine):
    """Who does it, and what to mind."""

    project: Reference | None = None
    """The project's id or name; the current one unless given."""


@operation(
    "vision.refine",
    path="/vision/refine",
    effect="write",
    positional=("project",),
    errors=(NotFound, Unavailable),
    example={"profile": "developer", "provider": "scripted", "notes": "Say for whom it is."},
)
async def refine(ctx: Context, request: RefineVision) -> Refinement:
    """Let an agent rewrite the vision of a project.

    Returns at once with the run that does it. When that completes, its text is the vision, unless somebody changed it
    meanwhile.
    """
    vision = visions.get(ctx.store.read(), project_id(ctx, request.project))
    wanted = Wanted("vision", VisionProposal, {"text": vision.text}, vision.version, vision.project_id)
    return await ask_agent(ctx, request, wanted)
