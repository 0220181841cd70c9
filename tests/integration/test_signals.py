"""Signals: after the commit, in the order of the log; what a receiver does wrong harms nobody and is shown."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import cao
from cao.control import Control
from cao.protocol.records import Event
from cao.signals import Signals


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    async with cao.open(tmp_path / "home", work=False, receiver_seconds=0.2) as opened:
        yield opened


class Ear:
    """Hears in a thread or on the event loop."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def listen(self, _: object, event: Event) -> None:
        self.heard.append(event.seq)

    async def listen_here(self, _: object, event: Event) -> None:
        self.heard.append(event.seq)


async def launch(control: Control, place: Path) -> str:
    return (await control.session.launch(provider="scripted", directory=str(place))).id


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what receivers did is theirs to keep
            await asyncio.sleep(0.01)


async def test_receivers_hear_their_type_once_and_in_order(control: Control, tmp_path: Path) -> None:
    launched: list[Event] = []
    everything: list[int] = []

    def on_launch(_: object, event: Event) -> None:
        launched.append(event)

    async def on_all(_: object, event: Event) -> None:
        everything.append(event.seq)

    control.signals.on("session.launched").connect(on_launch)
    control.signals.on("*").connect(on_all)
    ids = [await launch(control, tmp_path) for _ in range(20)]
    last = (await control.daemon.status()).last_seq
    await until(lambda: len(launched) == 20 and bool(everything) and everything[-1] == last)
    assert [event.session_id for event in launched] == ids
    assert everything == list(range(everything[0], last + 1))


async def test_one_that_raises_or_hangs_is_counted_and_delays_nobody(control: Control, tmp_path: Path) -> None:
    heard: list[int] = []
    stuck = threading.Event()

    def raises(_: object, event: Event) -> None:
        raise ValueError("no thanks")

    async def hangs(_: object, event: Event) -> None:
        await asyncio.sleep(3600)

    def blocks(_: object, event: Event) -> None:
        stuck.wait(5)

    async def listens(_: object, event: Event) -> None:
        heard.append(event.seq)

    receivers = (raises, hangs, blocks, listens)
    for receiver in receivers:
        control.signals.on("session.launched").connect(receiver)
    await launch(control, tmp_path)
    await until(lambda: len(heard) == 1)

    def shown() -> dict[str, tuple[int, int]]:
        return {one.name.rpartition(".")[2]: (one.errors, one.timeouts) for one in control.signals.health()}

    await until(lambda: shown() == {"raises": (1, 0), "hangs": (0, 1), "blocks": (0, 1), "listens": (0, 0)})
    health = await control.daemon.health()
    assert health.status == "degraded"
    assert any("no thanks" in (one.last_error or "") for one in health.receivers)
    stuck.set()


async def test_two_controls_do_not_hear_each_other(control: Control, tmp_path: Path) -> None:
    heard: list[Event] = []

    def listen(_: object, event: Event) -> None:
        heard.append(event)

    control.signals.on("*").connect(listen)
    async with cao.open(tmp_path / "other", work=False) as other:
        await launch(other, tmp_path)
    mine = await launch(control, tmp_path)
    await until(lambda: bool(heard))
    assert {event.session_id for event in heard} == {mine}


async def test_a_receiver_hears_what_comes_after_it_was_connected(control: Control, tmp_path: Path) -> None:
    """Nobody listened before; a second one comes from another thread and for another type."""
    heard: list[str] = []

    def on_launch(_: object, event: Event) -> None:
        heard.append(f"launched {event.session_id}")

    def on_shutdown(_: object, event: Event) -> None:
        heard.append(f"shut down {event.session_id}")

    early = await launch(control, tmp_path)
    control.signals.on("session.launched").connect(on_launch)
    late = await launch(control, tmp_path)
    await control.session.shutdown(early)
    await until(lambda: heard == [f"launched {late}"])
    await asyncio.to_thread(control.signals.on("session.closed").connect, on_shutdown)
    await control.session.shutdown(late)
    await until(lambda: heard == [f"launched {late}", f"shut down {late}"])


async def test_an_unknown_type_is_refused(control: Control) -> None:
    with pytest.raises(cao.NotFound):
        control.signals.on("session.vanished")


