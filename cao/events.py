"""Every kind of fact that the log holds. The class is the definition; the reference page and the signals come from it.

An event's subject (session, terminal, run) are columns of the log; its other fields are its data.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field

from cao.protocol import Described
from cao.protocol.records import EntryKind, Event, Failure

EVENT_TYPES: dict[str, type[EventData]] = {}
"""All event classes by their type's name."""


class EventData(Described):
    """Base of all events: which session, terminal and run it is about, and what else is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str] = ""

    session_id: str | None = Field(default=None, exclude=True)
    terminal_id: str | None = Field(default=None, exclude=True)
    run_id: str | None = Field(default=None, exclude=True)

    def __init_subclass__(cls, type: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        EVENT_TYPES[type] = cls

    @classmethod
    def of(cls, event: Event) -> Self:
        """An event of the log as its class: `MessageQueued.of(event).sender`. Fields of newer versions are left out."""
        known = {**event.data, "session_id": event.session_id, "terminal_id": event.terminal_id, "run_id": event.run_id}
        return cls.model_validate({name: value for name, value in known.items() if name in cls.model_fields})


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


class EngineChanged(EventData, type="engine.changed"):
    """The engine's state changed (starting, ready, failed, stopped), or what it is doing while it starts."""

    state: str
    detail: str = ""


class ServerStarted(EventData, type="server.started"):
    """A server took charge of the data directory."""

    url: str
    version: str


class ServerStopped(EventData, type="server.stopped"):
    """The server let go of the data directory in good order."""


class BackupWritten(EventData, type="backup.written"):
    """A copy of the store was made while it was in use."""

    path: str
    bytes: int


class PluginEnabled(EventData, type="plugin.enabled"):
    """A plugin was switched on."""

    name: str


class PluginDisabled(EventData, type="plugin.disabled"):
    """A plugin was switched off; it stays installed."""

    name: str


class TokenCreated(EventData, type="token.created"):
    """Somebody made a personal access token."""

    token_id: str
    name: str
    scopes: list[str]


class TokenRevoked(EventData, type="token.revoked"):
    """A personal access token ended before its time; with it end those that were made under it, each with its own event."""

    token_id: str
    name: str


class NotifierAdded(EventData, type="notifier.added"):
    """There is a new place for notifications to go."""

    notifier_id: str
    name: str
    target: str
    """Its address, masked."""


class NotifierPaused(EventData, type="notifier.paused"):
    """A notifier's deliveries are held from now on, or go on."""

    notifier_id: str
    name: str
    paused: bool


class NotifierTested(EventData, type="notifier.tested"):
    """Somebody sent a test notification."""

    notifier_id: str
    name: str
    outcome: str


class NotifierRemoved(EventData, type="notifier.removed"):
    """A notifier was forgotten, with its address; what it had not delivered is withdrawn."""

    notifier_id: str
    name: str


class RuleAdded(EventData, type="rule.added"):
    """From now on more events are told to notifiers."""

    rule_id: str
    events: list[str]


class RuleRemoved(EventData, type="rule.removed"):
    """A rule tells of no more events; what it caused is still delivered."""

    rule_id: str
    events: list[str]


class NotificationQueued(EventData, type="notification.queued"):
    """Somebody sent a notification by hand."""

    title: str
    deliveries: list[str]


class DeliveryAccepted(EventData, type="delivery.accepted"):
    """A notifier's service took a notification."""

    delivery_id: str
    notifier: str
    attempts: int


class DeliveryRetried(EventData, type="delivery.retried"):
    """Somebody asked to try a dead notification again."""

    delivery_id: str
    notifier: str


class DeliveryDead(EventData, type="delivery.dead"):
    """A notification was given up after its last attempt. The other notifiers are told, unless it was about one itself."""

    delivery_id: str
    notifier: str
    title: str
    attempts: int
    error: str
    alarm: bool = False
    """It told of another dead notification; nobody is told of this one, so that alarms cannot cause alarms."""


class ScheduleAdded(EventData, type="schedule.added"):
    """A schedule will start sessions from now on."""

    schedule_id: str
    name: str
    cron: str | None
    every: str | None
    zone: str


