"""Checklists: what to tick off in a task."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cao.protocol import NotFound, operation
from cao.protocol.tasks import ChecklistItem, Line, Task
from cao.store import Transaction, tasks

from .context import Context
from .task import ChangeTask


class AddItem(ChangeTask):
    """Which task, and what to tick off."""

    text: Line
    """One line."""


@operation(
    "checklist.add",
    path="/tasks/{task}/checklist",
    effect="write",
    positional=("task", "text"),
    example={"task": "tsk_000000000", "text": "Colours have enough contrast"},
)
async def add(ctx: Context, request: AddItem) -> Task:
    """Add an item to a task's checklist, at its end."""

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        item = ChecklistItem(id=len(task.checklist) + 1, text=request.text, done=False)
        return tasks.tick_off(tx, task, [*task.checklist, item])

    return await ctx.transact(change, Task)


class SetItem(ChangeTask):
    """Which item of which task, and how it stands."""

    item: Annotated[int, Field(ge=1, le=1000)]
    """Its number in the checklist."""
    done: bool = True
    """Whether it is ticked off."""
    text: Line | None = None
    """Another text."""


@operation(
    "checklist.set",
    path="/tasks/{task}/checklist",
    effect="write",
    method="PUT",
    idempotent=True,
    positional=("task", "item"),
    example={"task": "tsk_000000000", "item": 1, "done": True},
)
async def set_item(ctx: Context, request: SetItem) -> Task:
    """Tick an item of a checklist off, or with `done` false back on; its text can be changed as well."""

    def change(tx: Transaction) -> Task:
        task = tasks.expect(tx, request.task, request.expect_version)
        items = list(task.checklist)
        if request.item > len(items):
            raise NotFound(
                f"task {task.id} has no checklist item {request.item}; see: cao task get {task.id}", item=request.item
            )
        before = items[request.item - 1]
        items[request.item - 1] = ChecklistItem(id=before.id, text=request.text or before.text, done=request.done)
        return tasks.tick_off(tx, task, items) if items != task.checklist else task

    return await ctx.transact(change, Task)
