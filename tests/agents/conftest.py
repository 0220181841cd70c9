"""The scripted model, shared by the tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents.scripted_model import ScriptedModel


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model
