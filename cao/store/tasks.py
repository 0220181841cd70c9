"""Tasks: the work items of people and agents. Their status moves here and nowhere else, as `TASK_MACHINE` allows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cao.events import RunFailed, TaskAssigned, TaskCreated, TaskDeleted, TaskMoved, TaskUpdated
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.records import Event
from cao.protocol.tasks import FINAL, LIST_LIMIT, TASK_MACHINE, ChecklistItem, Priority, Risk, Task, TaskKind, TaskStatus

from . import requirements
from .pages import page
from .transaction import Reader, Transaction

REASON_LIMIT = 500
"""The longest reason for standing still, in characters; the rest of a run's failure is with the run."""

SETTLING: Mapping[str, TaskStatus] = {"run.completed": "done", "run.failed": "blocked", "run.cancelled": "blocked"}
"""Where the end of its run moves a task that is in progress."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a task is made of."""

    title: str
    project_id: str | None = None
    description: str = ""
    kind: TaskKind = "feature"
    status: TaskStatus = "backlog"
    priority: Priority = "medium"
    risk: Risk | None = None
    deadline: float | None = None
    agent: str | None = None
    person: str | None = None
    labels: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()
    requirement_id: str | None = None
    workflow: str | None = None


def add(tx: Transaction, new: NewTask) -> Task:
    """Add a task."""
    id = tx.new_id("tsk")
    tx.insert(
        "tasks",
        id=id,
        project_id=new.project_id,
        title=new.title,
        description=new.description,
        kind=new.kind,
        status=new.status,
        priority=new.priority,
        risk=new.risk,
        deadline=new.deadline,
        agent=new.agent,
        person=new.person,
        labels=list(new.labels),
        checklist=[{"id": number, "text": text, "done": False} for number, text in enumerate(new.checklist, 1)],
        requirement_id=new.requirement_id,
        workflow=new.workflow,
        version=1,
        created_by=tx.actor,
        created_at=tx.now,
        updated_at=tx.now,
    )
    links = {"project_id": new.project_id, "requirement_id": new.requirement_id}
    tx.emit(TaskCreated(task_id=id, title=new.title, status=new.status, **links))
    return get(tx, id)


def get(reader: Reader, reference: str) -> Task:
    """The task with this id. Raises `NotFound`."""
    found = reader.one(Task, "SELECT * FROM task_records WHERE id = ?", (reference,))
    if found is None:
        raise NotFound(f"no task {reference!r}; see: cao task list", task=reference)
    return found


def expect(reader: Reader, reference: str, version: int | None = None) -> Task:
    """The task, if it is still at `version`. Raises `NotFound` or `Conflict`."""
    task = get(reader, reference)
    if version is not None and task.version != version:
        raise Conflict(
            f"task {task.id} was changed meanwhile: it is at version {task.version}, not {version}; "
            f"look again: cao task get {task.id}",
            version=task.version,
            expected=version,
        )
    return task


def list_page(reader: Reader, request: ListRequest, filters: Mapping[str, Any]) -> Page[Task]:
    return page(reader, Task, "task_records", request, filters)


def history(reader: Reader, request: ListRequest, reference: str) -> Page[Event]:
    """What the log tells of a task, newest first; of a deleted one too. Raises `NotFound` for one that never was."""
    found = page(reader, Event, "task_events", request, {"task_id": reference}, key="seq")
    if not found.items and request.cursor is None:
        get(reader, reference)
    return found


def update(tx: Transaction, task: Task, changes: Mapping[str, Any]) -> Task:
    """Change columns that need no rule of their own; those that have the value already are left out. Times are in seconds."""
    now = task.model_dump(mode="python")
    new = {name: value for name, value in changes.items() if _stored(now[name]) != value}
    if not new:
        return task
    _write(tx, task, **new)
    tx.emit(TaskUpdated(task_id=task.id, title=new.get("title", task.title), changes=_told(new)))
    return get(tx, task.id)


