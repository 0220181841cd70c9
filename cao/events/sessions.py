"""Facts of projects, profiles, sessions and what happens in them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cao.protocol.records import EntryKind, Failure

from .base import EventData


class ProjectAdded(EventData, type="project.added"):
    """A directory became a project."""

    project_id: str
    name: str
    path: str


class ProjectRemoved(EventData, type="project.removed"):
    """A project was forgotten; its files stay."""

    project_id: str
    name: str


class ProjectChosen(EventData, type="project.chosen"):
    """A project became the current one."""

    project_id: str
    name: str


class ProfileInstalled(EventData, type="profile.installed"):
    """A profile was added to the data directory."""

    name: str
    digest: str
    """SHA-256 of the file."""
    source: str


class ProfileRemoved(EventData, type="profile.removed"):
    """An installed profile was deleted."""

    name: str


class SessionLaunched(EventData, type="session.launched"):
    """A session began."""

    name: str


class SessionClosed(EventData, type="session.closed"):
    """A session was shut down. Its record stays."""

    name: str


class TerminalAdded(EventData, type="terminal.added"):
    """An agent got a seat in a session."""

    name: str
    profile: str
    provider: str
    parent_id: str | None = None


class TerminalClosed(EventData, type="terminal.closed"):
    """A terminal takes no more messages."""

    name: str


class MessageQueued(EventData, type="message.queued"):
    """A message is in a terminal's inbox."""

    message_id: str
    kind: str
    sender: str
    length: int
    """Bytes of its text; the text itself is not in the log."""


class MessageDelivered(EventData, type="message.delivered"):
    """The turn that reads the message began."""

    message_id: str
    turn_id: str


class MessageDone(EventData, type="message.done"):
    """The turn that read the message is over, or its reader took it by hand."""

    message_id: str


class MessageFailed(EventData, type="message.failed"):
    """No turn will read the message, or the turn that did failed."""

    message_id: str
    failure: Failure


class RunQueued(EventData, type="run.queued"):
    """Work has a durable handle and waits for its turn."""


class RunStarted(EventData, type="run.started"):
    """The work began, or began again."""

    attempt: int = 1


class RunWaiting(EventData, type="run.waiting"):
    """The work stands still until a person decides."""

    approval_id: str


class RunCompleted(EventData, type="run.completed"):
    """The work is done; `run.result` has the answer."""


class RunFailed(EventData, type="run.failed"):
    """The work failed."""

    failure: Failure


class RunCancelled(EventData, type="run.cancelled"):
    """The work was given up on request."""


class TurnStarted(EventData, type="turn.started"):
    """An agent began to work on a prompt."""

    turn_id: str
    attempt: int


class TurnSettled(EventData, type="turn.settled"):
    """An agent stopped: completed, failed or cancelled."""

    turn_id: str
    state: str
    failure: Failure | None = None


class TurnCut(EventData, type="turn.cut"):
    """The process that ran the turn ended in the middle of it; `action` is what its policy did."""

    turn_id: str
    attempt: int
    action: str


class TurnInterrupted(EventData, type="turn.interrupted"):
    """Somebody asked the turn to stop."""

    turn_id: str


class TranscriptAppended(EventData, type="transcript.appended"):
    """An agent said or did something."""

    turn_id: str
    kind: EntryKind
    text: str = ""
    data: dict[str, Any] = Field(default_factory=dict[str, Any])


class ApprovalRequested(EventData, type="approval.requested"):
    """A person must decide before a turn goes on."""

    approval_id: str
    question: str


class ApprovalDecided(EventData, type="approval.decided"):
    """A person decided, or nobody did in time."""

    approval_id: str
    state: str
    decided_by: str | None = None
