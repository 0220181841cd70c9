"""Locks on files: who is alive on this data directory. The kernel lets go of them when a process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self


class FileLock:
    """An advisory lock on a file, held until `release` or the end of the process; the file may carry a note.

    Whoever removes the file holds its lock, see `remove`, so that nobody is left with the lock of a file that is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait: bool = False) -> bool:
        """Take the lock; False if another holds it and `wait` is not set."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(descriptor)
                return False
            if _is_at(descriptor, self.path):
                self._descriptor = descriptor
                return True
            os.close(descriptor)  # the file was removed before it was locked

    def write(self, note: str) -> None:
        """Replace the file's text, for those who find the lock taken."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path} is not locked")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, note.encode(), 0)

    def remove(self) -> None:
        """Remove the file while its lock is held, then let go."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire(wait=True)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on `path`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: those who look are not taken for a holder
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def sweep(path: Path) -> None:
    """Remove the file at `path` unless a living process holds its lock."""
    lock = FileLock(path)
    if path.exists() and lock.acquire():
        lock.remove()


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
