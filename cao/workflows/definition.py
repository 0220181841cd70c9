"""What a workflow's file says, as models. The file's keys are these fields; its JSON Schema is made from them.

    Definition ─► phases: Phase (one of agent, command, manual, workflow, parallel, map)
                          ├─ contract   what its decision must hold
                          ├─ routes     where each verdict leads
                          └─ retry, timeout, effect, skip_if, worktree

Nothing here is only declared: each field is enforced by the check (`check.py`), the machine (`machine.py`) or the engine.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from cao.protocol import Described

from .values import Duration, Entry, Expression, Identifier, InputType, Template, Variable

Kind = Literal["agent", "command", "manual", "workflow", "parallel", "map"]
Risk = Annotated[Literal["low", "medium", "high"], "from the least to the greatest"]
"""Annotated, because `typing` takes `Risk | None` for a union of the same words in another order that was made before."""
Effect = Literal["idempotent", "side-effecting"]

VERDICTS = ("advance", "rework", "skip", "fail")
"""The verdicts that every phase knows; a phase may declare others."""
KINDS: tuple[Kind, ...] = ("agent", "command", "manual", "workflow", "parallel", "map")
REWORKS = 3
"""How often a route leads back to a phase before a person is asked, unless the route says otherwise."""
MOST_PHASES = 200
MOST_ITEMS = 500


class Part(Described):
    """A part of a definition: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(Part):
    """A value that a run is started with."""

    type: InputType = "string"
    """What it must be."""
    description: str = ""
    """What it is for."""
    required: bool = False
    """A run cannot start without it."""
    default: Any = None
    """What it is when nobody gives it; of the same type."""
    choices: list[Any] | None = None
    """The only values that are taken."""
    items: InputType | None = None
    """What a list's items must be."""


class AgentWork(Part):
    """A prompt for an agent; its answer is the phase's output, and ends with a decision where the phase needs one."""

    prompt: Template
    """What it is asked."""
    profile: Identifier | None = None
    """Who it is; else the definition's default, else `developer`."""
    provider: Identifier | None = None
    """How it is run; else the profile's own."""
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """The model for this phase."""
    terminal: Identifier | None = None
    """The terminal that does it; phases that name the same one share its conversation. Else one of the phase's own."""
    continuations: Annotated[int, Field(ge=0, le=10)] = 2
    """How often it is asked again in the same conversation for a decision that it left out."""


class CommandWork(Part):
    """A program; no shell reads its arguments."""

    run: Annotated[list[Template], Field(min_length=1, max_length=200)]
    """The program and its arguments, each a template."""
    environment: Annotated[dict[str, Template], Field(max_length=50)] = Field(default_factory=dict[str, Template])
    """Variables beside the allow-listed ones."""
    directory: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    """Where it runs, relative to the run's directory and inside it."""
    success: list[Annotated[int, Field(ge=0, le=255)]] = Field(default_factory=lambda: [0])
    """Exit codes that mean `advance`."""
    failed: Identifier | None = None
    """The verdict of other exit codes: else `rework` where the phase has a route for it, else `fail`."""
    output: Literal["text", "json"] = "text"
    """`json`: standard output is one JSON document; its `decision`, if it has one, is the phase's decision."""


class ManualWork(Part):
    """A question to a person; the run waits without a process until somebody decides."""

    question: Template
    """What the person reads."""
    note: bool = False
    """A decision needs a note."""
    expires: Duration | None = None
    """After this time without a decision the answer is no; else `approval_seconds`."""


class NestedWork(Part):
    """Another definition of the same project, as one phase."""

    name: Identifier
    """Which one. It may not lead back to this one."""
    inputs: dict[Variable, Any] = Field(default_factory=dict[str, Any])
    """Its inputs; text in them is a template."""


class ParallelWork(Part):
    """Phases that run side by side; the phase is over when all are."""

    phases: Annotated[list[Phase], Field(min_length=1, max_length=50)]
    """The branches."""
    at_most: Annotated[int, Field(ge=1, le=50)] = 8
    """How many at once."""


class MapWork(Part):
    """The same phase for each item of a list."""

    over: Expression
    """The list, at most 500 items."""
    name: Variable = "item"
    """What the phase's templates call the item; its number is `index`, from 0."""
    phase: Phase
    """What is done for each."""
    at_most: Annotated[int, Field(ge=1, le=50)] = 8
    """How many at once."""


class Contract(Part):
    """What a phase's decision must hold; one that does not is sent back to its maker with what it lacks.

    It is asked of `advance` and of the phase's own verdicts: `rework`, `skip` and `fail` say that there is no result.
    """

    evidence: list[Identifier] = Field(default_factory=list[str])
    """Kinds of evidence that must be there."""
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """The least confidence."""
    risk: Risk | None = None
    """The greatest risk."""
    output: dict[str, Any] | None = None
    """A JSON Schema that the phase's output must fit. An agent then answers with a JSON document in its decision's `output`."""


