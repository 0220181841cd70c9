"""Plugins: packages that extend the system in its own process."""

from __future__ import annotations

from operator import attrgetter
from typing import Literal

from cao.protocol import Answer, ListRequest, Name, Page, Request, Unavailable, WriteRequest, operation
from cao.protocol.plugins import PluginInfo, PluginLine, PluginStatus
from cao.store import Transaction, plugins

from .context import Context
from .pages import by_key


class ListPlugins(ListRequest):
    """Which plugins."""

    status: PluginStatus | None = None
    """Only those that are so."""


@operation("plugin.list", path="/plugins", example={"status": "failed"}, positional=())
async def list_plugins(ctx: Context, request: ListPlugins) -> Page[PluginLine]:
    """List the installed plugins by name, each with how it is in the process that answers."""
    found = [one for one in ctx.services.plugins.list() if request.status in (None, one.status)]
    return by_key(
        PluginLine, found, request, attrgetter("name"), lambda one: PluginLine.model_validate(one, from_attributes=True)
    )


class GetPlugin(Request):
    """Which plugin."""

    plugin: Name
    """Its name."""


@operation("plugin.info", path="/plugins/{plugin}", example={"plugin": "notifiers"})
async def info(ctx: Context, request: GetPlugin) -> PluginInfo:
    """Show one plugin: its methods with their calls, errors and time-outs, and why it failed if it did."""
    return ctx.services.plugins.info(request.plugin)


class Switched(Answer):
    """How a plugin is now."""

    name: str
    status: Literal["on", "off"]


class SwitchPlugin(WriteRequest):
    """Which plugin."""

    plugin: Name
    """Its name."""


@operation(
    "plugin.enable",
    path="/plugins/{plugin}/enable",
    effect="write",
    status=200,
    idempotent=True,
    errors=(Unavailable,),
    example={"plugin": "notifiers"},
)
async def enable(ctx: Context, request: SwitchPlugin) -> Switched:
    """Switch a plugin on, at once and for good. One that failed is tried again."""
    answer = await _switch(ctx, request.plugin, "on")
    found = ctx.services.plugins.info(request.plugin)
    if found.status == "failed":
        raise Unavailable(f"the plugin {found.name} is enabled but does not work: {found.trouble}", plugin=found.name)
    return answer


@operation(
    "plugin.disable",
    path="/plugins/{plugin}/disable",
    effect="write",
    status=200,
    idempotent=True,
    example={"plugin": "notifiers"},
)
async def disable(ctx: Context, request: SwitchPlugin) -> Switched:
    """Switch a plugin off, at once and for good. It stays installed, and keeps its options and its tables."""
    return await _switch(ctx, request.plugin, "off")


async def _switch(ctx: Context, name: str, status: Literal["on", "off"]) -> Switched:
    """Tell the store, then this process; others that run see it in the store."""
    host = ctx.services.plugins
    host.info(name)

    def change(tx: Transaction) -> Switched:
        plugins.switch(tx, name, enabled=status == "on")
        return Switched(name=name, status=status)

    answer = await ctx.transact(change, Switched)
    await host.reconcile(retry=name)
    return answer
