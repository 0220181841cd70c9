"""Questions about many tasks at once: what comes next, how they stand, which of them are open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from cao.protocol.tasks import NextTask, Priority, Task, TaskKind, TaskStats, TaskStatus

from .migrations.tasks import URGENCY
from .transaction import Reader

OPEN = "status NOT IN ('done', 'cancelled')"
_WAITING = """EXISTS (SELECT 1 FROM task_dependencies d JOIN tasks o ON o.id = d.on_id
    WHERE d.task_id = t.id AND d.kind = 'blocks' AND o.status != 'done')"""


class Scope:
    """Some tasks, as conditions of a query on `tasks t`."""

    def __init__(self, **columns: str | None) -> None:
        """columns: those that must have a value. `project_id` may also be empty, for tasks of no project."""
        self._conditions: list[str] = []
        self._values: list[Any] = []
        for column, value in columns.items():
            if value is not None:
                self._conditions.append(f"coalesce(t.{column}, '') = ?")
                self._values.append(value)

    def where(self, *conditions: str) -> str:
        return " AND ".join((*self._conditions, *conditions)) or "1"

    @property
    def values(self) -> Sequence[Any]:
        return self._values


def next_up(reader: Reader, scope: Scope) -> NextTask:
    """The most urgent ready task whose dependencies are met: by priority, then deadline, then age."""
    ready = scope.where("t.status = 'ready'")
    order = f"{URGENCY}, coalesce(deadline, 1e12), n"
    sql = f"SELECT id FROM tasks t WHERE {ready} AND NOT {_WAITING} ORDER BY {order} LIMIT 1"  # noqa: S608 - values are bound
    found = reader.row(sql, scope.values)
    task = reader.one(Task, "SELECT * FROM task_records WHERE id = ?", (found["id"],)) if found else None
    return NextTask(task=task, ready=_count(reader, scope, "t.status = 'ready'"), waiting=_waiting(reader, scope))


def stats(reader: Reader, scope: Scope, now: float, stale_after: float) -> TaskStats:
    """Numbers of a scope. stale_after: seconds without a change."""
    status = _grouped(reader, scope, "status", get_args(TaskStatus))
    return TaskStats(
        total=sum(status.values()),
        status=status,
        priority=_grouped(reader, scope, "priority", get_args(Priority), OPEN),
        kind=_grouped(reader, scope, "kind", get_args(TaskKind), OPEN),
        overdue=_count(reader, scope, OPEN, "t.deadline < ?", values=(now,)),
        stale=_count(reader, scope, "t.status = 'in-progress'", "t.updated_at < ?", values=(now - stale_after,)),
        waiting=_waiting(reader, scope),
    )


def open_tasks(reader: Reader, scope: Scope, limit: int) -> list[Task]:
    """The open tasks of a scope, the most urgent first."""
    order = f"{URGENCY}, coalesce(deadline, 1e12), n"
    sql = f"SELECT * FROM task_records t WHERE {scope.where(OPEN)} ORDER BY {order} LIMIT ?"  # noqa: S608 - values are bound
    return reader.all(Task, sql, (*scope.values, limit))


def _waiting(reader: Reader, scope: Scope) -> int:
    return _count(reader, scope, "t.status = 'ready'", _WAITING)


def _count(reader: Reader, scope: Scope, *conditions: str, values: Sequence[Any] = ()) -> int:
    sql = f"SELECT count(*) FROM tasks t WHERE {scope.where(*conditions)}"  # noqa: S608 - values are bound
    return reader.number(sql, (*scope.values, *values))


def _grouped(reader: Reader, scope: Scope, column: str, names: Sequence[str], *conditions: str) -> dict[str, int]:
    where = scope.where(*conditions)
    sql = f"SELECT {column} AS name, count(*) AS number FROM tasks t WHERE {where} GROUP BY {column}"  # noqa: S608
    found = {row["name"]: row["number"] for row in reader.rows(sql, scope.values)}
    return {name: found.get(name, 0) for name in names}


def newest(reader: Reader, scope: str | None, limit: int) -> list[Task]:
    """The newest tasks of a scope, or of all where it is None; oldest first."""
    chosen = Scope(project_id=scope)
    sql = f"SELECT * FROM task_records t WHERE {chosen.where()} ORDER BY n DESC LIMIT ?"  # noqa: S608 - values are bound
    return reader.all(Task, sql, (*chosen.values, limit))[::-1]
