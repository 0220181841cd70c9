"""Configuration: every knob, its default and where its value came from.

A value comes from the environment (`CAO_<NAME>`), else from `config.toml` in the data directory, else from here.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from cao.discovery import default_home
from cao.protocol import Described, InvalidInput

DEFAULT_PORT = 9889
_HOST = r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]{2,45}\]?)$"
_ORIGIN = r"^https?://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$"


class Settings(Described):
    """All configuration. Unknown names in `config.toml` are refused, so that a typo is not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    """The data directory, mode 0700: store, logs, token, installed profiles, Prefect's own files."""
    host: str = "127.0.0.1"
    """The address that `cao serve` binds. Another than a loopback one needs a token, and `hosts` or `public_url`."""
    port: Annotated[int, Field(ge=0, le=65535)] = DEFAULT_PORT
    """The port that `cao serve` binds; 0 takes a free one."""
    hosts: list[Annotated[str, Field(pattern=_HOST)]] = Field(default_factory=list[str])
    """Names by which clients call this server, besides the loopback ones and `host`; requests for others are refused."""
    public_url: Annotated[str, Field(pattern=_ORIGIN)] | None = None
    """Where people elsewhere reach this server, such as `https://cao.example.org`: links begin with it, and its host is one of
    `hosts`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What the server's log holds."""
    linger_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """How long a session stays hot after its last turn: a message in this time starts without a new activation."""
    max_activations: Annotated[int, Field(ge=1, le=1000)] = 16
    """Sessions that are hot at once in one process; more wait their turn."""
    max_workflows: Annotated[int, Field(ge=1, le=1000)] = 32
    """Workflows that are under way at once in one process, beside the sessions of their agents; more wait their turn."""
    max_turns: Annotated[int, Field(ge=1, le=1000)] = 64
    """Turns that run at once in one session."""
    engine_rest_seconds: Annotated[float, Field(gt=0, le=86400)] = 300.0
    """After this time without work, the engine ends Prefect; the next work starts it again."""
    preload: bool = True
    """A server loads Prefect and the MCP library as soon as it listens; otherwise with their first use, which waits for it."""
    max_depth: Annotated[int, Field(ge=0, le=20)] = 4
    """How deep agents may start agents."""
    max_terminals: Annotated[int, Field(ge=1, le=10000)] = 200
    """Open terminals in one session."""
    turn_seconds: Annotated[float, Field(gt=0, le=86400)] = 86400.0
    """The longest that a turn may take, waiting for a person included; a profile may say less."""
    approval_seconds: Annotated[float, Field(gt=0, le=30 * 86400)] = 86400.0
    """After this time an undecided approval counts as denied."""
    schedule_grace_seconds: Annotated[float, Field(ge=0, le=86400)] = 300.0
    """A schedule's due time that is seen so much later still counts as on time; more than the pause between two ticks."""
    schedule_script_seconds: Annotated[float, Field(gt=0, le=90)] = 30.0
    """The longest that a schedule's script may take."""
    receiver_seconds: Annotated[float, Field(gt=0, le=600)] = 5.0
    """The longest that a signal's receiver may take before it is given up."""
    provider_limits: dict[str, Annotated[int, Field(ge=1, le=10000)]] = Field(default_factory=dict[str, int])
    """Turns of a provider that run at once, over all sessions: Prefect's concurrency limits named `cao-<provider>`."""
    queue_limit: Annotated[int, Field(ge=1, le=100_000)] = 8
    """Items of the queue that are in flight at once, over all processes on this data directory."""
    queue_project_limits: dict[str, Annotated[int, Field(ge=0, le=100_000)]] = Field(default_factory=dict[str, int])
    """The same for single projects, by name: `docs=2,web=1`. 0 dispatches nothing of it."""
    queue_provider_limits: dict[str, Annotated[int, Field(ge=0, le=100_000)]] = Field(default_factory=dict[str, int])
    """The same for single providers: `acp=4`. It bounds items; `provider_limits` bounds turns."""
    failed_sign_ins: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Wrong tokens from one address in a minute that are answered in full; whoever shows more is told to wait."""
    profile_hosts: list[Annotated[str, Field(max_length=253)]] = Field(default_factory=list[str])
    """Hosts of your own network that `cao profile install` may fetch from; others must have a public address."""
    plugin_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """The longest that a plugin may take to be loaded, to set up and to tear down."""
    plugins: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]], repr=False)
    """Each plugin's own options: a section `[plugins.<name>]`, or `CAO_PLUGINS` as JSON. Only their names are ever shown."""
    notify_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    """The longest that a notification's service may take to be reached, and again to answer."""
    notify_attempts: Annotated[int, Field(ge=1, le=50)] = 10
    """After so many failed attempts a notification is given up, which is itself told of."""
    notify_backoff_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """The pause after the first failed attempt; it doubles with each further one, up to half an hour."""
    prefect_api_url: str | None = None
    """A Prefect Server or Cloud to use instead of the built-in one. `PREFECT_API_URL` means the same."""


