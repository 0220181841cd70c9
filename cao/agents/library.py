"""Where profiles are found: the project's own, then installed ones, then those that come with the package."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from cao.protocol import InvalidInput, NotFound, Unavailable

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


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that stands where a profile should, and why it is none."""

    name: str
    origin: Origin
    path: Path
    problem: str


class Library:
    """Profiles by name. A project's `.cao/profiles/` wins over installed ones, those over the built-in ones."""

    def __init__(self, installed: Path) -> None:
        self.installed = installed
        self.builtin = Path(str(files("cao.agents") / "builtin"))
        self._read: dict[Path, tuple[tuple[int, int], Found]] = {}

    def get(self, name: str, project: Path | None = None) -> Found:
        """The profile called `name`. Raises `NotFound`, or `InvalidInput` when its file is broken."""
        return self._cached(*self._find(name, project))

    def _find(self, name: str, project: Path | None) -> tuple[Path, Origin]:
        check_name(name)
        for origin, folder in self._folders(project):
            path = folder / f"{name}.md"
            if path.is_file() and _contained(path, folder):
                return path, origin
        raise NotFound(f"no profile {name!r}; see: cao profile list", profile=name)

    def all(self, project: Path | None = None) -> list[Found]:
        """Every profile that can be had by its name, in the order of their names."""
        return [entry for entry in self.entries(project) if isinstance(entry, Found)]

    def entries(self, project: Path | None = None) -> list[Found | Broken]:
        """Every profile by its name, and every file that would be one if it were not broken."""
        seen: dict[str, Found | Broken] = {}
        for origin, folder in self._folders(project):
            for path in sorted(folder.glob("*.md")):
                if path.stem not in seen and is_name(path.stem) and path.is_file() and _contained(path, folder):
                    seen[path.stem] = self._entry(path, origin)
        return [seen[name] for name in sorted(seen)]

    def _entry(self, path: Path, origin: Origin) -> Found | Broken:
        try:
            return self._cached(path, origin)
        except InvalidInput as error:
            return Broken(path.stem, origin, path, error.message)

    def builtin_text(self, name: str) -> str | None:
        """The text of a profile that comes with the package, if there is one of this name."""
        path = self.builtin / f"{name}.md"
        return path.read_text("utf-8") if is_name(name) and path.is_file() else None

    def text(self, name: str, project: Path | None = None) -> str:
        """The text of the profile called `name`, broken or not. Raises `NotFound`."""
        path, _ = self._find(name, project)
        return read(path)

    def install(self, name: str, text: str) -> Path:
        """Write a profile into the data directory, replacing one of the same name; where it is now. Raises `Unavailable`."""
        target = self.installed_path(name)
        draft = target.with_name(f".{name}.{secrets.token_hex(4)}.new")
        try:
            self.installed.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_text(text, "utf-8", newline="")
            draft.replace(target)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise Unavailable(f"the profile cannot be written to the data directory: {error.strerror or error}") from error
        return target

    def installed_path(self, name: str) -> Path:
        """Where an installed profile of this name is, or would be."""
        check_name(name)
        return self.installed / f"{name}.md"

    def _cached(self, path: Path, origin: Origin) -> Found:
        """Parse a file once for each of its versions: a turn reads its profile, and YAML costs milliseconds."""
        version = (path.stat().st_mtime_ns, path.stat().st_size)
        known = self._read.get(path)
        if known is None or known[0] != version:
            if len(self._read) >= 256:
                self._read.clear()
            known = self._read[path] = (version, _load(path, origin))
        return known[1]

    def _folders(self, project: Path | None) -> list[tuple[Origin, Path]]:
        own = project / ".cao" / "profiles" if project else None
        inside = project is not None and own is not None and own.resolve().is_relative_to(project.resolve())
        shelves: list[tuple[Origin, Path]] = [("project", own)] if own and inside else []
        return [*shelves, ("installed", self.installed), ("builtin", self.builtin)]


def is_name(name: str) -> bool:
    """Whether this can be a profile's name: one plain word, no separators, no leading dot, at most 64 characters."""
    return bool(_NAME.fullmatch(name)) and ".." not in name


def check_name(name: str) -> None:
    """Refuse what cannot be a profile's name."""
    if not is_name(name):
        raise InvalidInput.field("profile", "is letters, digits, dot, underscore and dash, at most 64", "pattern")


def read(path: Path) -> str:
    """The text of a file that may be a profile. Raises `InvalidInput` when it is too large or no text."""
    try:
        with path.open("rb") as file:
            content = file.read(PROFILE_LIMIT + 1)
    except OSError as error:
        raise InvalidInput.field("profile", f"{path.name} cannot be read: {error.strerror or error}") from None
    return decode(content, path.name)


def decode(content: bytes, name: str) -> str:
    """A profile's bytes as text. name: what the error calls it."""
    if len(content) > PROFILE_LIMIT:
        raise InvalidInput.field("profile", f"{name} is larger than {PROFILE_LIMIT} bytes", "too_long")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput.field("profile", f"{name} is not UTF-8 text") from None
    if "\0" in text:
        raise InvalidInput.field("profile", f"{name} is not text: it holds a NUL character")
    return text


def _contained(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _load(path: Path, origin: Origin) -> Found:
    """Read a profile file. A profile goes by its file's name, whatever its front matter says."""
    text = read(path)
    return Found(parse(text, path.stem).model_copy(update={"name": path.stem}), origin, path, text)
