"""Prefect's SQLite transactions: ours begin as writers, and Prefect's own still do not (else the patch can go)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sqlite3, sys
import sqlalchemy
from prefect.server.database.configurations import AioSqliteConfiguration

if sys.argv[2] == "patched":
    from cao_flows import sqlite_begin
    sqlite_begin.apply()

async def main():
    configuration = AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{sys.argv[1]}")
    engine = await configuration.engine()
    session = await configuration.session(engine)
    async with session, configuration.begin_transaction(session):
        await session.execute(sqlalchemy.text("SELECT 1"))
        other = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            print("another writer may begin")
        except sqlite3.OperationalError as error:
            print(error)
        finally:
            other.close()
    await engine.dispose()

asyncio.run(main())
"""


@pytest.mark.parametrize(("how", "said"), [("patched", "database is locked"), ("as it is", "another writer may begin")])
def test_a_transaction_begins_as_a_writer_with_the_patch_only(tmp_path: Path, how: str, said: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "prefect.db"), how]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == said
