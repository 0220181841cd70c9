"""Requirements: what a project wants, from which tasks are drafted."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import Field

from cao.protocol import (
    CaoError,
    Conflict,
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    Name,
    NotFound,
    Page,
    Reference,
    Request,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.requirements import (
    REQUIREMENT_MACHINE,
    Criteria,
    DraftedTask,
    Execution,
    Need,
    Refinement,
    Requirement,
    RequirementGraph,
    RequirementStatus,
)
from cao.protocol.tasks import LIST_LIMIT, Body, Line
from cao.store import Transaction, requirements, task_plans, tasks
from cao.tasks.drafting import drafts
from cao.tasks.graph import build
from cao.tasks.proposals import RequirementProposal

from .context import Context
from .refining import Refine, Wanted, ask_agent
from .scope import project_id, scope
from .task import Version

GRAPH_LIMIT = 500
"""How many requirements, and how many tasks, a graph holds."""

Clearable = Literal["source", "acceptance"]


class CreateRequirement(WriteRequest):
    """What is wanted."""

    title: Line
    """One line that says it."""
    body: Body = ""
    """All there is to know, in Markdown."""
    priority: Need = "should"
    """How much it is needed."""
    acceptance: Criteria = Field(default_factory=list[str])
    """When it is met: lines that can be checked one by one."""
    source: Line | None = None
    """Where it comes from: a person, a document, an address."""
    project: Reference | None = None
    """The project that wants it; the current one unless given."""


@operation(
    "requirement.create",
    path="/requirements",
    effect="write",
    positional=("title",),
    errors=(NotFound,),
    example={"title": "Notes can be found by what they say", "priority": "must", "acceptance": ["A search takes no second"]},
)
async def create(ctx: Context, request: CreateRequirement) -> Requirement:
    """Write down what is wanted, as a draft."""
    project = project_id(ctx, request.project)
    fields = request.model_dump(exclude={"idempotency_key", "project"})
    return await ctx.transact(lambda tx: requirements.add(tx, project_id=project, **fields), Requirement)


class ListRequirements(ListRequest):
    """Which requirements."""

    status: RequirementStatus | None = None
    """Only those in this status."""
    priority: Need | None = None
    """Only those that are needed so much."""
    project: Reference | None = None
    """Only those of this project; the current one unless given."""
    everywhere: bool = False
    """Those of all projects, and of none."""


@operation("requirement.list", path="/requirements", positional=(), errors=(NotFound,), example={"priority": "must"})
async def list_requirements(ctx: Context, request: ListRequirements) -> Page[Requirement]:
    """List the requirements of a project, newest first."""
    within = scope(ctx, request.project, everywhere=request.everywhere)
    filters = {"status": request.status, "priority": request.priority, "scope": within}
    return requirements.list_page(ctx.store.read(), request, filters)


class GetRequirement(Request):
    """Which requirement."""

    requirement: Reference
    """Its id."""


@operation("requirement.get", path="/requirements/{requirement}", example={"requirement": "req_000000000"})
async def get_requirement(ctx: Context, request: GetRequirement) -> Requirement:
    """Show one requirement, with its tasks and its last refinement."""
    return requirements.get(ctx.store.read(), request.requirement)


class UpdateRequirement(WriteRequest):
    """Which requirement, and what to change. What is not given stays as it is."""

    requirement: Reference
    """Its id."""
    title: Line | None = None
    """One line that says what is wanted."""
    body: Body | None = None
    """All there is to know, in Markdown."""
    priority: Need | None = None
    """How much it is needed."""
    acceptance: Criteria | None = None
    """When it is met; these lines replace those that it has."""
    source: Line | None = None
    """Where it comes from."""
    status: RequirementStatus | None = None
    """Move it there, as the table of its moves allows."""
    clear: Annotated[list[Clearable], Field(max_length=2)] = Field(default_factory=list[Clearable])
    """Fields to empty."""
    expect_version: Version | None = None
    """Change it only if it is still at this version; a conflict otherwise."""


@operation(
    "requirement.update",
    path="/requirements/{requirement}",
    effect="write",
    method="PUT",
    example={"requirement": "req_000000000", "status": "refined"},
)
async def update(ctx: Context, request: UpdateRequirement) -> Requirement:
    """Change what a requirement says, and move its status."""

    def change(tx: Transaction) -> Requirement:
        found = requirements.expect(tx, request.requirement, request.expect_version)
        changed = requirements.update(tx, found, _changes(request))
        return requirements.move(tx, changed, request.status) if request.status else changed

    return await ctx.transact(change, Requirement)


def _changes(request: UpdateRequirement) -> dict[str, object]:
    columns = {"title", "body", "priority", "acceptance", "source"}
    given = request.model_dump(include=columns, exclude_none=True)
    for name in request.clear:
        if name in given:
            raise InvalidInput.field("clear", f"empties {name}, which is given as well")
        given[name] = [] if name == "acceptance" else None
    return given


class DeleteRequirement(DestructiveRequest):
    """Which requirement."""

    requirement: Reference
    """Its id."""
    expect_version: Version | None = None
    """Delete it only if it is still at this version; a conflict otherwise."""


@operation(
    "requirement.delete",
    path="/requirements/{requirement}",
    effect="destructive",
    method="DELETE",
    example={"requirement": "req_000000000", "dry_run": True},
)
async def delete(ctx: Context, request: DeleteRequirement) -> Requirement:
    """Delete a requirement. Its tasks stay, and serve it no more."""

    def change(tx: Transaction) -> Requirement:
        found = requirements.expect(tx, request.requirement, request.expect_version)
        requirements.delete(tx, found)
        return found

    return await ctx.transact(change, Requirement)


class RefineRequirement(Refine):
    """Which requirement, who does it, and what to mind."""

    requirement: Reference
    """Its id."""


@operation(
    "requirement.refine",
    path="/requirements/{requirement}/refine",
    effect="write",
    errors=(Unavailable,),
    example={"requirement": "req_000000000", "profile": "developer", "provider": "scripted", "notes": "Name the numbers."},
)
async def refine(ctx: Context, request: RefineRequirement) -> Refinement:
    """Let an agent rewrite a requirement: its title, its body and its acceptance criteria.

    Returns at once with the run that does it. When that completes, its text replaces the requirement's, and a draft is refined,
    unless somebody changed the requirement meanwhile.
    """
    found = requirements.get(ctx.store.read(), request.requirement)
    if found.status in ("done", "rejected"):
        raise _settled(found)
    document = found.model_dump(include={"title", "body", "priority", "acceptance", "source"})
    wanted = Wanted("requirement", RequirementProposal, document, found.version, found.project_id, found.id)
    return await ask_agent(ctx, request, wanted)


def _settled(found: Requirement) -> Conflict:
    way = REQUIREMENT_MACHINE.targets(found.status)
    return Conflict(
        f"requirement {found.id} is {found.status}; first: cao requirement update {found.id} --status {way[0]}",
        status=found.status,
        allowed=list(way),
    )


class ExecuteRequirement(WriteRequest):
    """Which requirement, and what its tasks are."""

    requirement: Reference
    """Its id."""
    titles: Annotated[list[Line], Field(max_length=LIST_LIMIT)] = Field(default_factory=list[str])
    """What each task is called; one for each acceptance criterion unless given."""
    agent: Name | None = None
    """The profile of the agent that the tasks are for."""
    workflow: Name | None = None
    """The workflow to run for each of them."""
    start: bool = False
    """Put those that are ready into the queue."""
    provider: Name | None = None
    """With `start`: how their agents are run; the profile's choice unless given."""


