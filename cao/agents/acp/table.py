"""What each ACP agent needs: how it is started, what it may see of our environment, and where it differs from the others.

The facts were found by running each agent against a scripted model; `proven` says which ones the tests run. An agent that is
not listed runs with a profile's own `command` and no quirks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cao.agents.profile import Profile

_OPENAI = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL")
_GIT_HUB = ("GH_TOKEN", "GITHUB_TOKEN")


def _nothing(_: Profile) -> dict[str, Any]:
    return {}


def _no_arguments(_: Profile) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent's entry."""

    name: str
    argv: tuple[str, ...]
    package: str
    """The npm package that brings the program."""
    login: str = ""
    """What a person does once, so that the agent may use its model."""
    inherits: tuple[str, ...] = ()
    """Variables (or patterns) that it gets from our environment besides those that every agent gets."""
    environment: Callable[[Profile], Mapping[str, str]] = _nothing
    """Variables that are set for it."""
    arguments: Callable[[Profile], list[str]] = _no_arguments
    """Arguments after `argv`."""
    meta: Callable[[Profile], dict[str, Any]] = _nothing
    """What goes into `_meta` of session/new and session/load."""
    options: Callable[[Profile], Mapping[str, str]] = _nothing
    """Options that are set once the session is there."""
    mode: str | None = None
    """The session mode in which it asks before it acts."""
    careful_mode: str | None = None
    """The mode in which it also asks for what `mode` lets it do, where that is another one."""
    system: Literal["native", "prompt"] = "prompt"
    """Where the profile's system prompt goes: into the fields above, or before the first prompt."""
    loads: bool = True
    """Whether session/load works."""
    mcp_stdio: bool = True
    """Whether it starts MCP servers on stdio; otherwise it takes only those with a URL."""
    reject_ends_turn: bool = False
    """Whether a refused permission ends the turn, which then counts as cancelled."""
    error_text: str | None = None
    """Errors of the model's API come as answers that begin so."""
    remarks_without_id: bool = False
    """Text without a message id is a remark of the program: not part of the answer, and an error when `systemError` came."""
    proven: bool = False
    """Whether the tests run it."""

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"npm install -g {self.package}"


def _claude_meta(profile: Profile) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    if profile.prompt:
        meta["systemPrompt"] = {"append": profile.prompt}
    if profile.model:
        meta["claudeCode"] = {"options": {"model": profile.model}}
    return meta


def _codex_environment(profile: Profile) -> dict[str, str]:
    config = {"model": profile.model, "developer_instructions": profile.prompt}
    given = {name: value for name, value in config.items() if value}
    return {"NO_BROWSER": "1", **({"CODEX_CONFIG": json.dumps(given)} if given else {})}


def _model_argument(profile: Profile) -> list[str]:
    return ["--model", profile.model] if profile.model else []


def _model_option(profile: Profile) -> dict[str, str]:
    return {"model": profile.model} if profile.model else {}


def _qwen_arguments(profile: Profile) -> list[str]:
    return ["--append-system-prompt", profile.prompt] if profile.prompt else []


def _copilot_environment(profile: Profile) -> dict[str, str]:
    return {"COPILOT_MODEL": profile.model} if profile.model else {}


_TABLE = (
    Agent(
        "claude",
        ("claude-agent-acp",),
        "@agentclientprotocol/claude-agent-acp",
        "run `claude` once and log in, or set ANTHROPIC_API_KEY",
        ("ANTHROPIC_*", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_*"),
        environment=lambda _: {"MCP_CONNECTION_NONBLOCKING": "0"},  # else the first prompt may come before its tools do
        meta=_claude_meta,
        mode="default",
        system="native",
        proven=True,
    ),
    Agent(
        "codex",
        ("codex-acp",),
        "@agentclientprotocol/codex-acp",
        "run `codex login`, or set OPENAI_API_KEY",
        (*_OPENAI, "CODEX_HOME", "CODEX_API_KEY"),
        environment=_codex_environment,
        mode="workspace-write",
        careful_mode="read-only",
        system="native",
        reject_ends_turn=True,
        remarks_without_id=True,
        proven=True,
    ),
    Agent(
        "gemini",
        ("gemini", "--acp"),
        "@google/gemini-cli",
        "run `gemini` once and log in, or set GEMINI_API_KEY",
        ("GEMINI_*", "GOOGLE_*"),
        environment=lambda _: {"GEMINI_CLI_NO_RELAUNCH": "true"},
        arguments=_model_argument,
        mode="default",
        loads=False,
    ),
    Agent(
        "opencode",
        ("opencode", "acp"),
        "opencode-ai",
        "run `opencode auth login`",
        ("OPENCODE_*", *_OPENAI, "ANTHROPIC_API_KEY"),
        options=_model_option,
        reject_ends_turn=True,
    ),
    Agent(
        "copilot",
        ("copilot", "--acp"),
        "@github/copilot",
        "run `copilot` once and log in",
        ("COPILOT_*", *_GIT_HUB),
        environment=_copilot_environment,
        mcp_stdio=False,
        reject_ends_turn=True,
        error_text="Error:",
    ),
    Agent(
        "qwen",
        ("qwen", "--acp"),
        "@qwen-code/qwen-code",
        "run `qwen` once and log in, or set OPENAI_API_KEY",
        (*_OPENAI, "QWEN_*", "DASHSCOPE_API_KEY"),
        arguments=_qwen_arguments,
        options=_model_option,
        mode="default",
        system="native",
    ),
)

AGENTS: Mapping[str, Agent] = {agent.name: agent for agent in _TABLE}
"""The agents by name, in the order in which one is chosen for a profile that names none."""
