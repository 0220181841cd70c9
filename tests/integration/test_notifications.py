"""Notifications through the public surfaces: rules, the outbox and its lanes, receipts, and what must never be shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from cao.control import Control
from cao.events import RunCompleted, RunFailed, ServerStarted
from cao.protocol import Conflict, InvalidInput, NotFound
from cao.settings import load
from cao.store.clock import ManualClock
from cao.vault import KEY_FILE
from tests.chaos.receivers import Manner, Receiver, http

from .asking import ask
from .conftest import until as until_within

until = partial(until_within, seconds=60)

SECRET = "a-password-nobody-may-see"


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Control]:
    async with Control(
        load(tmp_path / "home", {}, notify_seconds=20, notify_backoff_seconds=0.05, notify_attempts=3)
    ) as opened:
        yield opened


@pytest.fixture
async def phone() -> AsyncIterator[Box]:
    async with http("phone", f"json://me:{SECRET}@127.0.0.1:PORT/hook?+X-Key=header-secret") as receiver:
        yield Box(receiver)


class Box:
    """A receiver that keeps what it is sent, and does with it what it is told to."""

    def __init__(self, receiver: Receiver) -> None:
        self.url = receiver.url
        self.texts: list[str] = []
        self.manner: Manner = "take"
        receiver.decide = self._decide

    def _decide(self, text: str) -> Manner:
        self.texts.append(text)
        return self.manner


async def tell(control: Control, text: str = "hello") -> None:
    """An event that the rules of these tests ask for."""
    await control.services.store.write(lambda tx: tx.emit(ServerStarted(url=text, version="1")))


async def states(control: Control) -> list[str]:
    return [one.state for one in (await control.delivery.list()).items]


def counted(control: Control, state: str) -> Callable[[], int]:
    """How many deliveries are in that state."""
    sql = "SELECT count(*) FROM notifiers_deliveries WHERE state = ?"
    return lambda: control.services.store.read().number(sql, (state,))


async def test_an_event_reaches_who_asked_for_it_once(worker: Control, phone: Box) -> None:
    await worker.notifier.add("phone", phone.url, tags=["ops"])
    await worker.rule.add(["server.started"], tags=["ops"], title="[$kind] $event", body="It says $text")
    await worker.rule.add(["info"])
    await worker.rule.add(["server.started"], tags=["nobody"])
    await tell(worker)
    await until(lambda: len(phone.texts) == 3)  # the rule on `info` tells of itself and of the rule after it
    await until(lambda: counted(worker, "accepted")() == 3)
    (delivery,) = [one for one in (await worker.delivery.list()).items if one.event_type == "server.started"]
    assert (delivery.title, delivery.body) == ("[info] server.started", "It says url: hello\nversion: 1")
    assert [one.outcome for one in (await worker.delivery.get(delivery.id)).receipts] == ["accepted"]
    assert sum("server.started" in text for text in phone.texts) == 1


async def test_what_is_rolled_back_is_not_told_of(worker: Control, phone: Box) -> None:
    await worker.notifier.add("phone", phone.url)
    await worker.rule.add(["session.closed", "rule.removed"], name="mine")
    session = await worker.session.launch(profile="developer", provider="scripted", directory=str(worker.settings.home))
    await worker.session.shutdown(session.id, dry_run=True)
    await worker.rule.remove("mine", dry_run=True)
    assert await states(worker) == []
    await worker.session.shutdown(session.id)
    assert len(await states(worker)) == 1


async def test_done_is_for_a_persons_own_work(control: Control, phone: Box) -> None:
    await control.notifier.add("phone", phone.url)
    await control.rule.add(["done", "needs-you"])
    session = await control.session.launch(profile="developer", provider="scripted", directory=str(control.settings.home))
    own = await control.session.send(session.id, text="for me")
    agents = await control.session.send(session.id, text="for an agent")

    def end(tx: Any) -> None:
        tx.execute("UPDATE runs SET parent_terminal_id = ? WHERE id = ?", (agents.terminal_id, agents.id))
        for run in (own, agents):
            tx.execute("UPDATE runs SET result = 'It is *done*.' WHERE id = ?", (run.id,))
            tx.emit(RunCompleted(session_id=run.session_id, terminal_id=run.terminal_id, run_id=run.id))
        failure = {"code": "broken", "message": "no more disk"}
        tx.emit(RunFailed.model_validate({"session_id": session.id, "run_id": agents.id, "failure": failure}))

    await control.services.store.write(end)
    told = [(one.kind, one.title, one.body) for one in (await control.delivery.list()).items]
    assert told == [
        ("needs-you", f"Failed: {session.name}", "no more disk"),
        ("done", f"Done: {session.name}", "It is *done*."),
    ]


async def test_a_slow_target_delays_nobody(worker: Control, phone: Box) -> None:
    async with http("slow", "json://127.0.0.1:PORT/hook") as receiver:
        slow = Box(receiver)
        slow.manner = "hang"
        await worker.notifier.add("slow", slow.url)
        await worker.notifier.add("phone", phone.url)
        await worker.rule.add(["server.started"])
        for number in range(30):
            await tell(worker, f"number {number}")
        await until(lambda: len(phone.texts) == 30)
        await until(lambda: counted(worker, "accepted")() == 30)
        waiting = (await worker.delivery.list(notifier="slow")).items
        assert (len(slow.texts), [one.state for one in waiting]) == (1, ["pending"] * 29 + ["sending"])
        assert ["number " + str(number) in text for number, text in enumerate(phone.texts)] == [True] * 30


async def test_a_dead_letter_is_told_to_the_others_and_can_be_tried_again(worker: Control, phone: Box) -> None:
    async with http("down", "form://127.0.0.1:PORT/hook") as receiver:
        down = Box(receiver)
        down.manner = "refuse"
        await worker.notifier.add("down", down.url, tags=["work"])
        await worker.notifier.add("phone", phone.url)
        await worker.rule.add(["server.started"], tags=["work"])
        await worker.rule.add(["needs-you"])
        await tell(worker)
        await until(lambda: any("could not be delivered" in text for text in phone.texts))
        (dead,) = (await worker.delivery.list(state="dead")).items
        receipts = (await worker.delivery.get(dead.id)).receipts
        assert [(one.attempt, one.outcome) for one in receipts] == [(1, "failed"), (2, "failed"), (3, "failed")]
        assert "503" in str(receipts[0].error)
        assert len(down.texts) == 3, "the alarm does not go to the notifier that it is about"
        down.manner = "take"
        again = await worker.delivery.retry(dead.id)
        assert (again.state, again.attempts) == ("pending", 3)
        await until(lambda: len(down.texts) == 4)
        await until(lambda: not counted(worker, "sending")() and not counted(worker, "pending")())
        assert [one.outcome for one in (await worker.delivery.get(dead.id)).receipts][3:] == ["accepted"]
        with pytest.raises(Conflict, match="accepted"):
            await worker.delivery.retry(dead.id)


async def test_alarms_cause_no_alarms(worker: Control, phone: Box) -> None:
    phone.manner = "refuse"
    async with http("down", "json://127.0.0.1:PORT/hook") as receiver:
        down = Box(receiver)
        down.manner = "refuse"
        await worker.notifier.add("down", down.url)
        await worker.notifier.add("phone", phone.url)
        await worker.rule.add(["needs-you"])
        await worker.notify.send("hello", notifier="down")
        await until(lambda: counted(worker, "dead")() == 2)
        with worker.services.store.hub.subscribe("log") as commits:
            assert not await commits.wait(0.5), "nothing more happens"
        assert sorted(one.event_type or "by hand" for one in (await worker.delivery.list()).items) == [
            "by hand",
            "delivery.dead",
        ]


async def test_back_off_doubles(tmp_path: Path, phone: Box) -> None:
    clock = ManualClock()
    phone.manner = "refuse"
    async with Control(load(tmp_path, {}, notify_backoff_seconds=100, notify_attempts=4), clock=clock) as control:
        await control.notifier.add("phone", phone.url)
        await control.notify.send("hello")
        for attempt, pause in enumerate((100, 200, 400), 1):
            await until(lambda attempt=attempt: len(phone.texts) == attempt and not counted(control, "sending")())
            (delivery,) = (await control.delivery.list()).items
            assert delivery.due_at is not None
            assert 0.79 * pause <= delivery.due_at.timestamp() - clock.now() <= 1.21 * pause
            clock.advance(delivery.due_at.timestamp() - clock.now() + 1)
        await until(lambda: counted(control, "dead")() == 1)


async def test_a_paused_notifier_holds_and_a_removed_one_withdraws(worker: Control, phone: Box) -> None:
    await worker.notifier.add("phone", phone.url)
    await worker.notifier.pause("phone")
    for number in range(3):
        await worker.notify.send(f"number {number}")
    assert await states(worker) == ["held"] * 3
    await worker.notifier.resume("phone")
    await until(lambda: counted(worker, "accepted")() == 3)
    await worker.notifier.pause("phone")
    await worker.notify.send("too late")
    assert (await worker.notifier.remove("phone", dry_run=True)).withdrawn == 1
    assert (await worker.notifier.remove("phone")).withdrawn == 1
    assert (await states(worker))[0] == "withdrawn"
    assert len(phone.texts) == 3
    with pytest.raises(NotFound):
        await worker.notify.send("nobody hears this")


async def test_an_approval_comes_with_a_link_that_decides(worker: Control, phone: Box) -> None:
    await worker.notifier.add("phone", phone.url)
    await worker.rule.add(["needs-you"])
    settings = worker.settings.model_copy(update={"public_url": "https://cao.example.org"})
    worker.settings = settings
    approval = await ask(worker, "Delete \x1b[31mthe \u202eworld?")
    await until(lambda: phone.texts)
    message = httpx.Response(200, text=phone.texts[0]).json()["message"]
    assert message.startswith("Delete [31mthe world?\nhttps://cao.example.org/approve/")
    (delivery,) = (await worker.delivery.list()).items
    assert delivery.body == "Delete [31mthe world?\n(approval link)"
    token = message.partition("/approve/")[2]
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert not [path for path in files if token.encode() in path.read_bytes()]
    from cao.links import ApprovalLinks

    decided = await ApprovalLinks(worker).decide(token, "deny")
    assert (decided.id, decided.state, decided.decided_by) == (approval.id, "denied", "link:phone")


async def test_addresses_are_secrets_everywhere(worker: Control, phone: Box, caplog: pytest.LogCaptureFixture) -> None:
    added = await worker.notifier.add("phone", phone.url)
    assert added.target == phone.url.partition("me:")[0] + phone.url.partition("@")[2].partition("/")[0] + "/***"
    phone.manner = "refuse"
    tested = await worker.notifier.test("phone")
    await worker.notify.send(f"an agent says {SECRET} and header-secret")
    await until(lambda: counted(worker, "dead")() == 1)
    (delivery,) = (await worker.delivery.list()).items
    shown = repr((added, tested, await worker.delivery.get(delivery.id), await worker.notifier.list(), delivery))
    for secret in (SECRET, "header-secret"):
        assert secret not in shown and secret not in caplog.text
        for path in worker.settings.home.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    with pytest.raises(InvalidInput) as refused:
        await worker.notifier.add("bad", f"nonsense://{SECRET}@x")
    assert SECRET not in str(refused.value) + repr(refused.value.details)


async def test_without_its_key_an_address_is_of_no_use_and_that_is_said(tmp_path: Path, phone: Box) -> None:
    async with Control(load(tmp_path, {}), work=False) as control:
        await control.notifier.add("phone", phone.url)
        assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / KEY_FILE).unlink()
    async with Control(load(tmp_path, {})) as control:
        await control.notify.send("hello")
        await until(lambda: counted(control, "dead")() == 1)
        (dead,) = (await control.delivery.list()).items
        assert KEY_FILE in str(dead.error) and dead.attempts == 1
        assert phone.texts == []


async def test_a_tick_sends_what_is_due(control: Control, phone: Box) -> None:
    await control.notifier.add("phone", phone.url)
    await control.notify.send("hello")
    async with Control(control.settings) as other:
        ticked = await other.daemon.tick(timeout=30)
    assert ticked.done == {"notifications.accepted": 1}
    assert len(phone.texts) == 1


@contextlib.asynccontextmanager
async def dripping(released: asyncio.Event) -> AsyncGenerator[str]:
    """A service whose answers come byte by byte and never end, until it is released: it answers well then."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            length = 0 if released.is_set() else 100_000
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode())
            while length and not released.is_set():
                writer.write(b" ")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(released.wait(), 0.05)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


