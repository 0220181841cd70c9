"""What is remembered of plugins: which are switched off, and which events they record in transactions."""

from __future__ import annotations

from collections.abc import Iterable

from cao.events import PluginDisabled, PluginEnabled

from .transaction import Reader, Transaction

TOPIC = "plugins"
"""What is touched when a plugin is switched on or off."""


def disabled(reader: Reader) -> frozenset[str]:
    """The names of those that are switched off, installed or not."""
    return frozenset(row["name"] for row in reader.rows("SELECT name FROM plugins WHERE NOT enabled"))


def switch(tx: Transaction, name: str, *, enabled: bool) -> None:
    """Switch a plugin on or off; nothing happens when it is so already."""
    if (name not in disabled(tx)) is enabled:
        return
    tx.execute(
        "INSERT INTO plugins (name, enabled) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled",
        (name, int(enabled)),
    )
    tx.touch(TOPIC)
    tx.emit(PluginEnabled(name=name) if enabled else PluginDisabled(name=name))


def recorded(reader: Reader, name: str) -> frozenset[str]:
    """The event types that the plugin recorded in transactions when it last worked."""
    row = reader.row("SELECT records FROM plugins WHERE name = ?", (name,))
    return frozenset(row["records"].split()) if row else frozenset()


def remember(tx: Transaction, name: str, types: Iterable[str]) -> None:
    """Keep the event types that the plugin records: should it not load one day, these must not pass it by."""
    tx.execute(
        "INSERT INTO plugins (name, records) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET records = excluded.records",
        (name, " ".join(sorted(types))),
    )
