"""Make Prefect's own SQLite transactions begin as writers.

Prefect opens them deferred; two of them that both write end in SQLITE_BUSY_SNAPSHOT, which its API answers with a 503 and its
client with a pause of two seconds: a third of back-to-back flow runs. `tests/integration/test_prefect_sqlite.py` notices when
this stops working or stops being needed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any


def apply() -> None:
    """Patch Prefect's SQLite configuration, in this process, once."""
    from prefect.server.database import configurations

    @asynccontextmanager
    async def begin(self: Any, session: Any, with_for_update: bool = False) -> AsyncGenerator[Any]:
        mode = configurations.SQLITE_BEGIN_MODE.set("IMMEDIATE")
        try:
            async with session.begin() as transaction:
                yield transaction
        finally:
            configurations.SQLITE_BEGIN_MODE.reset(mode)

    configurations.AioSqliteConfiguration.begin_transaction = begin