@operation(
    "requirement.execute",
    path="/requirements/{requirement}/execute",
    effect="write",
    status=200,
    example={"requirement": "req_000000000"},
)
async def execute(ctx: Context, request: ExecuteRequirement) -> Execution:
    """Draft the tasks of a requirement, ready to begin, and with `start` put them into the queue.

    A task is made once: asked again, those that have the same title are taken as they are.
    """
    if request.start:
        ctx.caller.require("queue:write")
    drafted = await ctx.transact(lambda tx: _draft(tx, request), Execution)
    if not request.start:
        return drafted
    return drafted.model_copy(update={"tasks": [await _start(ctx, request, one) for one in drafted.tasks]})


def _draft(tx: Transaction, request: ExecuteRequirement) -> Execution:
    found = requirements.get(tx, request.requirement)
    if found.status in ("done", "rejected") or found.priority == "wont":
        raise _settled(found) if found.priority != "wont" else _unwanted(found)
    known = {task.title: task for task in (tasks.get(tx, id) for id in found.task_ids)}
    made: list[DraftedTask] = []
    for new in drafts(found, request.titles, agent=request.agent, workflow=request.workflow):
        created = new.title not in known
        task = known.setdefault(new.title, tasks.add(tx, new)) if created else known[new.title]
        made.append(DraftedTask(task=task, created=created))
    if found.status in ("draft", "refined"):
        requirements.move(tx, found, "planned")
    return Execution(requirement=requirements.get(tx, found.id), tasks=made)


def _unwanted(found: Requirement) -> Conflict:
    return Conflict(
        f"requirement {found.id} has the priority wont; first: cao requirement update {found.id} --priority could",
        priority=found.priority,
    )


async def _start(ctx: Context, request: ExecuteRequirement, drafted: DraftedTask) -> DraftedTask:
    task = tasks.get(ctx.store.read(), drafted.task.id)
    if task.status != "ready":
        return drafted.model_copy(update={"task": task, "why_not": f"it is {task.status}"})
    try:
        provider = None if task.workflow else request.provider
        item = await ctx.ask("queue.enqueue", task=task.id, provider=provider, **_key(request, task.id))
    except CaoError as error:
        return drafted.model_copy(update={"task": task, "why_not": error.message, "code": error.code})
    return drafted.model_copy(update={"task": task, "item_id": item.id})


def _key(request: ExecuteRequirement, task: str) -> dict[str, str]:
    if request.idempotency_key is None:
        return {}
    return {"idempotency_key": f"execute:{hashlib.sha256(request.idempotency_key.encode()).hexdigest()}:{task}"}


class GraphRequirements(Request):
    """Which part."""

    requirement: Reference | None = None
    """Only this requirement and its tasks."""
    project: Reference | None = None
    """Only those of this project; the current one unless given."""
    everywhere: bool = False
    """Those of all projects, and of none."""


@operation("requirement.graph", path="/graph/requirements", positional=("requirement",), errors=(NotFound,), example={})
async def graph(ctx: Context, request: GraphRequirements) -> RequirementGraph:
    """Show requirements, their tasks and what these depend on as a graph, also as a Mermaid flowchart."""
    reader = ctx.store.read()
    if request.requirement:
        one = requirements.get(reader, request.requirement)
        return build(
            [one], [tasks.get(reader, id) for id in one.task_ids[:GRAPH_LIMIT]], truncated=len(one.task_ids) > GRAPH_LIMIT
        )
    within = scope(ctx, request.project, everywhere=request.everywhere)
    found = requirements.newest(reader, within, GRAPH_LIMIT + 1)
    work = task_plans.newest(reader, within, GRAPH_LIMIT + 1)
    return build(found[-GRAPH_LIMIT:], work[-GRAPH_LIMIT:], truncated=max(len(found), len(work)) > GRAPH_LIMIT)
