"""What an operation works with, and the one transaction that it may make."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel

from cao.agents.library import Library
from cao.agents.provider import Providers
from cao.engine import Engine
from cao.protocol import REGISTRY, Caller, Conflict, DestructiveRequest, Operation, WriteRequest
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
        request = self.request
        key = request.idempotency_key if isinstance(request, WriteRequest) else None
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
                    answer=made.model_dump_json(),
                    at=tx.now,
                )
            return made

        return await self.store.write(attempt, actor=self.caller.actor, keep=not dry)

    def replay(self, answer: type[A]) -> A | None:
        """The answer that this request got before under its key: for operations that do I/O before they `transact`."""
        key = self.request.idempotency_key if isinstance(self.request, WriteRequest) else None
        return self._replay(self.store.read(), key, answer) if key else None

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


def outline(request: BaseModel | None) -> dict[str, Any]:
    """A request for the audit trail: names, ids and lengths, not texts."""
    if request is None:
        return {}
    fields = request.model_dump(mode="json", exclude_defaults=True)
    return {
        name: f"({len(value)} characters)" if isinstance(value, str) and len(value) > 80 else value
        for name, value in fields.items()
    }
