"""How Prefect is set up: for the process that serves its API, and for the thread that runs flows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Generator
from importlib import import_module
from pathlib import Path
from typing import Any, cast

MOUNT = "/prefect"
"""Where the UI stands, on our own port; the API is below it."""

LOGGING = Path(__file__).with_name("prefect_logging.yml")
"""What Prefect may do to the logging of the process that it is imported in."""

_LOADING = threading.Lock()


def import_prefect(home: Path) -> None:
    """Import Prefect: no traffic to the outside, its files in ours, logging left alone, and the environment as it was.

    What Prefect reads of the environment it reads now. It stays as it was because the processes that an application starts
    inherit it: they are not ours, and may outlive `home`.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")  # the one variable that Prefect asks for later, too
    wanted = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": str(home),
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }
    if "PREFECT_LOGGING_SETTINGS_PATH" not in os.environ:  # the older name of the same
        wanted["PREFECT_LOGGING_CONFIG_PATH"] = str(LOGGING)
    with _LOADING:
        added = {name: value for name, value in wanted.items() if name not in os.environ}
        os.environ.update(added)
        try:
            import_module("prefect.context")  # where it reads them
        finally:
            for name in added:
                del os.environ[name]


@contextlib.contextmanager
def unheard(api_url: str | None) -> Generator[None]:
    """Keep requests to Prefect's API out of the application's log: httpx tells of each one at level INFO."""

    def is_of_others(record: logging.LogRecord) -> bool:
        told = record.args if isinstance(record.args, tuple) else ()
        return not any(str(part).startswith(str(api_url)) for part in told)

    with _filtered(is_of_others, "httpx"):
        yield


@contextlib.contextmanager
def cut_quietly() -> Generator[None]:
    """Keep what this thread cuts out of the log: Prefect calls each run a crash. Our events tell what it was."""
    thread = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    with _filtered(is_of_others, "prefect.flow_runs", "prefect.task_runs"):
        yield


@contextlib.contextmanager
def _filtered(lets_through: Callable[[logging.LogRecord], bool], *names: str) -> Generator[None]:
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(lets_through)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(lets_through)


@contextlib.contextmanager
def configured(home: Path, api_url: str | None, public_url: str) -> Generator[None]:
    """Prefect's settings for the running thread: lean, and with its services as far as they are used.

    home: Prefect's directory. api_url: where the API is, or None in the process that serves it. public_url: the origin that
    shows Prefect's UI to people, or "".
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
        prefect.PREFECT_UI_ENABLED: bool(public_url),  # setting it up takes seconds
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
