"""What an operation works with, and the one transaction that it may make."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pydantic import BaseModel

from cao.agents.library import Library
from cao.agents.provider import Providers
from cao.engine import Engine
from cao.protocol import MESSAGE_LIMIT, REGISTRY, Caller, Conflict, DestructiveRequest, InvalidInput, Operation, WriteRequest
from cao.queue import Dispatcher
from cao.schedules import Schedules
from cao.settings import Settings
from cao.signals import Signals
from cao.store import Reader, Store, Transaction
from cao.store.terminals import Limits
from cao.workflows.definition import Definition

if TYPE_CHECKING:
    from cao.plugins.host import Host

A = TypeVar("A", bound=BaseModel)

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Tells a waiting caller how far long work is: done, in all (if known), and a sentence."""

log = logging.getLogger(__name__)

_NAME = 80
"""The longest value that the audit trail keeps as it is, in characters."""


class Server(Protocol):
    """The server that this control runs in, if any."""

    @property
    def url(self) -> str: ...

    @property
    def started_at(self) -> float: ...

    def request_stop(self) -> None:
        """Begin to shut down in good order."""
        ...


@dataclass(slots=True)
class Services:
    """The parts that operations share. One set for each control."""

    settings: Settings
    store: Store
    engine: Engine
    providers: Providers
    library: Library
    signals: Signals
    tick: Callable[[float, Progress | None], Awaitable[dict[str, Any]]]
    """Do all that is due, within so many seconds; the fields of its report."""
    plugins: Host
    schedules: Schedules
    queue: Dispatcher
    flows: Mapping[str, Definition]
    """The Prefect flows that this program registered as workflows."""
    server: Server | None = None
    started_at: float = 0.0

    @property
    def limits(self) -> Limits:
        return Limits(depth=self.settings.max_depth, terminals=self.settings.max_terminals)

    @property
    def public_url(self) -> str | None:
        """The origin under which people reach the server of this control, if there is one."""
        return self.settings.public_url or (self.server.url if self.server else None)

    @property
    def log_file(self) -> Path:
        return self.settings.home / "cao.log"


@dataclass(slots=True)
class Context:
    """One call of one operation: who asks, and with what."""

    services: Services
    caller: Caller
    report: Progress | None = None
    operation: Operation | None = field(default=None, init=False)
    request: BaseModel | None = field(default=None, init=False)

    @property
    def store(self) -> Store:
        return self.services.store

    def enter(self, operation: Operation, request: BaseModel) -> None:
        self.operation, self.request = operation, request
        if (key := self.key) is not None:
            _require_own(key, self.caller.actor)

    @property
    def key(self) -> str | None:
        """The idempotency key of the request."""
        return self.request.idempotency_key if isinstance(self.request, WriteRequest) else None

    async def progress(self, done: float, total: float | None, message: str) -> None:
        """Tell the caller how far the work is, where the surface can show it."""
        if self.report is not None:
            await self.report(done, total, message)

    async def ask(self, name: str, **fields: Any) -> Any:
        """Ask another operation for the same caller, under the same rules: for operations that are made of others."""
        operation = REGISTRY[name]
        request = operation.parse(fields)
        operation.authorise(self.caller)
        await self.services.plugins.admit(operation, request, self.caller)
        return await operation.call(Context(self.services, self.caller, self.report), request)

    async def transact(self, change: Callable[[Transaction], A], answer: type[A]) -> A:
        """Make the operation's change: events, audit trail and idempotency record are part of the same transaction.

        With an idempotency key that was used before, the answer of that time is returned and `change` does not run; a key that
        was used for another request is a `Conflict`. A dry run does everything and then rolls it back.
        """
        key, request = self.key, self.request
        dry = isinstance(request, DestructiveRequest) and request.dry_run

        def attempt(tx: Transaction) -> A:
            if key and (known := self._replay(tx, key, answer)) is not None:
                return known
            made = change(tx)
            self._audit(tx)
            if key:
                tx.insert(
                    "idempotency",
                    key=key,
                    operation=self._name,
                    digest=self._digest(),
                    answer=made.model_dump(mode="json"),  # as a text, the redactor could not tell field from field
                    at=tx.now,
                )
            return made

        return await self.store.write(attempt, actor=self.caller.actor, keep=not dry)

    def replay(self, answer: type[A]) -> A | None:
        """The answer that this request got before under its key: for operations that do I/O before they `transact`."""
        return self._replay(self.store.read(), self.key, answer) if self.key else None

    def _replay(self, tx: Reader, key: str, answer: type[A]) -> A | None:
        known = tx.row("SELECT operation, digest, answer FROM idempotency WHERE key = ?", (key,))
        if known is None:
            return None
        if (known["operation"], known["digest"]) != (self._name, self._digest()):
            raise Conflict(
                f"the idempotency key was used for another request ({known['operation']}); choose a new key",
                operation=known["operation"],
            )
        return answer.model_validate_json(known["answer"])

    def _audit(self, tx: Transaction) -> None:
        tx.insert(
            "audit",
            at=tx.now,
            operation=self._name,
            actor=self.caller.actor,
            surface=self.caller.surface,
            outcome="ok",
            request=outline(self.request),
        )

    @property
    def _name(self) -> str:
        return self.operation.name if self.operation else ""

    def _digest(self) -> str:
        assert self.request is not None  # noqa: S101 - `enter` ran before
        asked = self.request.model_dump_json(exclude={"idempotency_key"})
        return hashlib.sha256(asked.encode()).hexdigest()


_OWN_KEYS = ("link", "queue", "schedule")
"""How keys begin that our own parts use, each under an actor that begins the same: nobody else may take them away."""


def _require_own(key: str, actor: str) -> None:
    whose = key.partition(":")[0]
    if whose in _OWN_KEYS and not actor.startswith(f"{whose}:"):
        reason = f"may not begin with {whose}: as the keys of our own parts do; choose another"
        raise InvalidInput.field("idempotency_key", reason, "reserved")


def outline(request: BaseModel | None) -> dict[str, Any]:
    """A request for the audit trail: names, ids and lengths, not texts."""
    if request is None:
        return {}
    texts = _texts(type(request))
    fields = request.model_dump(mode="json", exclude_defaults=True)
    return {name: _outlined(value, is_text=name in texts) for name, value in fields.items()}


def _outlined(value: Any, *, is_text: bool = False) -> Any:
    match value:
        case str() if is_text or len(value) > _NAME or len(value.split()) > 1:
            return f"({len(value)} characters)"
        case dict():
            return {name: _outlined(part) for name, part in cast("dict[str, Any]", value).items()}
        case list():
            return [_outlined(part) for part in cast("list[Any]", value)]
        case _:
            return value


@functools.cache
def _texts(kind: type[BaseModel]) -> frozenset[str]:
    """The fields of a request that take a `Text`, which may be a word that looks like a name."""
    properties: dict[str, dict[str, Any]] = kind.model_json_schema().get("properties", {})
    choices = {name: (schema, *schema.get("anyOf", ())) for name, schema in properties.items()}
    return frozenset(name for name, all in choices.items() if any(one.get("maxLength") == MESSAGE_LIMIT for one in all))
