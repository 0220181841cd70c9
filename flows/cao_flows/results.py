"""Where Prefect finds the results of turns: in our own store, as a view of the turns that are completed there.

The truth is written once, in the transaction that settles the turn. Prefect asks for a result under the turn's key before it
runs the task and gets it if there is one; so resuming after a crash is Prefect's own doing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any, ClassVar, cast

from prefect.filesystems import WritableFileSystem
from prefect.results import ResultStore
from prefect.serializers import JSONSerializer

from cao.store import Store

_STORES: dict[str, Store] = {}
_BLOCKS: dict[str, StoreResults] = {}
_SAVING = threading.Lock()
"""Prefect keeps the ids of a block's type on its class while it saves one: the engines of a process take turns."""

PREFIX = "turn:"
"""A turn's cache key is this and its id."""


class StoreResults(WritableFileSystem):
    """A Prefect file system whose files are the completed turns of one store."""

    _block_type_name: ClassVar[str | None] = "cao store"
    _block_type_slug: ClassVar[str | None] = "cao-store"

    home: str
    """The data directory whose store it is."""

    async def read_path(self, path: str) -> bytes:
        turn_id = path.removeprefix(PREFIX)
        sql = "SELECT count(*) FROM turns WHERE id = ? AND state = 'completed'"
        if not _STORES[self.home].read().number(sql, (turn_id,)):
            raise ValueError(f"{turn_id} is not completed")
        files = ResultStore(result_storage=self, serializer=JSONSerializer())
        return files.create_result_record(turn_id, key=path).serialize()

    async def write_path(self, path: str, content: bytes) -> Any:
        """The turn was settled before Prefect heard of it: nothing is left to write."""
        return path


def attach(home: str, store: Store) -> None:
    """Let results of `home` be found in `store`, in this process."""
    _STORES[home] = store


def detach(home: str) -> None:
    """The store is about to be closed."""
    _STORES.pop(home, None)
    _BLOCKS.pop(home, None)


def block_of(home: str) -> StoreResults:
    """The block of `home`, once it is saved."""
    return _BLOCKS[home]


async def save_block(home: str) -> None:
    """Register the block with Prefect's API, which wants to know where results are."""
    block = StoreResults(home=home)
    async with asyncio.timeout(60):
        while not _SAVING.acquire(blocking=False):  # noqa: ASYNC110 - who has it runs in another loop
            await asyncio.sleep(0.05)
        try:
            await cast("Awaitable[Any]", block.save("cao-store", overwrite=True))
        finally:
            _SAVING.release()
    _BLOCKS[home] = block
