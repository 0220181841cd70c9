"""The git program: a built-up environment, nothing to ask anybody, bounded output, and a deadline.

Options never come from outside: what a caller names is resolved to a hash or checked as a branch name before it is an argument,
and paths stand after `--`. A repository's own configuration may name programs; those that reading would start are switched off,
while its hooks run as the person's own git would run them.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cao.agents.process import environment
from cao.protocol import Conflict, InvalidInput, Unavailable

READ_SECONDS = 30.0
"""The longest that a question may take."""
WORK_SECONDS = 120.0
"""The longest that a change may take: a checkout of a large repository, a commit with its hooks."""
OUTPUT = 4 * 1024 * 1024
"""Bytes of output that are kept, unless the caller wants fewer."""
_COMPLAINT = 4096
_SHOWN = 800
"""Characters of its complaint that an error repeats."""

_INHERITED = ("GIT_AUTHOR_*", "GIT_COMMITTER_*", "GNUPGHOME", "GPG_TTY", "SSH_AUTH_SOCK")
_SET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_MERGE_AUTOEDIT": "no",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C.UTF-8",
}
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false")


class Failed(Conflict):
    """Git refused. The message repeats what it said; `status` is its exit status."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What git printed."""

    status: int
    output: bytes
    complaint: str
    """The end of its standard error, for people."""
    truncated: bool = False
    """It printed more than was kept, and was stopped."""

    @property
    def text(self) -> str:
        """The output as text, without the line end at its end."""
        return self.output.decode("utf-8", "replace").rstrip("\n")

    @property
    def fields(self) -> list[str]:
        """Output that is separated by NUL."""
        return self.output.decode("utf-8", "replace").split("\0")[:-1]


async def run(
    directory: Path, *arguments: str, seconds: float = READ_SECONDS, limit: int = OUTPUT, expect: Sequence[int] = (0,)
) -> Ran:
    """Run git in a directory. Raises `Failed` for another exit status than expected, `Unavailable` when it cannot run in time.

    limit: bytes of output that are kept; git is stopped at the next one, and `truncated` says so.
    """
    process = await _start(directory, arguments)
    try:
        async with asyncio.timeout(seconds):
            ran = await _gather(process, limit)
    except TimeoutError:
        raise Unavailable(f"git {arguments[0]} took longer than {seconds:g} s and was stopped") from None
    finally:
        await _end(process)
    if not ran.truncated and ran.status not in expect:
        said = ran.complaint.strip()[-_SHOWN:] or ran.text[-_SHOWN:]
        raise Failed(f"git {arguments[0]} failed: {said or f'exit status {ran.status}'}", status=ran.status)
    return ran


async def _start(directory: Path, arguments: Sequence[str]) -> Process:
    variables = environment(_INHERITED, _SET)
    try:
        return await asyncio.create_subprocess_exec(
            "git", *_QUIET, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE,
            cwd=directory, env=variables, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        if error.filename == "git":
            raise Unavailable("git is not installed; install it and try again") from None
        raise Unavailable(f"git cannot be started in {directory}: {error.strerror or error}") from None
    except ValueError:
        raise InvalidInput("a text for git holds a character that no command line can hold") from None


async def _gather(process: Process, limit: int) -> Ran:
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - pipes were asked for
    async with asyncio.TaskGroup() as group:
        printed = group.create_task(_head(process.stdout, limit, process))
        said = group.create_task(_tail(process.stderr))
    output, truncated = printed.result()
    return Ran(await process.wait(), output, said.result().decode("utf-8", "replace"), truncated)


async def _head(stream: asyncio.StreamReader, limit: int, process: Process) -> tuple[bytes, bool]:
    kept = bytearray()
    while piece := await stream.read(1 << 16):
        kept += piece
        if len(kept) > limit:
            _kill(process)
            return bytes(kept[:limit]), True
    return bytes(kept), False


async def _tail(stream: asyncio.StreamReader) -> bytes:
    kept = bytearray()
    while piece := await stream.read(4096):
        kept += piece
        del kept[:-_COMPLAINT]
    return bytes(kept)


async def _end(process: Process) -> None:
    """Leave no process behind, nor a transport that the garbage collector would find."""
    if process.returncode is None:
        _kill(process)
        await process.wait()


def _kill(process: Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
