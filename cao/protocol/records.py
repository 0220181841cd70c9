"""The nouns of the protocol, as every operation answers with them. Words as in docs/explanation/words.md."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from .models import Answer

SessionStatus = Literal["open", "closed"]
TerminalStatus = Literal["idle", "running", "waiting", "failed", "closed"]
MessageState = Literal["pending", "delivered", "done", "failed"]
MessageKind = Literal["prompt", "message", "result"]
RunKind = Literal["turn", "workflow"]
RunState = Literal["queued", "running", "waiting", "completed", "failed", "cancelled"]
TurnState = Literal["queued", "running", "waiting", "completed", "failed", "cancelled"]
ApprovalState = Literal["pending", "approved", "denied", "expired", "withdrawn"]
RecoveryPolicy = Literal["retry", "ask", "fail"]
EntryKind = Literal["text", "thought", "tool_call", "tool_result", "plan", "usage", "notice"]

FINAL_RUN_STATES: frozenset[RunState] = frozenset(("completed", "failed", "cancelled"))


class Project(Answer):
    """A directory that scopes profiles and sessions."""

    id: str
    name: str
    """Unique among the projects."""
    path: str
    """The absolute path of the directory."""
    current: bool = False
    """New sessions belong to it unless they name another."""
    created_at: datetime


class Usage(Answer):
    """What a turn cost, as far as the agent told."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """In US dollars; null when the agent does not say."""


class Failure(Answer):
    """Why something failed: a stable code for programs and a sentence for people."""

    code: str
    message: str


class Terminal(Answer):
    """One agent's seat in a session: a profile, a provider, a working directory and a conversation."""

    id: str
    session_id: str
    name: str
    """Unique in its session."""
    profile: str
    provider: str
    directory: str
    """The working directory, absolute."""
    status: TerminalStatus
    parent_id: str | None = None
    """The terminal whose agent asked for this one; null for those that people add."""
    depth: int = 0
    """How many terminals stand between it and a person."""
    allowed_tools: list[str] | None = None
    """What its agent may use without asking: the intersection of its profile's list and its parent's; null is all."""
    closes_when_done: bool = False
    """It was made for one handoff and closes after it."""
    model: str | None = None
    """The model that a workflow's phase chose for it; else the profile's."""
    created_at: datetime
    closed_at: datetime | None = None


class Session(Answer):
    """A durable group of terminals that work together."""

    id: str
    name: str
    """Unique among the open sessions."""
    status: SessionStatus
    project_id: str | None = None
    terminals: list[Terminal] = Field(default_factory=list[Terminal])
    """Its terminals in the order in which they were added; lists give only the first."""
    run_id: str | None = None
    """The run of the prompt that the session was launched with."""
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    created_at: datetime
    closed_at: datetime | None = None


class Message(Answer):
    """A durable entry in a terminal's inbox."""

    id: str
    session_id: str
    terminal_id: str
    """Whose inbox it is in."""
    kind: MessageKind
    """`prompt` is work that has a run; `message` and `result` are mail from another agent."""
    sender: str
    """Attested: `owner`, `token:<name>`, `schedule:<name>`, `queue:<item>` or `terminal:<id>`."""
    text: str
    state: MessageState
    """`pending`, then `delivered` (its turn began), then `done` or `failed`."""
    run_id: str | None = None
    turn_id: str | None = None
    failure: Failure | None = None
    created_at: datetime
    delivered_at: datetime | None = None
    settled_at: datetime | None = None


class Run(Answer):
    """The caller's durable handle on work."""

    id: str
    kind: RunKind = "turn"
    """`turn` is one prompt to one agent; `workflow` is all phases of a workflow, in a session of its own."""
    state: RunState
    session_id: str
    terminal_id: str | None = None
    """Whose turn it is; null for a workflow, whose phases have terminals."""
    message_id: str | None = None
    """The message that asks for it; null for a workflow."""
    parent_terminal_id: str | None = None
    """The terminal to whose inbox the result goes by itself."""
    result: str | None = None
    """What the agent answered, once completed."""
    failure: Failure | None = None
    created_at: datetime
    started_at: datetime | None = None
    settled_at: datetime | None = None


class Turn(Answer):
    """One prompt-to-stop exchange of a terminal."""

    id: str
    session_id: str
    terminal_id: str
    run_id: str | None = None
    state: TurnState
    attempt: int
    """1 for the first time; more after a crash or a retry."""
    recovery: RecoveryPolicy
    """What happens when the turn is cut by a crash."""
    result: str | None = None
    failure: Failure | None = None
    usage: Usage | None = None
    flow_run_id: str | None = None
    """Prefect's flow run of the activation that holds the turn."""
    task_run_id: str | None = None
    """Prefect's task run of the turn."""
    created_at: datetime
    started_at: datetime | None = None
    settled_at: datetime | None = None


class Entry(Answer):
    """One thing that happened inside a turn."""

    seq: int
    """Its event's number: entries are events, so a transcript pages and follows like the log."""
    turn_id: str
    terminal_id: str
    kind: EntryKind
    text: str = ""
    """Words for people: the agent's text, a tool's title, a tool's output."""
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What a program may want: a tool's name and arguments, a plan's steps."""
    at: datetime


class Approval(Answer):
    """A question to a person that blocks a turn, or a phase of a workflow."""

    id: str
    session_id: str
    terminal_id: str | None = None
    """Whose agent asks; null for a phase's question."""
    turn_id: str | None = None
    """The turn that waits; null for a phase's question, whose `action` names the phase."""
    run_id: str | None = None
    question: str
    """The whole action, as it would be done."""
    action: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The same for programs: for instance the tool's name and its arguments."""
    digest: str
    """A fingerprint of question and action: the decision holds for exactly this."""
    state: ApprovalState
    decided_by: str | None = None
    reason: str | None = None
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None = None


class Event(Answer):
    """An immutable fact."""

    seq: int
    """Its place in the order of the world; starts at 1 and only grows."""
    type: str
    at: datetime
    actor: str
    """Who caused it: a caller's actor, or `engine`."""
    session_id: str | None = None
    terminal_id: str | None = None
    run_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The fields of its type; see the reference of events."""
