"""History: what was asked of whom, what came of it, and the words in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from cao.protocol import DestructiveRequest, ListRequest, NotFound, Page, Reference, operation
from cao.protocol.history import Cleaned, HistoryKind, HistoryRecord, HistoryState, Hit
from cao.protocol.schedules import Interval
from cao.schedules.timing import seconds
from cao.store import Transaction, history, sessions, tasks
from cao.store.history import Filter, Order

from .context import Context
from .moments import instant
from .scope import only_project

Words = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class Chosen(ListRequest):
    """Which records."""

    kind: HistoryKind | None = None
    """Only turns of agents, only runs of workflows, or only tasks."""
    state: HistoryState | None = None
    """Only runs in this state, or tasks with this status."""
    session: Reference | None = None
    """Only those of this session: its id or name."""
    project: Reference | None = None
    """Only those of this project: its id or name."""
    since: datetime | None = None
    """Only those made at this time or later. In UTC where it has no zone."""
    until: datetime | None = None
    """Only those made before this time. In UTC where it has no zone."""


class ListRecent(Chosen):
    """Which records."""


@operation("history.recent", path="/history", errors=(NotFound,), example={"kind": "turn", "limit": 10}, positional=())
async def recent(ctx: Context, request: ListRecent) -> Page[HistoryRecord]:
    """List what was asked and what came of it, newest first: turns of agents, runs of workflows, tasks."""
    return history.recent(ctx.store.read(), request, _filter(ctx, request))


def _filter(ctx: Context, request: Chosen) -> Filter:
    reader = ctx.store.read()
    return Filter(
        kind=request.kind,
        state=request.state,
        session_id=sessions.get(reader, request.session, terminals_too=False).id if request.session else None,
        project_id=only_project(ctx, request.project),
        since=instant("since", request.since) if request.since else None,
        until=instant("until", request.until) if request.until else None,
    )


class SearchHistory(Chosen):
    """What to look for, and where."""

    words: Words
    """All of these words must be there; "several words" in quotes as they stand, `word*` as a beginning."""
    order: Order = "newest"
    """The newest first, or the best match first (among the 5,000 newest matches)."""


@operation(
    "history.search",
    path="/search/history",
    errors=(NotFound,),
    positional=("words",),
    example={"words": '"connection reset" retry*', "state": "failed"},
)
async def search(ctx: Context, request: SearchHistory) -> Page[Hit]:
    """Find work by the words in its prompt, its answer, its failure and its names. Marks stand around what was found."""
    return history.search(ctx.store.read(), request, request.words, _filter(ctx, request), request.order)


class ListForTask(ListRequest):
    """Which task."""

    task: Reference
    """Its id."""


@operation("history.task", path="/tasks/{task}/runs", example={"task": "tsk_000000000"})
async def task(ctx: Context, request: ListForTask) -> Page[HistoryRecord]:
    """List the runs that were started for a task, newest first, and what came of each."""
    reader = ctx.store.read()
    return history.recent(reader, request, Filter(task_id=tasks.get(reader, request.task).id, runs_only=True))


class CleanHistory(DestructiveRequest):
    """What to forget."""

    older_than: Interval = "90d"
    """Records of runs that were settled longer ago than this, such as `90d` or `12h`."""
    keep: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    """The newest so many records stay, however old."""


@operation(
    "history.cleanup",
    path="/history/cleanup",
    effect="destructive",
    status=200,
    positional=(),
    example={"older_than": "90d", "keep": 1000, "dry_run": True},
)
async def cleanup(ctx: Context, request: CleanHistory) -> Cleaned:
    """Forget old records of history, so that searching stays quick and its part of the store small.

    Runs, sessions, transcripts and the event log stay. Records of tasks go with their tasks.
    """

    def change(tx: Transaction) -> Cleaned:
        done = history.clean(tx, tx.now - seconds(request.older_than), request.keep)
        return done.model_copy(update={"dry_run": request.dry_run})

    return await ctx.transact(change, Cleaned)
