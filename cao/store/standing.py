"""How a project stands: the first of everything that is not over, and how much there is of it."""

from __future__ import annotations

from datetime import UTC, datetime

from cao.protocol import ListRequest
from cao.protocol.records import Approval, Project, Run
from cao.protocol.standing import Standing
from cao.protocol.tasks import Task

from . import failures, pause, task_plans
from .failures import Wanted
from .migrations.tasks import URGENCY
from .task_plans import Scope
from .transaction import Reader

FIRST = 10
DAY = 86400.0
_HERE = "s.project_id IS :project"
_APPROVALS = f"FROM approvals a JOIN sessions s ON s.id = a.session_id WHERE a.state = 'pending' AND {_HERE}"
_RUNS = f"FROM runs r JOIN sessions s ON s.id = r.session_id WHERE r.state IN ('queued', 'running', 'waiting') AND {_HERE}"


def of(reader: Reader, project: Project | None, now: float) -> Standing:
    """How a project stands, or what belongs to none. now: in seconds since 1970."""
    here = {"project": project.id if project else None, "first": FIRST}
    scope = Scope(project_id=project.id if project else "")
    lately = Wanted(project_id=project.id if project else None, since=now - DAY, outside=project is None)
    return Standing(
        project=project,
        at=datetime.fromtimestamp(now, UTC),
        waiting_for_you=reader.all(Approval, f"SELECT a.* {_APPROVALS} ORDER BY a.n LIMIT :first", here),
        waiting_count=reader.number(f"SELECT count(*) {_APPROVALS}", here),
        in_progress=_tasks(reader, here, "in-progress"),
        blocked=_tasks(reader, here, "blocked"),
        next=task_plans.next_up(reader, scope).task,
        tasks=_counts(reader, "tasks", "status", here),
        runs=reader.all(Run, f"SELECT r.* {_RUNS} ORDER BY r.n LIMIT :first", here),
        run_count=reader.number(f"SELECT count(*) {_RUNS}", here),
        failed_lately=failures.list_page(reader, ListRequest(limit=FIRST), lately).items,
        failed_count=failures.count(reader, lately),
        queue=_counts(reader, "queue", "state", here, "stage < 2"),
        queue_paused=pause.current(reader) is not None,
        open_sessions=sum(_counts(reader, "sessions", "status", here, "status = 'open'").values()),
        worktrees=sum(_counts(reader, "worktrees", "state", here, "state != 'removed'").values()),
    )


def _tasks(reader: Reader, here: dict[str, str | int | None], status: str) -> list[Task]:
    sql = (
        "SELECT * FROM task_records WHERE status = :status AND project_id IS :project "  # noqa: S608 - the order is ours
        f"ORDER BY {URGENCY}, coalesce(deadline, 1e12), n LIMIT :first"
    )
    return reader.all(Task, sql, {**here, "status": status})


def _counts(reader: Reader, table: str, column: str, here: dict[str, str | int | None], condition: str = "1") -> dict[str, int]:
    sql = (
        f"SELECT {column} AS name, count(*) AS items FROM {table} "  # noqa: S608 - names are ours
        f"WHERE project_id IS :project AND {condition} GROUP BY 1"
    )
    return {row["name"]: row["items"] for row in reader.rows(sql, here)}
