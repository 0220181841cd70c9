"""Duties: one that is broken keeps no other from its work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cao.control import Control
from cao.settings import load
from cao.store import Reader


class Steady:
    """Due at every look."""

    name = "steady"

    def due_at(self, reader: Reader) -> float:
        return 0.0

    async def perform(self, seconds: float) -> Mapping[str, int]:
        return {"done": 1}


class Confused(Steady):
    """Cannot tell when it is due."""

    name = "confused"

    def due_at(self, reader: Reader) -> float:
        raise TypeError("'<' not supported between instances of 'NoneType' and 'float'")


async def test_a_duty_that_cannot_tell_when_it_is_due_harms_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        control.duties.add(Confused())
        control.duties.add(Steady())
        for expected in (1, 2):
            assert control.duties.begin(1.0)
            await control.duties.wait(5.0)
            assert control.duties.done["steady.done"] == expected
        assert caplog.text.count("the duty confused cannot tell when it is due") == 1, "it is asked again after a pause"
        assert control.duties.next(control.services.store.read()) == 0.0, "what nobody can tell may be now"