class ScheduleEnabled(EventData, type="schedule.enabled"):
    """A schedule will be due again."""

    schedule_id: str
    name: str


class ScheduleDisabled(EventData, type="schedule.disabled"):
    """A schedule will not be due until it is enabled. `reason` is set when nobody asked for it."""

    schedule_id: str
    name: str
    reason: str | None = None


class ScheduleRemoved(EventData, type="schedule.removed"):
    """A schedule was forgotten; its ledger stays."""

    schedule_id: str
    name: str


class ScheduleFired(EventData, type="schedule.fired"):
    """A schedule started a session: on time, late (`late`), or because somebody asked for it (`due` is null)."""

    schedule_id: str
    name: str
    due: datetime | None
    late: bool


class ScheduleSkipped(EventData, type="schedule.skipped"):
    """A due time had no session, and for a reason that the schedule gives: its script, its overlap or its catch-up policy.

    One event tells of all that were found at once.
    """

    schedule_id: str
    name: str
    due: datetime | None
    """The first of them."""
    until: datetime | None = None
    """The last of them, where there are several."""
    count: int = 1
    reason: str


class ScheduleMissed(EventData, type="schedule.missed"):
    """Due times went by and nothing was there to fire them. One event tells of all that were found at once."""

    schedule_id: str
    name: str
    due: datetime
    """The first of them."""
    until: datetime
    """The last of them."""
    count: int
    reason: str


class ScheduleFailed(EventData, type="schedule.failed"):
    """A due time came and no session could be started."""

    schedule_id: str
    name: str
    due: datetime | None
    reason: str


class TaskCreated(EventData, type="task.created"):
    """There is a new task."""

    task_id: str
    title: str
    project_id: str | None = None
    requirement_id: str | None = None
    status: str


class TaskUpdated(EventData, type="task.updated"):
    """What a task says was changed; its status has an event of its own."""

    task_id: str
    title: str
    changes: dict[str, Any]
    """The new values of what changed; a description as its length."""


class TaskAssigned(EventData, type="task.assigned"):
    """A task was given to an agent or a person, or taken from them when both are null."""

    task_id: str
    title: str
    agent: str | None = None
    person: str | None = None


class TaskMoved(EventData, type="task.moved"):
    """A task's status moved, as its state machine allows. `run_id` is set where a run moved it."""

    task_id: str
    title: str
    was: str
    status: str
    reason: str | None = None


class TaskDeleted(EventData, type="task.deleted"):
    """A task was deleted; what is told of it stays."""

    task_id: str
    title: str


class QueueEnqueued(EventData, type="queue.enqueued"):
    """Work waits to be dispatched."""

    item_id: str
    kind: str
    what: str
    priority: str
    project_id: str | None = None


class QueueHeld(EventData, type="queue.held"):
    """Items are not dispatched until they are released."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int
    reason: str | None = None


class QueueReleased(EventData, type="queue.released"):
    """Items that were held may be dispatched."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int


class QueueReordered(EventData, type="queue.reordered"):
    """Items got another place in line."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int
    to: str


class QueueDropped(EventData, type="queue.dropped"):
    """Items will never be dispatched; their records stay."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int


class QueueExpired(EventData, type="queue.expired"):
    """The time of items was over while they waited."""

    items: list[str]
    """Their ids, at most 100 of them."""
    count: int


class QueueDispatched(EventData, type="queue.dispatched"):
    """An item's run is queued: this is told once for each item, in the transaction that makes the run."""

    item_id: str
    kind: str
    what: str
    attempt: int


class QueueReturned(EventData, type="queue.returned"):
    """An item could not be started and waits again; `until` says how long."""

    item_id: str
    what: str
    reason: str
    until: datetime


class QueueRefused(EventData, type="queue.refused"):
    """An item could not be started, and is given up: there is no run of it."""

    item_id: str
    kind: str
    what: str
    reason: str


class QueueSettled(EventData, type="queue.settled"):
    """An item is done, failed or cancelled, with its run."""

    item_id: str
    kind: str
    what: str
    state: str
    reason: str | None = None


