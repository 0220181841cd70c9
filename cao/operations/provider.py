"""Providers: the ways in which agents are run, and whether they could run now."""

from __future__ import annotations

import asyncio
from operator import attrgetter

from cao.agents import Profile, Provider
from cao.protocol import Answer, ListRequest, Name, Page, Request, operation
from cao.protocol.records import RecoveryPolicy

from .context import Context
from .pages import by_key
from .seating import find_profile


class MissingPart(Answer):
    """Something that a provider needs and does not find."""

    what: str
    fix: str
    """The command that mends it."""


class ProviderInfo(Answer):
    """A way to run agents."""

    name: str
    summary: str
    ready: bool
    """Nothing is missing."""
    missing: list[MissingPart]
    """What stands between it and a turn."""
    recovery: RecoveryPolicy
    """What happens to a turn that a crash cut, unless the profile says otherwise."""


class ListProviders(ListRequest):
    """Which providers."""

    ready: bool | None = None
    """Only those that could run a turn now, or only those that could not."""


@operation("provider.list", path="/providers", example={"ready": True}, positional=())
async def list_providers(ctx: Context, request: ListProviders) -> Page[ProviderInfo]:
    """List providers by name, each with what is missing and the command that fixes it."""
    described = [await _describe(provider, None) for _, provider in sorted(ctx.services.providers.items())]
    wanted = [info for info in described if request.ready in (None, info.ready)]
    return by_key(ProviderInfo, wanted, request, attrgetter("name"))


class GetProvider(Request):
    """Which provider."""

    provider: Name
    """Its name."""
    profile: Name | None = None
    """Ask whether it could run this profile, and not only whether it could run one."""


@operation("provider.get", path="/providers/{provider}", example={"provider": "scripted"})
async def get_provider(ctx: Context, request: GetProvider) -> ProviderInfo:
    """Show one provider, and what stands between it and a turn."""
    provider = ctx.services.providers[request.provider]
    profile = (await asyncio.to_thread(find_profile, ctx, request.profile)).profile if request.profile else None
    return await _describe(provider, profile)


async def _describe(provider: Provider, profile: Profile | None) -> ProviderInfo:
    """Ask the provider in a thread: it looks for programs on the disk."""
    missing = await asyncio.to_thread(provider.missing, profile)
    return ProviderInfo(
        name=provider.name,
        summary=provider.summary,
        ready=not missing,
        missing=[MissingPart(what=part.what, fix=part.fix) for part in missing],
        recovery=provider.recovery,
    )
