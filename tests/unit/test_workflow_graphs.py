"""Pictures of workflows: what they show, that text stays text, and that nothing overlaps."""

from __future__ import annotations

import importlib
import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cao.protocol.records import Failure
from cao.protocol.workflows import Decision, Step, StepState
from cao.workflows.arcs import Lane, lanes
from cao.workflows.check import examine
from cao.workflows.definition import Definition
from cao.workflows.drawing import svg
from cao.workflows.graph import graph
from cao.workflows.mermaid import mermaid

CHANGE: dict[str, Any] = {
    "name": "change",
    "description": "Plan, build, test, review, merge.",
    "phases": [
        {"id": "plan", "agent": {"prompt": "Plan it."}},
        {
            "id": "triage",
            "command": {"run": ["triage"]},
            "verdicts": ["trivial"],
            "routes": {"trivial": "merge", "rework": {"at_most": 1}},
        },
        {
            "id": "build",
            "parallel": {"phases": [{"id": "api", "agent": {"prompt": "A"}}, {"id": "page", "agent": {"prompt": "B"}}]},
        },
        {"id": "each", "map": {"over": "inputs.parts", "phase": {"id": "part", "command": {"run": ["make", "{{ item }}"]}}}},
        {"id": "test", "command": {"run": ["make", "test"]}, "routes": {"rework": "build"}},
        {"id": "notes", "workflow": {"name": "release-notes"}},
        {"id": "gate", "manual": {"question": "Merge it?"}, "routes": {"rework": {"to": "plan", "at_most": 1}}},
        {"id": "merge", "command": {"run": ["git", "merge"]}},
    ],
}


def definition(**changes: Any) -> Definition:
    return Definition.model_validate({**CHANGE, **changes})


def step(path: str, verdict: str | None = None, *, attempt: int = 1, state: StepState = "settled", **fields: Any) -> Step:
    decision = Decision(verdict=verdict) if verdict else None
    known = {"n": 1, "run_id": "run_1", "kind": "agent", "started_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return Step(path=path, attempt=attempt, state=state, decision=decision, **{**known, **fields})


STEPS = [
    step("plan", "advance"),
    step("triage", "skip"),
    step("build/api", "rework"),
    step("build/api", "advance", attempt=2),
    step("build/page", state="running"),
    step("each[0]", "advance"),
    step("each[1]", "fail"),
    step("each[2]", "advance"),
    step("test", "rework"),
    step("notes", failure=Failure(code="timeout", message="too long")),
    step("gate", state="waiting"),
]


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_a_picture_shows_phases_routes_and_how_a_run_stands() -> None:
    plain, live = texts(svg(definition())), texts(svg(definition(), STEPS))
    for name in ("change", "plan", "triage", "api", "page", "part", "gate", "merge", "trivial", "rework ≤ 3", "↻ rework ≤ 1"):
        assert name in plain, name
    for told in ("advance · 2", "running", "2 of 3 done", "rework ×1", "waiting", "skip"):
        assert told in live, told
        assert told not in plain


@pytest.mark.parametrize(
    ("path", "look"),
    [("plan", "done"), ("triage", "skipped"), ("test", "again"), ("notes", "failed"), ("gate", "waiting"), ("merge", None)],
    ids=lambda value: str(value),
)
def test_a_phase_looks_as_it_stands(path: str, look: str | None) -> None:
    assert {node.path: node.look for node in graph(definition(), STEPS).nodes}[path] == look


def test_items_of_a_list_look_like_the_one_that_wants_attention() -> None:
    (part,) = next(node for node in graph(definition(), STEPS).nodes if node.path == "each").inner
    assert (part.look, part.told) == ("failed", "2 of 3 done")


def test_a_python_flow_is_known_by_what_it_did() -> None:
    flow = definition(phases=[], flow="review.py:review")
    assert "review" in texts(svg(flow))
    assert "ask-0" in texts(svg(flow, [step("ask-0", "advance")]))
    assert 'n1("ask-0' in mermaid(flow, [step("ask-0", "advance")])


def test_mermaid_has_each_phase_and_each_route_once() -> None:
    told = mermaid(definition(), STEPS)
    assert told.count("subgraph ") == 2
    assert re.findall(r'n\d+ -\. "[^"]+" \.-> n\d+', told) == [
        'n2 -. "trivial" .-> n11',
        'n2 -. "rework ≤ 1" .-> n2',
        'n8 -. "rework ×1" .-> n3',
        'n10 -. "rework ≤ 1" .-> n1',
    ]
    assert "class n7,n9 failed" in told


HOSTILE = '<script>alert(1)</script> "%%{init: {}}%%" `x` & \x00\x1b[31m\nend'


def test_text_of_a_definition_stays_text() -> None:
    hostile = definition(description=HOSTILE, phases=[{"id": "gate", "description": HOSTILE, "manual": {"question": HOSTILE}}])
    picture, told = svg(hostile), mermaid(hostile)
    assert ElementTree.fromstring(picture) is not None
    assert "<script" not in picture
    assert "\x1b" not in picture + told
    label = told.splitlines()[2].partition('{{"')[2].rpartition('"}}')[0].removeprefix("gate<br/>")
    assert not set(label) & set('"<`%{}[]&')


def test_the_definition_of_the_demo_holds_with_and_without_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    demo = importlib.import_module("demo_workflow")
    for agent in (None, "claude"):
        examined = examine(demo.definition(agent), name="tally")
        assert (examined.problems, examined.warnings) == ([], [])


def test_an_empty_and_a_large_definition_are_drawn() -> None:
    assert "<svg" in svg(definition(phases=[]))
    many = [{"id": f"p{n}", "command": {"run": ["true"]}, "routes": {"rework": f"p{n // 2}"}} for n in range(200)]
    wide = {"id": "wide", "parallel": {"phases": [{"id": f"b{n}", "agent": {"prompt": "x"}} for n in range(50)]}}
    assert svg(definition(phases=[*many[:199], wide])).count("<title>") == 250


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=14))
@settings(max_examples=100, deadline=None)
def test_no_arc_hides_another(pairs: list[tuple[int, int]]) -> None:
    words = [f"v{number}" for number in range(len(pairs))]
    phases = [
        {
            "id": f"p{n}",
            "agent": {"prompt": "x"},
            "verdicts": [word for word, (source, _) in zip(words, pairs, strict=True) if source == n],
            "routes": {word: f"p{to}" for word, (source, to) in zip(words, pairs, strict=True) if source == n},
        }
        for n in range(10)
    ]
    nodes = graph(definition(phases=phases)).nodes
    found = lanes(nodes, {node.path: 200.0 for node in nodes})
    assert len(found) == sum(source != to for source, to in pairs)
    for path, side in {(one.source, one.side) for one in found} | {(one.target, one.side) for one in found}:
        ports = sorted(port for one in found if one.side == side for port in _ports(one, path))
        assert all(one < other for one, other in pairwise(ports))
    for lane in {(one.side, one.offset) for one in found}:
        spans = sorted(_span(one) for one in found if (one.side, one.offset) == lane)
        assert all(one[1] < other[0] for one, other in pairwise(spans))


def _ports(lane: Lane, path: str) -> list[float]:
    return [*([lane.leaves] if lane.source == path else []), *([lane.arrives] if lane.target == path else [])]


def _span(lane: Lane) -> tuple[int, int]:
    one, other = sorted((int(lane.source[1:]), int(lane.target[1:])))
    return one, other
