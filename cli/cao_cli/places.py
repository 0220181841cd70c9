"""Where a command is carried out: by a server, or in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from cao.client.catalog import Entry
from cao.client.wire import Report, Wire, WireError, address, discover, home_directory

from .arguments import TEXT_LIMIT, Options
from .loading import Loading

START_SECONDS = 30.0
_RECORDS_ONLY = (
    *("daemon", "plugin", "project", "profile", "provider", "operation", "token"),
    *("task", "checklist", "dependency", "requirement", "vision"),
)
"""Groups whose writes give no agent anything to do."""
_BUT_THESE = ("requirement.execute", "requirement.refine", "vision.refine")
"""Operations of these groups that do."""

_SHOWS_PAGE = "token.link"
"""What only a server can give."""

Each = Callable[[Any], None]
Talk = Callable[[str], None]


class Place(Protocol):
    """Carries out operations on JSON-ready fields. Raises `WireError`."""

    def call(self, entry: Entry, fields: Mapping[str, Any], report: Report | None) -> Any: ...

    def stream(self, entry: Entry, fields: Mapping[str, Any], each: Each) -> None: ...


class Served(NamedTuple):
    """A server carries it out."""

    wire: Wire

    def call(self, entry: Entry, fields: Mapping[str, Any], report: Report | None) -> Any:
        return self.wire.call(entry, fields, report)

    def stream(self, entry: Entry, fields: Mapping[str, Any], each: Each) -> None:
        for item in self.wire.stream(entry, fields):
            each(item)


class Local(NamedTuple):
    """This process carries it out."""

    home: Path

    def call(self, entry: Entry, fields: Mapping[str, Any], report: Report | None) -> Any:
        if entry.name == "daemon.tick" and "idempotency_key" not in fields:
            from cao.rest import NOTHING_DONE, rests

            if rests(self.home):
                return dict(NOTHING_DONE)
        with Loading():
            from .local import call

        return call(self.home, entry, fields, report, work=waits(entry, fields))

    def stream(self, entry: Entry, fields: Mapping[str, Any], each: Each) -> None:
        with Loading():
            from .local import stream

        stream(self.home, entry, fields, each)


def choose(entry: Entry, fields: Mapping[str, Any], options: Options, talk: Talk) -> Place:
    """A server that is named or runs; one that is started, if the command needs it; else this process."""
    home = home_of(options)
    if options.local or "http" in entry.without:
        return Local(home)
    if options.url:
        return Served(Wire(address(options.url, _token(options.token_file), home)))
    found = discover(home)
    if found is None and needs_server(entry, fields):
        found = _started(home, talk)
    return Served(Wire(found)) if found else Local(home)


def home_of(options: Options) -> Path:
    """The data directory that a command is about."""
    return Path(options.home) if options.home else home_directory()


def waits(entry: Entry, fields: Mapping[str, Any]) -> bool:
    """Whether it is to take its time, so that work must go on meanwhile."""
    default = next((field.default for field in entry.fields if field.name == "timeout"), 0)
    return entry.waits and bool(fields.get("timeout", default))


def makes_work(entry: Entry) -> bool:
    """Whether it may give an agent something to do."""
    return entry.effect == "write" and (entry.name in _BUT_THESE or entry.group not in _RECORDS_ONLY)


def needs_server(entry: Entry, fields: Mapping[str, Any]) -> bool:
    """Whether it is of no use without one. The daemon's own commands, `tick` above all, never start one by the way."""
    wanted = entry.effect == "stream" or waits(entry, fields) or makes_work(entry)
    return entry.name == _SHOWS_PAGE or (entry.group != "daemon" and wanted)


def _started(home: Path, talk: Talk) -> Any:
    from cao.client.daemon import start

    talk(f"no server runs for {home}; starting one (cao daemon stop ends it)")
    start(home, START_SECONDS)
    return discover(home)


def _token(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            token = file.read(TEXT_LIMIT).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WireError("invalid_input", f"the token file {path} cannot be read: {error}") from None
    if not token or not token.isprintable() or " " in token:
        raise WireError("invalid_input", f"the token file {path} does not hold one token")
    return token
