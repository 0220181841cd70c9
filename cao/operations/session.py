"""Sessions: durable groups of agents that work together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from cao.protocol import (
    Answer,
    Conflict,
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
from cao.protocol.records import Entry, EntryKind, Run, Session, SessionStatus, Terminal
from cao.store import Transaction, messages, sessions, terminals, transcripts, turns, workflows

from .context import Context
from .launching import opening
from .waiting import patiently

Label = Annotated[str, StringConstraints(max_length=200)]
WAIT_LIMIT = 3600.0


class LaunchSession(WriteRequest):
    """What to start."""

    profile: Name = "developer"
    """Who the first agent is; see `cao profile list`."""
    prompt: Text | None = None
    """The first work; without it the session waits for a message."""
    name: Name | None = None
    """What to call the session; unique among the open ones. Its id unless given."""
    provider: Name | None = None
    """How the agent is run; the profile's choice unless given. See `cao provider list`."""
    directory: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    """The working directory; unless given the current project's, on the command line the one that you are in."""
    labels: Annotated[dict[Name, Label], Field(max_length=32, json_schema_extra={"additionalProperties": False})] = Field(
        default_factory=dict[str, str]
    )
    """Words of your own to find it by."""


@operation(
    "session.launch",
    path="/sessions",
    effect="write",
    positional=("prompt",),
    errors=(NotFound, Unavailable),
    shortcut="launch",
    example={"profile": "developer", "provider": "scripted", "prompt": "Say hello.", "name": "greeting"},
)
async def launch(ctx: Context, request: LaunchSession) -> Session:
    """Start a session with one agent, and give it its first work.

    Returns at once: the work has a run id before it begins. Follow it with `run wait`, `session transcript` or `event follow`.
    """
    if (before := ctx.replay(Session)) is not None:  # what it was launched with may be gone
        return before
    wanted = request.model_dump(exclude={"idempotency_key"})
    session = await ctx.transact(opening(ctx, **wanted), Session)
    if session.run_id:
        ctx.services.engine.submit(session.id)
    return session


class ListSessions(ListRequest):
    """Which sessions."""

    status: SessionStatus | None = None
    """Only open or only closed ones."""
    project: Reference | None = None
    """Only those of this project's id."""
    name: Name | None = None
    """Only those of this name."""


@operation("session.list", path="/sessions", example={"status": "open"}, positional=())
async def list_sessions(ctx: Context, request: ListSessions) -> Page[Session]:
    """List sessions, newest first, each with its first terminal."""
    return sessions.list_page(ctx.store.read(), request, status=request.status, project_id=request.project, name=request.name)


class GetSession(Request):
    """Which session."""

    session: Reference
    """Its id or name."""


@operation("session.get", path="/sessions/{session}", example={"session": "greeting"})
async def get_session(ctx: Context, request: GetSession) -> Session:
    """Show one session with all its terminals."""
    return sessions.get(ctx.store.read(), request.session)


class SendToSession(WriteRequest):
    """What to say, and to whom."""

    session: Reference
    """The session's id or name."""
    text: Text
    """The work to do, at most 1 MiB."""
    terminal: Reference | None = None
    """The terminal's id or name; the session's first one unless given."""


@operation(
    "session.send",
    path="/sessions/{session}/prompts",
    effect="write",
    positional=("session", "text"),
    example={"session": "greeting", "text": "And now in French."},
)
async def send(ctx: Context, request: SendToSession) -> Run:
    """Give a session's agent more work. It is read when the agent is free; the run says how it goes."""

    def change(tx: Transaction) -> Run:
        session = sessions.require_open(tx, request.session)
        terminal = _target(tx, session, request.terminal)
        return messages.prompt(tx, terminal, request.text, sender=ctx.caller.actor)

    run = await ctx.transact(change, Run)
    ctx.services.engine.submit(run.session_id)
    return run


def _target(tx: Transaction, session: Session, reference: str | None) -> Terminal:
    if reference:
        return terminals.require_open(tx, reference, session.id)
    usable = [terminal for terminal in session.terminals if terminal.status != "closed"]
    if not usable:
        raise Conflict(f"session {session.name} has no open terminal; add one: cao terminal add {session.name}")
    return usable[0]


