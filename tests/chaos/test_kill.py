"""`kill -9` at random moments of a session of ten turns: nothing lost, nothing finished redone, every state true.

The claim of `docs/explanation/durability.md`. Side effects are lines in a file outside the store, so that a turn that ran twice
is seen even if the store forgot it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cao.control import Control
from cao.protocol import REGISTRY
from cao.settings import load
from cao_flows.prefect_api import PrefectApi

HERE = Path(__file__).parent
TURNS = 10
KILLS = int(os.environ.get("CAO_CHAOS_SESSION_KILLS", "3"))
KILLS_WITH_PREFECT = 1
"""So many more where Prefect's API is killed too; each waits for its cold start."""
SEED = int(os.environ.get("CAO_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


async def call(control: Control, name: str, **fields: object):
    operation = REGISTRY[name]
    return await control.call(operation, operation.parse(fields))


class Victim:
    """The process that works on the data directory."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, home: Path, prefect: str | None = None) -> Victim:
        """prefect: the URL of an API that stays; else the victim has its own, which dies with it."""
        command = (sys.executable, str(HERE / "session_process.py"), str(home))
        environment = {**os.environ, **({"PREFECT_API_URL": prefect} if prefect else {})}
        with (home / "victim.log").open("ab") as log:
            pipe = asyncio.subprocess.PIPE
            return cls(await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=log, env=environment))

    async def line(self, seconds: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds):
            return json.loads(await self.process.stdout.readline())

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.communicate()


def script(number: int, ledger: str) -> str:
    effect = {"append": {"path": ledger, "text": str(number)}}
    return f"<script>{json.dumps([{'say': f'begin {number}'}, effect, {'sleep': 0.3}, {'say': f'end {number}'}])}</script>"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def prefect(tmp_path: Path) -> Iterator[str]:
    """Prefect's API in a process that nobody kills, as a fleet has it."""
    api = PrefectApi(tmp_path / "prefect", "")
    api.spawn()
    try:
        api.wait_ready(60, lambda: False)
        yield api.url
    finally:
        api.stop(10)


@pytest.mark.timeout(600)
async def test_killed_at_random_moments(home: Path, tmp_path: Path, prefect: str) -> None:
    await check_kills(home, tmp_path, KILLS, prefect)


@pytest.mark.timeout(300)
async def test_killed_with_its_own_prefect(home: Path, tmp_path: Path) -> None:
    await check_kills(home, tmp_path, KILLS_WITH_PREFECT, None)


async def check_kills(home: Path, tmp_path: Path, kills: int, prefect: str | None) -> None:
    dice = random.Random(SEED)
    print(f"CAO_CHAOS_SEED={SEED}")
    async with Control(load(home), work=False) as control:
        session = await call(control, "session.launch", profile="developer", provider="scripted", directory=str(tmp_path))
        for number in range(TURNS):
            text = script(number, "ledger.txt")
            await call(control, "session.send", session=session.id, text=text)
        opened: list[float] = []
        for _ in range(kills):
            victim = await Victim.start(home, prefect)
            opened.append((await victim.line(60))["open_cpu"])
            check_states(control, session.id)
            await victim.line(90)
            await asyncio.sleep(dice.uniform(0.0, 0.55))
            await victim.kill()
            check_settled_once(control, session.id)
        survivor = await Victim.start(home, prefect)
        try:
            opened.append((await survivor.line(60))["open_cpu"])
            api = str((await survivor.line(90))["api"])
            rest = await call(control, "session.wait", session=session.id, timeout=120)
            assert rest.at_rest
            await check_prefect(api)
        finally:
            await survivor.kill()
        messages = (await call(control, "message.list", session=session.id, limit=200)).items
        assert Counter(message.state for message in messages) == {"done": TURNS}
        runs = (await call(control, "run.list", session=session.id, limit=200)).items
        assert {run.state for run in runs} == {"completed"}
        # Seconds of processor time from the start of the process until every state is true again: the clock would measure
        # what else the machine does.
        assert max(opened) < 3.0, opened
        check_ledger(control, tmp_path / "ledger.txt")


POLICIES = {
    "retry": ("queued", "pending", "queued"),
    "ask": ("waiting", "delivered", "waiting"),
    "fail": ("failed", "failed", "failed"),
}
"""What a cut turn, its message and its run become right after recovery."""


@pytest.mark.timeout(300)
async def test_a_cut_turn_follows_its_policy(home: Path, tmp_path: Path) -> None:
    profiles = home / "profiles"
    profiles.mkdir()
    for policy in POLICIES:
        (profiles / f"{policy}er.md").write_text(f"---\nname: {policy}er\nrecovery: {policy}\n---\nA test agent.\n")
    prompt = '<script>[{"append": {"path": "begun.txt", "text": "x"}}, {"sleep": 3600}]</script>'
    async with Control(load(home), work=False) as control:
        launched = {
            policy: await call(
                control,
                "session.launch",
                profile=f"{policy}er",
                provider="scripted",
                directory=str(tmp_path),
                prompt=prompt,
            )
            for policy in POLICIES
        }
        victim = await Victim.start(home)
        await victim.line(60)
        await until(lambda: (tmp_path / "begun.txt").exists() and len((tmp_path / "begun.txt").read_text().split()) == 3, 90)
        await victim.kill()
        # Only recovery, and no engine that would begin again: what is left is what the policies made of the turns.
        async with Control(load(home)) as recovered:
            await recovered.services.engine.stop(0)
            for policy, states in POLICIES.items():
                assert states_of(control, launched[policy].run_id) == states, policy
            waiting = (await call(control, "approval.list", state="pending")).items
            assert [approval.run_id for approval in waiting] == [launched["ask"].run_id]
            denied = await call(control, "approval.decide", approval=waiting[0].id, decision="deny")
            assert denied.state == "denied"
            assert states_of(control, launched["ask"].run_id) == ("failed", "failed", "failed")


LASTING = """---
name: lasting
provider: headless
recovery: retry
command: [{python}, -c, {program}]
---
An agent that outlives a crash.
"""

AGENT = """
import os, pathlib, sys, time
sys.stdin.read()
first, second = (pathlib.Path(name) for name in ("first.pid", "second.txt"))
if first.exists():
    told = pathlib.Path(f"/proc/{first.read_text()}/stat")
    state = told.read_text().rpartition(")")[2].split()[0] if told.exists() else "gone"
    second.write_text(f"{state in ('Z', 'gone')} {os.environ['CAO_TERMINAL']}")
    print("done")
else:
    first.write_text(str(os.getpid()))
    time.sleep(600)
"""


@pytest.mark.timeout(300)
async def test_an_agent_that_outlived_a_crash_is_ended_before_its_turn_is_played_again(home: Path, tmp_path: Path) -> None:
    (home / "profiles").mkdir()
    profile = LASTING.format(python=json.dumps(sys.executable), program=json.dumps(AGENT))
    (home / "profiles" / "lasting.md").write_text(profile)
    async with Control(load(home), work=False) as control:
        session = await call(control, "session.launch", profile="lasting", directory=str(tmp_path), prompt="Work.")
        victim = await Victim.start(home)
        await until(lambda: (tmp_path / "first.pid").exists() and bool((tmp_path / "first.pid").read_text()), 90)
        await victim.kill()
        left = [one for one in (await call(control, "runner.orphans")).items if one.kind == "process"]
        assert [one.id for one in left] == [(tmp_path / "first.pid").read_text()], "it works on, and nobody waits for it"
        survivor = await Victim.start(home)
        try:
            run = await call(control, "run.wait", run=session.run_id, timeout=120)
            assert (run.state, run.result) == ("completed", "done")
            assert (tmp_path / "second.txt").read_text() == f"True {session.terminals[0].id}"
        finally:
            await survivor.kill()


def states_of(control: Control, run_id: str) -> tuple[str, str, str]:
    row = control.services.store.read().row(
        "SELECT t.state AS turn, m.state AS message, r.state AS run FROM runs r JOIN messages m ON m.run_id = r.id "
        "JOIN turns t ON t.id = m.turn_id WHERE r.id = ?",
        (run_id,),
    )
    assert row is not None
    return row["turn"], row["message"], row["run"]


async def until(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is another process's doing
            await asyncio.sleep(0.05)


def check_states(control: Control, session_id: str) -> None:
    """Right after recovery no turn is said to run that nobody runs, and each message is where its turn is."""
    reader = control.services.store.read()
    rows = reader.rows(
        "SELECT m.state AS message, t.state AS turn FROM messages m LEFT JOIN turns t ON t.id = m.turn_id "
        "WHERE m.session_id = ?",
        (session_id,),
    )
    allowed = {
        ("pending", None),
        ("pending", "queued"),
        ("delivered", "running"),
        ("delivered", "waiting"),
        ("done", "completed"),
    }
    assert {(row["message"], row["turn"]) for row in rows} <= allowed
    assert len(rows) == TURNS


def check_settled_once(control: Control, session_id: str) -> None:
    """No turn was settled twice, and none began again after it was."""
    events = control.services.store.read().rows(
        "SELECT type, json_extract(data, '$.turn_id') AS turn FROM events WHERE session_id = ? "
        "AND type IN ('turn.started', 'turn.settled') ORDER BY seq",
        (session_id,),
    )
    over: set[str] = set()
    for event in events:
        assert event["turn"] not in over, f"{event['type']} after the end of {event['turn']}"
        if event["type"] == "turn.settled":
            over.add(event["turn"])


def check_ledger(control: Control, ledger: Path) -> None:
    """Every turn had its effect; one that had it more than once was cut just as often, and said so."""
    effects = Counter(ledger.read_text().split())
    assert set(effects) == {str(number) for number in range(TURNS)}
    cuts = control.services.store.read().number("SELECT count(*) FROM events WHERE type = 'turn.cut'")
    assert sum(effects.values()) - TURNS <= cuts


async def check_prefect(url: str) -> None:
    """Prefect says Running of nothing that is at rest."""
    running = {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}
    async with httpx.AsyncClient(timeout=10) as client:
        deadline = asyncio.get_running_loop().time() + 40
        while True:
            flows = (await client.post(f"{url}/flow_runs/filter", json={"flow_runs": running})).json()
            tasks = (await client.post(f"{url}/task_runs/filter", json={"task_runs": running})).json()
            if not flows and not tasks:
                return
            assert asyncio.get_running_loop().time() < deadline, (flows, tasks)
            await asyncio.sleep(0.5)
