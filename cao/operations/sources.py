"""Where a profile's text comes from: the package, a file, or a URL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from cao.agents.download import download
from cao.agents.library import decode, is_name, read
from cao.agents.profile import PROFILE_LIMIT, split
from cao.protocol import InvalidInput, NotFound

from .context import Context
from .paths import absolute

DOWNLOAD_SECONDS = 20.0
"""How long the host of a profile may take, in all."""


async def fetch(ctx: Context, source: str, digest: str | None) -> tuple[str, str]:
    """The text at `source`, and the name that its place suggests. Raises `InvalidInput`, `NotFound` or `Unavailable`."""
    library, trusted = ctx.services.library, ctx.services.settings.profile_hosts
    if is_name(source) and (text := await asyncio.to_thread(library.builtin_text, source)) is not None:
        return text, source
    if "://" in source:
        if digest is None:
            raise InvalidInput.field("digest", "is required for a URL: the SHA-256 of the text that you mean")
        content = await download(source, limit=PROFILE_LIMIT, seconds=DOWNLOAD_SECONDS, trusted=trusted)
        return decode(content, "the profile"), _stem(urlsplit(source).path)
    if is_name(source) and not source.endswith(".md"):
        raise NotFound(f"no built-in profile {source!r}; see: cao profile list --origin builtin", profile=source)
    path = file(ctx, "source", source)
    return await asyncio.to_thread(read, path), _stem(path.name)


def file(ctx: Context, field: str, text: str) -> Path:
    """The file that the request's `field` names. Raises `InvalidInput` where the caller may not name files."""
    if not may_name_files(ctx):
        reason = "cannot be a file here; only the command line and Python on this computer may name files, and no token"
        raise InvalidInput.field(field, reason)
    return absolute(field, text)


def may_name_files(ctx: Context) -> bool:
    """Whether the caller sits at this computer: what is read for it is what it could read itself."""
    return ctx.caller.is_here


def own_name(text: str) -> str | None:
    """The name that a text gives itself, if it can be one."""
    try:
        name = split(text)[0].get("name")
    except InvalidInput:
        return None
    return name if isinstance(name, str) and is_name(name) else None


def _stem(path: str) -> str:
    """A profile's name from a path; a plain word where the path gives none."""
    stem = Path(path).stem
    return stem if is_name(stem) else "profile"