ENVIRONMENT: Mapping[str, str] = {name: "CAO_" + name.upper() for name in Settings.model_fields}
"""Each setting's environment variable."""


def load(home: Path | None = None, environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the configuration. Raises `InvalidInput` that names the file or variable to mend.

    home: the data directory; else `CAO_HOME`, else the platform's. overrides: settings that win over everything.
    """
    environment = os.environ if environment is None else environment
    home = (home or Path(environment.get("CAO_HOME") or default_home())).expanduser().absolute()
    file, variables = _file(home / "config.toml"), _variables(environment)
    try:
        return Settings.model_validate({**file, **variables, **overrides, "home": home})
    except ValidationError as error:
        refused = InvalidInput.from_validation(error)
        name = str(error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"][0])
        raise InvalidInput(f"{_place(name, file, variables, overrides)}: {refused.message}", **refused.details) from None


def _place(name: str, *sources: Mapping[str, Any]) -> str:
    """What is to be mended: the last of the file, the variables and the overrides that has the setting."""
    file, variables, overrides = (name in source for source in sources)
    if overrides or not (file or variables):
        return "settings"
    return ENVIRONMENT[name] if variables else "config.toml" if name in ENVIRONMENT else "config.toml has no such setting"


def origins(settings: Settings, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where each setting's value came from: `environment`, `config.toml` or `default`."""
    environment = os.environ if environment is None else environment
    variables, file = _variables(environment), _file(settings.home / "config.toml")
    if environment.get("CAO_HOME"):
        variables["home"] = environment["CAO_HOME"]
    return {
        name: "environment" if name in variables else "config.toml" if name in file else "default"
        for name in Settings.model_fields
    }


def shown(settings: Settings) -> dict[str, Any]:
    """All values, JSON-ready, for everybody to see: of the plugins' options only the names."""
    names = {plugin: sorted(options) for plugin, options in settings.plugins.items()}
    return {**settings.model_dump(mode="json", exclude={"plugins"}), "plugins": names}


def _file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} cannot be read: {error}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path.name} is not TOML: {error}") from None


def _variables(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: environment[variable] for name, variable in ENVIRONMENT.items() if environment.get(variable)}
    found.pop("home", None)
    for name in ("provider_limits", "queue_project_limits", "queue_provider_limits"):
        if name in found:
            found[name] = _limits(found[name])
    for name in ("hosts", "profile_hosts"):
        if name in found:
            found[name] = [host.strip() for host in found[name].split(",") if host.strip()]
    if "plugins" in found:
        found["plugins"] = _json("CAO_PLUGINS", found["plugins"])
    if "prefect_api_url" not in found and environment.get("PREFECT_API_URL"):
        found["prefect_api_url"] = environment["PREFECT_API_URL"]
    return found


def _json(variable: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(f"{variable} is not JSON") from None


def _limits(text: str) -> dict[str, str]:
    """Read `acp=2,headless=4`."""
    pairs = [part.partition("=") for part in text.split(",") if part]
    return {name: limit for name, _, limit in pairs}
