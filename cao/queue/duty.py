"""The duty that dispatches: take what is first in line and has room, and start it. For servers and ticks alike."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from cao.liveness import Owner
from cao.protocol import Caller, CaoError, Conflict, Operation, Request, Unavailable
from cao.protocol.records import Event
from cao.protocol.requirements import DraftedTask, Execution
from cao.settings import Settings
from cao.store import Reader, Store, Transaction, dispatches, leases, tasks
from cao.store.capacity import Limits
from cao.store.dispatches import Claim

from . import work

Call = Callable[[Operation, Request, Caller], Awaitable[Any]]
Outcome = Literal["dispatched", "done", "returned", "failed"]

AT_ONCE = 8
"""Items that one process starts at once."""

START_SECONDS = leases.DURATION - 10
"""The longest that a start may take: less than the lease, so that whoever is too slow is the first to know."""

ATTEMPTS = 5
"""How often an item is tried that cannot be started for a reason that may pass."""

BACKOFF_SECONDS = 10.0
"""The pause after the first failed attempt; it doubles with each further one."""

ACTOR = "queue:"
"""How the actor begins under which items are started; the item's id follows."""


class Dispatcher:
    """The dispatcher of one control. Implements `cao.duties.Duty`; `record` is a recorder of its store."""

    name = "queue"

    def __init__(self, store: Store, owner: Owner, settings: Settings, call: Call) -> None:
        """owner: under whose name items are claimed. call: runs an operation, as `Control.call` does."""
        self._store = store
        self._owner = owner
        self._call = call
        self._claims: dict[str, Claim] = {}
        self.limits = Limits(settings.queue_limit, settings.queue_project_limits, settings.queue_provider_limits)

    def due_at(self, reader: Reader) -> float:
        return dispatches.next_due(reader, self._store.clock.now(), self.limits, self._owner.is_alive)

    async def perform(self, seconds: float) -> Mapping[str, int]:
        """Start what can be started now. What is cut by the end of the time waits in line again."""
        counts: Counter[str] = Counter()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                await self._dispatch_all(group, counts)
        return counts

    async def _dispatch_all(self, group: asyncio.TaskGroup, counts: Counter[str]) -> None:
        running: set[asyncio.Task[None]] = set()
        while True:
            for claim in await self._claim(AT_ONCE - len(running), counts):
                running.add(group.create_task(self._start_counted(claim, counts)))
            if not running:
                return
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)

    async def _claim(self, most: int, counts: Counter[str]) -> list[Claim]:
        def claim(tx: Transaction) -> tuple[int, list[Claim]]:
            expired = dispatches.expire(tx)
            return expired, dispatches.claim(tx, self._owner.name, self._owner.is_alive, self.limits, most)

        expired, claims = await self._store.write(claim)
        counts["expired"] += expired
        return claims

    async def _start_counted(self, claim: Claim, counts: Counter[str]) -> None:
        outcome = await self.start(claim)
        if outcome is not None:
            counts[outcome] += 1

    async def start(self, claim: Claim) -> Outcome | None:
        """Start one item, and write what became of it; None when another dispatcher took it over."""
        self._claims[claim.id] = claim
        try:
            async with asyncio.timeout(START_SECONDS):
                found = work.of(self._store.read(), claim)
                caller = Caller(actor=ACTOR + claim.id, scopes=claim.scopes)
                answer = await self._call(found.operation, found.request, caller)
            if isinstance(answer, Execution):
                return await self._executed(claim, answer)
            return "dispatched"
        except TimeoutError:
            return await self._not_started(claim, Unavailable(f"it was not started within {START_SECONDS:g} s"))
        except CaoError as error:
            return await self._not_started(claim, error)
        except BaseException:
            await asyncio.shield(self._store.write(lambda tx: dispatches.put_back(tx, claim)))
            raise
        finally:
            self._claims.pop(claim.id, None)

    async def _executed(self, claim: Claim, answer: Execution) -> Outcome | None:
        """A requirement is done once those of its tasks are in the queue that can be."""
        refused = [drafted for drafted in answer.tasks if drafted.code]
        if not refused:
            return await self._finish(claim)
        error = _error_of(refused, len(answer.tasks))
        may_pass = error.retryable and claim.attempt < ATTEMPTS
        if may_pass or not any(drafted.item_id for drafted in answer.tasks):
            return await self._not_started(claim, error)
        return await self._finish(claim, error.message)

    async def _finish(self, claim: Claim, reason: str | None = None) -> Outcome | None:
        return "done" if await self._store.write(lambda tx: dispatches.finish(tx, claim, reason)) else None

    async def _not_started(self, claim: Claim, error: CaoError) -> Outcome | None:
        """What may pass is tried again later; all else is final."""
        reason = f"attempt {claim.attempt}: {error.message}"
        if not error.retryable or claim.attempt >= ATTEMPTS:
            return "failed" if await self._store.write(lambda tx: dispatches.refuse(tx, claim, reason)) else None
        until = self._store.clock.now() + BACKOFF_SECONDS * 2 ** (claim.attempt - 1)
        kept = await self._store.write(lambda tx: dispatches.put_back(tx, claim, reason=reason, until=until))
        return "returned" if kept else None

    def record(self, tx: Transaction, event: Event) -> None:
        """A recorder: the item moves on, and its task with it, in the transaction that makes its run, or no run is made."""
        if event.type != "run.queued" or not event.actor.startswith(ACTOR):
            return
        claim = self._claims.get(event.actor.removeprefix(ACTOR))
        if claim is None or claim.kind == "requirement" or event.run_id is None:
            return
        dispatches.start(tx, claim, event.run_id, event.session_id)
        if claim.kind == "task":
            tasks.move(tx, tasks.get(tx, claim.subject or ""), "in-progress", run_id=event.run_id)


def _error_of(refused: Sequence[DraftedTask], all: int) -> CaoError:
    """Why tasks did not get into the queue; it may pass if that of one may."""
    first = refused[0]
    message = f"{len(refused)} of {all} tasks could not be started, {first.task.id} because: {first.why_not}"
    return (Unavailable if any(one.code == Unavailable.code for one in refused) else Conflict)(message)
