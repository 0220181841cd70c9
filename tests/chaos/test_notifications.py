"""Many notifications to bad receivers, by senders that are killed: none is lost, and every receipt is true."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from cao.control import Control
from cao.events import ServerStarted
from cao.settings import load
from cao.store import Transaction
from cao_notifiers.records import Delivery

from .receivers import Receiver, http, smtp

NOTES = int(os.environ.get("CAO_CHAOS_NOTES", "5"))
ATTEMPTS = 10
SECONDS = 0.6
"""What the senders wait for a receiver; see `notifier_process`."""


@contextlib.asynccontextmanager
async def receivers() -> AsyncGenerator[list[Receiver]]:
    """Forty targets of five kinds."""
    async with contextlib.AsyncExitStack() as stack:
        found = [
            await stack.enter_async_context(http(f"{scheme}-{number}", f"{scheme}://127.0.0.1:PORT/{path}"))
            for number in range(9)
            for scheme, path in (("json", "hook"), ("form", "hook"), ("ntfy", "topic"), ("gotify", "tokenABCDEFGH"))
        ]
        # A mail costs as much as ten of the others: Apprise reads all certificates of the computer for each.
        yield [*found, *[await stack.enter_async_context(smtp(f"mail-{number}")) for number in range(4)]]


@contextlib.asynccontextmanager
async def sender(home: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A process that sends; it is killed at the end, if not before."""
    program = str(Path(__file__).with_name("notifier_process.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, str(home), str(SECONDS), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"sending\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


def tell(tx: Transaction) -> None:
    """Events that a rule asks for: what is told of, and that it is told of, is one transaction."""
    for number in range(NOTES):
        tx.emit(ServerStarted(url=f"note-{number}", version="1"))


def settled(control: Control) -> int:
    sql = "SELECT count(*) FROM notifiers_deliveries WHERE state IN ('accepted', 'dead')"
    return control.services.store.read().number(sql)


async def until_settled(control: Control, number: int) -> None:
    async with asyncio.timeout(400):
        while settled(control) < number:  # noqa: ASYNC110 - other processes do the work
            await asyncio.sleep(0.05)


async def deliveries(control: Control) -> list[Delivery]:
    store, ids = control.services.store, "SELECT id FROM notifiers_deliveries"
    return [await control.delivery.get(row["id"]) for row in store.read().rows(ids)]


@pytest.mark.timeout(900)
async def test_none_is_lost_and_receipts_are_true(tmp_path: Path) -> None:
    async with receivers() as targets, Control(load(tmp_path, {}, notify_attempts=ATTEMPTS), work=False) as control:
        for target in targets:
            await control.notifier.add(target.name, target.url, tags=["ops"])
        await control.rule.add(["server.started"], tags=["ops"], body="$text")
        await control.services.store.write(tell)
        total = NOTES * len(targets)
        async with sender(tmp_path):
            async with sender(tmp_path):  # two at once, until one is killed
                await until_settled(control, int(total * 0.25))
            await until_settled(control, int(total * 0.6))
        async with sender(tmp_path):
            await until_settled(control, total)
        made = await deliveries(control)
        assert len(made) == total
        check(made, targets)
        dead = [one.id for one in made if one.state == "dead"]
        told = control.services.store.read().rows("SELECT data FROM events WHERE type = 'delivery.dead'")
        assert sorted(row["data"]["delivery_id"] for row in told) == sorted(dead)
        outcomes = Counter(receipt.outcome for one in made for receipt in one.receipts)
        assert outcomes["lost"] >= 1, "nobody was killed in the middle of an attempt"
        print(f"\n{total} notifications, {sum(outcomes.values())} attempts {dict(outcomes)}, {len(dead)} dead letters")


def check(made: Sequence[Delivery], targets: Sequence[Receiver]) -> None:
    """Compare the receipts with what the receivers did."""
    by_name = {target.name: target for target in targets}
    for one in made:
        target, note = by_name[one.notifier], int(one.body.partition("note-")[2].split()[0])
        outcomes = Counter(receipt.outcome for receipt in one.receipts)
        assert [receipt.attempt for receipt in one.receipts] == list(range(1, one.attempts + 1))
        assert one.attempts <= ATTEMPTS and outcomes["sending"] == 0
        assert (one.state == "accepted") == (one.receipts[-1].outcome == "accepted") == (outcomes["accepted"] == 1)
        # An attempt that was cut or timed out may have got through; all others are exactly what the receiver did.
        open_ended = outcomes["lost"] + outcomes["timed-out"]
        assert outcomes["accepted"] <= target.taken(note) <= outcomes["accepted"] + open_ended
        assert outcomes["failed"] <= target.did["refuse"][note] <= outcomes["failed"] + open_ended
        assert target.seen[note] <= one.attempts
        assert one.state == "dead" or target.did["take"][note] + target.did["drop"][note] >= 1
