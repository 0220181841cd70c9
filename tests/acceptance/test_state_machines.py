"""Every verb from every status on every surface, and stories of random verbs on surfaces chosen at random, against a model that
is written down by hand.

`CAO_MACHINE_EXAMPLES` sets how many stories are told; without it they are a few, and the same in every run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cao.client.daemon import start_server
from cao.settings import load
from tests.surfaces import Refusal, Surfaces

SURFACES = ("python", "http", "cli", "mcp", "graphql")
EXAMPLES = os.environ.get("CAO_MACHINE_EXAMPLES")

STATUSES = ("backlog", "ready", "in-progress", "blocked", "on-hold", "done", "cancelled")
TASK_MOVES = {
    "backlog": {"ready", "cancelled"},
    "ready": {"backlog", "in-progress", "blocked", "on-hold", "cancelled"},
    "in-progress": {"ready", "blocked", "on-hold", "done", "cancelled"},
    "blocked": {"ready", "in-progress", "on-hold", "cancelled"},
    "on-hold": {"ready", "cancelled"},
    "done": set[str](),
    "cancelled": set[str](),
}
NAMED = {
    "pause": ("on-hold", {"ready", "in-progress", "blocked"}),
    "resume": ("ready", {"blocked", "on-hold"}),
    "cancel": ("cancelled", {"backlog", "ready", "in-progress", "blocked", "on-hold"}),
    "reopen": ("ready", {"done", "cancelled"}),
}
REQUIREMENT_MOVES = {
    "draft": {"refined", "planned", "rejected"},
    "refined": {"draft", "planned", "rejected"},
    "planned": {"refined", "in-progress", "rejected"},
    "in-progress": {"planned", "done", "rejected"},
    "done": {"in-progress"},
    "rejected": {"draft"},
}
PRIORITIES = ("critical", "high", "medium", "low")


@dataclass
class Task:
    """What we think of a task."""

    id: str
    agent: str
    status: str
    priority: str
    version: int = 1
    needs: set[str] = field(default_factory=set[str])


class Stories(RuleBasedStateMachine):
    """Verbs as they come. Each story has its own tasks, for an agent of its own, and one requirement."""

    house: Surfaces
    numbers = iter(range(1, 1_000_000))

    def __init__(self) -> None:
        super().__init__()
        self.agent = f"agent-{next(self.numbers)}"
        self.tasks: dict[str, Task] = {}
        self.touched: Task | None = None
        made = self.house.ask("http", "requirement.create", title=self.agent)
        self.requirement, self.wanted = made["id"], "draft"

    def pick(self, number: int) -> Task:
        return list(self.tasks.values())[number % len(self.tasks)]

    def unmet(self, task: Task) -> set[str]:
        return {id for id in task.needs if self.tasks[id].status != "done"}

    def reaches(self, start: str, goal: str) -> bool:
        return start == goal or any(self.reaches(id, goal) for id in self.tasks[start].needs)

    def expect(self, task: Task, answer: Any, status: str, allowed: bool, targets: set[str]) -> None:
        """The move was made, or refused with the same code and the same details as everywhere."""
        self.touched = task
        if not allowed:
            assert isinstance(answer, Refusal), answer
            assert answer.code == "conflict"
            assert (answer.details["status"], answer.details["wanted"]) == (task.status, status)
            assert set(answer.details["allowed"]) == targets
        elif status == "in-progress" and (waits := self.unmet(task)):
            assert isinstance(answer, Refusal), answer
            assert answer.code == "conflict"
            assert {one["task"] for one in answer.details["waits_for"]} == waits
        else:
            assert not isinstance(answer, Refusal), answer
            task.status, task.version = status, task.version + 1
            assert (answer["status"], answer["version"]) == (task.status, task.version)

    @precondition(lambda self: len(self.tasks) < 4)
    @rule(surface=st.sampled_from(SURFACES), status=st.sampled_from(("ready", "backlog")), priority=st.sampled_from(PRIORITIES))
    def create(self, surface: str, status: str, priority: str) -> None:
        fields = {"title": "Do it", "status": status, "priority": priority, "agent": self.agent}
        made = self.house.ask(surface, "task.create", **fields)
        self.touched = self.tasks[made["id"]] = Task(made["id"], self.agent, status, priority)

    @precondition(lambda self: self.tasks)
    @rule(surface=st.sampled_from(SURFACES), number=st.integers(0, 3), status=st.sampled_from(STATUSES))
    def move(self, surface: str, number: int, status: str) -> None:
        task = self.pick(number)
        answer = self.house.ask(surface, "task.status", task=task.id, status=status)
        allowed = TASK_MOVES[task.status]
        self.expect(task, answer, status, status in allowed, allowed)

    @precondition(lambda self: self.tasks)
    @rule(surface=st.sampled_from(SURFACES), number=st.integers(0, 3), verb=st.sampled_from(sorted(NAMED)))
    def move_by_name(self, surface: str, number: int, verb: str) -> None:
        task, (status, sources) = self.pick(number), NAMED[verb]
        answer = self.house.ask(surface, f"task.{verb}", task=task.id)
        self.expect(task, answer, status, task.status in sources, set())

    @precondition(lambda self: self.tasks)
    @rule(surface=st.sampled_from(SURFACES), number=st.integers(0, 3), status=st.sampled_from(STATUSES))
    def move_an_older_version(self, surface: str, number: int, status: str) -> None:
        task = self.pick(number)
        answer = self.house.ask(surface, "task.status", task=task.id, status=status, expect_version=task.version + 1)
        assert answer == Refusal("conflict", {"version": task.version, "expected": task.version + 1})

    @precondition(lambda self: len(self.tasks) > 1)
    @rule(surface=st.sampled_from(SURFACES), one=st.integers(0, 3), other=st.integers(0, 3))
    def depend(self, surface: str, one: int, other: int) -> None:
        task, needed = self.pick(one), self.pick(other)
        circle = self.reaches(needed.id, task.id)
        answer = self.house.ask(surface, "dependency.add", task=task.id, other=needed.id)
        if circle:
            assert isinstance(answer, Refusal)
            assert answer.code == "conflict"
            assert (answer.details["cycle"][0], answer.details["cycle"][-1]) == (task.id, task.id)
            return
        task.version += needed.id not in task.needs
        task.needs.add(needed.id)
        assert {found["task"] for found in answer["depends_on"]} == task.needs
        self.touched = task

    @precondition(lambda self: any(task.needs for task in self.tasks.values()))
    @rule(surface=st.sampled_from(SURFACES))
    def depend_no_more(self, surface: str) -> None:
        task = next(task for task in self.tasks.values() if task.needs)
        answer = self.house.ask(surface, "dependency.remove", task=task.id, other=task.needs.pop())
        task.version += 1
        assert {found["task"] for found in answer["depends_on"]} == task.needs
        self.touched = task

    @precondition(lambda self: len(self.tasks) > 2)
    @rule(surface=st.sampled_from(SURFACES), number=st.integers(0, 3))
    def delete(self, surface: str, number: int) -> None:
        task = self.pick(number)
        answer = self.house.ask(surface, "task.delete", task=task.id)
        needed = {other.id for other in self.tasks.values() if task.id in other.needs}
        if task.status == "in-progress" or needed:
            assert isinstance(answer, Refusal)
            assert answer.code == "conflict"
            return
        assert answer["id"] == task.id
        del self.tasks[task.id]
        assert self.house.ask(surface, "task.get", task=task.id) == Refusal("not_found", {"task": task.id})
        self.touched = None

    @precondition(lambda self: self.tasks)
    @rule(surface=st.sampled_from(SURFACES))
    def next(self, surface: str) -> None:
        answer = self.house.ask(surface, "task.next", agent=self.agent)
        ready = [task for task in self.tasks.values() if task.status == "ready"]
        free = [task for task in ready if not self.unmet(task)]
        first = min(free, key=lambda task: PRIORITIES.index(task.priority), default=None)
        assert (answer["ready"], answer["waiting"]) == (len(ready), len(ready) - len(free))
        assert (answer["task"] or {}).get("id") == (first and first.id)

    @rule(surface=st.sampled_from(SURFACES), status=st.sampled_from(sorted(REQUIREMENT_MOVES)))
    def move_the_requirement(self, surface: str, status: str) -> None:
        answer = self.house.ask(surface, "requirement.update", requirement=self.requirement, status=status)
        allowed = REQUIREMENT_MOVES[self.wanted]
        if status in allowed:
            self.wanted = answer["status"]
            assert self.wanted == status
        else:
            assert isinstance(answer, Refusal)
            assert answer.code == "conflict"
            assert (answer.details["status"], answer.details["wanted"]) == (self.wanted, status)
            assert set(answer.details["allowed"]) == allowed

    @invariant()
    def all_surfaces_show_the_same(self) -> None:
        """What one surface did, another one shows."""
        if self.touched is not None:
            task, surface = self.touched, SURFACES[self.touched.version % len(SURFACES)]
            seen = self.house.ask(surface, "task.get", task=task.id)
            assert (seen["status"], seen["version"], seen["priority"]) == (task.status, task.version, task.priority)
            assert {one["task"] for one in seen["depends_on"]} == task.needs
            assert set(seen["moves"]) == TASK_MOVES[task.status]
        self.touched = None


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surfaces]:
    home = tmp_path_factory.mktemp("machines") / "home"
    asyncio.run(start_server(load(home, {}, port=0), 60))
    with Surfaces(home) as opened:
        try:
            yield opened
        finally:
            opened.ask("http", "daemon.stop")


WAYS = {
    "backlog": [],
    "ready": ["ready"],
    "in-progress": ["ready", "in-progress"],
    "blocked": ["ready", "blocked"],
    "on-hold": ["ready", "on-hold"],
    "done": ["ready", "in-progress", "done"],
    "cancelled": ["cancelled"],
}
"""How a task gets into each status."""

ASKED = [*(("status", status) for status in STATUSES), *((verb, status) for verb, (status, _) in sorted(NAMED.items()))]
"""Every verb with what it asks for."""


def in_status(house: Surfaces, status: str) -> str:
    """A new task that stands so; its id."""
    id = house.ask("http", "task.create", title=status)["id"]
    for step in WAYS[status]:
        house.ask("http", "task.status", task=id, status=step)
    return id


def allowed(verb: str, source: str) -> set[str]:
    """Where a verb may take a task."""
    if verb == "status":
        return TASK_MOVES[source]
    target, sources = NAMED[verb]
    return {target} if source in sources else set()


@pytest.mark.parametrize("source", STATUSES)
def test_every_move_is_made_or_refused_with_the_same_words_everywhere(house: Surfaces, source: str) -> None:
    still = in_status(house, source)
    for number, (verb, wanted) in enumerate(ASKED):
        fields = {"status": wanted} if verb == "status" else {}
        targets = allowed(verb, source)
        if wanted in targets:
            surface = SURFACES[number % len(SURFACES)]
            moved = house.ask(surface, f"task.{verb}", task=in_status(house, source), **fields)
            assert moved["status"] == wanted, (verb, wanted, surface)
            continue
        for surface in SURFACES:
            refused = house.ask(surface, f"task.{verb}", task=still, **fields)
            assert isinstance(refused, Refusal), (verb, wanted, surface)
            assert (refused.code, refused.details["status"], refused.details["wanted"]) == ("conflict", source, wanted), surface
            assert set(refused.details["allowed"]) == targets, surface
    assert house.ask("http", "task.get", task=still)["status"] == source


@pytest.mark.timeout(600)
def test_every_surface_moves_tasks_as_the_model_does(house: Surfaces) -> None:
    class Told(Stories):
        pass

    Told.house = house
    told = settings(
        max_examples=int(EXAMPLES or 3),
        stateful_step_count=25,
        derandomize=EXAMPLES is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Told, settings=told)
