"""Starting a server in the background."""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cao.client.wire import WireError
from cao.discovery import ServerRecord, read_server

if TYPE_CHECKING:
    from cao.settings import Settings

_LOOK_EVERY = 0.02
_started: list[subprocess.Popen[bytes]] = []
"""The servers that this process started. They outlive it; kept so that the interpreter does not take them for forgotten."""


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
    process = _spawn(home, variables or {})
    deadline = time.monotonic() + timeout
    while True:
        record = read_server(home)
        if record is not None and _answers(record.url):
            return record
        if process.poll() is not None and read_server(home) is None:
            raise _failure(home, f"the server ended at once with status {process.returncode}")
        if time.monotonic() >= deadline:
            raise _failure(home, f"the server did not answer within {timeout:g} s")
        time.sleep(_LOOK_EVERY)


def _spawn(home: Path, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    log = os.open(home / "cao.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "cao_cli", "serve", "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            env={**os.environ, **variables},
            start_new_session=True,
        )
    finally:
        os.close(log)
    _started[:] = [*(one for one in _started if one.poll() is None), process]
    return process


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
    return WireError("unavailable", f"{what}; its log says why: {home / 'cao.log'}", {"log": str(home / "cao.log")})


def _variables(settings: Settings) -> dict[str, str]:
    """The settings that are not defaults, as the environment variables that make them."""
    from cao.settings import ENVIRONMENT

    given = settings.model_dump(mode="json", exclude_defaults=True, exclude={"home"})
    return {ENVIRONMENT[name]: _text(value) for name, value in given.items()}


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={limit}" for name, limit in value.items())  # pyright: ignore[reportUnknownVariableType]
    return str(value)
