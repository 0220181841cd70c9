"""The providers that come with the package."""

from __future__ import annotations

from pathlib import Path

from .acp import AcpProvider
from .headless import HeadlessProvider
from .provider import Provider
from .scripted import ScriptedProvider


def builtin_providers(home: Path) -> list[Provider]:
    """One of each. home: the data directory, below which they may keep files of their own."""
    return [AcpProvider(), HeadlessProvider(), ScriptedProvider()]