class Route(Part):
    """Where a verdict leads."""

    to: Identifier | None = None
    """The phase that is next: an earlier one is done again from there. Else the verdict's own meaning."""
    at_most: Annotated[int, Field(ge=0, le=50)] = REWORKS
    """How often this leads back to that phase, before a person is asked."""


class Retry(Part):
    """What is tried again by itself."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """How often in all."""
    on: list[Identifier] = Field(default_factory=lambda: ["timeout", "model-error", "agent-ended"])
    """The failures that pass: an error's code, with dashes. A verdict is no failure."""
    delay: Duration = 1.0
    """The pause before the second attempt; doubled before each further one."""


class Worktree(Part):
    """A git worktree for a phase or a run, on a branch of its own."""

    base: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")] | None = None
    """What the branch begins at; else the run's own branch or what is checked out."""
    keep: bool = True
    """It stays after the run. A clean and merged one may be removed; uncommitted work never is."""


class Budget(Part):
    """What a run may use; looked at before every phase and every turn."""

    turns: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Turns of agents."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Input and output tokens, as far as agents tell."""
    cost: Annotated[float, Field(gt=0)] | None = None
    """US dollars, as far as agents tell."""
    time: Duration | None = None
    """From the run's start, waiting for people not counted."""
    exceeded: Literal["ask", "fail"] = "ask"
    """Ask a person whether as much again may be used, or fail."""


class Phase(Part):
    """One step. Exactly one of `agent`, `command`, `manual`, `workflow`, `parallel` and `map` says what is done."""

    id: Identifier
    """Unique among its neighbours; templates call it `phases.<id>`, with underscores for dashes."""
    description: str = ""
    """For people."""
    agent: AgentWork | None = None
    command: CommandWork | None = None
    manual: ManualWork | None = None
    workflow: NestedWork | None = None
    parallel: ParallelWork | None = None
    map: MapWork | None = None
    skip_if: Expression | None = None
    """The phase is skipped when this holds."""
    verdicts: list[Identifier] = Field(default_factory=list[str])
    """Own verdicts beside `advance`, `rework`, `skip` and `fail`; each needs a route."""
    routes: dict[Identifier, Route | Identifier] = Field(default_factory=dict[str, "Route | str"])
    """Where verdicts lead: a phase's id, or `{to, at_most}`."""
    contract: Contract | None = None
    timeout: Duration | None = None
    """The longest that one attempt takes, waiting for a person not counted."""
    retry: Retry | None = None
    effect: Effect | None = None
    """`idempotent` may be done again after a crash; `side-effecting` only when a person says so. Else side-effecting, but for
    phases that only ask (`manual`)."""
    worktree: bool | Worktree = False
    """Do it in a git worktree of its own."""

    @property
    def kind(self) -> Kind:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def variable(self) -> str:
        """What templates call it."""
        return self.id.replace("-", "_")

    def route(self, verdict: str) -> Route | None:
        """Where a verdict leads, if the phase says so."""
        found = self.routes.get(verdict)
        return Route(to=found) if isinstance(found, str) else found


class Defaults(Part):
    """What phases have that do not say otherwise."""

    profile: Identifier | None = None
    """Who agents are."""
    provider: Identifier | None = None
    """How agents are run."""
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """The model of agents."""
    timeout: Duration | None = None
    """The longest that one attempt of an agent or a command takes."""
    effect: Effect | None = None
    """Whether agents and commands may be done again."""


class Definition(Part):
    """A workflow: phases in their order, and what runs of it take and give."""

    name: Identifier
    """Unique in its project; the file is called after it."""
    description: str = ""
    """What it is for, in a sentence."""
    inputs: dict[Variable, Input] = Field(default_factory=dict[str, Input])
    defaults: Defaults = Defaults()
    budget: Budget | None = None
    worktree: bool | Worktree = False
    """Do the whole run in a git worktree of its own."""
    phases: Annotated[list[Phase], Field(max_length=MOST_PHASES)] = Field(default_factory=list[Phase])
    flow: Entry | None = None
    """Instead of phases: a Prefect flow, as `module:function` or `file.py:function` inside the project."""
    outputs: dict[Variable, Template] = Field(default_factory=dict[str, Template])
    """What a finished run gives: a template for each name."""

    def phase(self, id: str) -> Phase | None:
        """The phase of the first level with this id."""
        return next((phase for phase in self.phases if phase.id == id), None)


ParallelWork.model_rebuild()
MapWork.model_rebuild()
