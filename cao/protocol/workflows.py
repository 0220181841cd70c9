"""What is told of workflows: decisions of phases, the steps of a run, the run itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .models import Answer
from .records import Failure

WorkflowState = Literal["queued", "running", "paused", "waiting", "completed", "failed", "cancelled"]
StepState = Literal["running", "waiting", "settled"]
Risk = Literal["low", "medium", "high"]
DecidedBy = Literal["agent", "command", "person", "engine"]

AGAIN = "again"
"""The failure code of a cut attempt that a person wants done again."""
CUT = "cut"
"""The failure code of a cut attempt that is done again by itself."""

Verdict = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
"""`advance`, `rework`, `skip`, `fail`, or one that the phase declares."""


class Evidence(Answer):
    """What a decision rests on."""

    kind: Annotated[str, StringConstraints(min_length=1, max_length=48)]
    """Such as `tests-passed`, `code-review-clean`, `files-modified`."""
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    file: Annotated[str, StringConstraints(max_length=1000)] | None = None
    value: Any = None


class Decision(Answer):
    """How a phase ended."""

    verdict: Verdict
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    risk: Risk | None = None
    reason: Annotated[str, StringConstraints(max_length=8000)] = ""
    """It goes into the next attempt's prompt when the phase is to be done again."""
    evidence: Annotated[list[Evidence], Field(max_length=50)] = Field(default_factory=list[Evidence])
    by: DecidedBy = "engine"
    """Who decided."""


class Step(Answer):
    """One attempt of one phase."""

    n: int
    """Its number in the store; grows with time."""
    run_id: str
    path: str
    """The phase: `build`; `build/api` for a branch, `build[2]` for a list's item, `ship/test` for a nested workflow's phase."""
    kind: str
    attempt: int
    """1 for the first time; more after rework, a retry or a crash."""
    within: int = 1
    """Which attempt of the phase around it this belongs to; 1 on the first level."""
    state: StepState
    decision: Decision | None = None
    """Once it is settled."""
    output: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What later phases can use: `text`, and `json` or `items` where it has them. A long one is `cut` where a run is shown."""
    failure: Failure | None = None
    directory: str | None = None
    """Where it worked."""
    branch: str | None = None
    """The branch of its own worktree, if it has one."""
    terminal_id: str | None = None
    turn_run_id: str | None = None
    """The run of the agent's last turn for it."""
    approval_id: str | None = None
    """The question that it waits for, or that decided it."""
    task_run_id: str | None = None
    """Prefect's task run."""
    begun: float = 0.0
    """Seconds that the run had worked when it began, waiting for people not counted."""
    started_at: datetime
    settled_at: datetime | None = None


class Used(Answer):
    """What a run has used of its budget."""

    turns: int = 0
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0


class Workflow(Answer):
    """A run of a workflow. Its id is the run's: `run get`, `run wait` and `run result` take it too."""

    id: str
    definition: str
    """The name of what is run."""
    digest: str
    """SHA-256 of the definition as it was when the run was started; a later edit does not change the run."""
    state: WorkflowState
    inputs: dict[str, Any] = Field(default_factory=dict[str, Any])
    session_id: str
    """The session in which its agents have their terminals."""
    project_id: str | None = None
    directory: str
    """Where it works, absolute."""
    branch: str | None = None
    """The branch of its worktree, if it has one."""
    current: list[str] = Field(default_factory=list[str])
    """The phases that are under way or wait."""
    steps: list[Step] = Field(default_factory=list[Step])
    """Every attempt so far, oldest first; lists leave them out."""
    outputs: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What it gave, once completed."""
    used: Used = Used()
    failure: Failure | None = None
    feedback: str | None = None
    """What a person said when it was last resumed; the next attempt reads it."""
    retried_from: str | None = None
    """The run whose finished phases it took over."""
    flow_run_id: str | None = None
    """Prefect's flow run."""
    flow_run_url: str | None = None
    """Where Prefect's UI shows it; told of a single run, and only where a server is there."""
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    created_at: datetime
    started_at: datetime | None = None
    settled_at: datetime | None = None


class PhaseDecision(Answer):
    """How one attempt at a phase was decided."""

    path: str
    kind: str
    attempt: int
    decision: Decision
    failure: Failure | None = None
    started_at: datetime
    settled_at: datetime


class PhaseOutput(Answer):
    """What a phase gave: its last settled attempt's output, whole."""

    path: str
    kind: str
    attempt: int
    output: dict[str, Any]
    pruned: bool = False
    """It was dropped; see `checkpoint prune`."""


class Checkpoint(Answer):
    """A place to look back to: the run as it was when an attempt had just been settled."""

    number: int
    """Counts the settled attempts of the run, from 1."""
    path: str
    attempt: int
    verdict: str
    settled_at: datetime
    pruned: bool = False
    """The attempt's output was dropped."""


class CheckpointDetail(Checkpoint):
    """The same, with what was known then."""

    output: dict[str, Any]
    """Of the attempt that was settled."""
    standing: dict[str, str]
    """The last verdict of each phase at that time, by path."""


class Pruned(Answer):
    """What was dropped, or would be (`dry_run`)."""

    count: int
    bytes: int
    """The size of what was dropped, as JSON."""
    dry_run: bool = False


class PrunedWorkflows(Pruned):
    """Which runs were deleted."""

    run_ids: list[str]
