"""Every verb on a workflow's run from every state on every surface, and stories of random verbs on surfaces chosen at random,
against a model that is written down by hand.

`CAO_MACHINE_EXAMPLES` sets how many stories are told; without it they are a few, and the same in every run.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cao.client.daemon import start_server
from cao.settings import load
from tests.surfaces import Refusal, Surfaces

pytestmark = [pytest.mark.timeout(300)]

SURFACES = ("python", "http", "cli", "mcp", "graphql")
EXAMPLES = os.environ.get("CAO_MACHINE_EXAMPLES")
GATE = "name: gate\nphases:\n  - {id: gate, manual: {question: Ready}}\n"
VERBS: dict[str, dict[str, Any]] = {
    "workflow.pause": {},
    "workflow.resume": {},
    "workflow.cancel": {},
    "workflow.retry": {"phase": "gate"},
    "workflow.delete": {},
    "phase.approve": {"phase": "gate"},
    "phase.reject": {"phase": "gate", "note": "not now"},
}
MODEL = {
    "waiting": {"workflow.pause", "workflow.cancel", "phase.approve", "phase.reject"},
    "paused": {"workflow.resume", "workflow.cancel", "phase.approve", "phase.reject"},
    "completed": {"workflow.retry", "workflow.delete"},
    "failed": {"workflow.retry", "workflow.delete"},
    "cancelled": {"workflow.retry", "workflow.delete"},
}
"""What may be asked of a run in each state; all else is a conflict."""
BECOMES = {
    "workflow.pause": "paused",
    "workflow.resume": "waiting",
    "workflow.cancel": "cancelled",
    "workflow.retry": "waiting",
    "phase.approve": "completed",
    "phase.reject": "failed",
}
"""Where a verb leads; of a paused run, `approve` and `reject` wait until it is resumed."""
WAYS = {
    "waiting": [],
    "paused": ["workflow.pause"],
    "completed": ["phase.approve"],
    "failed": ["phase.reject"],
    "cancelled": ["workflow.cancel"],
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surfaces]:
    place = tmp_path_factory.mktemp("workflows")
    home, project = place / "home", place / "project"
    written(project)
    asyncio.run(start_server(load(home, {}, port=0), 60))
    with Surfaces(home) as opened:
        try:
            opened.ask("http", "project.init", path=str(project), name="gates")
            yield opened
        finally:
            opened.ask("http", "daemon.stop")


def written(project: Path) -> None:
    folder = project / ".cao" / "workflows"
    folder.mkdir(parents=True)
    (folder / "gate.yaml").write_text(GATE)


def reaches(house: Surfaces, run: str, state: str) -> None:
    deadline = time.monotonic() + 90
    while (seen := house.ask("http", "workflow.get", run=run)["state"]) != state:
        assert time.monotonic() < deadline, (run, seen, state)
        time.sleep(0.05)


def in_state(house: Surfaces, state: str) -> str:
    """A new run that stands so; its id."""
    made = house.ask("http", "workflow.run", definition="gate", project="gates")
    assert not isinstance(made, Refusal), made
    run = made["id"]
    reaches(house, run, "waiting")
    for verb in WAYS[state]:
        house.ask("http", verb, run=run, **VERBS[verb])
    reaches(house, run, state)
    return run


@pytest.mark.parametrize("state", MODEL)
def test_every_verb_is_taken_or_refused_the_same_way_everywhere(house: Surfaces, state: str) -> None:
    still = in_state(house, state)
    for number, (verb, fields) in enumerate(VERBS.items()):
        if verb in MODEL[state]:
            surface = SURFACES[number % len(SURFACES)]
            run = in_state(house, state)
            answer = house.ask(surface, verb, run=run, **fields)
            assert not isinstance(answer, Refusal), (verb, surface, answer)
            check_effect(house, state, verb, run, answer)
            continue
        for surface in SURFACES:
            refused = house.ask(surface, verb, run=still, **fields)
            assert isinstance(refused, Refusal), (verb, surface)
            assert (refused.code, refused.details.get("state")) == ("conflict", state), (verb, surface, refused)
    assert house.ask("http", "workflow.get", run=still)["state"] == state


def check_effect(house: Surfaces, state: str, verb: str, run: str, answer: Any) -> None:
    if verb == "workflow.delete":
        assert house.ask("http", "workflow.get", run=run) == Refusal("not_found", {"run": run})
    elif verb == "workflow.retry":
        assert answer["retried_from"] == run
        reaches(house, answer["id"], "waiting")
        assert house.ask("http", "workflow.get", run=run)["state"] == state, "the old run stays as it was"
    else:
        if state == "paused" and verb.startswith("phase."):
            house.ask("http", "workflow.resume", run=run)
        reaches(house, run, BECOMES[verb])


@settings(
    max_examples=int(EXAMPLES or 4),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(st.tuples(st.sampled_from(sorted(VERBS)), st.sampled_from(SURFACES)), min_size=6, max_size=12))
def test_stories_of_random_verbs(house: Surfaces, story: list[tuple[str, str]]) -> None:
    told = Story(house)
    for verb, surface in story:
        told.goes_on(verb, surface)


class Story:
    """A run, and what we think of it."""

    def __init__(self, house: Surfaces) -> None:
        self.house = house
        self.run = in_state(house, "waiting")
        self.state = "waiting"
        self.answered = ""
        """How the gate was answered while the run was paused: it counts once the run is resumed."""

    def goes_on(self, verb: str, surface: str) -> None:
        answer = self.house.ask(surface, verb, run=self.run, **VERBS[verb])
        if self.state == "deleted":
            assert answer == Refusal("not_found", {"run": self.run}), (verb, surface, answer)
        elif verb not in MODEL[self.state] or (self.answered and verb.startswith("phase.")):
            assert isinstance(answer, Refusal), (verb, surface, self.state)
            assert (answer.code, answer.details.get("state")) == ("conflict", self.state), (verb, surface, answer)
        else:
            assert not isinstance(answer, Refusal), (verb, surface, self.state, answer)
            self.moves(verb, answer)

    def moves(self, verb: str, answer: Any) -> None:
        if self.state == "paused" and verb.startswith("phase."):
            self.answered = verb
            return
        if verb == "workflow.delete":
            self.state = "deleted"
            return
        if verb == "workflow.retry":
            self.run = answer["id"]
        self.state = BECOMES[self.answered if verb == "workflow.resume" and self.answered else verb]
        self.answered = ""
        reaches(self.house, self.run, self.state)
