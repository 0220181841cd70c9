"""The server's log: on standard error, and in `cao.log` of the data directory. It holds names, ids, times and incidents."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

from cao.settings import Settings
from cao.store.redaction import Redactor

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_OURS = ("cao", "cao_flows", "cao_notifiers")
"""Whose words follow the setting `log_level`; of all others, warnings."""


class _Redacted(logging.Formatter):
    """Log lines without secrets, in UTC."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(_FORMAT)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))


@contextlib.contextmanager
def logging_to(settings: Settings, redactor: Redactor) -> Generator[None]:
    """Log to standard error, and to the data directory unless that is the same."""
    handlers = [logging.StreamHandler(sys.stderr), *_file(settings.home / "cao.log")]
    root = logging.getLogger()
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    requests = logging.getLogger("uvicorn.access")
    requests.addFilter(_nothing)
    for handler in handlers:
        handler.setFormatter(_Redacted(redactor))
        root.addHandler(handler)
    try:
        yield
    finally:
        requests.removeFilter(_nothing)
        for handler in handlers:
            root.removeHandler(handler)
        for handler in handlers[1:]:
            handler.close()


def _nothing(record: logging.LogRecord) -> bool:
    """Uvicorn's lines of requests hold query strings, and another server in this process may switch them on."""
    return False


def _file(path: Path) -> list[logging.Handler]:
    path.touch(mode=0o600, exist_ok=True)
    if _is_standard_error(path):
        return []
    return [logging.FileHandler(path, encoding="utf-8")]


def _is_standard_error(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except (OSError, ValueError):  # standard error is closed, or no file at all
        return False
