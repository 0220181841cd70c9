"""Dependencies between tasks: what must be done before something else can begin."""

from __future__ import annotations

from cao.protocol import DestructiveRequest, Reference, operation
from cao.protocol.tasks import DependencyKind, Task
from cao.store import Transaction, dependencies, tasks

from .context import Context
from .task import ChangeTask, Version


class AddDependency(ChangeTask):
    """Which task, and what it depends on."""

    other: Reference
    """The id of the task that it depends on."""
    kind: DependencyKind = "blocks"
    """`blocks`: it cannot begin before the other is done. `related`: good to know."""


@operation(
    "dependency.add",
    path="/tasks/{task}/dependencies",
    effect="write",
    positional=("task", "other"),
    example={"task": "tsk_000000000", "other": "tsk_000000001"},
)
async def add(ctx: Context, request: AddDependency) -> Task:
    """Let a task depend on another. A circle in which tasks block each other is a conflict whose details name the `cycle`."""

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        return dependencies.add(tx, task, tasks.get(tx, request.other), request.kind)

    return await ctx.transact(change, Task)


class RemoveDependency(DestructiveRequest):
    """Which task, and what it depends on no more."""

    task: Reference
    """Its id."""
    other: Reference
    """The id of the task that it depends on."""
    expect_version: Version | None = None
    """Change it only if it is still at this version; a conflict otherwise."""


@operation(
    "dependency.remove",
    path="/tasks/{task}/dependencies/{other}",
    effect="destructive",
    method="DELETE",
    example={"task": "tsk_000000000", "other": "tsk_000000001"},
)
async def remove(ctx: Context, request: RemoveDependency) -> Task:
    """Let a task depend on another no more."""

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        return dependencies.remove(tx, task, request.other)

    return await ctx.transact(change, Task)
