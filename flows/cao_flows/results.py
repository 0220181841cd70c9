"""Where Prefect keeps the results of turns: in our own store, beside the truth that they stand for."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from prefect.filesystems import WritableFileSystem

from cao.store import Store

_STORES: dict[str, Store] = {}


class StoreResults(WritableFileSystem):
    """A Prefect file system of one table: a result's key to its bytes."""

    _block_type_name: ClassVar[str | None] = "cao store"
    _block_type_slug: ClassVar[str | None] = "cao-store"

    home: str
    """The data directory whose store it is."""

    async def read_path(self, path: str) -> bytes:
        row = self._store().read().row("SELECT value FROM results WHERE key = ?", (path,))
        if row is None:
            raise ValueError(f"no result {path}")
        return bytes(row["value"])

    async def write_path(self, path: str, content: bytes) -> Any:
        await self._store().write(
            lambda tx: tx.execute(
                "INSERT INTO results (key, value, at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (path, content, tx.now),
            )
        )
        return path

    def _store(self) -> Store:
        return _STORES[self.home]


def attach(home: str, store: Store) -> None:
    """Let results of `home` be found in `store`, in this process."""
    _STORES[home] = store


def detach(home: str) -> None:
    _STORES.pop(home, None)


async def save_block(home: str) -> StoreResults:
    """The block, registered with Prefect's API, which wants to know where results are."""
    block = StoreResults(home=home)
    await asyncio.wait_for(block.save("cao-store", overwrite=True), 30)  # pyright: ignore[reportGeneralTypeIssues]
    return block
