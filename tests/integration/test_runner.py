"""What a crash leaves behind, found and mended; and what can be known of models without asking them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cao.control import Control
from cao.events import EngineChanged
from cao.liveness import Owner
from cao.operations import leftovers
from cao.protocol import NotFound
from cao.settings import load
from cao.store import Transaction, activations, leases, turns

from .repositories import Desk

DEAD = "0123456789ab"
KEY = "sk-ant-" + "x" * 40


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        yield Desk(control)


async def test_an_agent_that_nobody_waits_for_is_found_and_ended(desk: Desk, tmp_path: Path) -> None:
    session = await desk.ask("session.launch", provider="scripted", directory=str(tmp_path))
    told = [{"CAO_SESSION": session.id}, {"CAO_SESSION": "ses_of_another"}, {"CAO_SESSIONS": session.id}]
    ours, *others = [await asyncio.create_subprocess_exec("sleep", "600", env=one) for one in told]
    try:
        (found,) = (await desk.ask("runner.orphans", kind="process")).items
        assert (found.id, session.id in found.what) == (str(ours.pid), True)
        await desk.ask("runner.cleanup", kind="process", dry_run=True)
        assert ours.returncode is None
        assert (await desk.ask("runner.cleanup", kind="process")).mended == [found]
        assert await asyncio.wait_for(ours.wait(), 10) == -signal.SIGKILL
        assert (await desk.ask("runner.orphans", kind="process")).items == []
    finally:
        for process in (ours, *others):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    assert [process.returncode for process in others] == [-signal.SIGKILL] * 2, "they lived until now"


async def test_a_session_of_a_dead_process_is_found_and_follows_its_policy(desk: Desk, tmp_path: Path) -> None:
    session = await desk.ask("session.launch", provider="scripted", directory=str(tmp_path), prompt="hello")

    def die_in_a_turn(tx: Transaction) -> None:
        active = activations.enter(tx, session.id, DEAD, lambda _: False)
        assert active is not None
        turn, terminal = tx.new_id("trn"), session.terminals[0].id
        turns.start(tx, turn, terminal, active.lease, recovery="fail", flow_run_id=None, task_run_id=None)
        leases.acquire(tx, "clock", DEAD, lambda _: False)
        leases.acquire(tx, "workflow:run_1", DEAD, lambda _: False)

    await desk.control.services.store.write(die_in_a_turn)
    (tmp_path / "home" / "owners" / f"{DEAD}.lock").touch()
    health = await desk.ask("runner.health")
    assert (health.status, health.open_activations, health.orphans) == ("degraded", 1, 1)
    assert [(one.name, one.leases) for one in health.owners if not one.alive] == [(DEAD, 3)]
    found = (await desk.ask("runner.orphans")).items
    assert [(one.kind, one.id) for one in found] == [
        ("activation", session.id),
        ("lease", "clock"),
        ("lease", "workflow:run_1"),
        ("owner", DEAD),
    ]
    planned = await desk.ask("runner.cleanup", dry_run=True)
    assert (await desk.ask("runner.orphans")).items == found
    done = await desk.ask("runner.cleanup")
    assert ([one.id for one in done.mended], [one.fix for one in done.left]) == ([session.id, "clock", DEAD], ["cao tick"])
    assert (planned.mended, planned.left) == (done.mended, done.left)
    run = await desk.ask("run.get", run=session.run_id)
    assert (run.state, run.failure.code) == ("failed", "cut")
    assert [one.id for one in (await desk.ask("runner.orphans")).items] == ["workflow:run_1"]
    stats = await desk.ask("runner.stats", within="1h")
    assert (stats.turns_started, stats.turns_again, stats.turns_cut, stats.runs["failed"]) == (1, 0, {"fail": 1}, 1)


async def test_agents_of_a_session_that_was_taken_over_meanwhile_are_left_alone(desk: Desk, tmp_path: Path) -> None:
    session = await desk.ask("session.launch", provider="scripted", directory=str(tmp_path))
    store, living = desk.control.services.store, Owner(tmp_path / "home")
    agent = await asyncio.create_subprocess_exec("sleep", "600", env={"CAO_SESSION": session.id})
    living.appear()
    try:
        await store.write(lambda tx: activations.enter(tx, session.id, DEAD, lambda _: False))
        ctx = desk.control.context()
        found = [one for one in await leftovers.find(ctx) if one.kind in ("activation", "process")]
        assert {one.kind for one in found} == {"activation", "process"}
        assert await store.write(lambda tx: activations.enter(tx, session.id, living.name, living.is_alive))
        for one in found:
            change = await leftovers.mend(ctx, one)
            assert change is not None
            await store.write(change)
        assert (agent.returncode, _sleeps(agent.pid)) == (None, True)
        assert activations.owner_of(store.read(), session.id) == living.name
        living.vanish()
        await desk.ask("runner.cleanup", kind="activation")
        assert await asyncio.wait_for(agent.wait(), 10) == -signal.SIGKILL
        assert (await desk.ask("runner.health")).open_activations == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            agent.kill()
        await agent.wait()


def _sleeps(pid: int) -> bool:
    """Whether the process runs and was not killed: one that was is gone, or waits to be buried."""
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "S"


async def test_scratch_of_closed_terminals_goes_and_of_open_ones_stays(desk: Desk, tmp_path: Path) -> None:
    session = await desk.ask("session.launch", provider="scripted", directory=str(tmp_path))
    folder = tmp_path / "home" / "terminals"
    (folder / session.terminals[0].id / "deep").mkdir(parents=True)
    assert (await desk.ask("runner.orphans", kind="scratch")).items == []
    await desk.ask("session.shutdown", session=session.id)
    (folder / "ter_link").symlink_to(tmp_path)
    assert [one.id for one in (await desk.ask("runner.cleanup", kind="scratch")).mended] == [session.terminals[0].id]
    assert [path.name for path in folder.iterdir()] == ["ter_link"]


async def test_lives_of_the_engine_are_counted(desk: Desk) -> None:
    states = ("starting", "starting", "ready", "starting", "ready", "stopped", "starting", "failed", "starting", "ready")
    for state in states:
        await desk.control.services.store.write(lambda tx, state=state: tx.emit(EngineChanged(state=state)))
    stats = await desk.ask("runner.stats")
    assert (stats.engine_started, stats.prefect_restarted, stats.engine_failed) == (3, 1, 1)


async def test_models(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = desk.control.services.library.installed
    folder.mkdir(parents=True, exist_ok=True)
    profiles = {
        "plain": "provider: scripted\nmodel: big",
        "shell": "provider: headless\nmodel: small\ncommand: [sh, -c, 'echo {prompt}']",
        "gone": "provider: headless\nmodel: small\ncommand: [no-such-program, '{model}', '{prompt}']",
        "lost": "provider: nowhere",
    }
    for name, front in profiles.items():
        (folder / f"{name}.md").write_text(f"---\nname: {name}\n{front}\nenvironment: {{MY_API_KEY: '{KEY}'}}\n---\nGo.\n")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    listed = {(one.provider, one.model): one.profiles for one in (await desk.ask("model.list")).items}
    assert listed["headless", "small"] == ["gone", "shell"]
    page = await desk.ask("model.availability")
    told = {(one.provider, one.model): one for one in page.items}
    assert (told["scripted", "big"].ready, told["scripted", "big"].credentials) == (True, "none")
    assert told["headless", "small"].variables == ["MY_API_KEY", "OPENAI_API_KEY"]
    assert not told["headless", "small"].ready
    assert told["nowhere", None].missing[0].what == "there is no provider 'nowhere'"
    assert KEY not in page.model_dump_json()
    verdicts = {name: await desk.ask("model.validate", profile=name) for name in profiles}
    assert [verdicts[name].valid for name in profiles] == [True, True, False, False]
    assert "takes no model" in verdicts["plain"].findings[0].message
    assert "has no {model}" in verdicts["shell"].findings[0].message
    with pytest.raises(NotFound):
        await desk.ask("model.validate", profile="nobody")
