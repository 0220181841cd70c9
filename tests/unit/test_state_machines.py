"""The tables of state machines, and the pictures that are drawn from them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest

from cao.protocol import Conflict
from cao.protocol.machine import Machine
from cao.protocol.requirements import REQUIREMENT_MACHINE, RequirementStatus
from cao.protocol.tasks import FINAL, TASK_MACHINE, TaskStatus

ROOT = Path(__file__).parents[2]
MACHINES = {"task": TASK_MACHINE, "requirement": REQUIREMENT_MACHINE}


@pytest.mark.parametrize(("machine", "states"), [(TASK_MACHINE, TaskStatus), (REQUIREMENT_MACHINE, RequirementStatus)])
def test_a_table_names_every_state_and_repeats_no_move(machine: Machine[Any], states: Any) -> None:
    assert set(machine.states) == set(get_args(states))
    moves = [(move.source, move.target) for move in machine.moves]
    assert len(set(moves)) == len(moves)
    assert all(move.source != move.target and move.verbs and move.why for move in machine.moves)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_state_can_be_reached_and_left(machine: Machine[Any]) -> None:
    reached = {machine.states[0]}
    while new := {move.target for move in machine.moves if move.source in reached} - reached:
        reached |= new
    assert reached == set(machine.states)
    assert {move.source for move in machine.moves} == set(machine.states)


def test_what_is_over_comes_back_by_reopening_only() -> None:
    leaving = [move for move in TASK_MACHINE.moves if move.source in FINAL]
    assert {(move.target, move.verbs) for move in leaving} == {("ready", ("reopen",))}
    assert {move.source for move in leaving} == FINAL


@pytest.mark.parametrize("verb", ["status", "pause", "resume", "cancel", "reopen"])
@pytest.mark.parametrize("state", get_args(TaskStatus))
@pytest.mark.parametrize("wanted", get_args(TaskStatus))
def test_a_move_is_in_the_table_or_a_conflict(state: TaskStatus, wanted: TaskStatus, verb: str) -> None:
    allowed = TASK_MACHINE.targets(state, verb)
    if wanted in allowed:
        TASK_MACHINE.check("tsk_1", state, wanted, verb)
        return
    with pytest.raises(Conflict) as refused:
        TASK_MACHINE.check("tsk_1", state, wanted, verb)
    assert refused.value.details == {"status": state, "wanted": wanted, "allowed": list(allowed)}
    assert re.search(r"cao task (status|reopen) tsk_1", refused.value.message)


def test_the_pictures_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "docs" / "pictures.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("noun", MACHINES)
def test_a_picture_shows_every_state_and_every_move(noun: str) -> None:
    drawn = ElementTree.fromstring((ROOT / "docs" / "images" / f"{noun}-states.svg").read_text())
    svg = "{http://www.w3.org/2000/svg}"
    texts = {text.text for text in drawn.iter(f"{svg}text")}
    titles = [title.text or "" for title in drawn.iter(f"{svg}title")]
    assert set(MACHINES[noun].states) <= texts
    assert all(any(title.startswith(f"{one.source} → {one.target}: ") for title in titles) for one in MACHINES[noun].moves)