async def test_receivers_that_block_hold_up_no_other(control: Control, tmp_path: Path) -> None:
    """They are more than the event loop's own pool has threads."""
    heard: list[int] = []
    stuck = threading.Event()

    def blocking() -> Callable[[object, Event], None]:
        def block(_: object, event: Event) -> None:
            stuck.wait(20)

        return block

    def listen(_: object, event: Event) -> None:
        heard.append(event.seq)

    receivers = [*(blocking() for _ in range(40)), listen]
    for receiver in receivers:
        control.signals.on("session.launched").connect(receiver)
    try:
        for _ in range(3):
            await launch(control, tmp_path)
        await until(lambda: len(heard) == 3)
        await asyncio.wait_for(asyncio.to_thread(int), 5)
    finally:
        stuck.set()


async def test_a_method_is_one_receiver_however_often_it_is_looked_up(control: Control, tmp_path: Path) -> None:
    ear = Ear()
    control.signals.on("session.launched").connect(ear.listen)
    for _ in range(5):
        await launch(control, tmp_path)
    await until(lambda: len(ear.heard) == 5)
    assert ear.heard == sorted(ear.heard)
    assert [one.calls for one in control.signals.health()] == [5]


def receiver_threads() -> int:
    return sum(one.name.startswith("cao-receiver") for one in threading.enumerate())


@pytest.mark.parametrize("method", ["listen", "listen_here"])
async def test_what_has_heard_is_held_weakly_all_the_same(control: Control, tmp_path: Path, method: str) -> None:
    ear = Ear()
    heard, gone = ear.heard, weakref.ref(ear)
    control.signals.on("session.launched").connect(getattr(ear, method))
    await launch(control, tmp_path)
    await until(lambda: len(heard) == 1)
    del ear
    await until(lambda: gone() is None)
    await launch(control, tmp_path)
    await until(lambda: control.signals.health() == [] and receiver_threads() == 0)
    assert len(heard) == 1


async def test_who_was_disconnected_leaves_nothing_behind(control: Control, tmp_path: Path) -> None:
    stays, leaves = Ear(), [Ear() for _ in range(10)]
    signal = control.signals.on("session.launched")
    for ear in (stays, *leaves):
        signal.connect(ear.listen)
    await launch(control, tmp_path)
    await until(lambda: all(ear.heard for ear in (stays, *leaves)))
    for ear in leaves:
        signal.disconnect(ear.listen)
    await until(lambda: receiver_threads() == 1)
    assert len((await control.daemon.health()).receivers) == 1
    signal.connect(leaves[0].listen)
    await launch(control, tmp_path)
    await until(lambda: len(stays.heard) == len(leaves[0].heard) == 2)
    assert {len(ear.heard) for ear in leaves[1:]} == {1}


async def test_a_receiver_may_disconnect_itself_and_finish(tmp_path: Path) -> None:
    heard: list[int] = []

    async def once(signals: Signals, event: Event) -> None:
        signals.on("session.launched").disconnect(once)
        await until(lambda: signals.health() == [])
        heard.append(event.seq)

    async with cao.open(tmp_path / "home", work=False, receiver_seconds=60) as control:
        control.signals.on("session.launched").connect(once)
        for _ in range(3):
            await launch(control, tmp_path)
        await until(lambda: len(heard) == 1)
    assert len(heard) == 1


async def test_what_waits_for_a_receiver_is_not_lost(tmp_path: Path) -> None:
    """Neither when another one is let go of, nor when the control is closed."""
    heard: list[int] = []
    go_on = threading.Event()

    def slow(_: object, event: Event) -> None:
        go_on.wait(60)
        heard.append(event.seq)

    other = Ear()
    async with cao.open(tmp_path / "home", work=False, receiver_seconds=60) as control:
        signal = control.signals.on("session.launched")
        signal.connect(slow)
        signal.connect(other.listen)
        for _ in range(5):
            await launch(control, tmp_path)
        await until(lambda: len(other.heard) == 5)
        signal.disconnect(other.listen)
        await until(lambda: len(control.signals.health()) == 1)
        go_on.set()
    assert len(heard) == 5
