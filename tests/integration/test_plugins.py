"""Plugins: what they hear, refuse and record, and that none of them harms the control, whatever it does."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

import cao
from cao.control import Control
from cao.duties import Duty
from cao.events import BackupWritten, ProjectAdded, SessionClosed, SessionLaunched
from cao.plugins import Plugin, Veto, before, hook, within
from cao.protocol import REGISTRY, Caller, Operation, Request
from cao.protocol.plugins import PluginInfo
from cao.protocol.records import Event
from cao.settings import load
from cao.store import Reader, Transaction

from .conftest import until
from .installed import importable, install


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    settings = load(tmp_path / "home", {}, receiver_seconds=0.2, plugin_seconds=1.0)
    async with Control(settings, work=False) as opened:
        yield opened


async def launch(control: Control, place: Path, name: str | None = None) -> str:
    return (await control.session.launch(provider="scripted", directory=str(place), name=name)).id


async def emit(control: Control, count: int) -> None:
    """So many events that mean nothing to anybody, in one transaction."""

    def change(tx: Transaction) -> None:
        for number in range(count):
            tx.emit(BackupWritten(path="nowhere", bytes=number))

    await control.services.store.write(change)


async def refusal(work: Any) -> cao.CaoError:
    with pytest.raises(cao.CaoError) as caught:
        await work
    return caught.value


def method(info: PluginInfo, name: str) -> Any:
    return next(one for one in info.methods if one.method == name)


class Listener(Plugin):
    """Hears of sessions."""

    name = "listener"

    def __init__(self, control: Control) -> None:
        super().__init__(control)
        self.heard: list[tuple[str, str | None]] = []
        self.threads: set[str] = set()
        self.life = ["made"]
        LISTENERS.append(self)

    async def set_up(self) -> None:
        self.life.append("up")

    async def tear_down(self) -> None:
        self.life.append("down")

    @hook(SessionLaunched)
    @hook(SessionClosed)
    async def on_session(self, event: Event) -> None:
        self.heard.append((event.type, event.session_id))
        self.life.append("heard")

    @hook("*")
    def in_a_thread(self, event: Event) -> None:
        self.threads.add(threading.current_thread().name)


LISTENERS: list[Listener] = []


async def test_hooks_hear_their_events_in_order_and_the_last_one_before_the_end(tmp_path: Path) -> None:
    LISTENERS.clear()
    async with cao.open(tmp_path / "home", work=False) as control:
        assert (await control.plugins.add(Listener)).status == "on"
        sessions = [await launch(control, tmp_path) for _ in range(5)]
        await control.session.shutdown(sessions[0])
    [listener] = LISTENERS
    assert listener.heard == [("session.launched", id) for id in sessions] + [("session.closed", sessions[0])]
    assert listener.threads == {"cao-receiver-listener.in_a_thread"}
    assert listener.life == ["made", "up", *["heard"] * 6, "down"]


async def test_two_controls_have_plugins_of_their_own(control: Control, tmp_path: Path) -> None:
    LISTENERS.clear()
    async with cao.open(tmp_path / "other", work=False) as other:
        for one in (control, other):
            await one.plugins.add(Listener)
        await launch(other, tmp_path)
    mine, others = LISTENERS
    assert (mine.heard, len(others.heard)) == ([], 1)
    assert mine.control is control
    assert others.control is other


class Unruly(Plugin):
    """Does everything wrong."""

    name = "unruly"
    release: ClassVar[threading.Event]

    @hook(ProjectAdded)
    async def raises(self, event: Event) -> None:
        raise ValueError("no thanks")

    @hook(ProjectAdded)
    async def hangs(self, event: Event) -> None:
        await asyncio.sleep(3600)

    @hook(ProjectAdded)
    def blocks(self, event: Event) -> None:
        self.release.wait(20)

    @hook(ProjectAdded)
    async def exits(self, event: Event) -> None:
        raise SystemExit(3)

    @hook(ProjectAdded)
    def exits_in_its_thread(self, event: Event) -> None:
        raise SystemExit(4)

    @hook(ProjectAdded)
    async def waits_for_what_is_cancelled(self, event: Event) -> None:
        doomed = asyncio.create_task(asyncio.sleep(60))
        doomed.cancel()
        await doomed

    @hook(BackupWritten)
    def drowns(self, event: Event) -> None:
        self.release.wait(20)


async def test_a_hook_that_raises_hangs_blocks_or_drowns_harms_nothing_and_is_shown(control: Control, tmp_path: Path) -> None:
    Unruly.release = threading.Event()
    await control.plugins.add(Unruly)
    heard: list[int] = []

    async def well_behaved(_: object, event: Event) -> None:
        heard.append(event.seq)

    control.signals.on("*").connect(well_behaved)
    try:
        await control.project.init(path=str(tmp_path), name="here")
        await emit(control, 3000)
        last = (await control.daemon.status()).last_seq
        await until(lambda: heard and heard[-1] == last)
        assert len(heard) == last >= 3001
        info = control.plugins.info

        def counts() -> list[tuple[int, int]]:
            return [(one.errors, one.timeouts) for one in info("unruly").methods if one.target == "project.added"]

        await until(lambda: counts() == [(1, 0), (0, 1), (0, 1), (1, 0), (1, 0), (1, 0)])
        assert method(info("unruly"), "drowns").dropped >= 1900
    finally:
        Unruly.release.set()
    shown = await control.plugin.info("unruly")
    assert method(shown, "raises").last_error == "ValueError: no thanks"
    assert method(shown, "hangs").last_error.startswith("took longer than 0.2 s")
    assert method(shown, "exits").last_error == "Misbehaviour: it tried to end the process with 3"
    assert "was cancelled" in method(shown, "waits_for_what_is_cancelled").last_error
    health = await control.daemon.health()
    assert (health.status, [one.name for one in health.plugins]) == ("degraded", ["unruly"])
    assert {"unruly.raises", "unruly.blocks", "unruly.drowns"} <= {one.name for one in health.receivers}


class Echo(Plugin):
    """Answers every project with another project."""

    name = "echo"

    @hook(ProjectAdded)
    async def answer(self, event: Event) -> None:
        path = Path(ProjectAdded.of(event).path) / "again"
        path.mkdir()
        await self.operations.project.init(path=str(path))


async def test_what_a_plugin_does_is_done_in_its_name_and_does_not_call_it_again(control: Control, tmp_path: Path) -> None:
    await control.plugins.add(Echo)
    await control.project.init(path=str(tmp_path))
    answered = control.services.store.read
    await until(lambda: len(answered().rows("SELECT * FROM events WHERE type = 'project.added'")) == 2)
    await launch(control, tmp_path)
    rows = answered().rows("SELECT actor FROM events WHERE type = 'project.added' ORDER BY seq")
    assert [row["actor"] for row in rows] == ["owner", "plugin:echo"]
    assert method(control.plugins.info("echo"), "answer").calls == 1


class Guardian(Plugin):
    """Refuses what it is told to."""

    name = "guardian"
    asked: ClassVar[list[str]]

    @before("session.*", order=20)
    async def second(self, operation: Operation, request: Request, caller: Caller) -> None:
        self.asked.append(f"second {operation.name} {caller.surface}")

    @before("*", order=10)
    async def first(self, operation: Operation, request: Request, caller: Caller) -> None:
        self.asked.append(f"first {operation.name}")
        known = await self.control.session.list()  # what it asks itself is not put to it again
        if getattr(request, "name", None) == "forbidden" or len(known.items) > 2:
            raise Veto("not in this house, said sk-ant-" + "x" * 24)


async def test_a_veto_refuses_with_its_reason_and_is_in_the_audit_trail(control: Control, tmp_path: Path) -> None:
    Guardian.asked = []
    await control.plugins.add(Guardian)
    await launch(control, tmp_path, "allowed")
    refused = await refusal(launch(control, tmp_path, "forbidden"))
    reason = "not in this house, said [redacted]"
    assert refused.message == f"session.launch is refused by the plugin guardian: {reason}"
    assert (refused.code, refused.details) == (
        "denied",
        {"operation": "session.launch", "plugin": "guardian", "reason": reason},
    )
    assert Guardian.asked == ["first session.launch", "second session.launch python", "first session.launch"]
    assert [session.name for session in (await control.session.list()).items] == ["allowed"]
    rows = control.services.store.read().rows("SELECT outcome, request FROM audit WHERE operation = 'session.launch'")
    assert [row["outcome"] for row in rows] == ["ok", "denied"]
    assert reason in rows[1]["request"]
    assert method(control.plugins.info("guardian"), "first").refused == 1


async def test_who_may_not_ask_at_all_is_refused_before_any_plugin_is_asked(control: Control) -> None:
    Guardian.asked = []
    await control.plugins.add(Guardian)
    operation = REGISTRY["session.list"]
    stranger = Caller(actor="token:stranger", scopes=frozenset({"run:read"}))
    refused = await refusal(control.call(operation, operation.parse({}), stranger))
    assert (refused.code, Guardian.asked) == ("denied", [])


class Stuck(Plugin):
    """Never decides on sessions, and fails over everything else."""

    name = "stuck"

    @before("session.list")
    async def hangs(self, operation: Operation, request: Request, caller: Caller) -> None:
        await asyncio.sleep(3600)

    @before("*", order=1)
    async def fails(self, operation: Operation, request: Request, caller: Caller) -> None:
        if operation.name == "provider.list":
            raise SystemExit
        if operation.name != "session.list":
            raise RuntimeError("lost my mind")


async def test_a_guard_that_fails_or_hangs_refuses_and_can_be_switched_off(control: Control) -> None:
    await control.plugins.add(Stuck)
    slow = await refusal(control.session.list())
    assert slow.details["reason"] == "it did not decide within 0.2 s; see: cao plugin info stuck"
    broken = await refusal(control.project.list())
    assert (broken.code, broken.details["reason"]) == ("denied", "it failed; see: cao plugin info stuck")
    assert (await refusal(control.provider.list())).code == "denied"
    assert "tried to end the process" in str(method(await control.plugin.info("stuck"), "fails").last_error)
    assert (await refusal(control.run.list())).code == "denied"
    assert "lost my mind" in str(method(await control.plugin.info("stuck"), "fails").last_error)
    assert (await control.daemon.health()).plugins[0].name == "stuck"
    await control.daemon.status()
    assert (await control.plugin.disable("stuck")).status == "off"
    assert (await control.daemon.health()).plugins == []
    await control.session.list()
    await control.project.list()


async def test_streams_are_asked_about_too(control: Control) -> None:
    class Deaf(Plugin):
        name = "deaf"

        @before("event.*")
        async def refuse(self, operation: Operation, request: Request, caller: Caller) -> None:
            raise Veto("nothing to see")

    await control.plugins.add(Deaf)
    with pytest.raises(cao.Denied, match="nothing to see"):
        async for _ in control.event.follow():
            raise AssertionError


TABLES = Migrations("clerk")


@TABLES()
def notes(db: Database) -> None:
    """What the clerk writes down."""
    db.conn.execute("CREATE TABLE clerk_notes (seq INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT")


class Clerk(Plugin):
    """Writes sessions down in their own transaction."""

    name = "clerk"
    migrations = TABLES

    async def set_up(self) -> None:
        if self.options.get("broken"):
            raise RuntimeError("no pencil")

    @within(SessionLaunched)
    def note(self, tx: Transaction, event: Event) -> None:
        if event.data["name"] == "unspeakable":
            raise ValueError("will not write that")
        tx.insert("clerk_notes", seq=event.seq, name=event.data["name"])


async def test_a_record_is_committed_with_its_event_or_neither_is(control: Control, tmp_path: Path) -> None:
    await control.plugins.add(Clerk)
    await launch(control, tmp_path, "first")
    refused = await refusal(launch(control, tmp_path, "unspeakable"))
    assert (refused.code, refused.details) == ("unavailable", {"plugin": "clerk"})
    assert "cao plugin disable clerk" in refused.message
    rows = control.services.store.read().rows("SELECT name FROM clerk_notes")
    assert [row["name"] for row in rows] == ["first"] == [one.name for one in (await control.session.list()).items]
    assert "will not write that" in str((await control.daemon.health()).plugins[0].trouble)
    await control.plugin.disable("clerk")
    await launch(control, tmp_path, "unspeakable")


async def test_where_a_recorder_is_broken_its_events_are_refused_until_it_is_mended_or_disabled(tmp_path: Path) -> None:
    settings = load(tmp_path / "home", {}, plugins={"clerk": {"broken": True}})
    async with Control(settings, work=False) as control:
        info = await control.plugins.add(Clerk)
        assert (info.status, info.options) == ("failed", ["broken"])
        assert str(info.trouble).startswith("RuntimeError: no pencil (test_plugins.py, line ")
        refused = await refusal(launch(control, tmp_path))
        assert "the plugin clerk is broken and should have recorded session.launched" in refused.message
        await control.project.init(path=str(tmp_path))
        await control.plugin.disable("clerk")
        await launch(control, tmp_path)
        again = await refusal(control.plugin.enable("clerk"))
        assert (again.code, "no pencil" in again.message) == ("unavailable", True)


INSTALLED = """
from pathlib import Path
from cao.events import SessionLaunched
from cao.plugins import Plugin, hook, within

