"""Rest: the note that says until when nothing is due, so that a tick can end before anything is loaded.

A control leaves it in the store when it closes and nothing waits; the next commit, whoever makes it, removes it. It counts only
for the configuration and the packages that it was written under. Everything here is the standard library, and quick to load.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cao.version import VERSION

KEY = "rest"
"""Under which the note stands in the store's table of settings."""

NOTHING_DONE: Mapping[str, Any] = {"recovered": 0, "done": {}, "sessions": 0, "settled": 0, "left": 0}
"""What a tick answers that had nothing to do."""


def note(home: Path, until: float) -> str:
    """The text that says: nothing is due before `until`, in seconds since 1970."""
    return json.dumps({"until": until, "under": _circumstances(home)})


def rests(home: Path, now: float | None = None) -> bool:
    """Whether a note says that nothing is due, and still counts. False in all doubt."""
    try:
        told = json.loads(_read(home))
        return told["under"] == _circumstances(home) and told["until"] > (time.time() if now is None else now)
    except (sqlite3.Error, OSError, ValueError, KeyError, TypeError):
        return False


def counts(home: Path, text: str) -> bool:
    """Whether a note was written under the circumstances of now."""
    return json.loads(text)["under"] == _circumstances(home)


def _read(home: Path) -> str:
    uri = f"file:{quote(str(home / 'cao.db'))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as connection:
        row = connection.execute("SELECT value FROM settings WHERE key = ?", (KEY,)).fetchone()
    return str(row[0]) if row else "null"


def _circumstances(home: Path) -> str:
    """A fingerprint of the code, the configuration and the installed packages."""
    places = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith("CAO_"))
    seen = [VERSION, variables, [(place, _changed(Path(place))) for place in [*places, str(home / "config.toml")]]]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
