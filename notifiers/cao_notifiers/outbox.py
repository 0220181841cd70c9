"""From an event to deliveries, in the event's own transaction: what is committed is told of, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from cao.protocol.records import Event
from cao.store import Reader, Transaction

from . import deliveries, kinds, templates
from .deliveries import Notice
from .notifiers import version
from .records import Rule
from .rules import Rulebook


class Outbox:
    """Compares each event with the rules, and queues what they ask for. Used in the store's writer thread only."""

    def __init__(self, attempts: int) -> None:
        """attempts: how often a delivery is tried."""
        self._attempts = attempts
        self._book = Rulebook("none", (), ())

    def record(self, tx: Transaction, event: Event) -> None:
        """Queue the deliveries that the event causes."""
        if event.type in kinds.NEVER or event.data.get("alarm"):
            return
        book = self._current(tx)
        if not book.rules:
            return
        dead = _notifier_of(tx, event)
        for rule, notifier in book.chosen(event, root=_is_root(tx, event)):
            if notifier.id != dead:
                deliveries.queue(tx, notifier, _notice(tx, event, rule, dead), self._attempts)

    def _current(self, tx: Transaction) -> Rulebook:
        if self._book.version != version(tx):
            self._book = Rulebook.read(tx)
        return self._book


def _notifier_of(reader: Reader, event: Event) -> str | None:
    """The notifier whose delivery is dead, if the event says that."""
    if event.type != "delivery.dead":
        return None
    row = reader.row("SELECT notifier_id FROM notifiers_deliveries WHERE id = ?", (event.data["delivery_id"],))
    return str(row["notifier_id"]) if row else None


def _is_root(reader: Reader, event: Event) -> bool:
    """Whether it is about a person's own work: a run that no agent asked for. Only the class `done` asks."""
    if event.run_id is None or kinds.kind_of(event.type) != "done":
        return True
    return reader.number("SELECT count(*) FROM runs WHERE id = ? AND parent_terminal_id IS NOT NULL", (event.run_id,)) == 0


def _notice(reader: Reader, event: Event, rule: Rule, about: str | None) -> Notice:
    title, body = templates.render(rule.title, rule.body, values(reader, event))
    return Notice(
        kinds.kind_of(event.type),
        title,
        body,
        rule_id=rule.id,
        event_seq=event.seq,
        event_type=event.type,
        approval_id=event.data.get("approval_id") if event.type == "approval.requested" else None,
        about=about,
    )


def values(reader: Reader, event: Event) -> dict[str, str]:
    """What a template may say of the event; see `templates.PLACEHOLDERS`."""
    found = {
        "event": event.type,
        "kind": kinds.kind_of(event.type),
        "at": f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "actor": event.actor,
        "session": _name(reader, "sessions", event.session_id),
        "terminal": _name(reader, "terminals", event.terminal_id),
        "run": event.run_id or "",
        "text": _gist(reader, event),
    }
    return {**found, "approval": str(event.data["approval_id"])} if event.type == "approval.requested" else found


def _name(reader: Reader, table: str, id: str | None) -> str:
    row = reader.row(f"SELECT name FROM {table} WHERE id = ?", (id,)) if id else None  # noqa: S608 - our own tables' names
    return str(row["name"]) if row else ""


def _gist(reader: Reader, event: Event) -> str:
    match event.type, event.data:
        case "approval.requested", {"question": str(question)}:
            return question
        case "run.completed", _:
            row = reader.row("SELECT result FROM runs WHERE id = ?", (event.run_id,))
            return str(row["result"] or "") if row else ""
        case "run.failed", {"failure": {"message": str(message)}}:
            return message
        case "delivery.dead", data:
            return f"{data['notifier']}: {data['title']}\n{data['attempts']} attempts; the last: {data['error']}"
        case _, data:
            return _fields(data)


def _fields(data: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in data.items() if isinstance(value, (str, int, float)) and value != "")
