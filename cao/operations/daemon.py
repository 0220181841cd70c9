"""The daemon: the server that keeps the clock, and the care of its data directory."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cao.events import BackupWritten
from cao.protocol import (
    Answer,
    Conflict,
    DestructiveRequest,
    InvalidInput,
    Request,
    Unavailable,
    WriteRequest,
    operation,
)
from cao.protocol.described import descriptions
from cao.protocol.plugins import PluginLine
from cao.settings import ENVIRONMENT, Settings, origins, shown
from cao.store import Transaction, log, pause
from cao.version import VERSION

from .context import Context

Health = Literal["ok", "degraded"]


class Status(Request):
    """Nothing to say."""


class EngineInfo(Answer):
    """How the engine is."""

    state: Literal["stopped", "starting", "ready", "failed"]
    detail: str
    """What it is doing while it starts, or why it failed."""
    api_url: str | None
    """Prefect's API."""
    active: int
    """Sessions that are hot."""
    queued: int
    """Sessions that wait for a place."""


class DaemonStatus(Answer):
    """What answers."""

    running: bool
    """Whether a server answers; false when this call ran without one."""
    url: str | None
    version: str
    pid: int
    home: str
    """The data directory."""
    started_at: datetime
    engine: EngineInfo
    open_sessions: int
    pending_messages: int
    pending_approvals: int
    paused: bool
    """Nothing of the queue is dispatched until `cao daemon resume`."""
    queue_waiting: int
    """Items of the queue that wait, held ones included."""
    queue_in_flight: int
    last_seq: int
    """The newest event's number."""


@operation("daemon.status", path="/daemon/status", example={})
async def status(ctx: Context, request: Status) -> DaemonStatus:
    """Show what runs: server, engine, and how much waits."""
    services, reader = ctx.services, ctx.store.read()
    return DaemonStatus(
        running=services.server is not None,
        url=services.server.url if services.server else None,
        version=VERSION,
        pid=os.getpid(),
        home=str(services.settings.home),
        started_at=datetime.fromtimestamp(services.started_at, UTC),
        engine=_engine(ctx),
        open_sessions=reader.number("SELECT count(*) FROM sessions WHERE status = 'open'"),
        pending_messages=reader.number("SELECT count(*) FROM messages WHERE state = 'pending'"),
        pending_approvals=reader.number("SELECT count(*) FROM approvals WHERE state = 'pending'"),
        paused=pause.current(reader) is not None,
        queue_waiting=reader.number("SELECT count(*) FROM queue WHERE stage = 1"),
        queue_in_flight=reader.number("SELECT count(*) FROM queue WHERE stage = 0"),
        last_seq=log.last_seq(reader),
    )


def _engine(ctx: Context) -> EngineInfo:
    now = ctx.services.engine.status()
    return EngineInfo(state=now.state, detail=now.detail, api_url=now.api_url, active=now.active, queued=now.queued)


class GetHealth(Request):
    """Nothing to say."""


class ReceiverInfo(Answer):
    """What became of the calls of one signal receiver."""

    name: str
    calls: int
    errors: int
    timeouts: int
    dropped: int
    """Events that it never got because its lane was full."""
    last_error: str | None


class HealthReport(Answer):
    """Whether all is well."""

    status: Health
    """`degraded` when the engine failed, or a receiver or a plugin does."""
    paused: bool
    """Nothing of the queue is dispatched until `cao daemon resume`; that alone is no trouble."""
    version: str
    engine: EngineInfo
    receivers: list[ReceiverInfo]
    plugins: list[PluginLine]
    """Those that are in trouble."""


@operation("daemon.health", path="/health", example={})
async def health(ctx: Context, request: GetHealth) -> HealthReport:
    """Tell whether all is well: engine, plugins, and the receivers of signals with their errors and time-outs."""
    receivers = [
        ReceiverInfo(
            name=one.name,
            calls=one.calls,
            errors=one.errors,
            timeouts=one.timeouts,
            dropped=one.dropped,
            last_error=one.last_error,
        )
        for one in ctx.services.signals.health()
    ]
    engine = _engine(ctx)
    plugins = [PluginLine.model_validate(one, from_attributes=True) for one in ctx.services.plugins.list() if one.trouble]
    trouble = engine.state == "failed" or bool(plugins) or any(one.last_error for one in receivers)
    return HealthReport(
        status="degraded" if trouble else "ok",
        paused=pause.current(ctx.store.read()) is not None,
        version=VERSION,
        engine=engine,
        receivers=receivers,
        plugins=plugins,
    )


class ReadLogs(Request):
    """How much of the log."""

    lines: Annotated[int, Field(ge=1, le=2000)] = 100
    """The last so many lines."""


class LogLines(Answer):
    """The end of the server's log."""

    path: str
    lines: list[str]


_LOG_WINDOW = 512 * 1024


@operation("daemon.logs", path="/daemon/logs", example={"lines": 20}, positional=())
async def logs(ctx: Context, request: ReadLogs) -> LogLines:
    """Read the end of the server's log."""
    path = ctx.services.log_file
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_WINDOW))
            text = file.read(_LOG_WINDOW).decode("utf-8", "replace")
    except FileNotFoundError:
        text = ""
    return LogLines(path=str(path), lines=text.splitlines()[-request.lines :])


class ReadConfig(Request):
    """Nothing to say."""


