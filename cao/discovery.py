"""How local processes find the server of a data directory, and the credential that it asks for.

server.lock   held by the server while it lives; its text says which one
server.json   where it answers; written once it listens, mode 0600
token         the local credential; made by whoever needs it first, mode 0600
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

TOKEN_PREFIX = "cao_"  # noqa: S105 - the shape of a token, not one


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """A running server."""

    url: str
    pid: int
    version: str


def default_home() -> Path:
    """The platform's directory for user data."""
    import platformdirs  # only asked when nobody names a home, and it costs a start of the command line 10 ms

    return Path(platformdirs.user_data_dir("cao", appauthor=False))


def read_server(home: Path) -> ServerRecord | None:
    """The server that answers for `home`, if one does. Its lock tells: a record that a crash left behind does not count."""
    try:
        record = ServerRecord(**json.loads((home / "server.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if is_taken(home) else None


def is_taken(home: Path) -> bool:
    """Whether a server has charge of `home`: one that answers, that starts, or that ends."""
    return _is_locked(home / "server.lock")


def write_server(home: Path, record: ServerRecord) -> None:
    """Say where the server answers. The file appears whole or not at all."""
    write_private(home / "server.json", json.dumps(asdict(record)))


def local_token(home: Path) -> str:
    """The local credential of `home`; made on first use. Only this user can read it."""
    path = home / "token"
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        _make_token(path)
        return path.read_text("utf-8").strip()


def _make_token(path: Path) -> None:
    import secrets  # only for the one process that makes it: 10 ms that every other start saves

    keep_first(path, TOKEN_PREFIX + secrets.token_urlsafe(32))


def keep_first(path: Path, text: str) -> None:
    """Make a file that only this user can read, unless another process was first: then its file stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    write_private(draft, text)
    try:
        os.link(draft, path)  # unlike a rename, this fails when another process was first
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}.new")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _is_locked(path: Path) -> bool:
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
