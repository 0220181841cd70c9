"""The duty that empties the outbox: a lane for each notifier, so that a slow one delays no other."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from cao.store import Reader, Store, Transaction
from cao.store.hub import LOG

from . import deliveries, notifiers
from .deliveries import Claim, Patience, Result
from .sending import STEPS, Courier, Message

GRACE = 2.0
"""Seconds that attempts under way get when the control closes; after that they are made again by the next."""
LEASE_MARGIN = 5.0
"""Seconds that an attempt may take to be written down; after twice its longest time and these, another sender takes it over."""
STUCK_PAUSE = 5.0
"""Seconds until it is looked again whether a courier that was stuck is free."""

_LANE_ENDED = "notifiers.lane"

Compose = Callable[[Claim], Message]
"""Makes the message of a delivery that was claimed."""


class Dispatch:
    """Sends what is due. Safe in several processes: each delivery is claimed by one of them for the time of an attempt."""

    name = "notifications"

    def __init__(
        self, store: Store, patience: Patience, courier: Callable[[], Courier], compose: Compose, seconds: float
    ) -> None:
        """courier: makes the one of a lane. seconds: the limit of one wait for a service."""
        self._store = store
        self._patience = patience
        self._courier = courier
        self._compose = compose
        self._lease = 2 * STEPS * seconds + LEASE_MARGIN
        self._until = 0.0
        self._couriers: dict[str, Courier] = {}
        self._resting: dict[str, float] = {}
        """Notifiers whose couriers are stuck, and when to look at them again."""
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._done: Counter[str] = Counter()
        self._trouble: BaseException | None = None

    def due_at(self, reader: Reader) -> float:
        """Of a notifier that rests, nothing is due before it is looked at again."""
        return min(deliveries.due_at(reader, without=tuple(self._resting)), *self._resting.values(), math.inf)

    async def perform(self, seconds: float) -> Mapping[str, int]:
        """Send what is due, and what falls due meanwhile, until nothing is left or the time is over."""
        loop = asyncio.get_running_loop()
        self._until = loop.time() + seconds
        with self._store.hub.subscribe(LOG, _LANE_ENDED) as changes:
            while self._open_lanes() and (rest := self._until - loop.time()) > 0:
                await changes.wait(rest)
        if trouble := self._trouble:
            self._trouble = None
            raise trouble
        done, self._done = self._done, Counter()
        return done

    async def close(self) -> None:
        """Finish what is under way, `GRACE` seconds at most."""
        self._until = 0.0
        tasks = list(self._lanes.values())
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _open_lanes(self) -> bool:
        """Begin to send to every notifier that has something due; whether anything is under way."""
        now, resting = self._store.clock.now(), dict[str, float]()
        for notifier_id in deliveries.due_notifiers(self._store.read(), now):
            courier = self._couriers.setdefault(notifier_id, self._courier())
            if courier.stuck:
                resting[notifier_id] = now + STUCK_PAUSE
            elif notifier_id not in self._lanes:
                self._open_lane(notifier_id, courier)
        self._resting = resting
        return bool(self._lanes)

    def _open_lane(self, notifier_id: str, courier: Courier) -> None:
        task = asyncio.create_task(self._work(notifier_id, courier), name=f"cao-notifier-{notifier_id}")
        self._lanes[notifier_id] = task
        task.add_done_callback(lambda task: self._end_lane(notifier_id, task))

    def _end_lane(self, notifier_id: str, task: asyncio.Task[None]) -> None:
        del self._lanes[notifier_id]
        if not task.cancelled() and (error := task.exception()):
            self._trouble = error
        self._store.hub.publish((_LANE_ENDED,))

    async def _work(self, notifier_id: str, courier: Courier) -> None:
        """One lane: attempt after attempt. Each one's end and the next one's beginning are one transaction."""
        try:
            await self._empty(notifier_id, courier)
        finally:
            courier.rest()

    async def _empty(self, notifier_id: str, courier: Courier) -> None:
        claim = await self._store.write(partial(deliveries.claim, notifier_id=notifier_id, lease=self._lease))
        while claim is not None:
            result = await self._attempt(notifier_id, courier, claim)
            self._done[result.outcome] += 1
            more = asyncio.get_running_loop().time() < self._until and not courier.stuck
            claim = await self._store.write(partial(self._turn, notifier_id, claim, result, more))

    def _turn(self, notifier_id: str, claim: Claim, result: Result, more: bool, tx: Transaction) -> Claim | None:
        deliveries.settle(tx, claim, result, self._patience)
        return deliveries.claim(tx, notifier_id, self._lease) if more else None

    async def _attempt(self, notifier_id: str, courier: Courier, claim: Claim) -> Result:
        sealed = notifiers.sealed(self._store.read(), notifier_id)
        if sealed is None:
            return Result("failed", 0.0, "the notifier was removed", final=True)
        return await courier.carry(sealed, self._compose(claim))
