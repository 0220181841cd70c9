"""Git repositories for tests, and a control beside them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from cao.control import Control
from cao.protocol import REGISTRY, Caller


def git(place: Path, *arguments: str) -> str:
    """Run git as a person would; what it printed."""
    done = subprocess.run(["git", *arguments], cwd=place, check=True, timeout=30, capture_output=True, text=True)
    return done.stdout.strip()


def begin(place: Path) -> Path:
    """A repository with one commit on `main`."""
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--initial-branch=main")
    git(place, "config", "user.name", "Tester")
    git(place, "config", "user.email", "tester@example.org")
    (place / "poem").write_text("one\ntwo\nthree\n")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message=Begin")
    return place


class Desk:
    """A control that is asked by the names of operations."""

    def __init__(self, control: Control) -> None:
        self.control = control

    async def ask(self, name: str, caller: Caller | None = None, /, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields), caller or Caller())

    async def events(self, *types: str) -> list[Any]:
        return (await self.ask("event.list", types=list(types), limit=200)).items
