"""Facts of the house itself: the engine, servers, backups, plugins, tokens."""

from __future__ import annotations

from .base import EventData


class EngineChanged(EventData, type="engine.changed"):
    """The engine's state changed (starting, ready, failed, stopped), or what it is doing while it starts."""

    state: str
    detail: str = ""


class ServerStarted(EventData, type="server.started"):
    """A server took charge of the data directory."""

    url: str
    version: str


class ServerStopped(EventData, type="server.stopped"):
    """The server let go of the data directory in good order."""


class BackupWritten(EventData, type="backup.written"):
    """A copy of the store was made while it was in use."""

    path: str
    bytes: int


class PluginEnabled(EventData, type="plugin.enabled"):
    """A plugin was switched on."""

    name: str


class PluginDisabled(EventData, type="plugin.disabled"):
    """A plugin was switched off; it stays installed."""

    name: str


class TokenCreated(EventData, type="token.created"):
    """Somebody made a personal access token."""

    token_id: str
    name: str
    scopes: list[str]


class TokenRevoked(EventData, type="token.revoked"):
    """A personal access token ended before its time; with it end those that were made under it, each with its own event."""

    token_id: str
    name: str
