"""Where real agents differ from each other, and what is made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cao.agents import ProviderError
from cao.agents.acp import AcpProvider
from tests.agents import rigs
from tests.agents.rigs import RealAgent, Recorder, prompt, seat
from tests.agents.scripted_model import ScriptedModel, script

pytestmark = [pytest.mark.agents]


@pytest.fixture(params=[rigs.Claude, rigs.Codex], ids=["claude", "codex"])
def rig(request: pytest.FixtureRequest, tmp_path: Path, model: ScriptedModel) -> RealAgent:
    made: RealAgent = request.param(tmp_path, model)
    return made


@pytest.fixture
async def provider() -> AsyncIterator[AcpProvider]:
    provider = AcpProvider()
    yield provider
    await provider.close()


async def test_profile_reaches_the_model_and_errors_of_the_model_fail_the_turn(rig: RealAgent, provider: AcpProvider) -> None:
    """One agent tells such errors as errors, the other as an answer."""
    with pytest.raises(ProviderError, match="out of order") as failed:
        await rig.turn(provider, script({"error": 400, "message": "out of order"}), Recorder())
    assert (failed.value.failure.code, failed.value.retryable) == ("model_error", True)
    result = await rig.turn(provider, rig.says("well again"), Recorder())
    assert result.text == "well again"
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.output_tokens) == (11, 7)
    asked = rig.model.last
    assert "You are ROLE-7." in asked.system
    assert "sk-scripted" in asked.key


async def test_a_refusal_is_told_in_the_answer(rig: RealAgent, provider: AcpProvider) -> None:
    """One agent goes on after a refusal, the other ends its turn."""
    result = await rig.turn(provider, rig.creates(rig.work / "made"), Recorder(allow=False))
    assert ("Stopped, because this was refused" in result.text) is isinstance(rig, rigs.Codex)


async def test_an_agent_that_may_not_write_does_not(rig: RealAgent, provider: AcpProvider) -> None:
    """Also where it would not have asked before it writes in its own directory."""
    profile = rig.profile.model_copy(update={"denied_tools": ["write", "shell"]})
    work = script({"tool": "shell", "args": {"command": "echo x > made"}}, {"text": "tried"})
    await provider.turn(seat(profile, rig.work), prompt(work), Recorder(allow=False))
    assert not (rig.work / "made").exists()


async def test_thoughts_and_tools_are_in_the_transcript(rig: RealAgent, provider: AcpProvider) -> None:
    watch = Recorder()
    work = script({"think": "let me look", "tool": "shell", "args": {"command": "echo found"}}, {"text": "done"})
    await rig.turn(provider, work, watch)
    assert watch.texts("thought") == ["let me look"]
    assert "echo found" in watch.texts("tool_call")
    assert any("found" in output for output in watch.texts("tool_result"))
    assert len(watch.texts("usage")) == 1
