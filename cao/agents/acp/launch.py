"""Which agent a profile means, and everything that starting it takes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cao.agents.command import fill
from cao.agents.process import environment
from cao.agents.profile import Profile
from cao.agents.provider import Missing, Seat

from .table import AGENTS, Agent


@dataclass(frozen=True, slots=True)
class Launch:
    """An agent, ready to start. Two equal ones may share a process."""

    agent: Agent
    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    """The whole environment. It may hold keys, so it is never shown."""


def agent_for(profile: Profile, known: str | None = None) -> Agent | None:
    """The agent of a profile: the one it names, else `known` from the conversation, else the first that is installed."""
    listed = AGENTS.get(profile.agent or "")
    if profile.command:
        name = profile.agent or Path(profile.command[0]).name
        return replace(listed or Agent(name, (), package=""), argv=tuple(profile.command))
    if profile.agent is not None:
        return listed
    path = variables(profile)["PATH"]
    installed = [agent for agent in AGENTS.values() if shutil.which(agent.argv[0], path=path)]
    return next((agent for agent in installed if agent.name == known), installed[0] if installed else None)


def variables(profile: Profile, agent: Agent | None = None) -> dict[str, str]:
    """The environment that the agent gets; it has a PATH in any case."""
    own = agent.inherits if agent else ()
    added = {**(agent.environment(profile) if agent else {}), **profile.environment}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment(own, added)}


def missing(profile: Profile | None) -> list[Missing]:
    """What has to be installed before `profile` (or, without one, any agent of the table) can run."""
    profile = profile or Profile(name="any")
    agent = agent_for(profile)
    if agent is None and profile.agent is not None:
        known = ", ".join(AGENTS)
        return [Missing(f"no ACP agent is called {profile.agent!r}", f"name one of {known}, or give the profile a `command`")]
    if agent is None:
        first = next(iter(AGENTS.values()))
        return [Missing(f"none of {', '.join(AGENTS)} is installed", first.install)]
    program = agent.argv[0]
    if shutil.which(program, path=variables(profile, agent)["PATH"]) is None:
        fix = agent.install if agent.package else f"install {program}, or mend the profile's `command`"
        return [Missing(f"{program} is not on PATH", fix)]
    return []


def launch(seat: Seat, agent: Agent) -> Launch:
    """Put together what starting `agent` takes; its program is looked for on the PATH that it will have."""
    profile = seat.profile
    environment = {**variables(profile, agent), **seat.variables}
    values: dict[str, Any] = {"model": profile.model, "system": profile.prompt or None, "directory": str(seat.directory)}
    argv = fill(agent.argv, values) if profile.command else [*agent.argv, *agent.arguments(profile)]
    program = shutil.which(argv[0], path=environment["PATH"]) or argv[0]
    return Launch(agent, (program, *argv[1:]), seat.directory, environment)
