"""Making a terminal: which profile, which provider, where, and whether it could run at all. Read before the transaction."""

from __future__ import annotations

from pathlib import Path

from cao.agents import Profile
from cao.agents.library import Found
from cao.protocol import InvalidInput, Unavailable
from cao.protocol.records import Terminal
from cao.store import projects
from cao.store.terminals import NewTerminal

from .context import Context, Services
from .scope import find_project, project_around

DEFAULT_PROVIDER = "acp"


def seat(
    ctx: Context,
    *,
    profile: str,
    provider: str | None,
    directory: str | None,
    otherwise: str | None = None,
    base: str | None = None,
    name: str | None = None,
    closes_when_done: bool = False,
    model: str | None = None,
) -> NewTerminal:
    """Resolve what a terminal is made of. Raises `NotFound`, `InvalidInput`, or `Unavailable` with what to install.

    otherwise: the provider where neither the caller nor the profile names one. base: the directory to stay inside: the
    parent agent's.
    """
    place = _directory(ctx, directory, base)
    found = find_profile(ctx, profile, str(place))
    chosen = ctx.services.providers[provider or found.profile.provider or otherwise or DEFAULT_PROVIDER]
    if missing := chosen.missing(found.profile):
        raise Unavailable(
            f"provider {chosen.name} cannot run profile {profile}: {missing[0].what}; {missing[0].fix}",
            missing=[{"what": item.what, "fix": item.fix} for item in missing],
        )
    return NewTerminal(
        profile=profile,
        provider=chosen.name,
        directory=str(place),
        name=name,
        allowed_tools=found.profile.allowed_tools,
        closes_when_done=closes_when_done,
        model=model,
    )


def find_profile(ctx: Context, name: str, directory: str | None = None) -> Found:
    """A profile as a session in `directory` would find it."""
    project = project_around(ctx, directory)
    place = Path(project.path) if project else Path(directory) if directory else None
    return ctx.services.library.get(name, place)


def _directory(ctx: Context, directory: str | None, base: str | None) -> Path:
    project = find_project(ctx, None)
    start = Path(base or (project.path if project else Path.home()))
    if directory and "\0" in directory:
        raise InvalidInput.field("directory", "holds a NUL character")
    place = (start / Path(directory).expanduser()).resolve() if directory else start.resolve()
    if base is not None and not place.is_relative_to(Path(base).resolve()):
        raise InvalidInput.field("directory", "lies outside the working directory of the agent that asked")
    if not place.is_dir():
        raise InvalidInput.field("directory", "is not a directory on this computer")
    return place


def profile_of(services: Services, terminal: Terminal) -> Profile:
    """The profile of a terminal that exists, as its file is now. Raises `NotFound` when it is gone."""
    project = projects.containing(services.store.read(), terminal.directory)
    place = Path(project.path) if project else Path(terminal.directory)
    profile = services.library.get(terminal.profile, place).profile
    return profile.model_copy(update={"model": terminal.model}) if terminal.model else profile
