"""Their agents as profiles, and the models that the file gives names to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from .part import Part
from .templates import identifier

TOOLS: Final[Mapping[str, str]] = {
    "claude": "claude",
    "claude-code": "claude",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "copilot": "copilot",
}
"""Their tools to the agents that the provider `acp` knows."""
_HINTS: Final[Mapping[str, str]] = {
    "system_prompt_file": "put the file's text below the profile's front matter",
    "memory": "keep what an agent shall remember in a file of the project, and name it in the prompt",
    "communication": "agents of a session reach each other with the tools `handoff`, `assign` and `send_message`",
    "approval_policy": "say in the profile what its agent may use without asking: `allowed_tools`",
    "hooks": "write a plugin; see the how-to on plugins",
    "fallback_models": "a profile has one model",
    "fallback_tools": "a profile has one agent",
    "skills": "give them to the agent itself",
    "persona": "write it into the system prompt",
}


def models(part: Part) -> dict[str, str]:
    """Models by the names that the file gives them."""
    found: dict[str, str] = {}
    for name, model in part.parts():
        if named := model.text("model"):
            found[name] = named
        model.anything("tool")
        model.close({})
    return found


def profile(id: str, part: Part, named: Mapping[str, str], servers: Mapping[str, Any]) -> tuple[str, str]:
    """A profile's name and text. named: models by name. servers: MCP servers by name."""
    name = identifier(id)
    front: dict[str, Any] = {"name": name}
    for field in ("description", "role"):
        if value := part.text(field):
            front[field] = " ".join(value.split())
    if tool := part.text("tool"):
        front |= _run_by(tool, part)
    if model := part.text("model") or next(iter(part.words("models")), None):
        front["model"] = named.get(model, model)
    part.anything("models")
    front |= _allowed(part)
    if known := {one: servers[one] for one in part.words("mcp_servers") if one in servers}:
        front["mcp_servers"] = known
        part.changed("mcp_servers", "the profile has copies of its MCP servers", "look whether their environment is right here")
    prompt = part.template("system_prompt") or f"You are {name}."
    part.close(_HINTS)
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=120)
    return name, f"---\n{head}---\n{prompt.strip()}\n"


def _run_by(tool: str, part: Part) -> dict[str, str]:
    agent = TOOLS.get(tool.lower())
    if agent is None:
        part.lost("tool", f"the tool `{tool}` is not known", "set `provider`, and `agent` or `command`, in the profile")
        return {}
    return {"provider": "acp", "agent": agent}


def _allowed(part: Part) -> dict[str, list[str]]:
    policy = part.part("tool_policy")
    found = {"allowed_tools": policy.words("allow"), "denied_tools": policy.words("deny")}
    policy.close({})
    given = {name: words for name, words in found.items() if words}
    if given:
        part.changed("tool_policy", "tools have other names here", "look up their names with: cao profile get")
    return given
