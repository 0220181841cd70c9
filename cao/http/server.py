"""The server: one process that has charge of a data directory; on a loopback address unless others were let in.

It answers within about a second: it listens as soon as the store is open, and loads Prefect and MCP behind that.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict
from typing import Any, cast

import uvicorn
from litestar.types import ASGIApp

from cao.admission import Admission
from cao.control import Control
from cao.discovery import ServerRecord, local_token, write_server
from cao.events import EngineChanged, EventData, ServerStarted, ServerStopped
from cao.graphql.app import GraphqlApp
from cao.protocol import CaoError, Conflict, Unavailable
from cao.protocol.records import Event
from cao.settings import Settings
from cao.signals import Signals
from cao.store.locks import FileLock
from cao.version import VERSION

from .app import build_app
from .binding import local_url, require_names, require_tokens
from .mounts import PrefectMount
from .serverlog import logging_to
from .streams import Pace

STREAM_SECONDS = 1
"""What open connections get to finish when the server stops."""
SWITCH_SECONDS = 0.001
"""How long the engine's thread may keep the interpreter from an answer that is due; Python's default is five times as much."""
_LOCK_TRIES = 25
_LOCK_PAUSE = 0.02

logger = logging.getLogger(__name__)

KEEP_ALIVE = 10
"""Seconds for which an idle connection is kept; longer than any client of ours uses one again."""


def serve(settings: Settings) -> None:
    """Run the server until it is told to stop: by SIGTERM, SIGINT, or the operation `daemon.stop`.

    Raises `Conflict` when the data directory has a server, `Unavailable` when the port or the directory cannot be used, and
    `InvalidInput` for an address that other computers reach while they have no tokens, or no names for this server.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(Server(settings).run())


class Server:
    """One run of the server. Implements `cao.operations.context.Server`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.started_at = time.time()
        self.url = ""
        self._closing = asyncio.Event()
        self._listening = asyncio.Event()
        self._uvicorn: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def request_stop(self) -> None:
        """Begin to shut down in good order. A second request cuts what is still open. Safe to call from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_to_stop)

    def _begin_to_stop(self) -> None:
        if self._uvicorn is not None:
            self._uvicorn.force_exit = self._closing.is_set()
            self._uvicorn.should_exit = True
        self._closing.set()
        (self._settings.home / "server.json").unlink(missing_ok=True)  # who looks for a server from now on waits for another

    async def run(self) -> None:
        """Serve, from taking the lock to letting go of it."""
        settings = self._settings
        require_names(settings)
        self._loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            lock = await take_charge(settings)
            stack.callback(lock.release)
            listener = listen(settings)
            stack.callback(listener.close)
            self.url = local_url(settings.host, listener.getsockname()[1])
            record = ServerRecord(self.url, os.getpid(), VERSION)
            lock.write(json.dumps(asdict(record)))
            token = local_token(settings.home)
            async with self._signals(), Control(settings, server=self) as control:
                control.services.store.redactor.learn(token)
                stack.enter_context(logging_to(settings, control.services.store.redactor))
                require_tokens(settings, Admission(control.services.store, token))
                stack.callback((settings.home / "server.json").unlink, missing_ok=True)
                await self._serve(control, token, listener, record)

    async def _serve(self, control: Control, token: str, listener: socket.socket, record: ServerRecord) -> None:
        mcp = _Mcp(control, self.url)
        graphql = GraphqlApp(control, Pace(self._closing))
        mounts: dict[str, ASGIApp] = {**mcp.mounts, "/graphql": graphql, **_prefect_mount(control)}
        app = build_app(control, token=token, mounts=mounts, closing=self._closing)
        self._uvicorn = _Uvicorn(_configuration(app), self._listening)
        self._uvicorn.should_exit = self._closing.is_set()
        async with asyncio.TaskGroup() as group:
            open_mcp = group.create_task(mcp.run(self._closing, self._listening, preload=self._settings.preload))
            serving = group.create_task(self._uvicorn.serve([listener]))
            await self._listening.wait()
            write_server(self._settings.home, record)
            control.signals.on(EngineChanged.type).connect(_spare_what_is_loaded)
            await _tell(control, ServerStarted(url=self.url, version=VERSION))
            logger.info("serving %s at %s", self._settings.home, self.url)
            if self._settings.preload:
                control.services.engine.start()
            await serving
            self._closing.set()
            await open_mcp
        logger.info("stopped serving")
        await _tell(control, ServerStopped())

    @contextlib.asynccontextmanager
    async def _signals(self) -> AsyncGenerator[None]:
        loop = asyncio.get_running_loop()
        wanted = (signal.SIGTERM, signal.SIGINT)
        for number in wanted:
            loop.add_signal_handler(number, self._begin_to_stop)
        try:
            yield
        finally:
            for number in wanted:
                loop.remove_signal_handler(number)


