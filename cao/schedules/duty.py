"""The duty that keeps schedules: see what has come due, write it into the ledger, and fire it. For servers and ticks alike."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from cao.liveness import Owner
from cao.protocol import REGISTRY, Caller, CaoError, Operation, Request
from cao.protocol.records import Session
from cao.protocol.schedules import FireState, Schedule
from cao.settings import Settings
from cao.store import Reader, Store, Transaction, fires, schedules
from cao.store.fires import Claim

from . import gate
from .gate import GateError
from .planning import plan

Call = Callable[[Operation, Request, Caller], Awaitable[Any]]

AT_ONCE = 8
"""Due times that one process settles at once; those of one schedule come one after another."""

STEM = 44
"""Characters of a session's name before the due time, or the number of a run by hand: names have 64 at most."""

LOOK_SECONDS = 0.5
"""How often due times are looked for while scripts are running."""

logger = logging.getLogger(__name__)


class Passed(Exception):
    """The schedule's own rules are against a session this time; the text is the reason in the ledger."""


class Schedules:
    """The schedules of one control. Implements `cao.duties.Duty`."""

    name = "schedules"

    def __init__(self, store: Store, owner: Owner, settings: Settings, call: Call) -> None:
        """owner: under whose name due times are claimed. call: runs an operation, as `Control.call` does."""
        self._store = store
        self._owner = owner
        self._settings = settings
        self._call = call
        self._turns = WeakValueDictionary[tuple[int, str], asyncio.Lock]()
        """Who settles which due time now, by the number of the event loop."""

    def due_at(self, reader: Reader) -> float:
        return fires.next_due(reader, self._store.clock.now(), self._owner.is_alive)

    async def perform(self, seconds: float) -> Mapping[str, int]:
        """Settle what is due. What is cut by the end of the time is let go of, and settled by the next who looks."""
        counts: Counter[str] = Counter()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                await self._settle_all(group, counts)
        return counts

    async def _settle_all(self, group: asyncio.TaskGroup, counts: Counter[str]) -> None:
        running: set[asyncio.Task[None]] = set()
        while True:
            await self._record_due(counts)
            while len(running) < AT_ONCE and (claim := await self._claim()) is not None:
                running.add(group.create_task(self._settle_counted(claim, counts)))
            if not running:
                return
            _, running = await asyncio.wait(running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)

    async def _claim(self) -> Claim | None:
        return await self._store.write(lambda tx: fires.claim(tx, self._owner.name, self._owner.is_alive))

    async def _record_due(self, counts: Counter[str]) -> None:
        """Write every due time that has come into the ledger."""
        while overdue := schedules.overdue(self._store.read(), self._store.clock.now()):
            for schedule in overdue:
                await self._record(schedule, counts)

    async def _record(self, schedule: Schedule, counts: Counter[str]) -> None:
        now, grace = self._store.clock.now(), self._settings.schedule_grace_seconds
        try:
            found = await asyncio.to_thread(plan, schedule, now, grace)
        except CaoError as error:
            reason = error.message
            await self._store.write(lambda tx: fires.break_off(tx, schedule, reason))
            counts["failed"] += 1
            return
        if await self._store.write(lambda tx: fires.record(tx, schedule, found)):
            counts.update(
                {state: sum(due.count for due in found.dues if due.state == state) for state in ("missed", "skipped")}
            )

    async def _settle_counted(self, claim: Claim, counts: Counter[str]) -> None:
        state = await self.settle(claim)
        if state is not None:
            counts[state] += 1

    def by_hand(self, tx: Transaction, schedule: Schedule) -> str:
        """Write a run that is asked for now into the ledger, to be settled by `settle_by_hand`; the row's id."""
        return fires.by_hand(tx, schedule, self._owner.name).id

    async def settle_by_hand(self, fire_id: str) -> None:
        """Settle what `by_hand` wrote, unless that is done."""
        claim = fires.claimed(self._store.read(), fire_id, self._owner.name)
        if claim is not None:
            await self.settle(claim)

    async def settle(self, claim: Claim) -> FireState | None:
        """Ask the script, launch the session, and write what became of it; None when somebody else was faster.

        The claim keeps other processes off. Within this one, who comes second waits, and finds it settled.
        """
        turn = self._turns.setdefault((id(asyncio.get_running_loop()), claim.fire.id), asyncio.Lock())
        async with turn:
            held = fires.claimed(self._store.read(), claim.fire.id, claim.owner)
            return await self._settle(held) if held else None

    async def _settle(self, claim: Claim) -> FireState | None:
        try:
            return await self._fire(claim)
        except Passed as passed:
            reason = str(passed)
            return await self._write(claim, "skipped", reason)
        except (GateError, CaoError) as error:
            reason = str(error)
            return await self._write(claim, "failed", reason)
        except BaseException:
            await asyncio.shield(self._store.write(lambda tx: fires.release(tx, claim)))
            raise

    async def _fire(self, claim: Claim) -> FireState | None:
        launch = claim.launch or await self._decided(claim)
        if launch is None:
            return None
        operation, caller = REGISTRY["session.launch"], Caller(actor=f"schedule:{claim.schedule.name}")
        session = await self._call(operation, operation.parse(launch), caller)
        return await self._write(claim, "caught_up" if claim.late else "fired", None, session)

    async def _write(
        self, claim: Claim, state: FireState, reason: str | None, session: Session | None = None
    ) -> FireState | None:
        written = await self._store.write(lambda tx: fires.settle(tx, claim, state, reason=reason, session=session))
        return state if written else None

    async def _decided(self, claim: Claim) -> Mapping[str, Any] | None:
        """The launch as it will be made, however often this process or its successors try; None if the claim was lost."""
        schedule, prompt = claim.schedule, claim.schedule.prompt
        if schedule.overlap == "skip" and (run := fires.at_work(self._store.read(), schedule.id)):
            raise Passed(f"run {run} of an earlier due time is still at work")
        if schedule.script is not None:
            verdict = await self._ask(claim, schedule.script)
            if not verdict.execute:
                raise Passed("its script said so")
            prompt = gate.filled(prompt, verdict.output)
        wanted = _launch(claim, prompt, self._store.clock.now())
        return await self._store.write(lambda tx: fires.decide(tx, claim, wanted))

    async def _ask(self, claim: Claim, script: str) -> gate.Verdict:
        schedule, due = claim.schedule, claim.fire.due or claim.fire.created_at
        folder = Path(schedule.file).parent if schedule.file else Path(schedule.directory)
        place = await asyncio.to_thread(gate.contained, Path(script), folder)
        variables = {"CAO_SCHEDULE": schedule.name, "CAO_DUE": due.isoformat()}
        return await gate.ask(place, Path(schedule.directory), variables, self._settings.schedule_script_seconds)


def _launch(claim: Claim, prompt: str, now: float) -> dict[str, Any]:
    """What `session.launch` is asked. The key makes it one session, whoever asks and how often."""
    schedule, fire = claim.schedule, claim.fire
    due = fire.due or datetime.fromtimestamp(now, UTC)
    mark = f"{due.astimezone(UTC):%Y%m%dT%H%M%SZ}" if fire.due else fire.id.partition("_")[2]
    return {
        "profile": schedule.profile,
        "provider": schedule.provider,
        "directory": schedule.directory,
        "prompt": prompt,
        "name": f"{_stem(schedule)}-{mark}",
        "labels": {"schedule": schedule.name},
        "idempotency_key": f"schedule:{schedule.id}:{fire.due.timestamp():.0f}"
        if fire.due
        else f"schedule:{schedule.id}:{fire.id}",
    }


def _stem(schedule: Schedule) -> str:
    """What its sessions' names begin with. Schedules that are due at once do not clash: only its own name is used as it is."""
    wanted = schedule.session or schedule.name
    if wanted == schedule.name and len(wanted) <= STEM:
        return wanted
    end = schedule.id[-7:]
    return f"{wanted[: STEM - len(end) - 1]}-{end}"