class Main(Plugin):
    '''Came with a package.

    And has more to say.
    '''
    name = "{name}"

    async def set_up(self):
        self.file = Path(self.options["file"])

    @within(SessionLaunched)
    def note(self, tx, event):
        with self.file.open("a") as file:
            print(event.data["name"], file=file)
"""


async def test_an_installed_package_is_found_with_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importable(install(tmp_path / "site", "found", INSTALLED.format(name="found")), monkeypatch)
    home, told = tmp_path / "home", tmp_path / "told"
    home.mkdir()
    (home / "config.toml").write_text(f'[plugins.found]\nfile = "{told}"\npassword = "hunter2hunter2"\n')
    async with cao.open(home, work=False) as control:
        [line] = [one for one in (await control.plugin.list()).items if one.name == "found"]
        assert (line.status, line.package, line.summary) == ("on", "found-package 1.2", "Came with a package.")
        assert (await control.plugin.info("found")).options == ["file", "password"]
        assert "hunter2" not in (await control.daemon.config()).model_dump_json()
        assert "hunter2" not in repr(control.settings)
        await launch(control, tmp_path, "one")
        await control.plugin.disable("found")
        await launch(control, tmp_path, "two")
    async with cao.open(home, work=False) as control:
        assert (await control.plugin.info("found")).status == "off"
        await launch(control, tmp_path, "three")
        assert (await control.plugin.enable("found", idempotency_key="on")).status == "on"
        assert (await control.plugin.enable("found", idempotency_key="on")).status == "on"
        await launch(control, tmp_path, "four")
    assert told.read_text().split() == ["one", "four"]


async def test_a_package_that_stops_loading_is_missed_where_it_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install(tmp_path / "site", "moody", INSTALLED.format(name="moody"))
    importable(site, monkeypatch)
    options = {"plugins": {"moody": {"file": str(tmp_path / "told")}}}
    async with cao.open(tmp_path / "home", work=False, **options) as control:
        await launch(control, tmp_path)
    (site / "moody_package.py").write_text("import a_module_that_nobody_has\n")
    monkeypatch.delitem(sys.modules, "moody_package")
    async with cao.open(tmp_path / "home", work=False, **options) as control:
        info = await control.plugin.info("moody")
        assert info.trouble == "ModuleNotFoundError: No module named 'a_module_that_nobody_has' (moody_package.py, line 1)"
        assert "should have recorded session.launched" in (await refusal(launch(control, tmp_path))).message
        assert (await control.daemon.health()).status == "degraded"


START = "from cao.plugins import *\nclass Main(Plugin):\n name='{name}'\n"


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        pytest.param("raise OSError('gone fishing')", "OSError: gone fishing", id="raises"),
        pytest.param("import time\ntime.sleep(2)", "it was not ready within 0.3 s", id="hangs"),
        pytest.param("raise SystemExit(7)", "it tried to end the process with 7", id="exits"),
        pytest.param("Main = 7", "TypeError: 7 is no subclass of cao.plugins.Plugin", id="no-plugin"),
        pytest.param(INSTALLED.format(name="other"), "the entry point says", id="other-name"),
        pytest.param(
            START + " @before('sesion.launch')\n async def f(self, *_): ...",
            "there is no operation 'sesion.launch'",
            id="typo",
        ),
        pytest.param(
            START + " async def set_up(self):\n  await __import__('asyncio').sleep(9)",
            "it was not ready within 0.3 s",
            id="slow-set-up",
        ),
    ],
)
async def test_a_package_that_fails_is_shown_and_stops_nobody(
    code: str, trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    name = "bad" + request.node.callspec.id.replace("-", "")
    importable(install(tmp_path / "site", name, code.replace("{name}", name)), monkeypatch)
    async with cao.open(tmp_path / "home", work=False, plugin_seconds=0.3) as control:
        info = await control.plugin.info(name)
        assert info.status == "failed"
        assert trouble in str(info.trouble)
        await launch(control, tmp_path)
        assert name in [one.name for one in (await control.plugin.list(status="failed")).items]


async def test_two_packages_with_one_plugin_are_both_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install(tmp_path / "site", "twice", INSTALLED.format(name="twice"))
    (site / "rival-3.dist-info").mkdir()
    (site / "rival-3.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 3\n")
    (site / "rival-3.dist-info" / "entry_points.txt").write_text("[cao.plugins]\ntwice = rival:Main\n")
    importable(site, monkeypatch)
    async with cao.open(tmp_path / "home", work=False) as control:
        trouble = str((await control.plugin.info("twice")).trouble)
    assert "uninstall all but one" in trouble
    assert "rival 3" in trouble
    assert "twice-package 1.2" in trouble


async def test_a_package_in_the_working_directory_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install(tmp_path / "repository", "trojan", "raise SystemExit('taken over')")
    importable(folder, monkeypatch)
    monkeypatch.chdir(folder)
    async with cao.open(tmp_path / "home", work=False) as control:
        assert "trojan" not in [one.name for one in (await control.plugin.list()).items]
        assert (await refusal(control.plugin.info("trojan"))).code == "not_found"


class Cleaner:
    """A duty that is due at once, once."""

    name = "cleaner"

    def __init__(self) -> None:
        self.cleaned = 0

    def due_at(self, reader: Reader) -> float:
        return 0.0 if not self.cleaned else float("inf")

    async def perform(self, seconds: float) -> Mapping[str, int]:
        self.cleaned += 1
        return {"rooms": 3}


class Housekeeping(Plugin):
    """Brings a duty along."""

    name = "housekeeping"

    def duties(self) -> Sequence[Duty]:
        return [Cleaner()]


async def test_a_plugins_duty_is_performed_by_a_tick_while_it_is_on(control: Control) -> None:
    assert (await control.plugins.add(Housekeeping)).duties == ["cleaner"]
    assert (await control.daemon.tick(timeout=5)).done == {"cleaner.rooms": 3}
    await control.plugin.disable("housekeeping")
    assert (await control.plugin.info("housekeeping")).duties == []
    assert (await control.daemon.tick(timeout=5)).done == {}


async def test_what_another_process_switches_is_seen_by_one_that_works(tmp_path: Path) -> None:
    LISTENERS.clear()
    home = tmp_path / "home"
    async with cao.open(home, prefect_api_url="http://127.0.0.1:9/api") as working, cao.open(home, work=False) as other:
        for control in (working, other):
            await control.plugins.add(Listener)
        await other.plugin.disable("listener")
        await until(lambda: working.plugins.info("listener").status == "off")
        await other.plugin.enable("listener")
        await until(lambda: working.plugins.info("listener").status == "on")
    assert [one.life for one in LISTENERS] == [["made", "up", "down"]] * 4


@pytest.mark.parametrize("pattern", ["plugin.disable", "plugin.*", "daemon.health", "daemon.stop"])
def test_nobody_may_refuse_what_mends_a_broken_plugin(pattern: str) -> None:
    with pytest.raises(ValueError, match="no plugin may refuse"):
        before(pattern)


def test_methods_of_the_wrong_kind_are_refused_at_once() -> None:
    def plain(self: Any, *_: Any) -> None: ...

    async def coroutine(self: Any, *_: Any) -> None: ...

    with pytest.raises(TypeError, match="a `before` method is async"):
        before("session.list")(plain)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="a `within` method is not"):
        within(SessionLaunched)(coroutine)  # pyright: ignore[reportArgumentType]
    for pattern in ("launch", "session", "*.launch", "Session.launch", ""):
        with pytest.raises(ValueError, match=r"is not group\.verb"):
            before(pattern)


def test_options_may_come_from_the_environment_as_json(tmp_path: Path) -> None:
    settings = load(tmp_path, {"CAO_PLUGINS": '{"house": {"quiet": true}}'})
    assert settings.plugins == {"house": {"quiet": True}}
    for text in ("{", "[" * 100_000, "[1]", '{"house": 1}'):
        with pytest.raises(cao.InvalidInput, match=r"CAO_PLUGINS is not JSON|/plugins"):
            load(tmp_path, {"CAO_PLUGINS": text})


async def test_a_name_that_is_taken_is_a_conflict(control: Control) -> None:
    await control.plugins.add(Listener)
    assert (await refusal(control.plugins.add(Listener))).code == "conflict"
