"""Asking an agent to rewrite something: a session of its own, whose answer is applied when its run completes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import StringConstraints

from cao.protocol import REGISTRY, Described, Name, WriteRequest
from cao.protocol.requirements import Refinement, Subject
from cao.store import Transaction, refinements
from cao.tasks.proposals import prompt

from .context import Context
from .launching import opening
from .paths import LocalPath

NOTES_LIMIT = 16 * 1024


class Refine(WriteRequest):
    """Who does it, and what to mind."""

    profile: Name = "developer"
    """Who the agent is; see `cao profile list`."""
    provider: Name | None = None
    """How the agent is run; the profile's choice unless given."""
    directory: LocalPath | None = None
    """The working directory; the current project's unless given."""
    notes: Annotated[str, StringConstraints(min_length=1, max_length=NOTES_LIMIT)] | None = None
    """What the agent is to mind."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be rewritten."""

    subject: Subject
    proposal: type[Described]
    document: Mapping[str, Any]
    version: int
    project_id: str | None
    requirement_id: str | None = None


async def ask_agent(ctx: Context, request: Refine, wanted: Wanted) -> Refinement:
    """Launch the session and note what its run is for, in one transaction: there is never one without the other."""
    ctx.caller.require("session:write")
    if known := ctx.replay(Refinement):
        return known
    fields: dict[str, Any] = {
        "profile": request.profile,
        "provider": request.provider,
        "directory": request.directory,
        "prompt": prompt(wanted.proposal, wanted.document, request.notes),
        "labels": {"refines": wanted.requirement_id or wanted.subject},
    }
    launch = REGISTRY["session.launch"]
    await ctx.services.plugins.admit(launch, launch.parse(fields), ctx.caller)
    start = opening(ctx, **fields)

    def change(tx: Transaction) -> Refinement:
        session = start(tx)
        about = {"requirement_id": wanted.requirement_id, "project_id": wanted.project_id}
        return refinements.ask(tx, wanted.subject, session, wanted.version, **about)

    made = await ctx.transact(change, Refinement)
    ctx.services.engine.submit(made.session_id)
    return made