class Setting(Answer):
    """One knob."""

    name: str
    value: Any
    origin: str
    """`environment`, `config.toml` or `default`."""
    variable: str
    """The environment variable that sets it."""
    help: str


class Config(Answer):
    """All configuration."""

    settings: list[Setting]


@operation("daemon.config", path="/daemon/config", example={})
async def config(ctx: Context, request: ReadConfig) -> Config:
    """Show every setting, its value and where the value came from."""
    settings = ctx.services.settings
    values, came_from = shown(settings), origins(settings)
    return Config(
        settings=[
            Setting(
                name=name,
                value=values[name],
                origin=came_from[name],
                variable=ENVIRONMENT[name],
                help=descriptions(Settings).get(name, ""),
            )
            for name in Settings.model_fields
        ]
    )


class WriteBackup(WriteRequest):
    """Where to."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    """A new file: a plain name goes to `backups/` in the data directory, which is also where it goes unless given."""


class Backup(Answer):
    """A copy of the store."""

    path: str
    bytes: int
    sound: bool
    """SQLite's integrity check of the store that was copied."""
    problems: list[str]
    """What the check found."""


@operation("daemon.backup", path="/daemon/backup", effect="write", errors=(Unavailable,), example={}, positional=("path",))
async def backup(ctx: Context, request: WriteBackup) -> Backup:
    """Copy the store while it is in use, and check its integrity. To restore, stop the server and put the copy in its place."""
    if (before := ctx.replay(Backup)) is not None:
        return before
    target = _backup_target(ctx, request.path)
    problems = await ctx.store.check()
    size = await ctx.store.backup(target)

    def change(tx: Transaction) -> Backup:
        tx.emit(BackupWritten(path=str(target), bytes=size))
        return Backup(path=str(target), bytes=size, sound=not problems, problems=problems)

    return await ctx.transact(change, Backup)


def _backup_target(ctx: Context, path: str | None) -> Path:
    folder = (ctx.services.settings.home / "backups").resolve()
    folder.mkdir(exist_ok=True, mode=0o700)
    name = path or datetime.fromtimestamp(ctx.store.clock.now(), UTC).strftime("cao-%Y%m%dT%H%M%S%fZ.db")
    if "\0" in name:
        raise InvalidInput.field("path", "holds a NUL character")
    target = (folder / name).resolve()
    if not target.is_relative_to(folder) and not ctx.caller.is_here:
        raise InvalidInput.field("path", "lies outside the data directory's backups; give a plain name")
    if target.exists() or not target.parent.is_dir():
        raise InvalidInput.field("path", "must be a new file in a directory that exists")
    return target


class StopDaemon(DestructiveRequest):
    """Nothing to say."""


class Stopping(Answer):
    """The server's farewell."""

    stopping: bool
    pid: int


@operation("daemon.stop", path="/daemon/stop", effect="destructive", status=200, idempotent=True, example={"dry_run": True})
async def stop(ctx: Context, request: StopDaemon) -> Stopping:
    """Shut the server down in good order: turns get a moment to finish, the rest follows its recovery policy next time."""
    server = ctx.services.server
    if server is None:
        raise Conflict("no server runs here, so there is nothing to stop")
    if not request.dry_run:
        server.request_stop()
    return Stopping(stopping=not request.dry_run, pid=os.getpid())


class Started(Answer):
    """A server that answers."""

    url: str
    pid: int
    version: str
    home: str
    """Its data directory."""


class StartDaemon(WriteRequest):
    """How long to wait for it."""

    timeout: Annotated[float, Field(ge=0, le=120)] = 15.0
    """Seconds until it must answer."""


@operation(
    "daemon.start",
    path="/daemon/start",
    effect="write",
    status=200,
    idempotent=True,
    errors=(Unavailable,),
    example={},
    without={
        "http": "a server that answers is running already",
        "graphql": "a server that answers is running already",
        "mcp": "over HTTP the server is running already, and over stdio `cao mcp` starts one by itself",
        "web": "the page comes from a server that is running already",
    },
)
async def start(ctx: Context, request: StartDaemon) -> Started:
    """Start a server in the background for this data directory, or find the one that runs."""
    from cao.client.daemon import start_server

    settings = ctx.services.settings
    record = await start_server(settings, request.timeout)
    return Started(url=record.url, pid=record.pid, version=record.version, home=str(settings.home))


class Tick(WriteRequest):
    """How long it may take."""

    timeout: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """Seconds to work at most; what is not done then waits for the next tick."""


class Ticked(Answer):
    """What a tick did."""

    recovered: int
    """Turns whose process had died, and that followed their recovery policy."""
    done: dict[str, int]
    """What was due and is done, counted by kind: `approvals.expired`, `schedules.fired` and so on."""
    sessions: int
    """Sessions that had work."""
    settled: int
    """Runs that were settled."""
    left: int
    """Sessions that still have work."""


@operation(
    "daemon.tick", path="/tick", effect="write", status=200, waits=True, shortcut="tick", example={"timeout": 5}, positional=()
)
async def tick(ctx: Context, request: Tick) -> Ticked:
    """Do all that is due, then stop: recover, expire, and run waiting work. For cron, CI jobs and serverless functions."""
    report = await ctx.services.tick(request.timeout, ctx.report)
    return await ctx.transact(lambda _: Ticked(**report), Ticked)
