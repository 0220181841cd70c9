"""Prefect's API and UI in a process of its own, from `start` to `stop`.

A process, because in ours it would take the interpreter from everybody who waits for an answer. It holds the other end of a
pipe: when this process ends, in whatever way, that one does too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import IO, Any

from cao.agents.process import environment
from cao.protocol import Unavailable

from .prefect_settings import MOUNT

Scope = dict[str, Any]
Receive = Callable[[], Coroutine[Any, Any, dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

LOG = "server.log"
"""What the process says on standard error, in Prefect's directory; begun anew at each start."""

NICE = 5
"""How much the process stands back where processors are short: an answer to a person goes before the record of a turn."""

_TOLD = 2000
"""Bytes of its last words that a failure repeats."""


class PrefectApi:
    """One Prefect server on a loopback port, which is ours until `stop`: a successor of the process goes on at it."""

    def __init__(self, home: Path, public_url: str) -> None:
        """home: Prefect's directory. public_url: the origin of our own server, which shows Prefect's UI, or ""."""
        self._home = home
        self._listener = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only where it sees this
        self._listener.bind(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"{self.origin}{MOUNT}/api"
        self._public_url = public_url
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Begin to start it. Returns at once."""
        self._bury(1.0)
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        listener = self._listener.fileno()
        command = [sys.executable, "-P", "-m", "cao_flows.prefect_server", str(self._home), self._public_url, str(listener)]
        with (self._home / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(["PREFECT_*", "PYTHON*", "VIRTUAL_ENV", "DO_NOT_TRACK"], {}),
                pass_fds=[listener],
                start_new_session=True,
            )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, NICE)

    def wait_ready(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """Return once it answers, or early when `stopping` says so; blocks. Raises `Unavailable` with its last words."""
        pipe, deadline = self._output, time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while not ready.select(0.2):
                if stopping():
                    return
                if time.monotonic() > deadline:
                    raise Unavailable(f"Prefect's API did not start within {seconds:g} s")
        if not pipe.readline():
            raise Unavailable(f"Prefect's API did not start: {self.last_words()}")

    @property
    def _output(self) -> IO[bytes]:
        assert self._process is not None and self._process.stdout is not None  # noqa: S101 - `spawn` ran before
        return self._process.stdout

    async def ended(self) -> None:
        """Return when the process has ended."""
        await _end_of(self._output)

    def last_words(self) -> str:
        """The end of what it said on standard error."""
        with contextlib.suppress(OSError):
            return (self._home / LOG).read_bytes()[-_TOLD:].decode("utf-8", "replace").strip().rpartition("\n")[2]
        return ""

    def stop(self, seconds: float) -> None:
        """End it, in good order within so many seconds, else by force; blocks."""
        self._bury(seconds)
        self._listener.close()

    def _bury(self, seconds: float) -> None:
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


async def _end_of(pipe: IO[bytes]) -> None:
    """Read a pipe to its end on the running loop."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def read() -> None:
        if not pipe.read(4096) and not ended.done():
            ended.set_result(None)

    loop.add_reader(pipe, read)
    try:
        await ended
    finally:
        loop.remove_reader(pipe)
