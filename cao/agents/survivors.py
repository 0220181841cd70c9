"""Processes that outlived the one that started them: a `kill -9` of ours does not end what runs in groups of their own.

They are known by a variable that they were given. Only where the system shows environments in `/proc`; elsewhere nothing is
found, and survivors come to their own end. Everything here reads files and may wait a moment: not in a loop.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

SESSION = "CAO_SESSION"
"""What every process of an agent is given: the session that it works for."""
TERMINAL = "CAO_TERMINAL"
"""And the terminal that it sits at."""
RUN = "CAO_RUN"
"""What every command of a workflow is given: the run that it belongs to."""

PROCESSES = Path("/proc")
DEATH_SECONDS = 2.0
"""How long a killed process may take to die: one that waits for a disk takes its time."""


def given(name: str) -> dict[int, str]:
    """The processes of this user, without our own, that were given the variable; and its value."""
    others = (int(folder.name) for folder in PROCESSES.glob("[0-9]*") if folder.name != str(os.getpid()))
    values = ((pid, _variable(pid, name)) for pid in others)
    return {pid: value for pid, value in values if value is not None}


def end(name: str, value: str) -> int:
    """Kill every process that was given the variable with this value, and see them dead; how many."""
    found = [pid for pid, known in given(name).items() if known == value]
    _kill(found)
    return len(found)


def end_one(pid: int, name: str) -> bool:
    """Kill a process if it was given the variable, and see it dead; whether it was there."""
    if _variable(pid, name) is None:
        return False
    _kill([pid])
    return True


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + DEATH_SECONDS
    while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    """Whether it still runs; one that is dead stays in the table until its parent has heard of it."""
    try:
        state = (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _variable(pid: int, name: str) -> str | None:
    start = f"{name}=".encode()
    try:
        variables = (PROCESSES / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # it ended, or is somebody else's
        return None
    return next((text[len(start) :].decode("utf-8", "replace") for text in variables if text.startswith(start)), None)
