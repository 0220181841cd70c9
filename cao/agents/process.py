"""Child processes of providers: a built-up environment, a process group of their own, bounded output, a certain end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from .provider import ProviderError

INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TERM",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""Names (or patterns of names) of variables that every agent gets from our environment; nothing else passes by itself."""

LINE = 16 * 1024 * 1024
"""Bytes of one line that an agent may print."""
TURN = 256 * 1024 * 1024
"""Bytes that an agent may print in one turn."""
TAIL = 8 * 1024
"""Bytes of standard error that are kept, for the message of a failure."""
ASK_SECONDS, TERM_SECONDS, KILL_SECONDS = 0.2, 2.0, 2.0
"""How long a group is given to go: after its input ended, after SIGTERM, after SIGKILL."""

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def environment(own: Iterable[str], added: Mapping[str, str], ours: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a child sees: the allow-list, the variables that its kind needs (`own`), and the profile's, in this order.

    >>> environment(["KEY_*"], {"MODE": "${KEY_A}!"}, {"KEY_A": "1", "OTHER": "2"})
    {'KEY_A': '1', 'MODE': '1!'}
    """
    ours = os.environ if ours is None else ours
    patterns = (*INHERITED, *own)
    passed = {name: value for name, value in ours.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}
    return {**passed, **{name: expand(value, ours) for name, value in added.items()}}


def expand(text: str, ours: Mapping[str, str] | None = None) -> str:
    """Replace `${NAME}` by our variable of that name; one that is not set becomes empty."""
    ours = os.environ if ours is None else ours
    return _VARIABLE.sub(lambda match: ours.get(match.group(1), ""), text)


class Child:
    """A process and everything that it started."""

    def __init__(self, process: Process, name: str) -> None:
        """Use `Child.start`."""
        self._process = process
        self.name = name
        self._tail = bytearray()
        self._draining = asyncio.create_task(self._drain(), name=f"cao-stderr-{process.pid}")
        self._reading = asyncio.Lock()
        """Its output has one reader at a time: what is left over is read only once a reader that waits has come to the end."""
        self._ending = asyncio.Lock()
        self._gone = False
        self._read = 0

    @classmethod
    async def start(cls, argv: Sequence[str], directory: Path, variables: Mapping[str, str]) -> Child:
        """Start a program. Raises `ProviderError` that names what cannot be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=directory, env=variables, limit=LINE, start_new_session=True
            )
        except (OSError, ValueError) as error:
            raise ProviderError("cannot_start", f"{argv[0]} cannot be started: {error}") from error
        return cls(process, Path(argv[0]).name)

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def start_of_turn(self) -> None:
        """Count what it prints from here."""
        self._read = 0

    async def line(self) -> bytes:
        """The next line that it prints; empty at the end. Raises `ProviderError` when a bound is passed."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            async with self._reading:
                line = await self._process.stdout.readline()
        except ValueError:
            raise ProviderError("too_much_output", f"{self.name} printed a line of more than {LINE} bytes") from None
        self._read += len(line)
        if self._read > TURN:
            raise ProviderError("too_much_output", f"{self.name} printed more than {TURN} bytes in one turn")
        return line

    async def lines(self) -> AsyncIterator[str]:
        """What it prints, line by line."""
        while line := await self.line():
            yield line.decode("utf-8", "replace")

    async def output(self, limit: int) -> bytes:
        """All that it prints, to the end. Raises `ProviderError` when that is more than `limit` bytes."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        printed = bytearray()
        async with self._reading:
            while piece := await self._process.stdout.read(1 << 16):
                printed += piece
                if len(printed) > limit:
                    raise ProviderError("too_much_output", f"{self.name} printed more than {limit} bytes")
        return bytes(printed)

    async def last_output(self, limit: int) -> tuple[bytes, int]:
        """The last `limit` bytes that it prints, to the end, and how many it printed in all."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        kept, count = bytearray(), 0
        async with self._reading:
            while piece := await self._process.stdout.read(1 << 16):
                kept += piece
                count += len(piece)
                del kept[:-limit]
        return bytes(kept), count

    async def send(self, data: bytes) -> None:
        """Write to its standard input. Raises `ConnectionError` when it does not read any more."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    def end_of_input(self) -> None:
        """Close its standard input."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.close()

    async def wait(self) -> int:
        """Its exit status, once it has ended and told its last words."""
        status = await self._process.wait()
        with contextlib.suppress(TimeoutError):  # a grandchild may hold the pipe
            await asyncio.wait_for(asyncio.shield(self._draining), 1)
        return status

    def last_words(self) -> str:
        """The last lines of its standard error."""
        return self._tail.decode("utf-8", "replace").strip()

    def complaint(self) -> str:
        """How it ended and the last lines of its standard error, for people."""
        status = self._process.returncode
        how = "is running" if status is None else f"was ended by {_signal(-status)}" if status < 0 else f"exited with {status}"
        words = self.last_words()
        return f"{self.name} {how}" + (f": {words[-2000:]}" if words else "")

    async def end(self, patience: float = ASK_SECONDS) -> None:
        """End the whole group: its input ends, then SIGTERM, then SIGKILL. May be called twice.

        patience: seconds for the first.
        """
        async with self._ending:
            if not self._gone:
                self.end_of_input()
                await self._chase(patience)
                self._gone = True
            await self._let_go()

    async def _let_go(self) -> None:
        """Read the pipes to their ends, so that the loop frees them; something outside the group may still hold one."""
        try:
            await asyncio.wait_for(asyncio.gather(self._process.wait(), self._draining, self._discard()), KILL_SECONDS)
        except TimeoutError:
            self._draining.cancel()

    async def _discard(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        async with self._reading:
            while await self._process.stdout.read(1 << 16):
                pass

    async def _chase(self, patience: float) -> None:
        for number, seconds in ((0, patience), (signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            if not self._signal(number) or await self._empty_within(seconds):
                return

    async def _empty_within(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._signal(0):
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    def _signal(self, number: int) -> bool:
        """Signal the group; whether anything of it is left."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    async def _drain(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - a pipe was asked for
        while piece := await self._process.stderr.read(4096):
            self._tail += piece
            del self._tail[:-TAIL]


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
