"""What holds for every provider, whatever it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cao.agents import Profile, Provider, ProviderError, TurnResult
from tests.agents import rigs
from tests.agents.rigs import Recorder, Rig, processes_of, prompt, seat
from tests.agents.scripted_model import ScriptedModel

REAL = pytest.mark.agents
RIGS = [
    rigs.Scripted,
    rigs.Callable,
    rigs.Headless,
    rigs.Acp,
    pytest.param(rigs.Claude, marks=REAL),
    pytest.param(rigs.Codex, marks=REAL),
    pytest.param(rigs.CodexExec, marks=REAL),
]


@pytest.fixture(params=RIGS, ids=lambda kind: kind.__name__.lower())
def rig(request: pytest.FixtureRequest, tmp_path: Path, model: ScriptedModel) -> Rig:
    kind = request.param
    return kind(tmp_path, model) if issubclass(kind, rigs.RealAgent) else kind(tmp_path)


@pytest.fixture
async def provider(rig: Rig) -> AsyncIterator[Provider]:
    provider = rig.provider()
    yield provider
    await provider.close()
    assert processes_of(rig.place) == []


@pytest.fixture
def watch() -> Recorder:
    return Recorder()


async def test_a_turn_gives_an_answer_and_its_transcript(rig: Rig, provider: Provider, watch: Recorder) -> None:
    assert provider.missing(rig.profile) == []
    result = await rig.turn(provider, rig.says("four words for you"), watch)
    assert result.text == "four words for you"
    assert "".join(watch.texts("text")).strip().endswith("four words for you")


async def test_a_conversation_goes_on_in_another_process(rig: Rig, provider: Provider, watch: Recorder) -> None:
    if not rig.remembers:
        pytest.skip("its agent keeps nothing")
    first = await rig.turn(provider, rig.says("remember me"), watch)
    await provider.close()
    other = rig.provider()
    try:
        second = await rig.turn(other, rig.says("{before}"), watch, first)
    finally:
        await other.close()
    assert rig.recalls(second)
    assert second.conversation == first.conversation
    assert watch.remembered in ({}, first.conversation)  # told before the turn ended, where the agent tells it
    assert watch.texts("text").count("remember me") == 1  # what a loaded session repeats is no news


@pytest.mark.parametrize("allow", [True, False], ids=["allowed", "denied"])
async def test_its_agent_asks_before_it_acts(rig: Rig, provider: Provider, watch: Recorder, allow: bool) -> None:
    if not rig.asks:
        pytest.skip("its agent cannot ask")
    watch.allow = allow
    target = rig.work / "made.txt"
    result = await rig.turn(provider, rig.creates(target), watch)
    assert len(watch.asked) == 1
    if not isinstance(rig, rigs.Scripted | rigs.Callable):
        assert watch.asked[0][0] == "shell"
        assert str(target) in watch.asked[0][1]
        assert target.exists() is allow
        assert len(watch.texts("tool_call")) - len([t for t in watch.texts("tool_call") if t.startswith("mcp__")]) == 1
        assert "refused" in result.text or allow or not isinstance(rig, rigs.Codex)


async def test_a_cancelled_turn_ends_within_seconds(rig: Rig, provider: Provider, watch: Recorder) -> None:
    running = asyncio.create_task(rig.turn(provider, rig.waits(), watch))
    await watch.until("notice" if isinstance(rig, rigs.Headless) else "text")
    async with asyncio.timeout(20):
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await provider.rest("t1")
    assert processes_of(rig.place) == []
    assert bool(watch.remembered) is rig.remembers, "so that the next turn goes on in the same conversation"


async def test_after_a_cancelled_turn_the_next_one_runs(rig: Rig, provider: Provider, watch: Recorder) -> None:
    running = asyncio.create_task(rig.turn(provider, rig.waits(), watch))
    await watch.until("notice" if isinstance(rig, rigs.Headless) else "text")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    result: TurnResult = await rig.turn(provider, rig.says("here again"), watch)
    assert result.text == "here again"


@pytest.mark.parametrize("kind", [rigs.Headless, rigs.Acp])
async def test_a_missing_program_is_named_at_once_with_the_fix(kind: type[Rig], tmp_path: Path) -> None:
    provider = kind(tmp_path).provider()
    profile = Profile(name="agent", command=["no-such-agent", "run"])
    (missing,) = provider.missing(profile)
    assert missing.what == "no-such-agent is not on PATH"
    assert "install no-such-agent" in missing.fix
    with pytest.raises(ProviderError) as refused:
        await provider.turn(seat(profile, tmp_path / "work"), prompt("hello"), Recorder())
    assert refused.value.failure.code == "missing"
