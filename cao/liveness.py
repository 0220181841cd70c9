"""Who runs here: one name for each control, with a lock that the kernel drops when its process dies."""

from __future__ import annotations

import secrets
from pathlib import Path

from cao.store.locks import FileLock, is_held, sweep


class Owner:
    """This control, as leases name it."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "owners"
        self.name = secrets.token_hex(6)
        self._lock: FileLock | None = None

    def appear(self) -> None:
        """Hold the lock that says: this owner lives. Clears away the files of dead ones."""
        self._folder.mkdir(exist_ok=True, mode=0o700)
        for left in self._folder.glob("*.lock"):
            sweep(left)
        self._lock = FileLock(self._folder / f"{self.name}.lock")
        self._lock.acquire(wait=True)  # for another that sweeps: nobody else takes a lock of this name

    def vanish(self) -> None:
        """Let go of it."""
        if self._lock is not None:
            self._lock.remove()

    def is_alive(self, name: str) -> bool:
        """Whether the owner called `name` lives."""
        return name == self.name or is_held(self._folder / f"{name}.lock")
