"""Profiles: who agents are."""

from __future__ import annotations

import asyncio
import hashlib
from operator import attrgetter
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from cao.agents import Profile
from cao.agents.library import Broken, Found, Library, Origin, read
from cao.agents.profile import PROFILE_LIMIT, Finding, findings, parse
from cao.agents.ranking import score
from cao.events import ProfileInstalled, ProfileRemoved
from cao.protocol import (
    Answer,
    Conflict,
    DestructiveRequest,
    InvalidInput,
    ListRequest,
    Name,
    NotFound,
    Page,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.store import Transaction

from .context import Context
from .pages import by_key, by_place
from .paths import LocalPath
from .scope import InProject, place_of
from .sources import fetch, file, may_name_files, own_name

Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ProfileSummary(Answer):
    """Who an agent is, in short."""

    name: str
    origin: Origin
    """`project`, `installed` or `builtin`: the first that has the name is used."""
    description: str = ""
    role: str = ""
    provider: str | None = None
    model: str | None = None
    capabilities: list[str] = Field(default_factory=list[str])
    tags: list[str] = Field(default_factory=list[str])
    problem: str | None = None
    """Why its file cannot be used; `cao profile validate` says more."""


class ProfileDetail(Answer):
    """Who an agent is, in full."""

    profile: Profile
    origin: Origin
    path: str
    """Its file."""
    digest: str
    """SHA-256 of the file, as `profile install` of a URL wants it."""


class ListProfiles(ListRequest, InProject):
    """Which profiles."""

    origin: Origin | None = None
    """Only those from there."""
    tag: Word | None = None
    """Only those with this tag."""
    role: Word | None = None
    """Only those with this role."""


@operation("profile.list", path="/profiles", errors=(NotFound,), example={"origin": "builtin"}, positional=())
async def list_profiles(ctx: Context, request: ListProfiles) -> Page[ProfileSummary]:
    """List profiles by name; files that are broken are listed with their problem."""
    wanted = [one for one in map(_summary, await _entries(ctx, request)) if _fits(one, request)]
    return by_key(ProfileSummary, wanted, request, attrgetter("name"))


def _fits(one: ProfileSummary, request: ListProfiles) -> bool:
    return (
        request.origin in (None, one.origin)
        and request.role in (None, one.role)
        and (request.tag is None or request.tag in one.tags)
    )


def _summary(entry: Found | Broken) -> ProfileSummary:
    if isinstance(entry, Broken):
        return ProfileSummary(name=entry.name, origin=entry.origin, problem=entry.problem)
    profile = entry.profile
    return ProfileSummary(
        name=profile.name,
        origin=entry.origin,
        description=profile.description,
        role=profile.role,
        provider=profile.provider,
        model=profile.model,
        capabilities=profile.capabilities,
        tags=profile.tags,
    )


async def _entries(ctx: Context, request: InProject) -> list[Found | Broken]:
    return await asyncio.to_thread(ctx.services.library.entries, place_of(ctx, request.project))


class GetProfile(InProject):
    """Which profile."""

    profile: Name
    """Its name."""


@operation("profile.get", path="/profiles/{profile}", example={"profile": "developer"})
async def get_profile(ctx: Context, request: GetProfile) -> ProfileDetail:
    """Show one profile: its fields, its prompt, its file and the file's digest."""
    found = await asyncio.to_thread(ctx.services.library.get, request.profile, place_of(ctx, request.project))
    return ProfileDetail(profile=found.profile, origin=found.origin, path=str(found.path), digest=found.digest)


class FindProfiles(ListRequest, InProject):
    """What the agent should be good at."""

    words: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    """Words to look for in names, descriptions, roles, tags and capabilities."""


class Match(ProfileSummary):
    """A profile that fits."""

    score: int
    """How well: more is better, and only the order means something."""


@operation(
    "profile.find", path="/search/profiles", errors=(NotFound,), example={"words": "review security"}, positional=("words",)
)
async def find_profiles(ctx: Context, request: FindProfiles) -> Page[Match]:
    """Find profiles by words, the best match first."""
    usable = [entry for entry in await _entries(ctx, request) if isinstance(entry, Found)]
    rated = [(_summary(entry), score(entry.profile, request.words)) for entry in usable]
    scored = [Match(**one.model_dump(), score=points) for one, points in rated if points]
    scored.sort(key=lambda match: (-match.score, match.name))
    return by_place(Match, scored, request)


class ValidateProfile(InProject):
    """What to look at: exactly one of a name, a text and a file."""

    profile: Name | None = None
    """The name of a profile."""
    text: Annotated[str, StringConstraints(max_length=PROFILE_LIMIT)] | None = None
    """A profile's text."""
    path: LocalPath | None = None
    """A file on this computer; from the command line and Python only."""

    @model_validator(mode="after")
    def _one(self) -> ValidateProfile:
        if sum(value is not None for value in (self.profile, self.text, self.path)) != 1:
            raise ValueError("give exactly one of profile, text and path")
        return self


class Verdict(Answer):
    """What is wrong or odd about a profile."""

    valid: bool
    """It can be used; there may be warnings."""
    findings: list[Finding]


@operation(
    "profile.validate",
    path="/profiles/validate",
    method="POST",
    positional=("profile",),
    errors=(NotFound,),
    example={"text": "You write minutes."},
)
async def validate(ctx: Context, request: ValidateProfile) -> Verdict:
    """Check a profile by its name, its text or its file. Findings point at the fields of the front matter."""
    try:
        text, name = await _text_to_check(ctx, request)
    except InvalidInput as error:
        if request.path is not None and not may_name_files(ctx):
            raise
        found = [Finding(level="error", field="", message=each["message"]) for each in error.details["errors"]]
    else:
        found = await asyncio.to_thread(findings, text, name)
    return Verdict(valid=all(one.level != "error" for one in found), findings=found)


async def _text_to_check(ctx: Context, request: ValidateProfile) -> tuple[str, str]:
    """The text, and the name that it goes by."""
    if request.text is not None:
        return request.text, own_name(request.text) or "profile"
    if request.path is not None:
        path = file(ctx, "path", request.path)
        return await asyncio.to_thread(read, path), path.stem
    name = request.profile or ""
    return await asyncio.to_thread(ctx.services.library.text, name, place_of(ctx, request.project)), name


class InstallProfile(WriteRequest):
    """What to install, and as what."""

    source: Annotated[LocalPath, Field(json_schema_extra={"format": "path-or-name"})]
    """The name of a built-in profile, a file (absolute; from the command line and Python only), or an https URL."""
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """The SHA-256 that the text must have; required for a URL."""
    name: Name | None = None
    """What to call it; the name in its front matter, else the file's, unless given."""
    replace: bool = False
    """Put it in the place of an installed profile of the same name with another text."""


class Installed(Answer):
    """A profile in the data directory."""

    name: str
    path: str
    digest: str
    """SHA-256 of its text."""
    warnings: list[Finding]
    """What is odd about it."""


@operation(
    "profile.install",
    path="/profiles",
    effect="write",
    positional=("source",),
    errors=(NotFound, Unavailable),
    example={"source": "developer", "name": "my-developer"},
)
async def install(ctx: Context, request: InstallProfile) -> Installed:
    """Copy a profile into the data directory, where every project finds it.

    A URL is fetched over https from a public address, 256 KiB at most, and must have the digest that is given.
    """
    if (before := ctx.replay(Installed)) is not None:
        return before
    text, stem = await fetch(ctx, request.source, request.digest)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if request.digest not in (None, digest):
        raise InvalidInput.field("digest", f"is not that of the text, which is {digest}")
    await asyncio.to_thread(parse, text, stem)
    name = request.name or own_name(text) or stem
    path = await asyncio.to_thread(_put, ctx.services.library, name, text, request.replace)

    def change(tx: Transaction) -> Installed:
        tx.emit(ProfileInstalled(name=name, digest=digest, source=request.source))
        return Installed(name=name, path=str(path), digest=digest, warnings=findings(text, name))

    return await ctx.transact(change, Installed)


def _put(library: Library, name: str, text: str, replace: bool) -> Path:
    path = library.installed_path(name)
    if not replace and path.is_file() and path.read_bytes() != text.encode():
        raise Conflict(f"a profile {name!r} is installed with another text; give replace, or another name", profile=name)
    return library.install(name, text)


class RemoveProfile(DestructiveRequest):
    """Which profile."""

    profile: Name
    """The name of an installed profile; built-in ones and those of projects stay."""


class Removed(Answer):
    """What was removed, or would be (`dry_run`)."""

    name: str
    path: str
    dry_run: bool = False


@operation(
    "profile.remove",
    path="/profiles/{profile}",
    effect="destructive",
    method="DELETE",
    example={"profile": "my-developer", "dry_run": True},
)
async def remove(ctx: Context, request: RemoveProfile) -> Removed:
    """Delete an installed profile. Terminals that were made with it find the next one of its name, or fail their turns."""
    path = ctx.services.library.installed_path(request.profile)

    def change(tx: Transaction) -> Removed:
        if not path.is_file():
            raise NotFound(f"no installed profile {request.profile!r}; built-in and project profiles stay")
        tx.emit(ProfileRemoved(name=request.profile))
        if not request.dry_run:  # last: a file that stays is told of as an error, not as removed
            path.unlink(missing_ok=True)
        return Removed(name=request.profile, path=str(path), dry_run=request.dry_run)

    return await ctx.transact(change, Removed)
