"""Tool calls of ACP agents: how they are put together and how they are named for policies."""

from __future__ import annotations

from typing import Any

import pytest
from acp.schema import ToolCallUpdate

from cao.agents import Profile, ProviderError
from cao.agents.acp.attached import of_profile
from cao.agents.acp.calls import Call, bounded, name_for
from cao.agents.acp.launch import agent_for, launch, missing
from cao.agents.acp.table import AGENTS
from tests.agents.rigs import seat


def _call(*updates: dict[str, Any]) -> Call:
    call = Call("c")
    for update in updates:
        call.merge(ToolCallUpdate.model_validate({"toolCallId": "c", **update}))
    return call


def test_a_call_grows_with_its_updates() -> None:
    call = _call(
        {"title": "Terminal", "kind": "execute", "status": "pending"},
        {"title": "ls", "rawInput": {"command": "ls"}},
        {"status": "completed", "rawOutput": "a.txt"},
    )
    assert (call.title, call.input, call.output, call.finished) == ("ls", {"command": "ls"}, "a.txt", True)
    assert call.names[0] == "shell"


def test_output_that_comes_in_pieces_is_joined() -> None:
    pieces = [{"_meta": {"terminal_output_delta": {"data": piece}}} for piece in ("a", "b")]
    assert _call(*pieces, {"status": "completed"}).output == "ab"


@pytest.mark.parametrize(
    "update",
    [
        {"title": "mcp__cao__assign", "kind": "other", "_meta": {"claudeCode": {"toolName": "mcp__cao__assign"}}},
        {"kind": "execute", "rawInput": {"server": "cao", "tool": "assign"}, "_meta": {"is_mcp_tool_call": True}},
        {"title": "cao_assign", "kind": "other"},
    ],
)
def test_our_own_tools_are_known(update: dict[str, Any]) -> None:
    assert _call(update).own_tool == "assign"


@pytest.mark.parametrize(
    "update",
    [
        {"title": "mcp__cao__assign", "kind": "execute", "rawInput": {"command": "mcp__cao__assign"}},
        {"title": "mcp__cao__assign", "kind": "other", "_meta": {"claudeCode": {"toolName": "Bash"}}},
        {"title": "mcp__cao__assign", "kind": "other", "_meta": {"claudeCode": {"toolName": "mcp__evil__cao__assign"}}},
        {"kind": "execute", "rawInput": {"server": "cao", "tool": "assign"}},
        {"title": "run mcp__cao__assign", "kind": "other"},
    ],
)
def test_what_a_model_writes_does_not_pass_for_our_own_tools(update: dict[str, Any]) -> None:
    assert _call(update).own_tool is None


@pytest.mark.parametrize(
    ("kind", "denied", "allowed", "name"),
    [
        ("edit", ["edit"], None, "edit"),
        ("edit", ["fs_*"], ["write"], "fs_write"),
        ("execute", [], ["execute_bash"], "execute_bash"),
        ("execute", [], ["read"], "shell"),
    ],
)
def test_a_tool_goes_by_the_name_that_the_profile_uses(
    kind: str, denied: list[str], allowed: list[str] | None, name: str
) -> None:
    assert name_for(_call({"kind": kind}).names, denied, allowed) == name


def test_long_arguments_are_cut() -> None:
    assert bounded({"text": "short"}) == {"text": "short"}
    assert len(bounded({"text": "x" * 100_000})["beginning"]) == 16 * 1024


def test_mcp_servers_of_a_profile(tmp_path: Any) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    servers = {
        "files": {"command": "server", "args": ["-v"], "env": {"A": "b"}},
        "web": {"url": "https://example.invalid/mcp", "headers": {"X": "y"}},
        "cao-mcp-server": {"command": "uvx"},
    }
    local, remote = of_profile(Profile(name="p", mcp_servers=servers), str(tmp_path))
    assert local.model_dump(exclude_none=True) == {
        "name": "files",
        "command": str(program),
        "args": ["-v"],
        "env": [{"name": "A", "value": "b"}],
    }
    assert (remote.name, remote.type) == ("web", "http")  # type: ignore[union-attr]


@pytest.mark.parametrize("server", [{"cao": {"url": "http://x"}}, {"x": {}}, {"x": "y"}, {"x": {"command": "no-such-program"}}])
def test_mcp_servers_that_cannot_be_attached_are_named(server: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match=next(iter(server))):
        of_profile(Profile(name="p", mcp_servers=server), "/nowhere")


@pytest.fixture
def bin(tmp_path: Any) -> Any:
    """Makes agents' programs in a folder of their own; the PATH."""

    def make(*names: str) -> dict[str, str]:
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        return {"PATH": str(tmp_path)}

    return make


def test_the_first_installed_agent_is_the_default_and_a_conversation_keeps_its_own(bin: Any) -> None:
    profile = Profile(name="p", environment=bin("codex-acp", "gemini"))
    assert agent_for(profile) is AGENTS["codex"]
    assert agent_for(profile, known="gemini") is AGENTS["gemini"]
    assert agent_for(profile, known="claude") is AGENTS["codex"]


def test_what_is_missing_is_named_with_the_command_that_mends_it(bin: Any) -> None:
    nothing = bin()
    (claude,) = missing(Profile(name="p", agent="claude", environment=nothing))
    assert claude.what == "claude-agent-acp is not on PATH"
    assert claude.fix == "npm install -g @agentclientprotocol/claude-agent-acp"
    (some,) = missing(Profile(name="p", environment=nothing))
    assert some.fix == "npm install -g @agentclientprotocol/claude-agent-acp"
    (unknown,) = missing(Profile(name="p", agent="nobody", environment=nothing))
    assert "claude, codex" in unknown.fix


def test_a_launch_shows_no_secrets_and_passes_only_what_is_listed(
    bin: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-other")
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    profile = Profile(name="p", agent="codex", model="m", prompt="Be brief.", environment=bin("codex-acp"))
    made = launch(seat(profile, tmp_path), AGENTS["codex"])
    assert made.argv == (str(tmp_path / "codex-acp"),)
    assert made.environment["OPENAI_API_KEY"] == "sk-mine"
    assert (made.environment["CAO_SESSION"], made.environment["CAO_TERMINAL"]) == ("s1", "t1")
    assert not {"ANTHROPIC_API_KEY", "DATABASE_PASSWORD"} & set(made.environment)
    assert made.environment["CODEX_CONFIG"] == '{"model": "m", "developer_instructions": "Be brief."}'
    assert "sk-mine" not in repr(made)
