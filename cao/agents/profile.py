"""Profiles: who an agent is. Markdown with YAML front matter; the body is the system prompt.

Files written for CLI Agent Orchestrator load as they are: fields that we do not know are kept in `extra` and warned of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast, get_origin

import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator

from cao.protocol import Answer, InvalidInput, Name
from cao.protocol.records import RecoveryPolicy

PROFILE_LIMIT = 256 * 1024
"""The largest profile file, in bytes."""

FRONT_MATTER_LIMIT = 32 * 1024
"""The largest front matter, in characters: YAML of this size takes under a second to read."""

OutputFormat = Literal["text", "json", "claude", "codex", "gemini"]

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

SPELLINGS: Mapping[str, str] = {
    "allowedTools": "allowed_tools",
    "deniedTools": "denied_tools",
    "mcpServers": "mcp_servers",
    "systemPrompt": "prompt",
}
"""Names of the other system to ours."""

AGENTS: Mapping[str, str] = {
    "claude_code": "claude",
    "codex": "codex",
    "copilot_cli": "copilot",
    "gemini_cli": "gemini",
    "opencode_cli": "opencode",
}
"""Providers of the other system to the agents that we reach over ACP."""


class Profile(Answer):
    """Who an agent is."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

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
    `{directory}` and `{conversation}` are replaced inside each argument; nothing is passed through a shell. Without `{prompt}`
    the prompt comes on standard input; an argument whose value is unset, such as `--model={model}`, is left out."""
    resume: list[str] = Field(default_factory=list[str], max_length=64)
    """For `headless`: the arguments that replace `command` once `{conversation}` is known."""
    output: OutputFormat = "text"
    """For `headless`: what the program prints: `text`, `json` (one document), or the event stream of `claude`, `codex` or
    `gemini`, which tells of tools, usage and the conversation's id as well."""
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
    def _read_as_meant(cls, value: Any) -> Any:
        """Keep what we do not know in `extra`, and read one word as a list of one."""
        if not isinstance(value, Mapping):
            return value
        given = {str(k): v for k, v in cast("Mapping[object, Any]", value).items() if v is not None}
        extra: Any = given.pop("extra", {})
        kept: dict[str, Any] = dict(cast("Mapping[str, Any]", extra)) if isinstance(extra, Mapping) else {"extra": extra}
        kept.update({key: given.pop(key) for key in list(given) if key not in cls.model_fields})
        for key, item in given.items():
            if isinstance(item, str) and key in _LISTS:
                given[key] = [item]
        return {**given, "extra": kept}


_LISTS = frozenset(
    name
    for name, field in Profile.model_fields.items()
    if get_origin(field.annotation) is list or field.annotation == list[str] | None
)


class Finding(Answer):
    """One remark on a profile: what, and how serious."""

    level: Literal["error", "warning"]
    field: str
    """A JSON pointer into the front matter; empty for the file as a whole."""
    message: str


def parse(text: str, name: str) -> Profile:
    """Read a profile. Raises `InvalidInput` with the fields to mend.

    name: its name, where the front matter gives none that can be one.
    """
    fields, body = split(text)
    mended = {SPELLINGS.get(key, key): value for key, value in fields.items()}
    if not (isinstance(mended.get("name"), str) and _NAME.fullmatch(mended["name"])):
        mended["name"] = name
    if agent := AGENTS.get(str(mended.get("provider"))):
        mended = {"agent": agent, **mended, "provider": "acp"}
    try:
        return Profile.model_validate({**mended, "prompt": body.strip() or mended.get("prompt") or ""})
    except ValidationError as error:
        raise _in_their_words(InvalidInput.from_validation(error), fields) from None


def _in_their_words(error: InvalidInput, fields: Mapping[str, Any]) -> InvalidInput:
    """Point at the fields as the file spells them."""
    spelled = {SPELLINGS[key]: key for key in fields if key in SPELLINGS}
    for found in error.details["errors"]:
        first, slash, rest = str(found["pointer"]).removeprefix("/").partition("/")
        found["pointer"] = f"/{spelled.get(first, first)}{slash}{rest}"
    return error


def split(text: str) -> tuple[dict[str, Any], str]:
    """A profile's front matter, as JSON-ready values, and its body. Raises `InvalidInput`."""
    if len(text.encode()) > PROFILE_LIMIT:
        raise InvalidInput.field("profile", f"is larger than {PROFILE_LIMIT} bytes", "too_long")
    text = text.removeprefix("\ufeff")
    match = _FRONT_MATTER.match(text)
    return (_fields(match.group(1)), text[match.end() :]) if match else ({}, text)


def findings(text: str, name: str) -> list[Finding]:
    """Everything that is wrong or odd about a profile's text. name: its file's name, without the ending."""
    try:
        profile = parse(text, name)
    except InvalidInput as error:
        return [Finding(level="error", field=e["pointer"], message=e["message"]) for e in error.details["errors"]]
    fields, _ = split(text)
    return [Finding(level="warning", field=field, message=message) for field, message in _oddities(profile, fields, text, name)]


def _oddities(profile: Profile, fields: Mapping[str, Any], text: str, name: str) -> list[tuple[str, str]]:
    found = [(f"/{_escape(key)}", "is not a field of ours; it is kept and has no effect") for key in profile.extra]
    if "name" in fields and fields["name"] != name:
        found.append(("/name", f"differs from the file's name; the profile goes by {name!r}"))
    if agent := AGENTS.get(str(fields.get("provider"))):
        found.append(("/provider", f"is read as provider acp with agent {agent}"))
    if not fields and text.lstrip("\ufeff").startswith("---"):
        found.append(("", "begins like front matter that never ends; all of it is taken as the prompt"))
    if not profile.prompt:
        found.append(("", "has no body, so the agent gets no system prompt"))
    if not profile.description:
        found.append(("/description", "is missing; other agents choose by it"))
    return found


class _Loader(yaml.SafeLoader):
    """Safe YAML, stricter: no aliases (a few lines of them can stand for gigabytes) and no key twice; dates stay text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's way to say it
        first: [(tag, pattern) for tag, pattern in pairs if not tag.endswith(":timestamp")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.YAMLError(f"the key {key.value[:80]!r} stands there twice, in line {key.start_mark.line + 2}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _fields(front_matter: str) -> dict[str, Any]:
    if len(front_matter) > FRONT_MATTER_LIMIT:
        raise InvalidInput.field("profile", f"its front matter is larger than {FRONT_MATTER_LIMIT} characters", "too_long")
    try:
        loaded: Any = yaml.load(front_matter, _Loader)  # noqa: S506 - a SafeLoader, made stricter
        plain: Any = json.loads(json.dumps(loaded, allow_nan=False, ensure_ascii=False).encode())
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise InvalidInput.field("profile", f"its front matter is not plain YAML: {_one_line(error)}") from None
    if plain is None:
        return {}
    if not isinstance(plain, dict):
        raise InvalidInput.field("profile", "its front matter is not a mapping of names to values")
    fields = cast("dict[str, Any]", plain)
    for theirs, ours in SPELLINGS.items():
        if theirs in fields and ours in fields:
            raise InvalidInput.field("profile", f"its front matter has both {theirs} and {ours}")
    return fields


def _escape(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
