"""Models: which ones profiles ask for, and whether they could be asked here now."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from cao.agents import Missing, Profile, Provider
from cao.agents.library import Broken, Found
from cao.agents.models import Target, credentials, oddities, target
from cao.protocol import ListRequest, Name, NotFound, Page, operation
from cao.protocol.language_models import MissingForModel, ModelAvailability, ModelFinding, ModelInfo, ModelVerdict

from .context import Context
from .pages import by_place
from .scope import InProject, place_of
from .seating import DEFAULT_PROVIDER


class ListModels(ListRequest, InProject):
    """Whose profiles."""


@operation("model.list", path="/models", errors=(NotFound,), example={"limit": 20}, positional=())
async def list_models(ctx: Context, request: ListModels) -> Page[ModelInfo]:
    """List the models that profiles ask for, each with the way to it and the profiles that do."""
    found = await asyncio.to_thread(_by_target, ctx, request.project)
    described = [ModelInfo(**asdict(key), profiles=_names(asking)) for key, asking in found.items()]
    return by_place(ModelInfo, described, request)


class ListAvailability(ListRequest, InProject):
    """Whose profiles, and which models."""

    ready: bool | None = None
    """Only those that could be asked now, or only those that could not."""


@operation("model.availability", path="/models/availability", errors=(NotFound,), example={"ready": True}, positional=())
async def availability(ctx: Context, request: ListAvailability) -> Page[ModelAvailability]:
    """Tell which models could be asked here now: whether the agent is installed, and what it would sign in with.

    No model is asked and no secret is shown: only the names of variables.
    """
    looked = await asyncio.to_thread(_look_at_all, ctx, request.project)
    return by_place(ModelAvailability, [one for one in looked if request.ready in (None, one.ready)], request)


def _look_at_all(ctx: Context, project: str | None) -> list[ModelAvailability]:
    return [_look(ctx, key, asking) for key, asking in _by_target(ctx, project).items()]


def _look(ctx: Context, key: Target, asking: list[Profile]) -> ModelAvailability:
    provider, profile = _known(ctx, key.provider), asking[0]
    told = credentials(profile, key.provider)
    unknown = Missing(f"there is no provider {key.provider!r}", "cao provider list")
    lacking = provider.missing(profile) if provider else [unknown]
    return ModelAvailability(
        **asdict(key),
        profiles=_names(asking),
        ready=not lacking,
        missing=[MissingForModel(what=part.what, fix=part.fix) for part in lacking],
        credentials="environment" if told.variables else "elsewhere" if told.needed else "none",
        variables=told.variables,
        login=told.login if not told.variables else None,
    )


def _by_target(ctx: Context, project: str | None) -> dict[Target, list[Profile]]:
    """The profiles by what they ask for, in the order of provider, agent and model."""
    found: dict[Target, list[Profile]] = {}
    for entry in _entries(ctx, project):
        if isinstance(entry, Found):
            found.setdefault(target(entry.profile, _provider(entry.profile)), []).append(entry.profile)
    return {key: found[key] for key in sorted(found, key=lambda key: (key.provider, key.agent or "", key.model or ""))}


def _entries(ctx: Context, project: str | None) -> list[Found | Broken]:
    return ctx.services.library.entries(place_of(ctx, project))


def _known(ctx: Context, name: str) -> Provider | None:
    return next((provider for provider in ctx.services.providers.values() if provider.name == name), None)


def _provider(profile: Profile) -> str:
    return profile.provider or DEFAULT_PROVIDER


def _names(profiles: list[Profile]) -> list[str]:
    return [profile.name for profile in profiles]


class ValidateModels(InProject):
    """Whose models."""

    profile: Name | None = None
    """Only this profile's; those of all unless given."""


@operation(
    "model.validate", path="/models/validate", errors=(NotFound,), positional=("profile",), example={"profile": "developer"}
)
async def validate(ctx: Context, request: ValidateModels) -> ModelVerdict:
    """Check the models of profiles: is the provider known, is the agent installed, and does the named model reach it?"""
    return await asyncio.to_thread(_validate, ctx, request)


def _validate(ctx: Context, request: ValidateModels) -> ModelVerdict:
    entries = [one for one in _entries(ctx, request.project) if request.profile in (None, _name(one))]
    if request.profile is not None and not entries:
        raise NotFound(f"no profile {request.profile!r}; see: cao profile list", profile=request.profile)
    findings = [finding for entry in entries for finding in _judge(ctx, entry)]
    return ModelVerdict(valid=all(one.level != "error" for one in findings), profiles=len(entries), findings=findings)


def _name(entry: Found | Broken) -> str:
    return entry.name if isinstance(entry, Broken) else entry.profile.name


def _judge(ctx: Context, entry: Found | Broken) -> list[ModelFinding]:
    if isinstance(entry, Broken):
        return [ModelFinding(profile=entry.name, level="error", message=entry.problem)]
    profile = entry.profile
    name = _provider(profile)
    provider = _known(ctx, name)
    if provider is None:
        known = ", ".join(sorted(ctx.services.providers))
        return [ModelFinding(profile=profile.name, level="error", message=f"there is no provider {name!r}; there are: {known}")]
    lacking = [f"{part.what}; {part.fix}" for part in provider.missing(profile)]
    return [
        *(ModelFinding(profile=profile.name, level="error", message=text) for text in lacking),
        *(ModelFinding(profile=profile.name, level="warning", message=text) for text in oddities(profile, name)),
    ]
