"""What is particular to the providers that run processes: bounds, failures, warm agents, conversations that cannot go on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.agents import Profile, ProviderError
from cao.agents.acp import AcpProvider
from cao.agents.headless import HeadlessProvider
from cao.agents.process import Child, environment
from tests.agents.rigs import Acp, Headless, Recorder, processes_of, prompt, seat

BOUND = "cao.agents.process"


@pytest.fixture
async def acp() -> AsyncIterator[AcpProvider]:
    provider = AcpProvider(warm=1)
    yield provider
    await provider.close()


@pytest.fixture
def watch() -> Recorder:
    return Recorder()


def _profile(rig: Acp | Headless, *flags: str, **fields: Any) -> Profile:
    return rig.profile.model_copy(update={"command": [*rig.profile.command, *flags], **fields})


def _steps(*steps: dict[str, Any]) -> Any:
    return prompt(json.dumps(steps))


async def _pid(provider: AcpProvider, profile: Profile, rig: Acp, watch: Recorder, terminal: str = "t1") -> int:
    """The process that answers: it writes its id to a file."""
    await provider.turn(seat(profile, rig.work, id=terminal), _steps({"run": "echo $PPID > pid"}), watch)
    return int((rig.work / "pid").read_text())


async def test_an_agent_stays_warm_between_turns_until_its_terminal_rests(
    acp: AcpProvider, watch: Recorder, tmp_path: Path
) -> None:
    rig = Acp(tmp_path)
    first = await _pid(acp, rig.profile, rig, watch)
    assert await _pid(acp, rig.profile, rig, watch) == first
    await acp.rest("t1")
    assert processes_of(tmp_path) == []
    assert await _pid(acp, rig.profile, rig, watch) != first


async def test_only_so_many_idle_agents_stay_warm(acp: AcpProvider, watch: Recorder, tmp_path: Path) -> None:
    rig = Acp(tmp_path)
    await _pid(acp, rig.profile, rig, watch, "t1")
    second = await _pid(acp, rig.profile, rig, watch, "t2")
    assert processes_of(tmp_path) == [second]


async def test_an_agent_whose_profile_changed_is_started_anew(acp: AcpProvider, watch: Recorder, tmp_path: Path) -> None:
    rig = Acp(tmp_path)
    first = await _pid(acp, rig.profile, rig, watch)
    changed = rig.profile.model_copy(update={"environment": {**rig.profile.environment, "NEW": "1"}})
    assert await _pid(acp, changed, rig, watch) != first


async def test_an_agent_that_dies_fails_its_turn_with_its_last_words_and_the_next_turn_goes_on(
    acp: AcpProvider, watch: Recorder, tmp_path: Path
) -> None:
    rig = Acp(tmp_path)
    result = await acp.turn(seat(rig.profile, rig.work), _steps({"say": "hello"}), watch)
    with pytest.raises(ProviderError, match="exited with 3: last words") as died:
        await acp.turn(seat(rig.profile, rig.work, result.conversation), _steps({"die": 3}), watch)
    assert died.value.failure.code == "agent_ended"
    assert not died.value.retryable
    result = await acp.turn(seat(rig.profile, rig.work, result.conversation), _steps({"say": "{before}"}), watch)
    assert result.text == "2"


async def test_a_failure_of_the_model_may_be_retried(acp: AcpProvider, watch: Recorder, tmp_path: Path) -> None:
    rig = Acp(tmp_path)
    with pytest.raises(ProviderError, match="overloaded") as failed:
        await acp.turn(seat(rig.profile, rig.work), _steps({"fail": "overloaded"}), watch)
    assert (failed.value.failure.code, failed.value.retryable) == ("model_error", True)


async def test_an_agent_that_needs_a_login_says_so(acp: AcpProvider, watch: Recorder, tmp_path: Path) -> None:
    rig = Acp(tmp_path)
    profile = _profile(rig, "login", agent="claude")
    with pytest.raises(ProviderError, match="run `claude` once and log in") as refused:
        await acp.turn(seat(profile, rig.work), _steps({"say": "hello"}), watch)
    assert refused.value.failure.code == "login_needed"
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("why", ["cannot load conversations", "was held with codex", "Internal error"])
async def test_a_conversation_that_cannot_go_on_begins_anew_and_says_so(
    acp: AcpProvider, watch: Recorder, tmp_path: Path, why: str
) -> None:
    rig = Acp(tmp_path)
    profile = _profile(rig, "noload") if "load" in why else rig.profile
    name = Path(sys.executable).name
    known = {"agent": "codex" if "codex" in why else name, "session": "unknown"}
    result = await acp.turn(seat(profile, rig.work, known), _steps({"say": "hello"}), watch)
    assert result.conversation == {"agent": name, "session": "s0"}
    assert why in watch.texts("notice")[0]


async def test_an_agent_that_does_not_stop_is_ended(acp: AcpProvider, watch: Recorder, tmp_path: Path) -> None:
    rig = Acp(tmp_path)
    running = asyncio.create_task(acp.turn(seat(_profile(rig, "deaf"), rig.work), _steps({"say": "x"}, {"wait": 1}), watch))
    await watch.until("text")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_of(tmp_path) == []


async def test_a_thousand_updates_come_in_their_order_before_the_answer(
    acp: AcpProvider, watch: Recorder, tmp_path: Path
) -> None:
    rig = Acp(tmp_path)
    result = await acp.turn(seat(rig.profile, rig.work), _steps({"flood": 1000}), watch)
    assert result.text.split() == [str(number) for number in range(1000)]
    assert len(watch.texts("text")) == 1000


class Overtaken(Recorder):
    """A watch whose turn was taken over by another process."""

    async def permission(self, *_: Any) -> bool:
        raise RuntimeError("taken over")


async def test_a_failure_of_ours_stops_the_agent_and_is_the_turns(acp: AcpProvider, tmp_path: Path) -> None:
    rig = Acp(tmp_path)
    with pytest.raises(RuntimeError, match="taken over"):
        await acp.turn(seat(rig.profile, rig.work), _steps({"run": "touch never"}, {"wait": 1}), Overtaken())
    assert not (rig.work / "never").exists()


async def test_the_agent_gets_our_tools_and_its_profiles(acp: AcpProvider, watch: Recorder, tmp_path: Path) -> None:
    rig = Acp(tmp_path)
    profile = rig.profile.model_copy(update={"mcp_servers": {"web": {"url": "https://example.invalid/mcp"}}})
    await acp.turn(seat(profile, rig.work), _steps({"say": "hello"}), watch)
    ours, web = json.loads((tmp_path / "servers.json").read_text())
    assert (ours["name"], web["name"]) == ("cao", "web")
    assert ours["headers"][0]["value"] == "Bearer no-token"


async def test_a_headless_command_takes_its_prompt_as_an_argument_or_on_standard_input(watch: Recorder, tmp_path: Path) -> None:
    rig = Headless(tmp_path)
    for command in (rig.profile.command, [*rig.profile.command, "{prompt}"]):
        profile = rig.profile.model_copy(update={"command": command})
        result = await HeadlessProvider().turn(seat(profile, rig.work), prompt("say hello"), watch)
        assert result.text == "hello"
    assert watch.texts("tool_result") == ["out", "out"]


async def test_a_system_prompt_comes_once_before_the_first_prompt(watch: Recorder, tmp_path: Path) -> None:
    rig = Headless(tmp_path)
    profile = rig.profile.model_copy(update={"prompt": "Be brief."})
    first = await HeadlessProvider().turn(seat(profile, rig.work), prompt("say {prompt}"), watch)
    assert first.text.startswith("Be brief.\n\nsay")
    second = await HeadlessProvider().turn(seat(profile, rig.work, first.conversation), prompt("say {prompt}"), watch)
    assert second.text == "say {prompt}"


async def test_a_headless_command_that_fails_is_quoted(watch: Recorder, tmp_path: Path) -> None:
    rig = Headless(tmp_path)
    with pytest.raises(ProviderError, match="exited with 1: no such thing") as failed:
        await HeadlessProvider().turn(seat(rig.profile, rig.work), prompt("fail no such thing"), watch)
    assert failed.value.failure.code == "exit"


@pytest.mark.parametrize(("line", "words"), [(1 << 20, "in one turn"), (17 << 20, "a line of more")])
async def test_output_without_end_is_cut_off(watch: Recorder, tmp_path: Path, line: int, words: str) -> None:
    rig = Headless(tmp_path)
    profile = rig.profile.model_copy(update={"output": "codex"})
    with pytest.raises(ProviderError, match=words) as cut:
        await HeadlessProvider().turn(seat(profile, rig.work), prompt(f"flood {line}"), Quiet())
    assert cut.value.failure.code == "too_much_output"
    assert processes_of(tmp_path) == []


class Quiet(Recorder):
    """A watch that keeps nothing."""

    async def entry(self, *_: Any) -> None:
        return None


async def test_a_group_is_ended_with_everything_in_it_that_ignores_signals(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; (trap '' TERM; sleep 600) & echo ready; sleep 600; wait"
    child = await Child.start(["sh", "-c", stubborn], tmp_path, environment((), {"MARK": str(tmp_path)}))
    assert await child.line() == b"ready\n"
    assert len(processes_of(tmp_path)) >= 2
    await child.end()
    await child.end()
    assert processes_of(tmp_path) == []


async def test_only_listed_variables_reach_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    variables = environment((), {"PASSED_ON": "${SOME_TOKEN}", "UNSET": "${NO_SUCH_NAME}"})
    child = await Child.start(["env"], tmp_path, variables)
    seen = {line.split("=")[0]: line.strip() for line in [text async for text in child.lines()]}
    await child.end()
    assert "SOME_TOKEN" not in seen
    assert (seen["PASSED_ON"], seen["UNSET"]) == ("PASSED_ON=secret", "UNSET=")
