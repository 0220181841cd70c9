"""Trouble while work is under way: its process dies, Prefect refuses a request, or a person interrupts a pause."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

import cao
from cao.control import Control
from cao_flows.engine import Setbacks

from .conftest import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

HOLDER = """
import asyncio, sys
from pathlib import Path
import cao
from cao.liveness import Owner
from cao.store import activations, entries, turns

async def main(home):
    async with cao.open(home, work=False) as control:
        await control.project.init(path=str(home), name="place")
        session = await control.session.launch("hello", provider="scripted", directory=str(home))
        workflow = await control.workflow.run("one", directory=str(home))
        owner = Owner(home)
        owner.appear()

        def hold(tx):
            active = activations.enter(tx, session.id, owner.name, owner.is_alive)
            options = {"recovery": "retry", "flow_run_id": None, "task_run_id": None}
            turns.start(tx, tx.new_id("trn"), session.terminals[0].id, active.lease, **options)
            entries.enter(tx, workflow.id, owner.name, owner.is_alive, 60.0)

        await control.services.store.write(hold)
        print(session.run_id, workflow.id, flush=True)
        await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""

WORKFLOW = "name: one\nphases: [{id: only, command: {run: ['true']}}]\n"
PATIENT = "---\nname: patient\nprovider: scripted\nretries: 1\nretry_seconds: 600\n---\nYou retry.\n"
BUSY = '<script>[{"append": {"path": "tries", "text": "x"}}, {"fail": "busy", "retryable": true}]</script>'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Control]:
    home = tmp_path_factory.mktemp("trouble") / "home"
    async with cao.open(home, linger_seconds=0.2) as opened:
        (home / "profiles").mkdir()
        (home / "profiles" / "patient.md").write_text(PATIENT)
        yield opened


async def test_the_death_of_another_process_is_noticed_though_it_commits_nothing(tmp_path: Path) -> None:
    (tmp_path / ".cao" / "workflows").mkdir(parents=True)
    (tmp_path / ".cao" / "workflows" / "one.yaml").write_text(WORKFLOW)
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, str(tmp_path), stdout=PIPE)
    try:
        assert holder.stdout is not None
        run, workflow = (await holder.stdout.readline()).decode().split()
        async with cao.open(tmp_path, linger_seconds=0.2) as control:
            engine = control.services.engine
            await until(lambda: (now := engine.status()).state == "ready" and not now.queued + now.active + now.workflows, 120)
            assert {(await control.run.get(id)).state for id in (run, workflow)} == {"running"}
            holder.kill()
            assert (await control.run.wait(run, timeout=60)).state == "completed"
            assert (await control.run.wait(workflow, timeout=60)).state == "completed"
    finally:
        with contextlib.suppress(ProcessLookupError):
            holder.kill()
        await holder.wait()


async def test_work_that_prefect_refuses_is_tried_again(
    control: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = await control.session.launch("hello", provider="scripted", directory=str(tmp_path))
    assert (await control.run.wait(str(first.run_id), timeout=120)).state == "completed"
    with refusing(control.services.settings.home / "prefect" / "prefect.db"):
        second = await control.session.launch("hello", provider="scripted", directory=str(tmp_path))
        await until(lambda: f"work on {second.id} failed" in caplog.text, 60)
    assert (await control.run.wait(str(second.run_id), timeout=60)).state == "completed"


@contextlib.contextmanager
def refusing(database: Path) -> Generator[None]:
    """Prefect's API refuses new flow runs: its database does."""
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON flow_run BEGIN SELECT RAISE(ABORT, 'refused'); END")
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER refuse")


async def test_work_that_goes_on_failing_rests_longer_each_time() -> None:
    now = 100.0
    setbacks = Setbacks(lambda: now)
    assert [setbacks.add("ses_1") for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (setbacks.rests("ses_1"), setbacks.rests("ses_2"), setbacks.next_end(300)) == (True, False, 60)
    now += 60
    assert (setbacks.rests("ses_1"), setbacks.next_end(300)) == (False, 300)
    setbacks.forget("ses_1")
    assert setbacks.add("ses_1") == 1


@pytest.mark.parametrize("by", ["interrupt", "cancel"])
async def test_an_interruption_between_two_attempts_ends_the_turn(control: Control, tmp_path: Path, by: str) -> None:
    session = await control.session.launch(BUSY, profile="patient", directory=str(tmp_path))
    run, terminal = str(session.run_id), session.terminals[0].id
    await until((tmp_path / "tries").exists, 120)
    await (control.session.interrupt(session.id) if by == "interrupt" else control.run.cancel(run))
    ended = await control.run.wait(run, timeout=60)
    assert (ended.state, ended.failure and ended.failure.code) == ("cancelled", "interrupted")
    assert (tmp_path / "tries").read_text() == "x\n"
    turn = (await control.terminal.output(terminal)).turn
    assert turn is not None
    assert (turn.state, turn.attempt) == ("cancelled", 1)
    events = (await control.event.list(session=session.id, limit=200)).items
    told = [event.type for event in events if event.type.startswith(("turn.", "run."))]
    assert told == ["run.queued", "turn.started", "run.started", "turn.interrupted", "turn.settled", "run.cancelled"]
    again = await control.session.send(session.id, "still there?")
    assert (await control.run.wait(again.id, timeout=60)).state == "completed"
