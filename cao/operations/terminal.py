"""Terminals: agents' seats in a session, and the two ways to hand work to another agent."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field, StringConstraints

from cao.protocol import (
    Answer,
    Denied,
    DestructiveRequest,
    ListRequest,
    Name,
    NotFound,
    Page,
    Reference,
    Request,
    Text,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.records import FINAL_RUN_STATES, Entry, Run, Terminal, TerminalStatus, Turn
from cao.store import Transaction, messages, runs, sessions, terminals, transcripts, turns

from .context import Context
from .seating import seat
from .session import WAIT_LIMIT, Interrupted
from .waiting import settled

Directory = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class AddTerminal(WriteRequest):
    """Who joins which session."""

    session: Reference
    """The session's id or name."""
    profile: Name = "developer"
    """Who the agent is."""
    name: Name | None = None
    """What to call it in the session; the profile's name with a number unless given."""
    provider: Name | None = None
    """How it is run; the profile's choice unless given."""
    directory: Directory | None = None
    """Its working directory; the current project's unless given."""


@operation(
    "terminal.add",
    path="/sessions/{session}/terminals",
    effect="write",
    errors=(Unavailable,),
    example={"session": "greeting", "profile": "reviewer", "provider": "scripted"},
)
async def add(ctx: Context, request: AddTerminal) -> Terminal:
    """Give another agent a seat in a session. It waits for a message."""
    if (before := ctx.replay(Terminal)) is not None:
        return before
    new = seat(ctx, profile=request.profile, provider=request.provider, directory=request.directory, name=request.name)

    def change(tx: Transaction) -> Terminal:
        session = sessions.require_open(tx, request.session)
        return terminals.add(tx, session, new, None, ctx.services.limits)

    return await ctx.transact(change, Terminal)


class ListTerminals(ListRequest):
    """Which terminals."""

    session: Reference | None = None
    """Only those of this session: its id or name."""
    status: TerminalStatus | None = None
    """Only those with this status."""
    profile: Name | None = None
    """Only those of this profile."""


@operation("terminal.list", path="/terminals", errors=(NotFound,), example={"status": "idle"}, positional=())
async def list_terminals(ctx: Context, request: ListTerminals) -> Page[Terminal]:
    """List terminals, newest first."""
    reader = ctx.store.read()
    session = own_session(ctx) or (sessions.get(reader, request.session, terminals_too=False).id if request.session else None)
    return terminals.list_page(reader, request, session_id=session, status=request.status, profile=request.profile)


class GetTerminal(Request):
    """Which terminal."""

    terminal: Reference
    """Its id."""


@operation("terminal.get", path="/terminals/{terminal}", example={"terminal": "ter_000000000"})
async def get_terminal(ctx: Context, request: GetTerminal) -> Terminal:
    """Show one terminal."""
    return terminals.get(ctx.store.read(), request.terminal)


class ReadOutput(Request):
    """Which terminal, and how much of it."""

    terminal: Reference
    """Its id."""
    whole: bool = False
    """Every entry of the last turn and not only its answer."""


class Output(Answer):
    """What an agent answered last."""

    turn: Turn | None
    """Its last turn; null before the first."""
    text: str
    """The last turn's answer; empty until there is one."""
    entries: list[Entry] = Field(default_factory=list[Entry])
    """With `whole`: everything that happened in that turn. `session transcript` has the turns before."""


@operation("terminal.output", path="/terminals/{terminal}/output", example={"terminal": "ter_000000000", "whole": True})
async def output(ctx: Context, request: ReadOutput) -> Output:
    """Read an agent's last answer, or the whole of its last turn."""
    reader = ctx.store.read()
    terminal = terminals.get(reader, request.terminal)
    last = next(iter(turns.of_terminal(reader, terminal.id)), None)
    entries = transcripts.of_turn(reader, terminal.id, last.id) if last and request.whole else []
    return Output(turn=last, text=(last.result or "") if last else "", entries=entries)


class Delegate(WriteRequest):
    """Work for another agent."""

    session: Reference
    """The session's id or name."""
    message: Text
    """The work; it has to stand alone, for the other agent knows nothing else."""
    profile: Name = "developer"
    """Who shall do it: a new terminal of this profile."""
    name: Name | None = None
    """What to call the new terminal."""
    provider: Name | None = None
    """How the agent is run; the profile's choice, else the caller's own provider."""
    directory: Directory | None = None
    """Its working directory; for an agent that asks, inside its own."""


class HandOff(Delegate):
    """Work for another agent, and how long to wait for it."""

    timeout: Annotated[float, Field(ge=0, le=WAIT_LIMIT)] = 600.0
    """Seconds to wait; after that the work goes on as an assignment."""


