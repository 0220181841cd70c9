"""Profiles: who an agent is. Markdown with YAML front matter; the body is the system prompt.

Files written for CLI Agent Orchestrator load as they are: fields that we do not know are kept in `extra` and warned of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator

from cao.protocol import Answer, InvalidInput, Name
from cao.protocol.records import RecoveryPolicy

PROFILE_LIMIT = 256 * 1024
"""The largest profile file, in bytes."""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)

_SPELLINGS = {"allowedTools": "allowed_tools", "deniedTools": "denied_tools", "mcpServers": "mcp_servers", "prompt": "prompt"}
"""Names of the other system to ours."""


class Profile(Answer):
    """Who an agent is."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, populate_by_name=True)

    name: Name
    """How it is called in `--profile`."""
    description: str = ""
    """One line: when to choose this agent."""
    role: str = ""
    """What kind of work it does: supervisor, developer, reviewer, or a word of one's own."""
    provider: str | None = None
    """How it is run, unless the caller chooses another."""
    model: str | None = None
    """The model to ask the agent for; its own default otherwise."""
    agent: str | None = None
    """Which agent, where the provider runs several: for `acp`, a name of its table such as `claude` or `codex`."""
    command: list[str] = Field(default_factory=list[str], max_length=64)
    """For `headless` and unlisted ACP agents: the program and its arguments. `{prompt}`, `{model}`, `{system}`,
    `{directory}` and `{conversation}` are replaced inside each argument; nothing is passed through a shell."""
    resume: list[str] = Field(default_factory=list[str], max_length=64)
    """For `headless`: the arguments that replace `command` once `{conversation}` is known."""
    environment: dict[str, str] = Field(default_factory=dict[str, str])
    """Variables for the agent's process, added to the allow-list that it inherits. `${NAME}` takes a value from ours."""
    allowed_tools: list[str] | None = None
    """Tools that it uses without asking; null asks for nothing to be restricted, and an agent's request goes to a person."""
    denied_tools: list[str] = Field(default_factory=list[str])
    """Tools that it is refused, whatever else is allowed."""
    mcp_servers: dict[str, Any] = Field(default_factory=dict[str, Any])
    """MCP servers for the agent, besides ours."""
    capabilities: list[str] = Field(default_factory=list[str])
    """Words that `cao profile find` looks for."""
    tags: list[str] = Field(default_factory=list[str])
    """More such words."""
    recovery: RecoveryPolicy | None = None
    """What happens to a turn that a crash cut: `retry`, `ask` a person, or `fail`. The provider's habit unless given."""
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    """How often a turn that failed for a passing reason is tried again, by Prefect."""
    retry_seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """The pause before that."""
    timeout: Annotated[float, Field(gt=0, le=86400)] | None = None
    """Seconds that a turn may take; `turn_seconds` of the configuration unless given."""
    prompt: str = ""
    """The system prompt: the file's body."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Fields that we do not know, kept as they are."""

    @model_validator(mode="before")
    @classmethod
    def _keep_unknown(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        given = {_SPELLINGS.get(str(k), str(k)): v for k, v in cast("Mapping[object, Any]", value).items() if v is not None}
        unknown = {key: given.pop(key) for key in list(given) if key not in cls.model_fields}
        return {**given, "extra": {**given.get("extra", {}), **unknown}} if unknown else given


class Finding(Answer):
    """One remark on a profile: what, and how serious."""

    level: Literal["error", "warning"]
    field: str
    """A JSON pointer into the front matter; empty for the file as a whole."""
    message: str


def parse(text: str, name: str) -> Profile:
    """Read a profile. Raises `InvalidInput` with the fields to mend.

    name: its name, where the front matter gives none (the file's stem).
    """
    if len(text.encode()) > PROFILE_LIMIT:
        raise InvalidInput.field("profile", f"is larger than {PROFILE_LIMIT} bytes", "too_long")
    match = _FRONT_MATTER.match(text.lstrip("\ufeff"))
    fields = _fields(match.group(1)) if match else {}
    body = text.lstrip("\ufeff")[match.end() :] if match else text
    try:
        return Profile.model_validate({"name": name, **fields, "prompt": body.strip() or fields.get("prompt", "")})
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from None


def findings(text: str, name: str) -> list[Finding]:
    """Everything that is wrong or odd about a profile's text."""
    try:
        profile = parse(text, name)
    except InvalidInput as error:
        errors = error.details.get("errors") or [{"pointer": "", "message": error.message}]
        return [Finding(level="error", field=e["pointer"], message=e["message"]) for e in errors]
    notes = [
        Finding(level="warning", field=f"/{key}", message="is not a field of ours; it is kept and has no effect")
        for key in profile.extra
    ]
    if not profile.prompt:
        notes.append(Finding(level="warning", field="", message="has no body, so the agent gets no system prompt"))
    if not profile.description:
        notes.append(Finding(level="warning", field="/description", message="is missing; other agents choose by it"))
    return notes


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)


def _fields(front_matter: str) -> dict[str, Any]:
    try:
        loaded: Any = yaml.load(front_matter, _Loader)  # noqa: S506 - a SafeLoader, made stricter
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput.field("profile", f"its front matter is not YAML: {_one_line(error)}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise InvalidInput.field("profile", "its front matter is not a mapping of names to values")
    return {_SPELLINGS.get(str(key), str(key)): value for key, value in cast("dict[object, Any]", loaded).items()}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
