"""Schedules and their ledger on a real store, with a clock that is moved by hand. No engine runs: what is started waits."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.plugins import Plugin, Veto, before
from cao.protocol import REGISTRY, Caller, CaoError, Conflict, Denied, InvalidInput, NotFound
from cao.protocol.schedules import Fire
from cao.settings import load
from cao.store.clock import ManualClock
from cao.store.fires import CLAIM_SECONDS

from .conftest import until

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class House:
    """A data directory and the time on its wall."""

    def __init__(self, control: Control, clock: ManualClock, place: Path) -> None:
        self.control = control
        self.clock = clock
        self.place = place

    async def ask(self, name: str, caller: Caller | None = None, /, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields), caller or Caller())

    async def add(self, name: str = "job", **fields: Any) -> Any:
        given = {"cron": "0 * * * *", "provider": "scripted", "directory": str(self.place), "prompt": "go", **fields}
        return await self.ask("schedule.add", name=name, **{key: value for key, value in given.items() if value is not None})

    async def later(self, seconds: float) -> dict[str, int]:
        """Let time pass, then look once, as a server or a tick does."""
        self.clock.advance(seconds)
        done = await self.control.services.schedules.perform(20)
        return {kind: count for kind, count in done.items() if count}

    async def ledger(self, name: str = "job", **fields: Any) -> list[Fire]:
        """Oldest first."""
        page = await self.ask("schedule.history", schedule=name, limit=200, **fields)
        return page.items[::-1]

    async def events(self, *types: str) -> list[Any]:
        return (await self.ask("event.list", types=list(types), limit=200)).items

    def script(self, text: str, name: str = "gate.sh") -> Path:
        path = self.place / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def file(self, front: str, body: str = "Look at [[count]] issues.", name: str = "job.md") -> Path:
        path = self.place / name
        path.write_text(f"---\n{front}\n---\n{body}\n")
        return path


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = ManualClock(NOON)
    place = tmp_path / "work"
    place.mkdir()
    async with Control(load(tmp_path / "home", {}), work=False, clock=clock) as control:
        yield House(control, clock, place)


def times(fires: list[Fire]) -> list[tuple[str, str]]:
    return [(f"{fire.due:%d %H:%M}" if fire.due else "", fire.state) for fire in fires]


async def test_a_due_time_starts_a_session(house: House) -> None:
    schedule = await house.add()
    assert schedule.next_due == datetime(2027, 1, 15, 13, tzinfo=UTC)
    assert await house.later(59 * MINUTE) == {}
    assert await house.later(2 * MINUTE) == {"fired": 1}
    (fire,) = await house.ledger()
    assert times([fire]) == [("15 13:00", "fired")]
    session = await house.ask("session.get", session=fire.session_id)
    assert (session.name, session.labels) == ("job-20270115T130000Z", {"schedule": "job"})
    message = (await house.ask("message.list", session=session.id)).items[0]
    assert (message.text, message.sender, message.run_id) == ("go", "schedule:job", fire.run_id)
    assert (await house.ask("schedule.get", schedule="job")).next_due == datetime(2027, 1, 15, 14, tzinfo=UTC)
    (event,) = await house.events("schedule.fired")
    assert (event.run_id, event.data["late"]) == (fire.run_id, False)


@pytest.mark.parametrize(
    ("catch_up", "expected", "done"),
    [
        ("skip", ["missed", "missed", "missed"], {"missed": 3}),
        ("latest", ["missed", "skipped", "caught_up"], {"missed": 1, "skipped": 1, "caught_up": 1}),
        ("all", ["missed", "caught_up", "caught_up"], {"missed": 1, "caught_up": 2}),
    ],
)
async def test_catching_up(house: House, catch_up: str, expected: list[str], done: dict[str, int]) -> None:
    await house.add(catch_up=catch_up, window="2h")
    assert await house.later(3 * HOUR + 20 * MINUTE) == done
    assert [fire.state for fire in await house.ledger()] == expected
    (missed,) = await house.events("schedule.missed")
    assert missed.data["count"] == expected.count("missed")
    assert await house.later(0) == {}


async def test_the_latest_is_not_run_twice(house: House) -> None:
    """With one on time, none is late enough to be caught up."""
    await house.add()
    assert await house.later(2 * HOUR + MINUTE) == {"fired": 1, "skipped": 1}
    assert times(await house.ledger()) == [("15 13:00", "skipped"), ("15 14:00", "fired")]


async def test_three_weeks_of_minutes_are_few_rows(house: House) -> None:
    await house.add(cron="* * * * *", catch_up="skip")
    assert await house.later(20 * DAY) == {"missed": 20 * 1440 - 6, "fired": 6}
    total = house.control.services.store.read().row("SELECT count(*) AS n, sum(count) AS dues FROM fires")
    assert total is not None
    assert (total["dues"], total["n"] < 400) == (20 * 1440, True)
    alarms = await house.events("schedule.missed")
    assert len(alarms) == 3
    assert sum(alarm.data["count"] for alarm in alarms) == 20 * 1440 - 6


async def test_a_herd_is_fired_in_parts(house: House) -> None:
    await house.add(cron="* * * * *", catch_up="all", window="3h")
    assert await house.later(150 * MINUTE) == {"caught_up": 144, "fired": 6}
    dues = [fire.due for fire in await house.ledger()]
    assert dues == sorted(set(dues), key=lambda due: due or datetime.now(UTC))
    assert len(dues) == 150


async def test_two_processes_look_at_once(house: House, tmp_path: Path) -> None:
    """Each due time is fired by one of them."""
    for number in range(5):
        await house.add(f"job-{number}", cron="* * * * *")
    async with Control(load(tmp_path / "home", {}), work=False, clock=house.clock) as other:
        house.clock.advance(5 * MINUTE)
        parts = await asyncio.gather(*(one.services.schedules.perform(20) for one in (house.control, other)))
    assert Counter(parts[0]) + Counter(parts[1]) == {"fired": 25}
    sessions = (await house.ask("session.list", limit=200)).items
    assert len(sessions) == len({session.name for session in sessions}) == 25


async def test_a_script_gates_and_fills_the_prompt(house: House) -> None:
    house.script(
        'echo "{\\"execute\\": true, \\"output\\": {\\"count\\": 3, \\"dir\\": \\"$(pwd)\\", \\"due\\": \\"$CAO_DUE\\"}}"'
    )
    file = house.file(
        "name: triage\nschedule: '0 * * * *'\nprovider: scripted\nscript: gate.sh", "[[count]] in [[dir]] at [[due]]"
    )
    schedule = await house.ask("schedule.add", file=str(file))
    assert (schedule.name, schedule.profile, schedule.directory) == ("triage", "developer", str(house.place))
    assert await house.later(HOUR) == {"fired": 1}
    (fire,) = await house.ledger("triage")
    message = (await house.ask("message.list", session=fire.session_id)).items[0]
    assert message.text == f"3 in {house.place} at 2027-01-15T13:00:00+00:00"


async def test_a_script_says_no(house: House) -> None:
    house.script("echo '{\"execute\": false}'")
    await house.ask("schedule.add", file=str(house.file("schedule: '0 * * * *'\nprovider: scripted\nscript: ./gate.sh")))
    assert await house.later(HOUR) == {"skipped": 1}
    (fire,) = await house.ledger()
    assert (fire.state, fire.reason, fire.run_id) == ("skipped", "its script said so", None)


BAD_SCRIPTS = {
    "echo hello": "gate.sh did not print",
    'echo \'{"execute": "yes"}\'': "/execute",
    "echo '[]'": "gate.sh did not print",
    "exit 3": "gate.sh exited with 3",
    "echo to no avail >&2; exit 1": "to no avail",
    "kill -9 $$": "gate.sh was ended by SIGKILL",
    "echo '{\"execute\": true}'": "no 'count', which the prompt asks for",
    "head -c 70000 /dev/zero": "printed more than 65536 bytes",
    "sleep 60": "took longer than 0.5 s",
}


@pytest.mark.parametrize("text", BAD_SCRIPTS)
async def test_a_bad_script_is_told_in_the_ledger(tmp_path: Path, text: str) -> None:
    place, clock = tmp_path / "work", ManualClock(NOON)
    place.mkdir()
    settings = load(tmp_path / "home", {}, schedule_script_seconds=0.5 if "sleep" in text else 10)
    async with Control(settings, work=False, clock=clock) as control:
        house = House(control, clock, place)
        house.script(text)
        await house.ask("schedule.add", file=str(house.file("schedule: '0 * * * *'\nprovider: scripted\nscript: gate.sh")))
        assert await house.later(HOUR) == {"failed": 1}
        (fire,) = await house.ledger()
        assert BAD_SCRIPTS[text] in (fire.reason or "")
        assert (await house.events("schedule.failed"))[0].data["reason"] == fire.reason
        assert (await house.ask("session.list")).items == []


async def test_a_script_sees_no_secret(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "sesame-open")
    house.script("env > seen; echo '{\"execute\": false}'")
    await house.ask("schedule.add", file=str(house.file("schedule: '0 * * * *'\nprovider: scripted\nscript: gate.sh")))
    await house.later(HOUR)
    seen = (house.place / "seen").read_text()
    assert "CAO_SCHEDULE=job" in seen
    assert "sesame" not in seen


@pytest.mark.parametrize(
    ("front", "body", "why"),
    [
        ("schedule: '0 * * * *'\nscript: ../outside.sh", "Go.", "outside the folder"),
        ("schedule: '0 * * * *'\nscript: /bin/true", "Go.", "outside the folder"),
        ("schedule: '0 * * * *'\nscript: linked.sh", "Go.", "outside the folder"),
        ("schedule: '0 * * * *'\nscript: none.sh", "Go.", "is not there"),
        ("schedule: '0 * * * *'\nscript: plain.txt", "Go.", "may not be run"),
        ("schedule: '0 * * * *'\nflavour: sweet", "Go.", "/flavour"),
        ("schedule: hourly", "Go.", "/schedule"),
        ("every: 5 minutes", "Go.", "/every"),
        ("schedule: '0 * * * *'", "", "/prompt"),
        ("name: x", "Go.", "either cron or every"),
        ("schedule: [", "Go.", "not plain YAML"),
    ],
)
async def test_a_bad_file_is_refused_with_the_reason(house: House, front: str, body: str, why: str) -> None:
    (house.place.parent / "outside.sh").write_text("#!/bin/sh\n")
    (house.place / "plain.txt").write_text("")
    (house.place / "linked.sh").symlink_to(house.place.parent / "outside.sh")
    with pytest.raises(InvalidInput) as refused:
        await house.ask("schedule.add", file=str(house.file(f"provider: scripted\n{front}", body)))
    assert why in refused.value.message


async def test_flags_win_over_the_file(house: House) -> None:
    file = house.file("name: a\nschedule: '0 * * * *'\nzone: Europe/Berlin\nprovider: scripted", "From the file.")
    added = await house.ask("schedule.add", name="b", file=str(file), every="15m", prompt="From here.")
    assert (added.name, added.cron, added.every, added.zone, added.prompt) == ("b", None, "15m", "Europe/Berlin", "From here.")


async def test_files_are_for_those_who_sit_here(house: House) -> None:
    file = house.file("schedule: '0 * * * *'\nprovider: scripted")
    with pytest.raises(InvalidInput, match="only the command line and Python"):
        await house.ask("schedule.add", Caller(surface="http"), file=str(file))


async def test_a_schedule_grants_nothing(house: House) -> None:
    """Who may not start sessions may not have them started."""
    caller = Caller(actor="token:clock", surface="http", scopes=frozenset({"schedule:*"}))
    with pytest.raises(Denied, match="session:write"):
        await house.ask("schedule.add", caller, name="x", every="1h", provider="scripted", prompt="go")
    await house.add()
    with pytest.raises(Denied, match="session:write"):
        await house.ask("schedule.run", caller, schedule="job")


async def test_overlap(house: House) -> None:
    """Nobody works the sessions off here, so the first run is still at work an hour later."""
    await house.add(overlap="skip")
    assert await house.later(HOUR) == {"fired": 1}
    first = (await house.ledger())[0]
    assert await house.later(HOUR) == {"skipped": 1}
    assert (await house.ledger())[1].reason == f"run {first.run_id} of an earlier due time is still at work"
    await house.ask("run.cancel", run=first.run_id)
    assert await house.later(HOUR) == {"fired": 1}


async def test_run_by_hand(house: House) -> None:
    await house.add()
    await house.ask("schedule.disable", schedule="job")
    fire = await house.ask("schedule.run", schedule="job", idempotency_key="once")
    assert (fire.due, fire.state) == (None, "fired")
    assert await house.ask("schedule.run", schedule="job", idempotency_key="once") == fire
    assert len((await house.ask("session.list")).items) == 1


async def test_what_is_settled_here_is_not_settled_twice(house: House) -> None:
    """A run by hand stands still for longer than its claim holds; the duty of the same process takes it up."""
    house.script("echo . >> asked; until test -e ready; do sleep 0.05; done; echo '{\"execute\": true}'")
    await house.ask("schedule.add", file=str(house.file("schedule: '0 3 * * *'\nprovider: scripted\nscript: gate.sh", "Go.")))
    asking = [asyncio.create_task(house.ask("schedule.run", schedule="job", idempotency_key="once")) for _ in range(2)]
    await until((house.place / "asked").exists, 30)
    house.clock.advance(CLAIM_SECONDS + 1)
    looking = asyncio.create_task(house.later(0))
    await until(lambda: claimed_until(house) > house.clock.now(), 30)
    (house.place / "ready").touch()
    first, second = await asyncio.gather(*asking)
    assert first == second
    assert (first.state, await looking) == ("fired", {})
    assert (house.place / "asked").read_text().count(".") == 1


def claimed_until(house: House) -> float:
    row = house.control.services.store.read().row("SELECT max(expires_at) AS at FROM fires")
    return row["at"] if row else 0.0


async def test_schedules_that_are_due_at_once_may_share_a_session_name(house: House) -> None:
    long = "a-schedule-with-a-name-of-more-than-44-characters-"
    for name in ("alpha", "beta", long + "one", long + "two"):
        await house.add(name, session="nightly" if name in ("alpha", "beta") else None)
    await house.add("nightly")
    assert await house.later(HOUR) == {"fired": 5}
    names = [session.name for session in (await house.ask("session.list")).items]
    assert "nightly-20270115T130000Z" in names
    assert sum(name.startswith("nightly-") for name in names) == 3
    assert all(name.endswith("-20270115T130000Z") for name in names)
    for name in ("alpha", long + "one"):
        assert (await house.ask("schedule.run", schedule=name)).state == "fired"


async def test_what_cannot_be_started_is_failed_and_told(house: House) -> None:
    added = await house.add()
    house.place.rmdir()
    assert await house.later(HOUR) == {"failed": 1}
    (fire,) = await house.ledger()
    assert fire.reason == "directory: is not a directory on this computer"
    assert (await house.ask("schedule.get", schedule=added.id)).enabled


async def test_disable_and_enable(house: House) -> None:
    await house.add()
    assert (await house.ask("schedule.disable", schedule="job")).next_due is None
    assert await house.later(5 * HOUR) == {}
    assert (await house.ask("schedule.enable", schedule="job")).next_due == datetime(2027, 1, 15, 18, tzinfo=UTC)
    assert await house.later(HOUR) == {"fired": 1}
    assert [event.type for event in await house.events("schedule.*")] == [
        "schedule.added",
        "schedule.disabled",
        "schedule.enabled",
        "schedule.fired",
    ]


async def test_a_clock_that_is_put_back_fires_nothing_twice(house: House) -> None:
    await house.add()
    assert await house.later(HOUR) == {"fired": 1}
    house.clock.advance(-MINUTE)
    await house.ask("schedule.disable", schedule="job")
    assert (await house.ask("schedule.enable", schedule="job")).next_due == datetime(2027, 1, 15, 13, tzinfo=UTC)
    assert await house.later(2 * MINUTE) == {}
    assert await house.later(HOUR) == {"fired": 1}
    assert times(await house.ledger()) == [("15 13:00", "fired"), ("15 14:00", "fired")]


async def test_an_interval_counts_whole_seconds(house: House) -> None:
    house.clock.advance(0.9999997)
    await house.add(cron=None, every="10m")
    await house.later(30 * MINUTE)
    dues = [fire.due.timestamp() - NOON for fire in await house.ledger() if fire.due]
    assert dues == [600, 1200, 1800]


async def test_a_schedule_without_a_known_zone_is_switched_off(house: House) -> None:
    """The data directory came from a computer that knows more zones."""
    await house.add()
    await house.control.services.store.write(lambda tx: tx.execute("UPDATE schedules SET zone = 'Mars/Olympus'"))
    assert await house.later(HOUR) == {"failed": 1}
    assert not (await house.ask("schedule.get", schedule="job")).enabled
    assert (await house.ledger())[0].reason == (await house.events("schedule.failed"))[0].data["reason"]
    assert "zone: is not a time zone" in ((await house.ledger())[0].reason or "")


async def test_a_veto_is_told_in_the_ledger(house: House) -> None:
    class Curfew(Plugin):
        name = "curfew"

        @before("session.launch")
        async def refuse(self, operation: Any, request: Any, caller: Caller) -> None:
            if caller.actor == "schedule:job":
                raise Veto("no work at night")

    await house.control.plugins.add(Curfew)
    await house.add()
    assert await house.later(HOUR) == {"failed": 1}
    assert "no work at night" in ((await house.ledger())[0].reason or "")


async def test_a_removed_schedule_keeps_its_ledger(house: House) -> None:
    added = await house.add()
    await house.later(HOUR)
    assert (await house.ask("schedule.remove", schedule="job", dry_run=True)).id == added.id
    await house.ask("schedule.remove", schedule="job")
    assert await house.later(HOUR) == {}
    with pytest.raises(NotFound, match="cao schedule list"):
        await house.ask("schedule.get", schedule="job")
    assert len(await house.ledger(added.id)) == 1
    again = await house.add()
    assert again.id != added.id
    assert await house.ledger("job") == []


async def test_names_are_unique(house: House) -> None:
    await house.add()
    with pytest.raises(Conflict, match="cao schedule remove job"):
        await house.add()


async def test_a_tick_does_what_is_due(house: House) -> None:
    await house.add()
    house.clock.advance(HOUR)
    assert (await house.ask("daemon.tick", timeout=0.5)).done == {"schedules.fired": 1}
    assert (await house.ask("daemon.tick", timeout=0)).done == {}


async def test_a_cut_script_is_asked_again(house: House) -> None:
    """The time of a tick ends while a script runs: the next tick begins anew with it."""
    house.script("echo . >> asked; test -e ready || exec sleep 60; echo '{\"execute\": true}'")
    await house.ask("schedule.add", file=str(house.file("schedule: '0 * * * *'\nprovider: scripted\nscript: gate.sh", "Go.")))
    house.clock.advance(HOUR)
    keeper = house.control.services.schedules
    performing = asyncio.create_task(keeper.perform(30))
    async with asyncio.timeout(30):
        while not (house.place / "asked").exists():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)
    performing.cancel()
    await asyncio.gather(performing, return_exceptions=True)
    assert [fire.state for fire in await house.ledger()] == ["pending"]
    (house.place / "ready").touch()
    assert await house.later(0) == {"fired": 1}
    assert (house.place / "asked").read_text().count(".") == 2


async def test_the_next_due_times(house: House) -> None:
    await house.add(cron="30 2 * * *", zone="Europe/Berlin")
    coming = await house.ask("schedule.next", schedule="job", count=2, after="2027-03-27T12:00:00Z")
    first, second = coming.fires
    assert (first.at, first.local) == (datetime(2027, 3, 28, 1, tzinfo=UTC), "2027-03-28T03:00:00+02:00")
    assert "goes forward" in first.note
    assert "does not exist" in first.note
    assert (second.local, second.note) == ("2027-03-29T02:30:00+02:00", None)
    with pytest.raises(InvalidInput, match="after"):
        await house.ask("schedule.next", schedule="job", after="9999-01-01T00:00:00Z")


async def test_bounds(house: House) -> None:
    bad: list[dict[str, Any]] = [
        {"cron": "0 " * 300},
        {"cron": None, "every": "0m"},
        {"zone": "x" * 100},
        {"prompt": "x" * 70_000},
    ]
    for fields in bad:
        with pytest.raises(CaoError) as refused:
            await house.add(**fields)
        assert refused.value.code == "invalid_input"


def test_the_ledger_never_holds_a_due_time_twice(tmp_path: Path) -> None:
    """The constraint itself, should all else fail."""
    import sqlite3

    from cao.store import Store

    store = Store(tmp_path / "cao.db")
    try:
        row = "INSERT INTO fires (id, schedule_id, schedule, due, state, created_at) VALUES (?, 's', 's', 60, 'fired', 0)"

        def twice(tx: Any) -> None:
            tx.execute(row, ("a",))
            tx.execute(row, ("b",))

        with pytest.raises(sqlite3.IntegrityError):
            store.submit(twice).result(10)
    finally:
        store.close()


def test_json_is_what_scripts_print() -> None:
    """The example of the documentation is a verdict."""
    from cao.schedules.gate import Verdict, filled

    verdict = Verdict.model_validate_json(json.dumps({"execute": True, "output": {"name": "value", "many": [1]}, "more": 1}))
    assert filled("[[name]] [[ many ]] [[]]", verdict.output) == "value [1] [[]]"
