"""Prefect's API and UI inside this process: a thread with a loop of its own, on a loopback port.

Never in the loop that runs flows: Prefect's client makes a synchronous request there, and the two would wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any, cast

MOUNT = "/prefect"
"""Where the UI stands, on our own port; the API is below it."""

_LOUD_AT_THE_END = ("prefect.server.services", "prefect.server.utilities", "sqlalchemy.pool")
"""Loggers that print tracebacks when Prefect's services are cancelled at shutdown, as they always are."""

Scope = dict[str, Any]
Receive = Callable[[], Coroutine[Any, Any, dict[str, Any]]]
Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


def keep_quiet(home: Path) -> None:
    """Before Prefect is imported for the first time: no traffic to the outside, and its files in our directory."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_HOME", str(home))
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")


@contextlib.contextmanager
def configured(home: Path, api_url: str | None, public_url: str) -> Generator[None]:
    """Prefect's settings for the running thread: lean, and with its services as far as they are used.

    home: Prefect's directory. api_url: where the API is, or None in the thread that serves it. public_url: our own origin.
    """
    from prefect import settings as prefect

    wanted: dict[Any, Any] = {
        prefect.PREFECT_HOME: home,
        prefect.PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        prefect.PREFECT_API_URL: api_url,
        prefect.PREFECT_SERVER_ANALYTICS_ENABLED: False,
        prefect.PREFECT_LOGGING_TO_API_ENABLED: False,
        prefect.PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
        prefect.PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False,
        prefect.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        prefect.PREFECT_SERVER_API_BASE_PATH: MOUNT + "/api",
        prefect.PREFECT_UI_SERVE_BASE: MOUNT,
        prefect.PREFECT_UI_API_URL: public_url + MOUNT + "/api",
        prefect.PREFECT_UI_STATIC_DIRECTORY: str(home / "ui"),
        prefect.PREFECT_API_SERVICES_SCHEDULER_ENABLED: False,
        prefect.PREFECT_API_SERVICES_LATE_RUNS_ENABLED: False,
        prefect.PREFECT_API_SERVICES_PAUSE_EXPIRATIONS_ENABLED: False,
        prefect.PREFECT_API_SERVICES_FOREMAN_ENABLED: False,
        prefect.PREFECT_API_SERVICES_CANCELLATION_CLEANUP_ENABLED: False,
        prefect.PREFECT_API_SERVICES_TRIGGERS_ENABLED: False,
        # Runs and their states are recorded all the same; what is left out is Prefect's own feed of events. Ours is /events.
        prefect.PREFECT_API_SERVICES_EVENT_PERSISTER_ENABLED: False,
        prefect.PREFECT_API_EVENTS_STREAM_OUT_ENABLED: False,
        # One statement for many task runs: Prefect's default of one each keeps a core busy building SQL.
        prefect.PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE: 100,
        prefect.PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE: 100,
        prefect.PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL: 1,
    }
    with prefect.temporary_settings(wanted):
        yield


async def send_events(seconds: float) -> None:
    """Send what task runs have told and was not sent yet, and close the connection; `seconds` at most."""
    from prefect.events.worker import EventsWorker

    with contextlib.suppress(TimeoutError):  # Prefect is told the truth when the engine starts the next time
        async with asyncio.timeout(seconds):
            await cast("Awaitable[bool]", EventsWorker.instance().drain())


class PrefectApi:
    """One Prefect server, from `start` to `stop`."""

    def __init__(self, home: Path, public_url: str | None = None) -> None:
        """public_url: the origin of our own server, which shows Prefect's UI; None when there is none."""
        self._home = home
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only where it sees this
        self._socket.bind(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"{self.origin}{MOUNT}/api"
        self._public_url = public_url or self.origin
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._server: Any = None
        self._app: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None

    def start(self, seconds: float) -> None:
        """Serve, and return once it answers; blocks, so call it from a thread. Raises what kept it from starting."""
        self._thread = threading.Thread(target=self._run, name="cao-prefect-api", daemon=True)
        self._thread.start()
        if not self._started.wait(seconds):
            raise TimeoutError(f"Prefect's API did not start within {seconds:g} s")
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        import uvicorn

        try:
            from prefect.server.api.server import create_app

            from . import sqlite_begin

            for name in _LOUD_AT_THE_END:
                logging.getLogger(name).setLevel(logging.NOTSET)

            sqlite_begin.apply()
            (self._home / "ui").mkdir(parents=True, exist_ok=True)
            with configured(self._home, None, self._public_url):
                self._app = create_app(ignore_cache=True)
                config = uvicorn.Config(
                    self._app,
                    log_config=None,
                    access_log=False,
                    lifespan="on",
                    timeout_graceful_shutdown=2,
                )
                self._server = _announcing(uvicorn.Server, self._started)(config)
                asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in `start`
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve([self._socket])

    async def bridge(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request of another loop, so that our own port shows Prefect without a second connection."""
        if self._loop is None:
            raise RuntimeError("Prefect's API is not running")
        here = asyncio.get_running_loop()

        async def receive_there() -> dict[str, Any]:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(receive(), here))

        async def send_there(message: dict[str, Any]) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(send(message), here))

        coroutine = self._app(scope, receive_there, send_there)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def stop(self, seconds: float) -> None:
        """Shut down and wait for the thread, `seconds` at most; blocks."""
        for name in _LOUD_AT_THE_END:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(seconds)
        self._socket.close()


def _announcing(base: Any, started: threading.Event) -> Any:
    """uvicorn's server class, made to say when it answers."""

    async def startup(self: Any, sockets: list[socket.socket] | None = None) -> None:
        await base.startup(self, sockets)
        started.set()

    return type("Server", (base,), {"startup": startup})