class DaemonPaused(EventData, type="daemon.paused"):
    """The queue is dispatched no more. What is under way goes on, and schedules keep their times."""

    reason: str | None = None


class DaemonResumed(EventData, type="daemon.resumed"):
    """The queue is dispatched again."""


class WorktreeAdded(EventData, type="worktree.added"):
    """There is a directory and a branch of its own for an agent or a phase."""

    worktree_id: str
    name: str
    branch: str


class WorktreeMerged(EventData, type="worktree.merged"):
    """A worktree's branch was merged into another."""

    worktree_id: str
    name: str
    branch: str
    into: str
    commit: str
    """Where that branch stands now."""


class WorktreeRemoved(EventData, type="worktree.removed"):
    """A worktree and its branch were taken away."""

    worktree_id: str
    name: str
    branch: str
    discarded: bool
    """Whether that was asked for even if work was lost."""


class ErrorRetried(EventData, type="error.retried"):
    """A failed run was started again; the event is about that run."""

    retried_as: str
    """The new run's id."""


class HistoryCleaned(EventData, type="history.cleaned"):
    """Old records of history were forgotten; runs, sessions and the event log stay."""

    removed: int


class GitCommitted(EventData, type="git.committed"):
    """A commit was made through an operation."""

    directory: str
    commit: str
    branch: str | None = None
    files: int


class RequirementCreated(EventData, type="requirement.created"):
    """There is a new requirement."""

    requirement_id: str
    title: str
    project_id: str | None = None


class RequirementUpdated(EventData, type="requirement.updated"):
    """What a requirement says was changed, by a person or by a refinement; its status has an event of its own."""

    requirement_id: str
    title: str
    fields: list[str]
    """What was changed."""


class RequirementMoved(EventData, type="requirement.moved"):
    """A requirement's status moved, as its state machine allows."""

    requirement_id: str
    title: str
    was: str
    status: str


class RequirementDeleted(EventData, type="requirement.deleted"):
    """A requirement was deleted; its tasks stay."""

    requirement_id: str
    title: str


class VisionChanged(EventData, type="vision.changed"):
    """A project's vision was written again."""

    project_id: str | None = None
    version: int
    length: int
    """Characters of its text."""


class RefinementAsked(EventData, type="refinement.asked"):
    """An agent was asked to rewrite a requirement or a vision."""

    subject: str
    requirement_id: str | None = None
    project_id: str | None = None


class RefinementSettled(EventData, type="refinement.settled"):
    """What became of an agent's rewriting: applied, stale or failed."""

    subject: str
    requirement_id: str | None = None
    project_id: str | None = None
    state: str
    reason: str | None = None


class WorkflowStarted(EventData, type="workflow.started"):
    """Somebody started a workflow."""

    definition: str
    digest: str
    retried_from: str | None = None


class WorkflowPaused(EventData, type="workflow.paused"):
    """No phase begins from now on; those under way come to their end."""

    definition: str


class WorkflowResumed(EventData, type="workflow.resumed"):
    """A paused workflow goes on."""

    definition: str
    feedback: bool = False
    """Whether something was said to the next attempt."""


class PhaseStarted(EventData, type="phase.started"):
    """An attempt at a phase began."""

    path: str
    kind: str
    attempt: int


class PhaseDecided(EventData, type="phase.decided"):
    """An attempt at a phase ended; `verdict` says what follows. One that a crash cut and that is done again has the code `cut`."""

    path: str
    kind: str
    attempt: int
    verdict: str
    by: str
    failure: Failure | None = None


class WorkflowDeleted(EventData, type="workflow.deleted"):
    """The record of a finished workflow was deleted; its session and its events stay."""

    definition: str


class CheckpointsPruned(EventData, type="checkpoint.pruned"):
    """Outputs of attempts that later ones replaced were dropped; the decisions stay."""

    count: int


class DefinitionWritten(EventData, type="definition.written"):
    """A workflow's definition was written; runs that are under way keep theirs."""

    name: str
    digest: str
    """SHA-256 of the text."""
    project_id: str


class DefinitionRemoved(EventData, type="definition.removed"):
    """A workflow's definition was deleted."""

    name: str
    digest: str
    """SHA-256 of what it was."""
    project_id: str
