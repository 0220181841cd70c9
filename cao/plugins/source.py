"""Where plugins come from: the entry points of installed packages, or an application's own classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

from cao.packages import entry_points
from cao.protocol import REGISTRY

from .contract import Plugin

GROUP = "cao.plugins"
"""The group of the entry points that name plugins."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Source:
    """What a plugin of this name is made of. Nothing is imported before `load`."""

    name: str
    points: Sequence[EntryPoint] = ()
    given: type[Plugin] | None = None
    """The class, where the application gave it."""

    @property
    def package(self) -> str:
        if self.given is not None:
            return self.given.__module__
        return ", ".join(f"{point.dist.name} {point.dist.version}" for point in self.points if point.dist)

    def load(self) -> type[Plugin]:
        """Import its class. Raises whatever its module raises, and `TypeError` for what is no plugin."""
        if len(self.points) > 1:
            raise TypeError(f"these packages bring one plugin of this name each; uninstall all but one: {self.package}")
        found: Any = self.given or self.points[0].load()
        if not (inspect.isclass(found) and issubclass(found, Plugin)):
            raise TypeError(f"{found!r} is no subclass of cao.plugins.Plugin")
        self._check(found)
        return found

    def _check(self, kind: type[Plugin]) -> None:
        if not _NAME.fullmatch(self.name):
            raise TypeError(f"{self.name!r} is no name: letters, digits, dot, underscore and dash, at most 64")
        if kind.name != self.name:
            raise TypeError(f"the entry point says {self.name!r}, the class says {kind.name!r}")
        for _, mark in kind.marked():
            if mark.kind == "before" and not any(mark.covers(operation) for operation in REGISTRY):
                raise TypeError(f"there is no operation {mark.target!r} to be asked about")


def installed() -> list[Source]:
    """What the installed packages name, by name."""
    points = entry_points(GROUP)
    names = sorted({point.name for point in points})
    return [Source(name, [point for point in points if point.name == name]) for name in names]
