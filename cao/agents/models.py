"""Which model a profile asks for and through what; what can be known of it without asking it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .acp.launch import agent_for
from .command import places
from .headless import OWN_VARIABLES
from .profile import Profile

_CUES = ("KEY", "TOKEN", "CREDENTIAL")
"""What the names of variables hold that carry a credential."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model and the way to it."""

    provider: str
    agent: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an agent would sign in with."""

    needed: bool
    variables: list[str]
    """The names of variables that are set."""
    login: str | None


def target(profile: Profile, provider: str) -> Target:
    """What a profile asks for, run by this provider. An agent is chosen only among those that are installed."""
    if provider != "acp":
        return Target(provider, profile.agent if provider == "callable" else None, profile.model)
    agent = agent_for(profile)
    return Target(provider, profile.agent or (agent.name if agent else None), profile.model)


def credentials(profile: Profile, provider: str, ours: Mapping[str, str] | None = None) -> Credentials:
    """What an agent of this profile would sign in with, from our environment and the profile's own variables."""
    if provider in ("scripted", "callable"):
        return Credentials(False, [], None)
    agent = agent_for(profile) if provider == "acp" else None
    passed = OWN_VARIABLES if provider == "headless" else agent.inherits if agent else ()
    login = agent.login or None if agent else None
    return Credentials(
        True, sorted({*_set(passed, os.environ if ours is None else ours), *_carriers(profile.environment)}), login
    )


def _set(patterns: Iterable[str], ours: Mapping[str, str]) -> list[str]:
    wanted = tuple(patterns)
    return [name for name in _carriers(ours) if any(fnmatchcase(name, pattern) for pattern in wanted)]


def _carriers(variables: Mapping[str, str]) -> list[str]:
    return [name for name, value in variables.items() if value and any(cue in name.upper() for cue in _CUES)]


def oddities(profile: Profile, provider: str) -> list[str]:
    """Why the model that a profile names would not be what it gets."""
    named, commands = profile.model is not None, [*profile.command, *profile.resume]
    if provider in ("scripted", "callable"):
        return [f"provider {provider} takes no model, so {profile.model} is not asked"] if named else []
    asked = "model" in places(commands)
    if provider == "headless" and named and not asked:
        return [f"its command has no {{model}}, so {profile.model} is not asked"]
    if asked and not named:
        return ["its command has a place for {model}, and the profile names none: that argument is left out"]
    return []
