"""Where profiles are found: the project's own, then installed ones, then those that come with the package."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from cao.protocol import InvalidInput, NotFound

from .profile import PROFILE_LIMIT, Profile, parse

Origin = Literal["project", "installed", "builtin"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Found:
    """A profile and where it came from."""

    profile: Profile
    origin: Origin
    path: Path
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the file's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Library:
    """Profiles by name. A project's `.cao/profiles/` wins over installed ones, those over the built-in ones."""

    def __init__(self, installed: Path) -> None:
        self.installed = installed
        self.builtin = Path(str(files("cao.agents") / "builtin"))

    def get(self, name: str, project: Path | None = None) -> Found:
        """The profile called `name`. Raises `NotFound`, or `InvalidInput` when its file is broken."""
        check_name(name)
        for origin, folder in self._folders(project):
            path = folder / f"{name}.md"
            if path.is_file() and _contained(path, folder):
                return _load(path, origin)
        raise NotFound(f"no profile {name!r}; see: cao profile list", profile=name)

    def all(self, project: Path | None = None) -> list[Found]:
        """Every profile that can be had by its name, in the order of their names; broken files are left out."""
        seen: dict[str, Found] = {}
        for origin, folder in self._folders(project):
            for path in sorted(folder.glob("*.md")):
                if path.stem in seen or not _NAME.fullmatch(path.stem) or not _contained(path, folder):
                    continue
                try:
                    seen[path.stem] = _load(path, origin)
                except InvalidInput:
                    continue  # `cao profile validate` tells what is wrong with it
        return [seen[name] for name in sorted(seen)]

    def install(self, name: str, text: str) -> Path:
        """Write a profile into the data directory, replacing one of the same name; where it is now."""
        check_name(name)
        self.installed.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.installed / f"{name}.md"
        draft = target.with_suffix(".md.new")
        draft.write_text(text, "utf-8")
        draft.replace(target)
        return target

    def remove(self, name: str) -> None:
        """Delete an installed profile. Raises `NotFound` when there is none."""
        check_name(name)
        path = self.installed / f"{name}.md"
        if not path.is_file():
            raise NotFound(f"no installed profile {name!r}; built-in and project profiles stay", profile=name)
        path.unlink()

    def _folders(self, project: Path | None) -> list[tuple[Origin, Path]]:
        own: list[tuple[Origin, Path]] = [("project", project / ".cao" / "profiles")] if project else []
        return [*own, ("installed", self.installed), ("builtin", self.builtin)]


def check_name(name: str) -> None:
    """Refuse a name that is not one plain word: no separators, no leading dot, at most 64 characters."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise InvalidInput.field("profile", "is letters, digits, dot, underscore and dash, at most 64", "pattern")


def _contained(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _load(path: Path, origin: Origin) -> Found:
    if path.stat().st_size > PROFILE_LIMIT:
        raise InvalidInput.field("profile", f"{path.name} is larger than {PROFILE_LIMIT} bytes", "too_long")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput.field("profile", f"{path.name} cannot be read: {error}") from None
    return Found(parse(text, path.stem), origin, path, text)