def _stored(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else value


def _told(changes: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(changes)
    if "description" in told:
        told["description"] = f"({len(told['description'])} characters)"
    if told.get("deadline"):
        told["deadline"] = datetime.fromtimestamp(told["deadline"], UTC).isoformat()
    return told


def assign(tx: Transaction, task: Task, *, agent: str | None, person: str | None) -> Task:
    """Give it to an agent or a person, or to nobody."""
    if (task.agent, task.person) == (agent, person):
        return task
    _write(tx, task, agent=agent, person=person)
    tx.emit(TaskAssigned(task_id=task.id, title=task.title, agent=agent, person=person))
    return get(tx, task.id)


def tick_off(tx: Transaction, task: Task, checklist: list[ChecklistItem]) -> Task:
    """Replace the checklist. Raises `Conflict` when it is too long."""
    if len(checklist) > LIST_LIMIT:
        raise Conflict(f"task {task.id} has {LIST_LIMIT} checklist items; make another task: cao task create", limit=LIST_LIMIT)
    items = [item.model_dump() for item in checklist]
    _write(tx, task, checklist=items)
    tx.emit(TaskUpdated(task_id=task.id, title=task.title, changes={"checklist": items}))
    return get(tx, task.id)


def move(
    tx: Transaction,
    task: Task,
    status: TaskStatus,
    *,
    verb: str = "status",
    run_id: str | None = None,
    reason: str | None = None,
) -> Task:
    """Move a task's status. Raises `Conflict` for a move that is not in the table, or that a dependency forbids.

    The task is read again, so that one who looked before the transaction moves it only from where it stands now.
    verb: who asks; see the table. run_id: the run that works on it from now on, or that ended. reason: why it stands still.
    """
    task = get(tx, task.id)
    TASK_MACHINE.check(task.id, task.status, status, verb)
    if status == "in-progress":
        require_met(tx, task)
    _write(
        tx,
        task,
        status=status,
        run_id=run_id or task.run_id,
        blocked_reason=reason if status in ("blocked", "on-hold") else None,
        started_at=tx.now if status == "in-progress" and not task.started_at else _stored(task.started_at),
        settled_at=tx.now if status in FINAL else None,
    )
    tx.emit(TaskMoved(task_id=task.id, run_id=run_id, title=task.title, was=task.status, status=status, reason=reason))
    if task.requirement_id:
        requirements.follow(tx, task.requirement_id)
    return get(tx, task.id)


def require_met(reader: Reader, task: Task) -> None:
    """Raise `Conflict` that names what a task waits for: what it depends on and is not done."""
    waits = [{"task": one.task, "status": one.status} for one in task.depends_on if unmet(one.kind, one.status)]
    if waits:
        names = ", ".join(f"{one['task']} ({one['status']})" for one in waits)
        raise Conflict(
            f"task {task.id} cannot begin before what it depends on is done: {names}; "
            f"finish that, or: cao dependency remove {task.id} {waits[0]['task']}",
            status=task.status,
            wanted="in-progress",
            allowed=[target for target in TASK_MACHINE.targets(task.status) if target != "in-progress"],
            waits_for=waits,
        )


def unmet(kind: str, status: TaskStatus) -> bool:
    """Whether a dependency of this kind on a task that stands so keeps another from beginning."""
    return kind == "blocks" and status != "done"


def settle_run(tx: Transaction, event: Event) -> None:
    """A recorder: the end of its run moves a task that is still in progress, in the transaction that ends the run."""
    status = SETTLING.get(event.type)
    if status is None:
        return
    for row in tx.rows("SELECT id FROM tasks WHERE run_id = ? AND status = 'in-progress'", (event.run_id,)):
        move(tx, get(tx, row["id"]), status, run_id=event.run_id, reason=_reason(event))


def _reason(event: Event) -> str | None:
    if event.type == "run.failed":
        failure = RunFailed.of(event).failure
        return f"[{failure.code}] {failure.message}"[:REASON_LIMIT]
    return "its run was cancelled" if event.type == "run.cancelled" else None


def delete(tx: Transaction, task: Task) -> None:
    """Forget a task. Raises `Conflict` while work is under way at it or other tasks wait for it."""
    if task.status == "in-progress":
        raise Conflict(f"task {task.id} is in progress; first: cao task cancel {task.id}", status=task.status)
    sql = "SELECT task_id FROM task_dependencies WHERE on_id = ? AND kind = 'blocks' ORDER BY task_id LIMIT 20"
    if waiting := [row["task_id"] for row in tx.rows(sql, (task.id,))]:
        raise Conflict(
            f"task {task.id} is needed by {', '.join(waiting)}; first: cao dependency remove {waiting[0]} {task.id}",
            needed_by=waiting,
        )
    tx.execute("DELETE FROM task_dependencies WHERE task_id = ? OR on_id = ?", (task.id, task.id))
    tx.execute("DELETE FROM tasks WHERE id = ?", (task.id,))
    tx.emit(TaskDeleted(task_id=task.id, title=task.title))


def touch(tx: Transaction, task: Task, changes: Mapping[str, Any]) -> Task:
    """Note a change in another table that is part of the task's record."""
    _write(tx, task)
    tx.emit(TaskUpdated(task_id=task.id, title=task.title, changes=json.loads(json.dumps(changes))))
    return get(tx, task.id)


def _write(tx: Transaction, task: Task, **columns: Any) -> None:
    tx.update("tasks", task.id, **columns, version=task.version + 1, updated_at=tx.now)
