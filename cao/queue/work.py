"""What an item asks for when its turn has come: which operation, and with which fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cao.protocol import REGISTRY, Operation, Request
from cao.protocol.queue import ItemKind
from cao.protocol.tasks import Task
from cao.store import Reader, tasks
from cao.store.dispatches import Claim


class Work(NamedTuple):
    """An operation and its request."""

    operation: Operation
    request: Request


def of(reader: Reader, claim: Claim) -> Work:
    """What starts a claimed item. Its key makes it one run, whoever asks and how often."""
    task = tasks.get(reader, claim.subject or "") if claim.kind == "task" else None
    operation = starter(claim.kind, task)
    known = {**claim.launch, **(_fields_of(task, claim.launch) if task else {})}
    marks = {"idempotency_key": f"queue:{claim.id}", "labels": {"queue": claim.id, **({"task": task.id} if task else {})}}
    fields = {name: value for name, value in {**known, **marks}.items() if name in operation.request.model_fields}
    return Work(operation, operation.parse(fields))


def starter(kind: ItemKind, task: Task | None = None) -> Operation:
    """The operation that starts such an item. task: the one that it is for."""
    names: Mapping[ItemKind, str] = {"workflow": "workflow.run", "requirement": "requirement.execute"}
    return REGISTRY[names.get("workflow" if task and task.workflow else kind, "session.launch")]


def _fields_of(task: Task, launch: Mapping[str, Any]) -> dict[str, Any]:
    """A task as it stands now: it may have been rewritten while it waited."""
    if task.workflow:
        return {"definition": task.workflow, "inputs": told(task, launch.get("inputs", ()))}
    return {"prompt": prompt_of(task)}


def told(task: Task, inputs: Iterable[str]) -> dict[str, str]:
    """What a workflow is told of the task that it is run for, as far as it declares these inputs."""
    known = {"task": task.id, "title": task.title, "description": task.description}
    return {name: known[name] for name in inputs if name in known}


def prompt_of(task: Task) -> str:
    """A task in words, for an agent that works on it alone."""
    steps = [f"- [{'x' if item.done else ' '}] {item.text}" for item in task.checklist]
    parts = [f"# {task.title}", task.description.strip(), "\n".join(steps)]
    return "\n\n".join(part for part in parts if part)
