"""The gate: the `before` methods of all plugins that are on, asked in their order about each operation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass

from cao.foreign import attended, loudness
from cao.protocol import Caller, Denied, Operation, Request
from cao.signals import ReceiverHealth
from cao.store.redaction import Redactor

from .contract import Mark, Veto, actor

_REASON = 1000
"""Characters of a veto's reason that are passed on."""

_deciding: ContextVar[frozenset[str]] = ContextVar("deciding", default=frozenset())
"""The plugins that decide in this context: what they call to find out is not their own to refuse."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class GuardHealth(ReceiverHealth):
    """What became of the calls of a `before` method."""

    refused: int = 0


@dataclass(slots=True)
class Guard:
    """A `before` method of a plugin that is on."""

    plugin: str
    mark: Mark
    method: Callable[[Operation, Request, Caller], Awaitable[None]]
    health: GuardHealth


class Gate:
    """Lets operations pass, or not. In doubt it does not: a guard that fails or takes too long refuses."""

    def __init__(self, seconds: float, redactor: Redactor) -> None:
        """seconds: the longest that one guard may take."""
        self._seconds = seconds
        self._redactor = redactor
        self._guards: list[Guard] = []
        self._by_operation: dict[str, list[Guard]] = {}

    def add(self, guards: Iterable[Guard]) -> None:
        self._guards = sorted([*self._guards, *guards], key=lambda guard: (guard.mark.order, guard.plugin))
        self._by_operation.clear()

    def remove(self, plugin: str) -> None:
        """Ask a plugin no more."""
        self._guards = [guard for guard in self._guards if guard.plugin != plugin]
        self._by_operation.clear()

    async def admit(self, operation: Operation, request: Request, caller: Caller) -> None:
        """Ask everybody whom it concerns. Raises `Denied` with the plugin's name and its reason."""
        for guard in self._concerned(operation.name):
            if guard.plugin not in _deciding.get() and caller.actor != actor(guard.plugin):
                await self._ask(guard, operation, request, caller)

    def _concerned(self, operation: str) -> list[Guard]:
        known = self._by_operation.get(operation)
        if known is None:
            known = self._by_operation[operation] = [guard for guard in self._guards if guard.mark.covers(operation)]
        return known

    async def _ask(self, guard: Guard, operation: Operation, request: Request, caller: Caller) -> None:
        guard.health.calls += 1
        token = _deciding.set(_deciding.get() | {guard.plugin})
        try:
            await attended(guard.method(operation, request, caller), self._seconds)
        except Veto as veto:
            raise _refusal(guard, operation, self._redactor.text(str(veto))[:_REASON] or "no reason given") from None
        except TimeoutError:
            guard.health.timeouts += 1
            guard.health.last_error = f"took longer than {self._seconds:g} s over {operation.name}"
            reason = f"it did not decide within {self._seconds:g} s; see: cao plugin info {guard.plugin}"
            raise _refusal(guard, operation, reason) from None
        except Exception as error:
            guard.health.errors += 1
            guard.health.last_error = self._redactor.text(f"{type(error).__name__}: {error}")[:300]
            logger.log(loudness(guard.health.errors), "%s failed over %s", guard.health.name, operation.name, exc_info=error)
            raise _refusal(guard, operation, f"it failed; see: cao plugin info {guard.plugin}") from error
        finally:
            _deciding.reset(token)


def _refusal(guard: Guard, operation: Operation, reason: str) -> Denied:
    guard.health.refused += 1
    return Denied(
        f"{operation.name} is refused by the plugin {guard.plugin}: {reason}",
        operation=operation.name,
        plugin=guard.plugin,
        reason=reason,
    )
