"""A phase that asks a person. Nothing of it runs: the question is written down, and its answer ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cao.store import steps
from cao.workflows import expressions
from cao.workflows.definition import ManualWork
from cao.workflows.plan import Todo

from .places import Place
from .work import Prepared

if TYPE_CHECKING:
    from .workflow import WorkflowRunner


def prepare(runner: WorkflowRunner, todo: Todo, scope: Mapping[str, Any], place: Place) -> Prepared:
    """Fill the question's template. Raises `CaoError`."""
    work = todo.phase.manual or ManualWork(question="Go on?")
    question = expressions.render(work.question, scope)
    denied = "rework" if "rework" in todo.phase.routes else "fail"
    action = {"about": "manual", "denied": denied, "note": work.note}
    seconds = work.expires or runner.house.settings.approval_seconds
    return Prepared(lambda tx, step: steps.ask(tx, step, question, action, seconds))
