"""Starting a server in the background."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cao.client.wire import WireError
from cao.discovery import ServerRecord, is_taken, read_server

if TYPE_CHECKING:
    from cao.settings import Settings

_LOOK_EVERY = 0.02
_TAIL = 4096
_OF_OTHERS = frozenset(("CAO_RUN", "CAO_PHASE", "CAO_ATTEMPT", "CAO_IDEMPOTENCY_KEY", "CAO_SESSION", "CAO_TERMINAL"))
"""What a workflow's command or an agent finds in its environment: a server that it starts is not of it, and outlives it."""
_children: set[int] = set()
"""The servers that this process started and that, as far as it knows, still run. They outlive it."""


async def start_server(settings: Settings, timeout: float) -> ServerRecord:
    """Find the server of `settings.home`, or start one and wait until it answers.

    timeout: seconds. Raises `Unavailable` that names the server's log.
    """
    from cao.protocol.errors import from_body

    try:
        return await asyncio.to_thread(start, settings.home, timeout, _variables(settings))
    except WireError as error:
        raise from_body(error.body()) from None


def start(home: Path, timeout: float, variables: dict[str, str] | None = None) -> ServerRecord:
    """The same for a program without an event loop. Raises `WireError`. variables: added to the server's environment."""
    found = read_server(home)
    if found is not None:
        return found
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    child, deadline = None, time.monotonic() + timeout
    while True:
        record = read_server(home)
        if record is not None and _answers(record.url):
            return record
        if not is_taken(home):  # one that starts is waited for, and so is one that ends
            status = None if child is None else _ended(child)
            if status is not None:
                raise _failure(home, f"the server ended at once with status {status}")
            child = child or _spawn(home, variables or {})
        if time.monotonic() >= deadline:
            raise _failure(home, f"the server did not answer within {timeout:g} s")
        time.sleep(_LOOK_EVERY)


def _spawn(home: Path, variables: dict[str, str]) -> int:
    """Start a server in a session of its own; its process id."""
    for child in [*_children]:
        _ended(child)
    log = home / "cao.log"
    # -P: whatever lies in the directory that the caller stands in is no module of ours.
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "cao_cli", "serve", "--home", str(home)],
        {**{name: value for name, value in os.environ.items() if name not in _OF_OTHERS}, **variables},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    _children.add(child)
    return child


def _ended(child: int) -> int | None:
    """The exit status of a server that this process started, once it has ended."""
    if child not in _children:
        return 0
    try:
        done, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:  # the embedding program takes all its children's statuses
        _children.discard(child)
        return 0
    if done == 0:
        return None
    _children.discard(child)
    return os.waitstatus_to_exitcode(status)


def _answers(url: str) -> bool:
    """Whether the server is up. One that says it is degraded is up."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status in (200, 503)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _failure(home: Path, what: str) -> WireError:
    log = home / "cao.log"
    last = _last_line(log)
    return WireError("unavailable", f"{what}; its log {log} ends with: {last or 'nothing'}", {"log": str(log)})


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read(_TAIL).decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _variables(settings: Settings) -> dict[str, str]:
    """The settings that the server would not find by itself, as the environment variables that make them."""
    from cao.settings import ENVIRONMENT, load

    found = load(settings.home).model_dump(mode="json")
    given = {name: value for name, value in settings.model_dump(mode="json").items() if value not in (found[name], None)}
    return {ENVIRONMENT[name]: json.dumps(value) if name == "plugins" else _text(value) for name, value in given.items()}


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={limit}" for name, limit in value.items())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return ",".join(map(str, value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)
