"""Random verbs on the queue, each on a surface chosen at random, among dispatchers and runs, against a model written by hand.

The server may dispatch nothing here; the test is the dispatcher. `CAO_MACHINE_EXAMPLES` sets how many stories are told.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cao.client.daemon import start_server
from cao.events import RunCancelled, RunCompleted, RunFailed
from cao.liveness import Owner
from cao.protocol.records import Failure
from cao.settings import load
from cao.store import Store, Transaction, dispatches
from cao.store.capacity import Limits
from cao.store.dispatches import Claim
from tests.surfaces import Refusal, Surfaces

T = TypeVar("T")

SURFACES = ("python", "http", "cli", "mcp", "graphql")
EXAMPLES = os.environ.get("CAO_MACHINE_EXAMPLES")
PRIORITIES = ("critical", "high", "medium", "low")
FREE = Limits(1000, {}, {})

PEOPLE = {"hold": "held", "release": "ready", "drop": "dropped"}
WAITING = {"ready", "held"}

surfaces = st.sampled_from(SURFACES)
numbers = st.integers(0, 5)


class House:
    """The surfaces, and the dispatcher behind them."""

    def __init__(self, home: Path) -> None:
        self.surfaces = Surfaces(home)
        self.owner = Owner(home)
        self.store = Store(home / "cao.db")
        self.store.recorders.append(dispatches.settle)

    def __enter__(self) -> House:
        self.owner.appear()
        self.surfaces.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.surfaces.ask("http", "daemon.stop")
        self.surfaces.__exit__()
        self.store.close()
        self.owner.vanish()

    def write(self, change: Callable[[Transaction], T]) -> T:
        return self.store.submit(change).result(30)


class Stories(RuleBasedStateMachine):
    """Verbs as they come. The queue is empty when a story begins."""

    house: House
    runs = iter(range(1, 1_000_000))

    def __init__(self) -> None:
        super().__init__()
        self.line: dict[str, list[str]] = {priority: [] for priority in PRIORITIES}
        self.states: dict[str, str] = {}
        self.claims: dict[str, Claim] = {}
        self.started: dict[str, str] = {}
        self.turn = 0

    def teardown(self) -> None:
        for claim in self.claims.values():
            self.house.write(lambda tx, claim=claim: dispatches.refuse(tx, claim, "the story is over"))
        if waiting := self.waiting:
            self.house.surfaces.ask("http", "queue.drop", items=waiting)
        for item in list(self.started):
            self.end(item, "cancel")

    @property
    def waiting(self) -> list[str]:
        return [item for priority in PRIORITIES for item in self.line[priority]]

    def pick(self, number: int) -> str:
        return list(self.states)[number % len(self.states)]

    def leave(self, item: str) -> str:
        """Take an item out of the line; its priority."""
        priority = next(name for name, items in self.line.items() if item in items)
        self.line[priority].remove(item)
        return priority

    def refused(self, answer: Any, item: str, verb: str) -> None:
        """The same code and the same details, whoever asked and wherever."""
        state = self.states[item]
        assert isinstance(answer, Refusal), answer
        assert answer.code == "conflict"
        found = answer.details
        assert (found["item"], found["status"], found["wanted"], found["allowed"]) == (item, state, verb, [])
        assert found["run"] == self.started.get(item) or state not in ("dispatching", "dispatched")

    @precondition(lambda self: len(self.states) < 6)
    @rule(surface=surfaces, priority=st.sampled_from(PRIORITIES))
    def enqueue(self, surface: str, priority: str) -> None:
        fields = {"prompt": "Say hello.", "provider": "scripted", "directory": "/", "priority": priority}
        made = self.house.surfaces.ask(surface, "queue.enqueue", **fields)
        self.line[priority].append(made["id"])
        self.states[made["id"]] = "ready"
        assert (made["state"], made["position"]) == ("ready", self.waiting.index(made["id"]) + 1)

    @precondition(lambda self: self.states)
    @rule(surface=surfaces, number=numbers, verb=st.sampled_from(sorted(PEOPLE)))
    def one(self, surface: str, number: int, verb: str) -> None:
        item = self.pick(number)
        answer = self.house.surfaces.ask(surface, f"queue.{verb}", items=[item])
        if self.states[item] not in WAITING:
            return self.refused(answer, item, verb)
        self.states[item] = PEOPLE[verb]
        if verb == "drop":
            self.leave(item)
        assert [(one["item"], one["ok"], one["state"]) for one in answer["outcomes"]] == [(item, True, PEOPLE[verb])]
        return None

    @precondition(lambda self: any(state in WAITING for state in self.states.values()))
    @rule(surface=surfaces, verb=st.sampled_from(("hold", "release")))
    def several(self, surface: str, verb: str) -> None:
        """All at once: each has its own outcome, and what cannot be moved stops nobody."""
        answer = self.house.surfaces.ask(surface, f"queue.{verb}", items=list(self.states))
        for one, (item, state) in zip(answer["outcomes"], list(self.states.items()), strict=True):
            fits = state in WAITING
            self.states[item] = PEOPLE[verb] if fits else state
            assert (one["item"], one["ok"], one["state"]) == (item, fits, self.states[item])
            assert one["code"] == (None if fits else "conflict")
        assert answer["succeeded"] == len(self.waiting)

    @precondition(lambda self: self.states)
    @rule(
        surface=surfaces, number=numbers, to=st.sampled_from(("front", "back")), priority=st.sampled_from((None, *PRIORITIES))
    )
    def to_an_end(self, surface: str, number: int, to: str, priority: str | None) -> None:
        item = self.pick(number)
        fields = {"items": [item], "to": to, **({"priority": priority} if priority else {})}
        answer = self.house.surfaces.ask(surface, "queue.reorder", **fields)
        if self.states[item] not in WAITING:
            return self.refused(answer, item, "reorder")
        lane = self.line[priority or self.leave(item)]
        if priority:
            self.leave(item)
        lane.insert(0 if to == "front" else len(lane), item)
        assert answer["succeeded"] == 1
        return None

    @precondition(lambda self: len(self.states) > 1)
    @rule(surface=surfaces, number=numbers, other=numbers, to=st.sampled_from(("before", "after")))
    def beside_another(self, surface: str, number: int, other: int, to: str) -> None:
        item, anchor = self.pick(number), self.pick(other)
        answer = self.house.surfaces.ask(surface, "queue.reorder", items=[item], to=to, anchor=anchor)
        if item == anchor or self.states[anchor] not in WAITING:
            assert isinstance(answer, Refusal)
            assert answer.code == "invalid_input"
            return None
        if self.states[item] not in WAITING:
            return self.refused(answer, item, "reorder")
        self.leave(item)
        lane = next(items for items in self.line.values() if anchor in items)
        lane.insert(lane.index(anchor) + (to == "after"), item)
        return None

    @rule()
    def claim(self) -> None:
        """The first that is ready, and none that is held."""
        found = self.house.write(lambda tx: dispatches.claim(tx, self.house.owner.name, self.house.owner.is_alive, FREE, 1))
        first = next((item for item in self.waiting if self.states[item] == "ready"), None)
        assert [claim.id for claim in found] == ([first] if first else [])
        if first:
            self.claims[first], self.states[first] = found[0], "dispatching"
            self.leave(first)

    @precondition(lambda self: self.claims)
    @rule(verb=st.sampled_from(("start", "start", "refuse")))
    def end_the_claim(self, verb: str) -> None:
        item, claim = self.claims.popitem()
        if verb == "refuse":
            assert self.house.write(lambda tx: dispatches.refuse(tx, claim, "it cannot be started"))
            self.states[item] = "failed"
            return
        run = self.started[item] = f"run_{next(self.runs)}"
        self.house.write(lambda tx: dispatches.start(tx, claim, run, None))
        self.states[item] = "dispatched"

    @precondition(lambda self: self.started)
    @rule(verb=st.sampled_from(("complete", "fail", "cancel")))
    def end_a_run(self, verb: str) -> None:
        self.end(next(iter(self.started)), verb)

    def end(self, item: str, verb: str) -> None:
        run_id = self.started.pop(item)
        event, self.states[item] = {
            "complete": (RunCompleted(run_id=run_id), "done"),
            "fail": (RunFailed(run_id=run_id, failure=Failure(code="broken", message="it broke")), "failed"),
            "cancel": (RunCancelled(run_id=run_id), "cancelled"),
        }[verb]
        self.house.write(lambda tx: tx.emit(event))

    @invariant()
    def all_surfaces_show_the_same(self) -> None:
        """What one surface did, the others show, one after the other: the order of dispatch, and each state."""
        self.turn += 1
        surface = SURFACES[self.turn % len(SURFACES)]
        shown = self.house.surfaces.ask(surface, "queue.list", limit=200)["items"]
        assert [(item["id"], item["position"]) for item in shown if item["position"]] == [
            (item, place) for place, item in enumerate(self.waiting, 1)
        ]
        live = {item: state for item, state in self.states.items() if state in (*WAITING, "dispatching", "dispatched")}
        assert {item["id"]: item["state"] for item in shown} == live
        if self.states:
            item = self.pick(self.turn)
            assert self.house.surfaces.ask(surface, "queue.get", item=item)["state"] == self.states[item]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("queue") / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("[queue_provider_limits]\nscripted = 0\n")
    asyncio.run(start_server(load(home, {}, port=0), 60))
    with House(home) as opened:
        yield opened


@pytest.mark.timeout(600)
def test_every_surface_moves_items_as_the_model_does(house: House) -> None:
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