class _Uvicorn(uvicorn.Server):
    """Uvicorn that says when it listens, and leaves signals to us: it would raise them again before the store is closed."""

    def __init__(self, config: uvicorn.Config, listening: asyncio.Event) -> None:
        super().__init__(config)
        self._listening = listening

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()


def _configuration(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        cast("Any", app),
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STREAM_SECONDS,
        ws_max_size=16 << 20,
    )


async def take_charge(settings: Settings) -> FileLock:
    """Take the lock of the data directory. Raises `Conflict` that names the server which has it."""
    lock = FileLock(settings.home / "server.lock")
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for _ in range(_LOCK_TRIES):  # whoever looks for a server holds the lock for a moment
            if lock.acquire():
                (settings.home / "server.json").unlink(missing_ok=True)  # of one that crashed
                return lock
            await asyncio.sleep(_LOCK_PAUSE)
    except OSError as error:
        raise Unavailable(f"cannot use the data directory: {error.strerror}; mend it or set CAO_HOME") from error
    raise _already_served(settings)


def _already_served(settings: Settings) -> Conflict:
    with contextlib.suppress(OSError, ValueError, TypeError):
        first = ServerRecord(**json.loads((settings.home / "server.lock").read_text("utf-8")))
        return Conflict(
            f"a server runs already for this data directory: process {first.pid} at {first.url}; stop it: cao daemon stop",
            pid=first.pid,
            url=first.url,
        )
    return Conflict("a server is starting already for this data directory; see: cao daemon status")


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on. Raises `Unavailable` when the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, proto=socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only where it sees this
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Unavailable(_why_not(settings, error), host=settings.host, port=settings.port) from error
    return listener


def _why_not(settings: Settings, error: OSError) -> str:
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"another program has {place}; choose another port: CAO_PORT=9890 cao serve, or CAO_PORT=0 for any free one"
    return f"cannot listen on {place}: {error.strerror}; choose another port: CAO_PORT=9890 cao serve"


class _Mcp:
    """The two MCP applications: the operators' at /mcp, and the agents' own."""

    def __init__(self, control: Control, url: str) -> None:
        from cao.mcp.app import McpApp
        from cao.mcp.gateway import Gateway

        self._operators = McpApp(control)
        self._agents = Gateway(control.use_tool, url=url + "/agents/mcp")
        control.serve_agents_at(self._agents.endpoint)

    @property
    def mounts(self) -> Mapping[str, ASGIApp]:
        return {"/mcp": cast("ASGIApp", self._operators), "/agents/mcp": cast("ASGIApp", self._agents.app)}

    async def run(self, closing: asyncio.Event, listening: asyncio.Event, *, preload: bool) -> None:
        """Serve until `closing`: then its streams end, as all others do. preload: load the SDK once the server listens."""
        async with self._operators, self._agents:
            await listening.wait()
            if preload:
                try:
                    await self._operators.warm()
                except Unavailable:
                    logger.exception("MCP could not be loaded; the rest is served")
            await closing.wait()


def _prefect_mount(control: Control) -> Mapping[str, ASGIApp]:
    bridge = getattr(control.services.engine, "bridge", None)
    return {"/prefect": PrefectMount(bridge)} if bridge else {}


async def _spare_what_is_loaded(signals: Signals, event: Event) -> None:
    """Keep the garbage collector off Prefect's and our own modules: to look through them takes 200 ms without an answer."""
    if event.data["state"] == "ready":
        signals.on(EngineChanged.type).disconnect(_spare_what_is_loaded)  # what is garbage the next time would stay for ever
        gc.collect(1)
        gc.freeze()


async def _tell(control: Control, event: EventData) -> None:
    try:
        await control.services.store.write(lambda tx: tx.emit(event))
    except CaoError:
        logger.warning("the event %s could not be written", event.type, exc_info=True)
