"""The program that serves Prefect's API and UI: `python -m cao_flows.prefect_server HOME ORIGIN LISTENER`.

It says so in one line on standard output once it answers, and serves until standard input ends: so it ends with the process
that started it, whatever became of that one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from . import prefect_schema, sqlite_begin
from .prefect_settings import configured, import_prefect

LAST_SECONDS = 5.0
"""How long the server may take to end in good order once standard input has ended."""


def main() -> None:
    """Serve. Arguments: Prefect's directory, the origin that shows its UI ("" for no UI), and the number of a bound socket."""
    home, public_url, listener = Path(sys.argv[1]), sys.argv[2], socket.socket(fileno=int(sys.argv[3]))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    end = _End()
    threading.Thread(target=end.await_input, daemon=True).start()
    import_prefect(home)
    with configured(home, None, public_url):
        asyncio.run(_serve(home, listener, end))


async def _serve(home: Path, listener: socket.socket, end: _End) -> None:
    from prefect.server.api.server import create_app

    sqlite_begin.apply()
    database = home / "prefect.db"
    if not prefect_schema.is_there(database):
        await prefect_schema.make(database)
    (home / "ui").mkdir(parents=True, exist_ok=True)
    app = create_app(ignore_cache=True)
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="on", timeout_graceful_shutdown=1)
    server = _Server(config)
    end.server = server
    await server.serve([listener])


class _Server(uvicorn.Server):
    """Uvicorn that says when it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write("ready\n")
        sys.stdout.flush()


class _End:
    """Ends the process with standard input: at once while it starts, in good order once it serves."""

    def __init__(self) -> None:
        self.server: uvicorn.Server | None = None

    def await_input(self) -> None:
        """Read standard input to its end, and end."""
        sys.stdin.buffer.read()
        if self.server is None:
            os._exit(0)
        self.server.should_exit = True
        last = threading.Timer(LAST_SECONDS, os._exit, (0,))
        last.daemon = True
        last.start()


if __name__ == "__main__":
    main()
