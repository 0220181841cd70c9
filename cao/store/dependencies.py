"""What tasks depend on. Tasks that block each other in a circle could never begin, so circles are refused."""

from __future__ import annotations

import json

from cao.protocol import Conflict
from cao.protocol.tasks import LIST_LIMIT, DependencyKind, Task

from . import tasks
from .transaction import Reader, Transaction

_BLOCKED_BY = (
    "SELECT task_id, on_id FROM task_dependencies WHERE kind = 'blocks' AND task_id IN (SELECT value FROM json_each(?))"
)


def add(tx: Transaction, task: Task, other: Task, kind: DependencyKind) -> Task:
    """Let `task` depend on `other`; the kind of a dependency that is there is changed. Raises `Conflict` for a circle."""
    if any((one.task, one.kind) == (other.id, kind) for one in task.depends_on):
        return task
    if len(task.depends_on) >= LIST_LIMIT:
        raise Conflict(f"task {task.id} depends on {LIST_LIMIT} tasks already; give it fewer", limit=LIST_LIMIT)
    _refuse_circle(tx, task, other, kind)
    tx.execute(
        "INSERT INTO task_dependencies (task_id, on_id, kind) VALUES (?, ?, ?) "
        "ON CONFLICT (task_id, on_id) DO UPDATE SET kind = excluded.kind",
        (task.id, other.id, kind),
    )
    return tasks.touch(tx, task, {"depends_on": {"added": other.id, "kind": kind}})


def remove(tx: Transaction, task: Task, other_id: str) -> Task:
    """Let `task` depend on another no more. Raises `Conflict` when it does not."""
    if not tx.execute("DELETE FROM task_dependencies WHERE task_id = ? AND on_id = ?", (task.id, other_id)):
        raise Conflict(f"task {task.id} does not depend on {other_id}; see: cao task get {task.id}", depends_on=other_id)
    return tasks.touch(tx, task, {"depends_on": {"removed": other_id}})


def _refuse_circle(reader: Reader, task: Task, other: Task, kind: DependencyKind) -> None:
    path = [other.id] if other.id == task.id else _path(reader, other.id, task.id) if kind == "blocks" else None
    if path is not None:
        circle = [task.id, *path]
        raise Conflict(
            f"that would be a circle in which no task can begin: {' → '.join(circle)}; first remove a dependency of it",
            cycle=circle,
        )


def _path(reader: Reader, start: str, goal: str) -> list[str] | None:
    """The way from `start` to `goal` along what blocks what, both included; each task is looked at once."""
    came_from: dict[str, str] = {}
    edge = [start]
    while edge and goal not in came_from:
        found = {row["on_id"]: row["task_id"] for row in reader.rows(_BLOCKED_BY, (json.dumps(edge),))}
        new = [on for on in found if on not in came_from and on != start]
        came_from.update((on, found[on]) for on in new)
        edge = new
    if goal not in came_from:
        return None
    way = [goal]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
