"""A plan of priorities: when everything is urgent, nothing is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from cao.protocol import InvalidInput
from cao.protocol.tasks import Priority, PriorityChange, Rebalance, Task

URGENT: frozenset[Priority] = frozenset(("critical", "high"))

Choice = tuple[Priority, str]
"""A priority, and why."""


def plan(
    tasks: Sequence[Task], percent: int, essential: Sequence[str], nice: Sequence[str], *, apply: bool = False
) -> Rebalance:
    """New priorities for open tasks, given the most urgent first. Raises `InvalidInput` for wishes that contradict each other.

    percent: how many may be urgent (critical or high), the essential ones included; rounded up.
    """
    budget = -(-len(tasks) * percent // 100)
    _check(tasks, budget, essential, nice)
    chosen = _chosen(tasks, budget, set(essential), set(nice))
    changes = [
        PriorityChange(task=task.id, title=task.title, was=task.priority, now=chosen[task.id][0], why=chosen[task.id][1])
        for task in tasks
        if chosen[task.id][0] != task.priority
    ]
    return Rebalance(
        applied=apply,
        open=len(tasks),
        budget=budget,
        before=_counted(task.priority for task in tasks),
        after=_counted(priority for priority, _ in chosen.values()),
        changes=changes,
    )


def _check(tasks: Sequence[Task], budget: int, essential: Sequence[str], nice: Sequence[str]) -> None:
    known = {task.id for task in tasks}
    for field, names in (("essential", essential), ("nice", nice)):
        if unknown := [name for name in names if name not in known]:
            raise InvalidInput.field(field, f"names {unknown[0]}, which is no open task of the project")
    if both := set(essential) & set(nice):
        raise InvalidInput.field("nice", f"names {min(both)}, which is essential as well")
    if len(set(essential)) > budget:
        raise InvalidInput.field("essential", f"names {len(set(essential))} tasks, and the budget is {budget}; raise `percent`")


def _chosen(tasks: Sequence[Task], budget: int, essential: set[str], nice: set[str]) -> Mapping[str, Choice]:
    """The choice for each task. The essential ones have their place in the budget before all others."""
    left = budget - len(essential)
    chosen: dict[str, Choice] = {}
    for task in tasks:
        if task.id in essential:
            chosen[task.id] = (task.priority if task.priority in URGENT else "high", "it is essential")
        elif task.id in nice:
            chosen[task.id] = ("low", "it is nice to have")
        elif task.priority in URGENT and left <= 0:
            chosen[task.id] = ("medium", "the budget is used up by more urgent ones")
        else:
            left -= task.priority in URGENT
            chosen[task.id] = (task.priority, "it stays")
    return chosen


def _counted(priorities: Iterator[Priority]) -> dict[str, int]:
    found = Counter(priorities)
    return {priority: found[priority] for priority in get_args(Priority)}