@operation(
    "terminal.handoff",
    path="/sessions/{session}/handoff",
    effect="write",
    status=200,
    positional=("session", "message"),
    errors=(Unavailable,),
    waits=True,
    example={"session": "greeting", "profile": "reviewer", "provider": "scripted", "message": "Review it.", "timeout": 30},
)
async def handoff(ctx: Context, request: HandOff) -> Run:
    """Give work to another agent and wait for its result. The agent's terminal closes afterwards.

    When the time runs out, or the caller goes away, the work goes on as an assignment: for an agent that asked, the result
    comes to its inbox by itself; anybody else finds it with `run result`.
    """
    giving = asyncio.ensure_future(_delegate(ctx, request, deliver=False))
    try:
        run = await settled(ctx, (await asyncio.shield(giving)).id, request.timeout)
    except asyncio.CancelledError:
        run = await giving  # it may be committed already, and then its result has to find its way
        await ctx.store.write(lambda tx: runs.promise_delivery(tx, run.id), actor=ctx.caller.actor)
        raise
    if run.state not in FINAL_RUN_STATES:
        run = await ctx.store.write(lambda tx: runs.promise_delivery(tx, run.id), actor=ctx.caller.actor)
    return run


class Assign(Delegate):
    """Work for another agent that the caller does not wait for."""


@operation(
    "terminal.assign",
    path="/sessions/{session}/assign",
    effect="write",
    positional=("session", "message"),
    errors=(Unavailable,),
    example={"session": "greeting", "provider": "scripted", "message": "Count the files."},
)
async def assign(ctx: Context, request: Assign) -> Run:
    """Give work to another agent and go on. For an agent that asks, the result comes to its inbox by itself when it is done."""
    return await _delegate(ctx, request, deliver=True)


async def _delegate(ctx: Context, request: Delegate, *, deliver: bool) -> Run:
    if (before := ctx.replay(Run)) is not None:
        return before
    caller = _calling_terminal(ctx, request.session)
    new = seat(
        ctx,
        profile=request.profile,
        provider=request.provider,
        otherwise=caller.provider if caller else None,
        directory=request.directory or (caller.directory if caller else None),
        base=caller.directory if caller else None,
        name=request.name,
        closes_when_done=not deliver,
    )

    def change(tx: Transaction) -> Run:
        session = sessions.require_open(tx, request.session)
        terminal = terminals.add(tx, session, new, caller, ctx.services.limits)
        return messages.prompt(
            tx,
            terminal,
            request.message,
            sender=ctx.caller.actor,
            parent_terminal_id=caller.id if caller else None,
            deliver=deliver and caller is not None,
        )

    run = await ctx.transact(change, Run)
    ctx.services.engine.submit(run.session_id)
    return run


def own_session(ctx: Context) -> str | None:
    """The session that a calling agent sits in: it sees no other."""
    return terminals.get(ctx.store.read(), ctx.caller.terminal).session_id if ctx.caller.terminal else None


def _calling_terminal(ctx: Context, session: str) -> Terminal | None:
    if ctx.caller.terminal is None:
        return None
    terminal = terminals.get(ctx.store.read(), ctx.caller.terminal)
    if session not in (terminal.session_id, sessions.get(ctx.store.read(), terminal.session_id).name):
        raise Denied("an agent may only hand work to agents of its own session")
    return terminal


class InterruptTerminal(WriteRequest):
    """Which terminal."""

    terminal: Reference
    """Its id."""


@operation(
    "terminal.interrupt",
    path="/terminals/{terminal}/interrupt",
    effect="write",
    status=200,
    idempotent=True,
    example={"terminal": "ter_000000000"},
)
async def interrupt(ctx: Context, request: InterruptTerminal) -> Interrupted:
    """Stop the turn that a terminal's agent is at. Messages that wait are kept, and are read next."""

    def change(tx: Transaction) -> Interrupted:
        return Interrupted(turn_ids=turns.interrupt(tx, terminals.get(tx, request.terminal).id))

    answer = await ctx.transact(change, Interrupted)
    ctx.services.engine.submit(terminals.get(ctx.store.read(), request.terminal).session_id)
    return answer


class CloseTerminal(DestructiveRequest):
    """Which terminal."""

    terminal: Reference
    """Its id."""


@operation(
    "terminal.close",
    path="/terminals/{terminal}/close",
    effect="destructive",
    idempotent=True,
    example={"terminal": "ter_000000000", "dry_run": True},
)
async def close(ctx: Context, request: CloseTerminal) -> Terminal:
    """Close a terminal: its turn is stopped, messages that wait fail. What was said stays readable."""

    def change(tx: Transaction) -> Terminal:
        terminal = terminals.require_open(tx, request.terminal)
        terminals.close(tx, terminal, code="terminal_closed", why=f"terminal {terminal.name} was closed")
        return terminals.get(tx, terminal.id)

    terminal = await ctx.transact(change, Terminal)
    ctx.services.engine.submit(terminal.session_id)
    return terminal
