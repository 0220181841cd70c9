"""A free port on loopback, served on the running loop by whoever enters it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING

from cao.protocol import Unavailable

from .http import Handler

if TYPE_CHECKING:
    import uvicorn

START_SECONDS = 10.0
STOP_SECONDS = 10.0


@contextlib.asynccontextmanager
async def served(app: Handler) -> AsyncGenerator[str]:
    """Serve an ASGI application on 127.0.0.1; its origin (`http://127.0.0.1:port`). Raises `Unavailable`."""
    import uvicorn

    class Server(uvicorn.Server):
        """Leaves the process's signals alone, and tells when it listens."""

        listening = asyncio.Event()

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.listening.set()

    with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # asyncio sets TCP_NODELAY only where it sees this
        listener.bind(("127.0.0.1", 0))
        server = Server(_config(app))
        serving = asyncio.create_task(server.serve([listener]), name="cao-port")
        try:
            await _started(server.listening, serving)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait((serving,), timeout=STOP_SECONDS)
            serving.cancel()


def _config(app: Handler) -> uvicorn.Config:
    import uvicorn

    return uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="off",
        ws="none",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )


async def _started(listening: asyncio.Event, serving: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(listening.wait())
    await asyncio.wait((waiting, serving), timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        raise Unavailable("a port on loopback could not be served")
