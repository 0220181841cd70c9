"""What installed packages bring along: their entry points, found once for each process.

The standard `entry_points()` parses the file of every installed package, which takes longer than all else that a tick does.
Packages in the working directory are passed over: whoever starts `cao` in somebody's repository shall not run its code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path


def entry_points(group: str) -> list[EntryPoint]:
    """The entry points of a group of ours, each with its `dist`."""
    return [point for point in _ours(tuple(_trusted(sys.path))) if point.group == group]


def _trusted(paths: Iterable[str]) -> list[str]:
    """Where packages may lie: everywhere on the path but in the working directory, unless we lie there ourselves."""
    here, ours = Path.cwd().resolve(), Path(__file__).resolve().parents[1]
    return [path for path in paths if here == ours or Path(path).resolve() != here]


@lru_cache(maxsize=4)
def _ours(paths: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    found: dict[str, list[EntryPoint]] = {}
    for package in distributions(path=list(paths)):
        if _extends_us(package):
            points = [point for point in package.entry_points if point.group.startswith("cao.")]
            found.setdefault(package.name, points)  # of two with one name, the first on the path is what is imported
    return tuple(point for points in found.values() for point in points)


def _extends_us(package: Distribution) -> bool:
    try:
        return "[cao." in (package.read_text("entry_points.txt") or "")
    except UnicodeDecodeError:  # somebody else's broken package
        return False
