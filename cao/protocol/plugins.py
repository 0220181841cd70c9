"""What is told of plugins."""

from __future__ import annotations

from typing import Literal

from .models import Answer

PluginStatus = Literal["on", "off", "failed"]


class PluginMethod(Answer):
    """A method of a plugin that is called, and what became of the calls in this process."""

    method: str
    kind: Literal["hook", "before", "within"]
    """`hook`: after an event; `before`: asked before an operation; `within`: in an event's transaction."""
    target: str
    """The event type, the pattern of operations, or `*`."""
    order: int
    """Its place among the `before` methods; small ones are asked first."""
    calls: int
    refused: int
    """Operations that it refused."""
    errors: int
    timeouts: int
    dropped: int
    """Events that it never got because too many waited for it."""
    last_error: str | None


class PluginLine(Answer):
    """A plugin in short, as it is in the process that answers."""

    name: str
    status: PluginStatus
    """`off` when it is disabled, `failed` when it could not be loaded or set up."""
    trouble: str | None
    """Why it failed, else the last error of one of its methods."""
    package: str
    """The package that it comes from, and its version."""
    summary: str
    """The first line of its class's docstring; empty while it was not loaded."""


class PluginInfo(PluginLine):
    """A plugin, as it is in the process that answers."""

    methods: list[PluginMethod]
    """What is called, by whom, and with which result."""
    duties: list[str]
    """What falls due by itself and is its work, in processes that work."""
    options: list[str]
    """The names of its options; their values may be secrets and are not shown."""
