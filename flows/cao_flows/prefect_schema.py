"""Prefect's empty database, made once for each of its versions and copied from then on.

Prefect builds its schema by running every migration that it ever had, which takes ten seconds. The copy that is kept holds the
schema and no row of anybody's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import platformdirs


def is_there(database: Path) -> bool:
    """Whether `database` exists, if need be as a copy of the one that was kept."""
    if not database.exists():
        with contextlib.suppress(OSError):  # nothing was kept: then it has to be made
            _put(_kept(), database)
    return database.exists()


async def make(database: Path) -> None:
    """Make the database that Prefect's settings name, and keep a copy. Raises what keeps Prefect from making it."""
    from prefect.server.database import provide_database_interface

    await provide_database_interface().create_db()
    with contextlib.suppress(OSError, sqlite3.Error):  # a cache that cannot be written saves nobody's time, and that is all
        _keep(database, _kept())


def _kept() -> Path:
    from prefect import __version__

    return platformdirs.user_cache_path("cao") / f"prefect-{__version__}.db"


def _put(source: Path, target: Path) -> None:
    """Copy a file so that it appears whole or not at all."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    try:
        with source.open("rb") as read, os.fdopen(handle, "wb") as written:
            shutil.copyfileobj(read, written)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _keep(database: Path, kept: Path) -> None:
    """Copy the schema, without the write-ahead log, into the cache."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as place:
        copy = Path(place) / kept.name
        source, target = sqlite3.connect(database), sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
        copy.replace(kept)
