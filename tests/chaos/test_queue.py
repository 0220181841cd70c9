"""Sixteen dispatchers in four processes race for the queue, while people hold, drop and reorder it; and one is stopped.

`CAO_CHAOS_ITEMS` says how many items there are: 200 unless given.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.plugins import Plugin, Veto, before
from cao.protocol import REGISTRY, Caller, Conflict
from cao.protocol.queue import QueueItem
from cao.settings import load
from cao.store import leases

from .schedule_process import FileClock
from .test_schedules import NOON, SEED, set_time

ROOT = Path(__file__).parents[2]
ITEMS = int(os.environ.get("CAO_CHAOS_ITEMS", "60"))
PROCESSES, LIMIT = 4, 16
VERBS = ("hold", "hold", "release", "reorder", "reorder", "reorder", "drop")


class Nursery:
    """The processes that dispatch."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.children: list[int] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, home: Path, clock: Path) -> AsyncGenerator[Nursery]:
        command, pipe = (sys.executable, "-m", "tests.chaos.queue_process", str(home), str(clock)), asyncio.subprocess.PIPE
        with (home / "crowd.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=log, cwd=ROOT)
        nursery = cls(process)
        try:
            yield nursery
        finally:
            await nursery.end()

    async def start(self, kind: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{kind}\n".encode())
        async with asyncio.timeout(60):
            self.children.append(int(await self._process.stdout.readline()))
        return self.children[-1]

    async def end(self) -> None:
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.kill()
        await self._process.communicate()


class Desk:
    """What people ask, on the same data directory."""

    def __init__(self, control: Control, place: Path) -> None:
        self.control = control
        self.place = place

    async def ask(self, name: str, /, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields))

    async def enqueue(self, prompt: str, **fields: Any) -> str:
        given = {"prompt": prompt, "provider": "scripted", "directory": str(self.place), **fields}
        return (await self.ask("queue.enqueue", **given)).id

    async def item(self, id: str) -> QueueItem:
        return await self.ask("queue.get", item=id)

    async def all(self, name: str, **fields: Any) -> list[Any]:
        """Every page of a list."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.ask(name, limit=200, **fields, **cursor)
            found += page.items
            if page.next_cursor is None:
                return found
            cursor = {"cursor": page.next_cursor}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    home, place = tmp_path / "home", tmp_path / "place"
    home.mkdir(mode=0o700)
    place.mkdir()
    (home / "config.toml").write_text(f"queue_limit = {LIMIT}\nreceiver_seconds = 60\n")
    set_time(tmp_path / "clock", NOON)
    async with Control(load(home), work=False, clock=FileClock(tmp_path / "clock")) as control:
        yield Desk(control, place)


async def until(done: Any, seconds: float = 60.0) -> None:
    """Wait for what another process does, and tells nobody of."""
    async with asyncio.timeout(seconds):
        while not await done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Meddler:
    """Holds, releases, drops and reorders while the race goes on, and remembers what it was told."""

    def __init__(self, desk: Desk, ids: list[str], dice: random.Random) -> None:
        self._desk, self._ids, self._dice = desk, ids, dice
        self.dropped: set[str] = set()
        self.refused: set[str] = set()
        self.held: set[str] = set()
        self.ever_held: set[str] = set()

    async def meddle(self) -> None:
        """One thing after the other, until nothing waits but what is held."""
        while (await self._desk.ask("queue.stats")).states.get("ready", 0):
            verb = self._dice.choice(VERBS)
            some = self._dice.sample(self._ids, 3)
            fields = {"to": "front", "priority": "critical"} if verb == "reorder" else {}
            with contextlib.suppress(Conflict):  # none of them waits any more
                answer = await self._desk.ask(f"queue.{verb}", items=some, **fields)
                self._note(verb, answer)

    def _note(self, verb: str, answer: Any) -> None:
        done = {outcome.item for outcome in answer.outcomes if outcome.ok}
        self.ever_held |= done if verb == "hold" else set()
        if verb == "drop":
            self.dropped |= done
            self.refused |= {outcome.item for outcome in answer.outcomes if outcome.state in ("dispatching", "dispatched")}
        self.held = (
            (self.held | done if verb == "hold" else self.held - done) if verb in ("hold", "release", "drop") else self.held
        )


WITNESS = (
    "CREATE TABLE witness (n INTEGER PRIMARY KEY, item TEXT, seq INTEGER)",
    "CREATE TRIGGER witnessed AFTER UPDATE OF state ON queue WHEN new.state = 'dispatching' BEGIN "
    "INSERT INTO witness (item, seq) VALUES (new.id, (SELECT max(seq) FROM events)); END",
)
"""Writes down each claim, and the newest event that it could see. No dispatcher knows of it."""


async def settle_runs(desk: Desk) -> None:
    """End what was dispatched, so that there is room for more: nothing runs here."""
    while True:
        for item in (await desk.ask("queue.list", state="dispatched", limit=200)).items:
            await desk.ask("run.cancel", run=item.run_id)
        await asyncio.sleep(0.005)


@pytest.mark.timeout(600)
async def test_sixteen_dispatchers_race(desk: Desk, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"CAO_CHAOS_SEED={SEED} CAO_CHAOS_ITEMS={ITEMS}")
    await desk.ask("daemon.pause")
    ids = [await desk.enqueue(f"item {n}", priority=dice.choice(("high", "medium", "low"))) for n in range(ITEMS)]
    await desk.control.services.store.write(lambda tx: [tx.execute(statement) for statement in WITNESS])
    meddler = Meddler(desk, ids, dice)
    async with Nursery.open(desk.control.settings.home, tmp_path / "clock") as nursery:
        for _ in range(PROCESSES):
            await nursery.start("crowd")
        await desk.ask("daemon.resume")
        settling = asyncio.create_task(settle_runs(desk))
        async with asyncio.timeout(500):
            await meddler.meddle()
            held = {item.id for item in await desk.all("queue.list", state="held")}
            assert held == meddler.held - meddler.dropped, "what was held and not released waited through all of it"
            await desk.ask("queue.release", all=True)
            await until(lambda: at_rest(desk), 300)
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
    await check(desk, ids, meddler)


async def at_rest(desk: Desk) -> bool:
    states = (await desk.ask("queue.stats")).states
    return states.keys() <= {"cancelled", "dropped"}


async def check(desk: Desk, ids: list[str], meddler: Meddler) -> None:
    """Each item that was not dropped is one session, one run and one event; the limit and the order were kept."""
    sessions = await desk.all("session.list")
    made = Counter(session.labels["queue"] for session in sessions)
    items = {id: await desk.item(id) for id in ids}
    dropped = {id for id, item in items.items() if item.state == "dropped"}
    assert dropped == meddler.dropped
    assert set(made) == set(ids) - dropped
    assert set(made.values()) == {1}
    assert {session.labels["queue"]: session.id for session in sessions} == {id: items[id].session_id for id in made}
    assert {run.id for run in await desk.all("run.list")} == {items[id].run_id for id in made}
    assert meddler.refused <= set(made), "what could not be dropped was dispatched"
    events = await desk.all("event.list", types=["queue.dispatched", "queue.settled", "queue.reordered"])
    assert Counter(event.data["item_id"] for event in events if event.type == "queue.dispatched") == made
    check_limit(events)
    check_order(desk, events, meddler.ever_held | dropped)
    print(Counter(item.attempts for item in items.values()), len(dropped), "dropped", len(meddler.refused), "too late")


def check_limit(events: list[Any]) -> None:
    """Never more in flight than there is room for."""
    in_flight = 0
    for event in events:
        in_flight += {"queue.dispatched": 1, "queue.settled": -1}.get(event.type, 0)
        assert in_flight <= LIMIT


def check_order(desk: Desk, events: list[Any], held_back: set[str]) -> None:
    """Once something was put in front, nothing is claimed before it but what was put in front with it or after it."""
    last_move = {id: event.seq for event in events if event.type == "queue.reordered" for id in event.data["items"]}
    claims = desk.control.services.store.read().rows("SELECT n, item, seq FROM witness ORDER BY n")
    claimed = {row["item"]: row["n"] for row in claims}
    moved = last_move.keys() - held_back
    assert moved
    for id in moved:
        since = last_move[id]
        overtook = [row for row in claims if row["seq"] >= since and row["n"] < claimed[id]]
        assert [row["item"] for row in overtook if last_move.get(row["item"], 0) < since] == []
    print(f"{len(moved)} were put in front, and went in front")


async def stopped(process: int) -> bool:
    """Whether the process stands still: the third word of its line in /proc, after its name."""
    text = await asyncio.to_thread(Path(f"/proc/{process}/stat").read_text)
    return text.rpartition(")")[2].split()[0] == "T"


@pytest.mark.timeout(120)
async def test_a_stopped_dispatcher_cannot_finish_what_another_took_over(desk: Desk, tmp_path: Path) -> None:
    """First the other one starts the item, then the other one gives it up: in neither case does the late one make a session."""
    async with Nursery.open(desk.control.settings.home, tmp_path / "clock") as nursery:
        started = await stop_one(desk, nursery, tmp_path / "clock", "dispatched")
        await desk.control.plugins.add(Refuse)
        given_up = await stop_one(desk, nursery, tmp_path / "clock", "failed")
    assert (started.state, given_up.state, given_up.run_id) == ("dispatched", "failed", None)
    assert [session.id for session in await desk.all("session.list")] == [started.session_id]
    assert len(await desk.all("event.list", types=["queue.dispatched"])) == 1


async def stop_one(desk: Desk, nursery: Nursery, clock: Path, outcome: str) -> QueueItem:
    """Stop a dispatcher with an item in its hand for longer than its lease, take the item over, and let it go on."""
    id, dispatcher = await desk.enqueue("once"), desk.control.services.queue
    child = await nursery.start("frozen")
    await until(lambda: stopped(child))
    assert (await desk.item(id)).state == "dispatching"
    assert not any((await dispatcher.perform(5)).values()), "it stands still, but it lives: its lease holds"
    set_time(clock, desk.control.services.store.clock.now() + leases.DURATION + 1)
    assert (await dispatcher.perform(5))[outcome] == 1
    taken = await desk.item(id)
    os.kill(child, signal.SIGCONT)
    thawed = desk.control.settings.home / f"thawed-{child}"
    await until(lambda: asyncio.to_thread(thawed.exists))
    assert await desk.item(id) == taken
    assert taken.attempts == 2
    return taken


class Refuse(Plugin):
    """Refuses what the queue starts, in this process only."""

    name = "refuse"

    @before("session.launch")
    async def refuse(self, operation: Any, request: Any, caller: Caller) -> None:
        raise Veto("not here")