class WaitForSession(Request):
    """Which session, and how long."""

    session: Reference
    """Its id or name."""
    timeout: Annotated[float, Field(ge=0, le=WAIT_LIMIT)] = 60.0
    """Seconds to wait at most."""


class SessionRest(Answer):
    """How a session stands."""

    session: Session
    at_rest: bool
    """No agent works, and no message waits for one that could."""


@operation("session.wait", path="/sessions/{session}/wait", waits=True, example={"session": "greeting", "timeout": 30})
async def wait(ctx: Context, request: WaitForSession) -> SessionRest:
    """Wait until all of a session's agents are done, or the time is over."""
    id = sessions.get(ctx.store.read(), request.session).id

    def resting() -> bool | None:
        reader = ctx.store.read()
        return None if turns.unsettled(reader, id) or turns.claimable(reader, id) else True

    at_rest = bool(await patiently(ctx, id, resting, request.timeout, lambda: f"session {request.session} is at work"))
    return SessionRest(session=sessions.get(ctx.store.read(), id), at_rest=at_rest)


class InterruptSession(WriteRequest):
    """Which session."""

    session: Reference
    """Its id or name."""


class Interrupted(Answer):
    """What was asked to stop."""

    turn_ids: list[str]
    """The turns; they end as `cancelled` within moments."""


@operation(
    "session.interrupt",
    path="/sessions/{session}/interrupt",
    effect="write",
    status=200,
    idempotent=True,
    example={"session": "greeting"},
)
async def interrupt(ctx: Context, request: InterruptSession) -> Interrupted:
    """Stop all turns of a session that are under way. Messages that wait are kept."""

    def change(tx: Transaction) -> Interrupted:
        session = sessions.get(tx, request.session)
        asked = [turn for terminal in session.terminals for turn in turns.interrupt(tx, terminal.id)]
        return Interrupted(turn_ids=asked)

    answer = await ctx.transact(change, Interrupted)
    ctx.services.engine.submit(sessions.get(ctx.store.read(), request.session).id)
    return answer


class ReadTranscript(ListRequest):
    """Which part of which transcript."""

    session: Reference
    """The session's id or name."""
    terminal: Reference | None = None
    """Only this terminal: its id or name."""
    kind: EntryKind | None = None
    """Only entries of this kind."""


@operation("session.transcript", path="/sessions/{session}/transcript", example={"session": "greeting", "limit": 20})
async def transcript(ctx: Context, request: ReadTranscript) -> Page[Entry]:
    """Read what the agents of a session said and did, oldest first."""
    reader = ctx.store.read()
    session = sessions.get(reader, request.session, terminals_too=False)
    terminal = terminals.get(reader, request.terminal, session.id) if request.terminal else None
    return transcripts.list_page(
        reader, request, session_id=session.id, terminal_id=terminal.id if terminal else None, kind=request.kind
    )


class ShutDownSessions(DestructiveRequest):
    """Which sessions to end."""

    session: Reference | None = None
    """The session's id or name."""
    all: bool = False
    """All open sessions instead."""

    @model_validator(mode="after")
    def _one_or_all(self) -> ShutDownSessions:
        if bool(self.session) == self.all:
            raise ValueError("give one session, or all")
        return self


class ShutDown(Answer):
    """What was ended, or would be (`dry_run`)."""

    session_ids: list[str]
    dry_run: bool = False


@operation(
    "session.shutdown",
    path="/sessions/shutdown",
    effect="destructive",
    status=200,
    idempotent=True,
    positional=("session",),
    errors=(NotFound,),
    shortcut="shutdown",
    example={"session": "greeting", "dry_run": True},
)
async def shutdown(ctx: Context, request: ShutDownSessions) -> ShutDown:
    """Close one session, or all: turns are stopped, messages that wait fail. What was said stays readable."""

    def change(tx: Transaction) -> ShutDown:
        ids = sessions.open_ids(tx) if request.all else [sessions.require_open(tx, request.session or "").id]
        for id in ids:
            if (run_id := workflows.of_session(tx, id)) is not None:
                workflows.cancel(tx, run_id, "its session was shut down")
            else:
                sessions.close(tx, sessions.get(tx, id))
        return ShutDown(session_ids=ids, dry_run=request.dry_run)

    answer = await ctx.transact(change, ShutDown)
    if not request.dry_run:
        for id in answer.session_ids:
            ctx.services.engine.submit(id)
    return answer
