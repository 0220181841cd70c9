"""Rules: which events reach which notifiers. The rulebook is all of them at once, read again only when they change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cao.events import RuleAdded, RuleRemoved
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.records import Event
from cao.store import Reader, Transaction
from cao.store.pages import page

from . import kinds, notifiers
from .records import Notifier, Rule

LIMIT = 200
"""Rules at most: each event is compared with all of them."""


def add(
    tx: Transaction,
    *,
    name: str | None,
    events: Sequence[str],
    notifier: Notifier | None,
    tags: Sequence[str],
    title: str | None,
    body: str | None,
) -> Rule:
    """Remember a rule. Raises `Conflict` for a name that is taken, and beyond `LIMIT`."""
    if name and tx.number("SELECT count(*) FROM notifiers_rules WHERE name = ?", (name,)):
        raise Conflict(f"there is a rule {name!r} already; choose another name, or: cao rule remove {name}", name=name)
    if tx.number("SELECT count(*) FROM notifiers_rules") >= LIMIT:
        raise Conflict(f"there are {LIMIT} rules, which is the most; remove one: cao rule list")
    id = tx.new_id("rul")
    tx.insert(
        "notifiers_rules",
        id=id,
        name=name,
        events=list(events),
        notifier_id=notifier.id if notifier else None,
        tags=list(tags),
        title=title,
        body=body,
        created_at=tx.now,
    )
    notifiers.touch(tx)
    tx.emit(RuleAdded(rule_id=id, events=list(events)))
    return get(tx, id)


def get(reader: Reader, reference: str) -> Rule:
    """The rule with this id or name. Raises `NotFound`."""
    found = reader.one(Rule, f"{_SELECT} WHERE id = ? OR name = ?", (reference, reference))
    if found is None:
        raise NotFound(f"no rule {reference!r}; see: cao rule list", rule=reference)
    return found


def list_page(reader: Reader, request: ListRequest) -> Page[Rule]:
    return page(reader, Rule, f"({_SELECT})", request, {})


def remove(tx: Transaction, rule: Rule) -> None:
    tx.execute("DELETE FROM notifiers_rules WHERE id = ?", (rule.id,))
    notifiers.touch(tx)
    tx.emit(RuleRemoved(rule_id=rule.id, events=rule.events))


_SELECT = "SELECT *, notifier_id AS notifier FROM notifiers_rules"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules and notifiers, as they were at one version."""

    version: str
    rules: Sequence[Rule]
    notifiers: Sequence[Notifier]

    @classmethod
    def read(cls, reader: Reader) -> Rulebook:
        return cls(
            notifiers.version(reader),
            reader.all(Rule, f"{_SELECT} ORDER BY n LIMIT ?", (LIMIT,)),
            notifiers.every(reader),
        )

    def chosen(self, event: Event, *, root: bool) -> Iterator[tuple[Rule, Notifier]]:
        """Each notifier that is to be told, once, with the oldest rule that says so."""
        told: set[str] = set()
        for rule in self.rules:
            if kinds.selects(rule.events, event, root=root):
                for notifier in notifiers.chosen(self.notifiers, rule.notifier, rule.tags):
                    if notifier.id not in told:
                        told.add(notifier.id)
                        yield rule, notifier
