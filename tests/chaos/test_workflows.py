"""`kill -9` at the boundaries of a workflow's phases and at random moments: nothing finished is redone, nothing is done twice.

The claim of `docs/explanation/durability.md`. Commands write lines into a ledger outside the store, so that one that ran twice
is seen. Whoever is asked about a cut phase looks into the ledger, as a person would.

`CAO_CHAOS_POINTS` of the 48 boundaries are tried (12 phases: before, during, while it is written down, after) and
`CAO_CHAOS_KILLS` random moments.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from cao.control import Control
from cao.protocol import REGISTRY
from cao.protocol.records import FINAL_RUN_STATES
from cao.protocol.workflows import Step, Workflow
from cao.settings import load
from cao_flows.prefect_api import PrefectApi

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

POINTS = int(os.environ.get("CAO_CHAOS_POINTS", "3"))
FULL_SECONDS = float(os.environ.get("CAO_CHAOS_FULL_SECONDS", "2"))
KILLS = int(os.environ.get("CAO_CHAOS_KILLS", "2"))
SEED = int(os.environ.get("CAO_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
CPU_SECONDS = 3.0
"""Processor time until a run goes on: the clock would measure what else the machine does."""

SCRIPT = """
echo "$CAO_PHASE" >> begun
while [ -e "hold-$1" ]; do sleep 0.02; done
echo "$CAO_PHASE" >> ledger
echo "did $1"
"""


def command(id: str, effect: str = "idempotent", name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": id, "command": {"run": ["sh", "step.sh", name or id]}, "effect": effect, **more}


SIDE = "side-effecting"
PHASES: list[dict[str, Any]] = [
    command("p1"),
    command("p2", SIDE),
    {"id": "p3", "agent": {"prompt": "Say it: {{ phases.p2.output.text }}", "provider": "scripted"}, "effect": "idempotent"},
    {"id": "p4", "parallel": {"phases": [command("x", name="p4"), command("y", SIDE, name="p4y")]}},
    {"id": "p5", "manual": {"question": "Go on after {{ phases.p4.output.items | length }}?"}},
    command("p6", SIDE),
    {
        "id": "p7",
        "command": {"run": ["sh", "-c", "sh step.sh p7 > p7.txt; echo '[1, 2]'"], "output": "json"},
        "effect": "idempotent",
    },
    {"id": "p8", "map": {"over": "phases.p7.output.json", "phase": command("one", name="p8")}},
    command("skipped", skip_if="phases.p1.verdict == 'advance'"),
    command("p9"),
    command("p10", SIDE),
    command("p11"),
    command("p12", SIDE),
]
BOUNDARIES = [(moment, f"p{number}") for number in range(1, 13) for moment in ("before", "during", "deciding", "after")]
ONCE = {"p2", "p4/y", "p6", "p10", "p12"}
"""Phases that must not run twice."""


@dataclass
class Nursery:
    """Starts processes that run workflows on one data directory, and kills them."""

    process: asyncio.subprocess.Process
    control: Control
    place: Path
    pid: int = 0

    async def call(self, name: str, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields))

    async def ready(self) -> None:
        assert self.process.stdout
        async with asyncio.timeout(120):
            assert await self.process.stdout.readline() == b"ready\n"

    async def start(self, line: str = "-") -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(60):
            self.pid = int(await self.process.stdout.readline())

    @property
    def lives(self) -> bool:
        return self.pid != 0 and Path(f"/proc/{self.pid}").exists()

    def kill(self) -> None:
        if self.lives:
            os.kill(self.pid, signal.SIGKILL)

    def cpu(self) -> float:
        """Seconds of processor time since the fork."""
        try:
            words = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    async def workflow(self) -> str:
        return (await self.call("workflow.run", definition="chaos", directory=str(self.place))).id

    def lines(self, name: str) -> list[str]:
        file = self.place / name
        return file.read_text().split() if file.exists() else []

    def clear(self) -> None:
        for file in ("begun", "ledger"):
            (self.place / file).unlink(missing_ok=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prefect(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrefectApi]:
    """A Prefect server that nobody kills."""
    api = PrefectApi(tmp_path_factory.mktemp("prefect"), "")
    await asyncio.to_thread(api.spawn)
    try:
        await asyncio.to_thread(api.wait_ready, 120, lambda: False)
        yield api
    finally:
        await asyncio.to_thread(api.stop, 10)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery(tmp_path_factory: pytest.TempPathFactory, prefect: PrefectApi) -> AsyncIterator[Nursery]:
    root = tmp_path_factory.mktemp("workflows")
    place = root / "place"
    (place / ".cao" / "workflows").mkdir(parents=True)
    definition = {"name": "chaos", "phases": PHASES, "outputs": {"last": "{{ phases.p12.output.text }}"}}
    (place / ".cao" / "workflows" / "chaos.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))
    (place / "step.sh").write_text(SCRIPT)
    async with Control(load(root / "home"), work=False) as control:
        await control.project.init(path=str(place), name="place")
        arguments = (str(Path(__file__).parent / "workflow_process.py"), str(root / "home"), prefect.url)
        with (root / "nursery.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=PIPE, stdout=PIPE, stderr=log, start_new_session=True
            )
        made = Nursery(process, control, place)
        try:
            await made.ready()
            yield made
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # those that it started are of its group
            await process.wait()


async def until(holds: Callable[[], object], seconds: float = 90.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for is another process's doing
            await asyncio.sleep(0.01)


class Story:
    """One run, and the person who is asked about it."""

    def __init__(self, nursery: Nursery, run: str) -> None:
        self.nursery, self.run = nursery, run
        self.store = nursery.control.services.store
        self.again: Counter[str] = Counter()
        """How often a person wanted a cut phase done again."""
        self.told: set[str] = set()
        """Phases whose end a person told."""
        self.unanswered = ""
        """The phase whose question nobody answers yet."""

    @property
    def state(self) -> str:
        row = self.store.read().row("SELECT state FROM runs WHERE id = ?", (self.run,))
        return str(row["state"]) if row else ""

    @property
    def over(self) -> bool:
        return self.state in FINAL_RUN_STATES

    def news(self) -> int:
        """How many things happened to its phases."""
        sql = "SELECT count(*) FROM events WHERE run_id = ? AND type IN ('phase.started', 'phase.decided', 'run.completed')"
        return self.store.read().number(sql, (self.run,))

    async def answer(self) -> None:
        """Answer what is asked, as a person who can look into the ledger."""
        for approval in (await self.nursery.call("approval.list", state="pending", limit=200)).items:
            path = str(approval.action.get("phase"))
            if approval.run_id != self.run or path == self.unanswered:
                continue
            if approval.action.get("about") != "cut":
                await self.nursery.call("phase.approve", run=self.run, phase=path, note="yes")
            elif path in self.nursery.lines("ledger"):
                self.told |= {path, path.split("/")[0]}  # the evidence of a branch is that of the whole, too
                note = f"did {'p4y' if path == 'p4/y' else path}"
                await self.nursery.call("phase.approve", run=self.run, phase=path, note=note, verdict="advance")
            else:
                self.again[path] += 1
                await self.nursery.call("phase.approve", run=self.run, phase=path)

    async def go_on(self, stop: Callable[[], object], seconds: float = 90.0) -> None:
        """Answer what is asked until `stop` holds or the run is over."""
        async with asyncio.timeout(seconds):
            while not stop() and not self.over:
                await self.answer()
                await asyncio.sleep(0.02)

    async def found(self) -> Workflow:
        return await self.nursery.call("workflow.get", run=self.run)


def outcome(found: Workflow, told: set[str]) -> dict[str, Any]:
    """What must be the same however often a run was killed: the last attempt at each phase, without ids and times."""
    last: dict[str, Step] = {step.path: step for step in found.steps}
    assert all(step.state == "settled" for step in found.steps)
    return {"outputs": found.outputs} | {
        path: json.dumps(
            [
                step.decision and step.decision.model_dump(exclude={"by", "evidence", "reason"} if path in told else set()),
                step.output,
                step.failure,
            ],
            default=str,
        )
        for path, step in last.items()
    }


def check_once(story: Story) -> None:
    """Nothing began after it was decided, and what must not run twice did not."""
    events = story.store.read().rows(
        "SELECT type, json_extract(data, '$.path') AS path, json_extract(data, '$.failure.code') AS code FROM events "
        "WHERE run_id = ? AND type IN ('phase.started', 'phase.decided') ORDER BY seq",
        (story.run,),
    )
    over: set[str] = set()
    for event in events:
        assert event["path"] not in over, f"{event['type']} of {event['path']} after its end"
        if event["type"] == "phase.decided" and event["code"] not in ("cut", "again"):
            over.add(event["path"])
    ledger = Counter(story.nursery.lines("ledger"))
    assert {path: ledger[path] for path in ONCE} == dict.fromkeys(ONCE, 1), ledger


async def play(nursery: Nursery, story: Story) -> Workflow:
    await nursery.start()
    await story.go_on(lambda: False)
    nursery.kill()
    await until(lambda: not nursery.lives)
    return await story.found()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(nursery: Nursery) -> Workflow:
    """A run that nobody kills."""
    story = Story(nursery, await nursery.workflow())
    found = await play(nursery, story)
    assert found.state == "completed", found.failure
    check_once(story)
    nursery.clear()
    return found


async def test_killed_at_the_boundaries_of_its_phases(nursery: Nursery, undisturbed: Workflow) -> None:
    dice = random.Random(SEED)
    print(f"CAO_CHAOS_SEED={SEED}")
    chosen = dice.sample(BOUNDARIES, min(POINTS, len(BOUNDARIES)))
    spent: list[float] = [0.0]
    for moment, path in chosen:
        nursery.clear()
        story = Story(nursery, await nursery.workflow())
        await die(nursery, story, moment, path)
        spent.append(await go_on_after(nursery, story))
        found = await story.found()
        assert found.state == "completed", (moment, path, found.failure)
        check_once(story)
        assert outcome(found, story.told) == outcome(undisturbed, story.told), (moment, path)
    print(f"{len(chosen)} points, most processor time until it went on: {max(spent):.2f} s")
    assert max(spent) < CPU_SECONDS, spent
    nursery.clear()


async def die(nursery: Nursery, story: Story, moment: str, path: str) -> None:
    """Run the workflow in a process that ends at a boundary, and see that it ended there."""
    hold = nursery.place / f"hold-{path}"
    waits = path == "p5" and moment in ("during", "deciding")  # for a person
    held = moment == "during" and path not in ("p3", "p5")  # by a file; an agent's process ends by itself
    if held:
        hold.touch()
    story.unanswered = path if waits else ""

    def state() -> str:
        row = story.store.read().row("SELECT state FROM steps WHERE run_id = ? AND path = ?", (story.run, path))
        return str(row["state"]) if row else ""

    def reached() -> bool:
        if waits:
            return state() == "waiting"
        if held:
            return any(line.split("/")[0].split("[")[0] == path for line in nursery.lines("begun"))
        return not nursery.lives

    await nursery.start("-" if waits or held else f"{moment} {path} {story.run}")
    await story.go_on(reached)
    nursery.kill()
    await until(lambda: not nursery.lives)
    hold.unlink(missing_ok=True)
    expected = {"before": ("",), "during": ("running", "waiting"), "deciding": ("running", "waiting"), "after": ("settled",)}
    assert state() in expected[moment], (moment, path, state())
    assert not story.over or (moment, path) == ("after", "p12")
    story.unanswered = ""
    if moment == "deciding" and waits:
        await story.answer()  # nothing lives that would hear of it


async def go_on_after(nursery: Nursery, story: Story) -> float:
    """Let another process take a run up and end it; its processor seconds until the run went on."""
    if story.over:
        return 0.0
    before = story.news()
    await nursery.start()
    await story.go_on(lambda: story.news() > before)
    spent = nursery.cpu()
    await story.go_on(lambda: False)
    nursery.kill()
    await until(lambda: not nursery.lives)
    return spent


async def test_killed_at_random_moments(nursery: Nursery, undisturbed: Workflow) -> None:
    dice = random.Random(SEED)
    print(f"CAO_CHAOS_SEED={SEED}")
    kills, spent = 0, [0.0]
    while kills < KILLS:
        nursery.clear()
        story = Story(nursery, await nursery.workflow())
        while kills < KILLS and not story.over:
            before = story.news()
            await nursery.start()
            await story.go_on(lambda story=story, before=before: story.news() > before)
            spent.append(nursery.cpu())
            moment = asyncio.get_running_loop().time() + dice.uniform(0.0, 0.4)
            await story.go_on(lambda moment=moment: asyncio.get_running_loop().time() > moment)
            kills += not story.over
            nursery.kill()
            await until(lambda: not nursery.lives)
        found = await play(nursery, story) if not story.over else await story.found()
        assert found.state == "completed", found.failure
        check_once(story)
        assert outcome(found, story.told) == outcome(undisturbed, story.told)
    nursery.clear()
    print(f"{kills} kills, most processor time until it went on: {max(spent):.2f} s")
    assert max(spent) < CPU_SECONDS, spent


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, text=True)
    if made.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"no small file system can be mounted: {made.stderr}")
        pytest.skip(f"a full disk needs a file system of its own, and none can be mounted: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_full_disk_only_takes_time(small_disk: Path, tmp_path: Path, prefect: PrefectApi) -> None:
    place = tmp_path / "place"
    (place / ".cao" / "workflows").mkdir(parents=True)
    (place / "step.sh").write_text(SCRIPT)
    say = {"id": "say", "agent": {"prompt": "hello", "provider": "scripted"}, "effect": "idempotent"}
    phases = [command("p1"), *(command(f"p{number}", SIDE) for number in range(2, 9)), say]
    (place / ".cao" / "workflows" / "full.yaml").write_text(yaml.safe_dump({"name": "full", "phases": phases}))
    settings = load(small_disk / "home", prefect_api_url=prefect.url, linger_seconds=0.2)
    ballast, hold = small_disk / "ballast", place / "hold-p3"
    hold.touch()
    async with Control(settings) as control:
        await control.project.init(path=str(place), name="place")
        run = await control.workflow.run("full", directory=str(place))
        await until(lambda: (place / "begun").exists() and "p3" in (place / "begun").read_text().split())
        await asyncio.to_thread(fill, ballast)
        hold.unlink()
        await until(lambda: "p3" in (place / "ledger").read_text().split())
        await asyncio.sleep(FULL_SECONDS)  # nothing can be written down, and nothing is begun that is not
        assert (place / "begun").read_text().split() == ["p1", "p2", "p3"]
        ballast.unlink()
        found = await control.workflow.wait(run.id, timeout=90)
        assert found.state == "completed", found.failure
        assert (place / "ledger").read_text().split() == [f"p{number}" for number in range(1, 9)]
        assert all(step.attempt == 1 for step in found.steps)
        assert await control.services.store.check() == []


def fill(file: Path) -> None:
    """Leave no byte on the disk."""
    with file.open("wb", buffering=0) as target, contextlib.suppress(OSError):
        while True:
            target.write(bytes(1024))
