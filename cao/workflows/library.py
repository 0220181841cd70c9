"""A project's definitions: the files in its `.cao/workflows/`, by name."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from cao.protocol import Conflict, InvalidInput, NotFound, Unavailable
from cao.protocol.definitions import Problem

from .definition import Definition
from .problems import meant
from .rules.nesting import names as nested_names
from .rules.places import Surroundings
from .source import LIMIT
from .text import Document, attempt, refusal
from .values import is_identifier

MOST_FILES = 1000
"""Definitions of one project."""

_writing = threading.Lock()
"""So that of two who replace the same text at once in this process one is told."""


@dataclass(frozen=True, slots=True)
class Source:
    """One definition's file."""

    name: str
    path: Path
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return digest_of(self.text)


class Library:
    """The definitions of one project. Every name is one word, and no link leads out of the project."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.folder = project / ".cao" / "workflows"

    def names(self) -> list[str]:
        """What is there, in the order of the names. Raises `InvalidInput` when there is too much."""
        if not self._is_inside(self.folder):
            return []
        found = sorted(path.stem for path in self._files())
        if len(found) > MOST_FILES:
            raise InvalidInput.field("definition", f"{self.folder} holds more than {MOST_FILES} definitions; remove some")
        return found

    def get(self, name: str) -> Source:
        """The definition's file. Raises `NotFound`, or `InvalidInput` when it is no text."""
        path = self._path(name)
        if not self._is_there(path):
            raise NotFound(f"no workflow {name!r} in {self.folder}; {self._instead(name)}", definition=name)
        return Source(name, path, read_text(path, name))

    def collected(self, name: str) -> dict[str, Source]:
        """A definition and all that it nests, by name, the wanted one first: what a run of it needs.

        Raises `NotFound` for one that is not there and `InvalidInput` for one that cannot be read; whether they make sense is
        judged by `check.examine`.
        """
        found = {name: self.get(name)}
        ahead = [name]
        while ahead:
            source = found[ahead.pop()]
            document = attempt(source.text)
            if not isinstance(document, Document):
                raise refusal(document, f"{source.name}: ")
            for nested in nested_names(document.definition):
                if nested not in found:
                    found[nested] = self.get(nested)
                    ahead.append(nested)
        return found

    def surroundings(self, profiles: frozenset[str] | None = None, providers: frozenset[str] | None = None) -> Surroundings:
        """What a definition of this project is judged beside."""
        definitions: dict[str, Definition] = {}
        broken: set[str] = set()
        for name in self.names():
            try:
                document = attempt(self.get(name).text)
            except (InvalidInput, NotFound):
                document = list[Problem]()
            if isinstance(document, Document):
                definitions[name] = document.definition
            else:
                broken.add(name)
        return Surroundings(definitions, frozenset(broken), profiles, providers, self.project)

    def nested_by(self, name: str) -> list[str]:
        """The other definitions that nest one."""
        definitions = self.surroundings().definitions or {}
        return [other for other, definition in definitions.items() if other != name and name in nested_names(definition)]

    def put(self, name: str, text: str, expect: str | None = None) -> Source:
        """Write a definition's file whole or not at all. expect: the digest that the present text must have, if one is there.

        Raises `Conflict` when it has another one, `Unavailable` when the file cannot be written.
        """
        target = self._path(name)
        if not self._is_inside(self.folder):
            raise InvalidInput.field("definition", "cannot be written: .cao/workflows is a link out of the project")
        with _writing:
            self._expect(name, expect)
            _write(target, text)
        return Source(name, target, text)

    def remove(self, name: str) -> None:
        """Delete a definition's file; one that is gone already is no error."""
        path = self._path(name)
        if self._is_inside(self.folder):
            path.unlink(missing_ok=True)

    def _expect(self, name: str, expect: str | None) -> None:
        if expect is None:
            return
        path = self._path(name)
        digest = self.get(name).digest if self._is_there(path) else None
        if digest != expect:
            there = f"has the digest {digest}" if digest else "is not there"
            raise Conflict(f"the workflow {name!r} {there}; look at it again: cao definition get {name}", digest=digest)

    def _path(self, name: str) -> Path:
        if not is_identifier(name):
            message = "must be lower case letters, digits and dashes, with a letter first, 48 at most"
            raise InvalidInput.field("definition", message, "pattern")
        return self.folder / f"{name}.yaml"

    def _files(self) -> Iterator[Path]:
        try:
            with os.scandir(self.folder) as entries:
                paths = [Path(entry.path) for entry in entries if entry.name.endswith(".yaml")]
        except OSError:  # nobody made the folder yet
            return
        for path in paths:
            if is_identifier(path.stem) and self._is_there(path):
                yield path

    def _is_there(self, path: Path) -> bool:
        """Whether a regular file of the project is there."""
        try:
            return S_ISREG(path.stat().st_mode) and self._is_inside(path)
        except OSError:
            return False

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.project.resolve())
        except (OSError, RuntimeError):  # links that lead in a circle
            return False

    def _instead(self, name: str) -> str:
        if (self.folder / f"{name}.yml").is_file():
            return f"rename {name}.yml to {name}.yaml"
        return f"{meant(name, self.names())} See: cao definition list"


def digest_of(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_text(path: Path, name: str) -> str:
    """The text of a file that may be a definition. Raises `InvalidInput`, with `problems` where its content is to blame."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise InvalidInput.field("definition", f"{path.name} cannot be read: {error.strerror or error}") from None
    if len(content) > LIMIT:
        raise refusal([_whole(f"is larger than {LIMIT} bytes")], f"{name}: ")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise refusal([_whole("is not UTF-8 text", line, column)], f"{name}: ") from None


def _whole(message: str, line: int = 1, column: int = 1) -> Problem:
    return Problem(line=line, column=column, pointer="", message=message)


def _write(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unavailable(
            f"{target.name} cannot be written: {error.strerror or error}; mend the folder and ask again"
        ) from error