async def test_a_stuck_target_is_looked_at_again_later(tmp_path: Path) -> None:
    """A tick does not stay for it, and the next ones send what waited when it is free."""
    clock, released = ManualClock(), asyncio.Event()
    settings = load(tmp_path, {}, notify_seconds=0.3)
    async with dripping(released) as url, Control(settings, work=False, clock=clock) as control:
        await control.notifier.add("stuck", url)
        for number in range(3):
            await control.notify.send(f"hello {number}")
        async with asyncio.timeout(60):
            assert (await control.daemon.tick(timeout=600)).done == {"notifications.timed-out": 2}
            clock.advance(60)
            assert (await control.daemon.tick(timeout=600)).done == {}
            assert sorted(one.attempts for one in (await control.delivery.list()).items) == [0, 1, 1]
            released.set()
            while counted(control, "accepted")() < 3:
                clock.advance(60)
                await control.daemon.tick(timeout=600)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nothing at all", "is not the URL"),
        ("json://", "not understood"),
        ("gopher://x/y", "not understood"),
        ("tgram://123456789:AAabcdefghijklmnopqrstuvwxyz012345678/1?template=/etc/passwd", "template"),
        ("json://127.0.0.1/\x07", "is not the URL"),
        ("x" * 5000, "4096"),
    ],
)
async def test_bad_addresses(control: Control, url: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        await control.notifier.add("phone", url)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"events": ["no.such"]}, "neither a class"),
        ({"events": ["delivery.accepted"]}, "cannot cause one"),
        ({"events": ["info"], "title": "$nothing"}, r"there is no \$nothing"),
        ({"events": ["info"], "body": "5 $"}, "dollar sign"),
        ({"events": ["info"], "body": "${text.__class__}"}, "dollar sign"),
        ({"events": []}, "events"),
        ({"events": ["info"], "notifier": "phone", "tags": ["x"]}, "give one of them"),
    ],
)
async def test_bad_rules(control: Control, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        await control.rule.add(**fields)


async def test_names_are_unique(control: Control, phone: Box) -> None:
    await control.notifier.add("phone", phone.url)
    with pytest.raises(Conflict, match="already"):
        await control.notifier.add("phone", phone.url)
    await control.rule.add(["info"], name="all")
    with pytest.raises(Conflict, match="already"):
        await control.rule.add(["done"], name="all")


async def test_a_reopened_store_keeps_who_was_in_the_middle(tmp_path: Path, phone: Box) -> None:
    """A claim whose process is gone runs out: its receipt says so and another attempt is made."""
    clock = ManualClock()
    async with Control(load(tmp_path, {}), work=False, clock=clock) as control:
        await control.notifier.add("phone", phone.url)
        (id,) = (await control.notify.send("hello")).deliveries
        from cao_notifiers import deliveries, notifiers

        store = control.services.store
        notifier = notifiers.get(store.read(), "phone")
        claim = await store.write(lambda tx: deliveries.claim(tx, notifier.id, 60))
        assert claim is not None and claim.id == id
        assert await store.write(lambda tx: deliveries.claim(tx, notifier.id, 60)) is None, "one sender at a time"
    clock.advance(61)
    async with Control(load(tmp_path, {}), clock=clock) as control:
        await until(lambda: counted(control, "accepted")() == 1)
        receipts = (await control.delivery.get(id)).receipts
    assert [one.outcome for one in receipts] == ["lost", "accepted"]
