"""The file: who may write (one thread), who may read (every thread, on its own connection), and what disk trouble means."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from cao import rest
from cao.protocol import Unavailable
from cao.protocol.records import Event

from .clock import Clock, SystemClock
from .hub import Hub
from .locks import FileLock
from .migrations import steps
from .redaction import Redactor
from .transaction import Reader, Transaction

T = TypeVar("T")

Recorder = Callable[[Transaction, Event], None]
"""Called in the transaction for each event that it appended; it may write rows and emit further events."""

_RECORDED_DEPTH = 8
"""How often recorders may answer the events of recorders in one transaction."""

logger = logging.getLogger(__name__)

_BUSY_SECONDS = 5.0


class Store:
    """One SQLite file in WAL mode.

    Reads run in the calling thread: WAL readers wait for nobody, and every query is bounded. Writes run one after another in
    a thread of their own, each as one `BEGIN IMMEDIATE` transaction, so that no event loop ever waits for a lock.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        """Open the file, make or migrate its schema. Raises `Unavailable` when the directory cannot be written."""
        self.path = path
        self.recorders: list[Recorder] = []
        self.clock: Clock = clock or SystemClock()
        self.hub = Hub()
        self.redactor = Redactor()
        self._readers: dict[int, sqlite3.Connection] = {}
        self._local = threading.local()
        self._lock = threading.Lock()
        self._closed = False
        with _disk_trouble(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._writer = self._connect()
            try:
                self._apply(steps)
            except BaseException:
                self._writer.close()
                raise
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cao-store")

    def _connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-8000"):
                connection.execute(f"PRAGMA {pragma}")
            if read_only:
                connection.execute("PRAGMA query_only=ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _apply(self, migrations: Migrations) -> None:
        with FileLock(self.path.with_suffix(".migrate.lock")):
            migrations.apply(Database(self._writer))

    async def extend(self, migrations: Migrations) -> None:
        """Make or migrate the tables of a plugin that comes to a store which is open."""
        await asyncio.wrap_future(self._thread.submit(self._apply, migrations))

    def read(self) -> Reader:
        """The calling thread's reader. Its queries see everything that is committed."""
        reader = getattr(self._local, "reader", None)
        if reader is None:
            if self._closed:
                raise Unavailable("the store is closed")
            connection = self._connect(read_only=True)
            self._keep(connection)
            reader = self._local.reader = Reader(connection)
        return reader

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Remember the calling thread's connection, to be closed with the store, and close that of an ended thread."""
        with self._lock:
            if self._closed:
                connection.close()
                raise Unavailable("the store is closed")
            left = self._readers.pop(threading.get_ident(), None)  # the numbers of ended threads are given again
            self._readers[threading.get_ident()] = connection
        if left is not None:
            left.close()

    async def write(self, change: Callable[[Transaction], T], *, actor: str = "engine", keep: bool = True) -> T:
        """Run `change` in a transaction and commit, or roll back when not `keep` (a dry run); what it returned.

        An exception rolls everything back and is raised here. Cancelling the caller does not undo a change that is under way.
        """
        return await asyncio.shield(asyncio.wrap_future(self.submit(change, actor=actor, keep=keep)))

    def submit(self, change: Callable[[Transaction], T], *, actor: str = "engine", keep: bool = True) -> Future[T]:
        """The same for callers without an event loop."""
        if self._closed:
            raise Unavailable("the store is closed")
        return self._thread.submit(self._run, change, actor, keep)

    def _run(self, change: Callable[[Transaction], T], actor: str, keep: bool) -> T:
        connection = self._writer
        with _disk_trouble(self.path):
            connection.execute("BEGIN IMMEDIATE")
            tx = Transaction(connection, self.clock.now(), self.redactor, actor)
            try:
                tx.execute("DELETE FROM settings WHERE key = ?", (rest.KEY,))
                answer = change(tx)
                self._append_events(tx)
                connection.execute("COMMIT" if keep else "ROLLBACK")
            except BaseException:
                with contextlib.suppress(sqlite3.OperationalError):  # a full disk has rolled back by itself
                    connection.execute("ROLLBACK")
                raise
        if keep:
            self.hub.publish(tx.topics)
        return answer

    def _append_events(self, tx: Transaction) -> None:
        """Append what was emitted, and let the recorders see it, and then what they emitted."""
        for _ in range(_RECORDED_DEPTH):
            written = tx.write_events()
            if not (written and self.recorders):
                return
            for seq, row in written:
                event = _event(seq, row)
                for recorder in self.recorders:
                    recorder(tx, event)
        if tx.write_events():
            logger.error("recorders answer each other without end; they do not see the last events")

    async def foreign_version(self) -> int:
        """A number that changes when another process commits, and never when this one does."""
        return await asyncio.wrap_future(self._thread.submit(self._data_version))

    def _data_version(self) -> int:
        return int(self._writer.execute("PRAGMA data_version").fetchone()[0])

    async def backup(self, target: Path) -> int:
        """Copy the store to `target` while it is in use; the bytes written. The copy is complete and consistent."""
        return await asyncio.to_thread(self._backup, target)

    def _backup(self, target: Path) -> int:
        with _disk_trouble(target):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
            copy = sqlite3.connect(target)
            source = self._connect(read_only=True)
            try:
                source.backup(copy, pages=512)
            finally:
                source.close()
                copy.close()
        return target.stat().st_size

    async def check(self) -> list[str]:
        """SQLite's own integrity check; an empty list is a sound file."""
        return await asyncio.to_thread(self._check)

    def _check(self) -> list[str]:
        connection = self._connect(read_only=True)
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        finally:
            connection.close()
        return [] if found == ["ok"] else found

    @property
    def is_closed(self) -> bool:
        """Whether it takes nothing any more."""
        return self._closed

    def close(self) -> None:
        """Finish the writes that are under way and close the file."""
        self._closed = True
        self._thread.shutdown()
        with self._lock:
            for connection in self._readers.values():
                connection.close()
            self._readers.clear()
        self._writer.close()


def _event(seq: int, row: tuple[object, ...]) -> Event:
    names = ("type", "at", "actor", "session_id", "terminal_id", "run_id", "data")
    values = dict(zip(names, row, strict=True))
    return Event.model_validate({**values, "seq": seq, "data": json.loads(str(values["data"]))})


@contextlib.contextmanager
def _disk_trouble(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot use {path.name} in the data directory: {error.strerror or error}") from error
    except sqlite3.OperationalError as error:
        message = _MEANINGS.get(getattr(error, "sqlite_errorname", ""), str(error))
        raise Unavailable(f"the store cannot be written: {message}") from error
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") not in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            raise
        restore = "stop the server and put a backup in its place"
        raise Unavailable(f"{path.name} in the data directory is no sound SQLite database; {restore}") from error


_MEANINGS = {
    "SQLITE_FULL": "the disk is full; free some space and try again",
    "SQLITE_READONLY": "the data directory is read-only; mend its permissions or set CAO_HOME",
    "SQLITE_READONLY_DBMOVED": "the file was moved away; restart",
    "SQLITE_CANTOPEN": "the file cannot be opened; mend its permissions or set CAO_HOME",
    "SQLITE_BUSY": f"another process held it for {_BUSY_SECONDS:g} s; try again",
    "SQLITE_IOERR_WRITE": "the disk refuses writes",
}
