"""`cao.connect`: the interface of `cao.open` over HTTP, against a real server process."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import cao
from cao.client import catalog
from cao.client.daemon import start, start_server
from cao.client.wire import Wire, discover
from cao.discovery import local_token, read_server
from cao.settings import load
from cao_flows import standalone


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with a server."""
    home = tmp_path_factory.mktemp("remote") / "home"
    start(home, 30, {"CAO_PORT": "0"})
    yield home
    subprocess.run([sys.executable, "-m", "cao_cli", "daemon", "stop", "--home", str(home)], timeout=60, check=True)


async def test_the_same_interface_finds_the_server_by_itself(home: Path) -> None:
    async with cao.connect(home=home) as control:
        session = await control.session.launch(profile="developer", provider="scripted", labels={"team": "docs"})
        assert (await control.session.get(session.id)).labels == {"team": "docs"}
        page = await control.session.list(name=session.name)
        assert [one.id for one in page.items] == [session.id]


async def test_a_read_is_the_same_here_and_there(home: Path) -> None:
    async with cao.connect(home=home) as remote, cao.open(home, work=False) as local:
        await remote.session.launch(provider="scripted", name="parity")
        assert await remote.session.get("parity") == await local.session.get("parity")
        assert await remote.event.list(limit=20) == await local.event.list(limit=20)
        assert await remote.operation.get("session.launch") == await local.operation.get("session.launch")


async def test_errors_are_rebuilt_as_their_own_classes(home: Path) -> None:
    async with cao.connect(home=home) as remote, cao.open(home, work=False) as local:
        for control in (remote, local):
            with pytest.raises(cao.NotFound, match="no session 'nope'") as caught:
                await control.session.get("nope")
            assert caught.value.details == {"session": "nope"}
            with pytest.raises(cao.InvalidInput) as refused:
                await control.session.list(limit=0)
            assert refused.value.details["errors"][0]["pointer"] == "/limit"


async def test_steps_outside_of_runs_ask_the_server_and_hear_its_errors(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAO_HOME", str(home))
    async with standalone.control() as control:
        assert isinstance(control, cao.Remote)
        assert (await control.session.launch(provider="scripted", name="from-a-flow")).name == "from-a-flow"
    with pytest.raises(cao.Unavailable, match="the agent is away"):
        async with standalone.control():
            raise cao.Unavailable("the agent is away")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not show environments")
def test_a_server_that_a_phase_starts_is_no_part_of_the_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAO_RUN", "run_000000001")
    monkeypatch.setenv("CAO_LINGER_SECONDS", "2")
    server = start(tmp_path, 30, {"CAO_PORT": "0"})
    try:
        given = Path(f"/proc/{server.pid}/environ").read_bytes().split(b"\0")
    finally:
        subprocess.run([sys.executable, "-m", "cao_cli", "daemon", "stop", "--home", str(tmp_path)], timeout=60, check=True)
    assert b"CAO_LINGER_SECONDS=2" in given
    assert not [one for one in given if one.startswith(b"CAO_RUN=")]


async def test_a_wrong_token_is_unauthenticated(home: Path) -> None:
    record = read_server(home)
    assert record is not None
    async with cao.connect(record.url, "cao_wrong", home=home) as control:
        with pytest.raises(cao.Unauthenticated):
            await control.session.list()


async def test_no_server_says_what_to_start(tmp_path: Path) -> None:
    with pytest.raises(cao.Unavailable, match="cao daemon start"):
        cao.connect(home=tmp_path)
    async with cao.connect("http://127.0.0.1:9", "cao_x") as control:
        with pytest.raises(cao.Unavailable, match="no answer from"):
            await control.session.list()


async def test_the_same_key_gives_the_same_session_and_another_request_is_refused(home: Path) -> None:
    async with cao.connect(home=home) as remote, cao.open(home, work=False) as local:
        first = await remote.session.launch(provider="scripted", idempotency_key="once")
        assert (await local.session.launch(provider="scripted", idempotency_key="once")).id == first.id
        with pytest.raises(cao.Conflict):
            await remote.session.launch(provider="scripted", name="other", idempotency_key="once")


async def test_a_server_is_started_from_an_event_loop(tmp_path: Path) -> None:
    settings = load(tmp_path / "home", {}, port=0)
    record = await start_server(settings, 30)
    try:
        assert await start_server(settings, 1) == record
        async with cao.connect(home=settings.home) as control:
            assert (await control.daemon.status()).pid == record.pid
    finally:
        async with cao.connect(home=settings.home) as control:
            assert (await control.daemon.stop()).stopping


@asynccontextmanager
async def cutting_proxy(url: str, seed: int) -> AsyncIterator[str]:
    """A way to the server that breaks off every connection after a random number of bytes."""
    parts, chance = urlsplit(url), random.Random(seed)
    async with asyncio.TaskGroup() as group:

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            group.create_task(carry(reader, writer, chance.randint(150, 6000)))

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
            upstream_reader, upstream = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                async with asyncio.timeout(60):
                    upstream.write(await reader.readuntil(b"\r\n\r\n"))
                    while left > 0 and (data := await upstream_reader.read(min(left, 4096))):
                        left -= len(data)
                        writer.write(data)
                        await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass  # the client gave up first
            finally:
                upstream.close()
                writer.transport.abort()

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def many_events(home: Path) -> int:
    """Make sure that there is a lot to read; the newest event's number."""
    async with cao.connect(home=home) as control:
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(control.session.launch(provider="scripted"))
        return (await control.daemon.status()).last_seq


@pytest.mark.parametrize("seed", range(3))
async def test_a_stream_that_is_cut_at_random_gives_each_event_once_in_order(home: Path, seed: int) -> None:
    last = await many_events(home)
    record = read_server(home)
    assert record is not None
    async with cutting_proxy(record.url, seed) as url, cao.connect(url, local_token(home)) as control:
        async with asyncio.timeout(60):
            seen = [event.seq async for event in control.event.follow(after=0, limit=last)]
    assert seen == list(range(1, last + 1))


async def test_the_wire_client_comes_back_too(home: Path) -> None:
    last = await many_events(home)
    where = discover(home)
    assert where is not None
    async with cutting_proxy(where.url, 7) as url:
        wire = Wire(where._replace(url=url))

        def read() -> list[int]:
            return [item["seq"] for item in wire.stream(catalog.entry("event.follow"), {"after": 0, "limit": last})]

        async with asyncio.timeout(60):
            assert await asyncio.to_thread(read) == list(range(1, last + 1))


async def test_a_stream_is_live_and_is_left_cleanly(home: Path) -> None:
    async with cao.connect(home=home) as control:
        last = (await control.daemon.status()).last_seq
        events = control.event.follow(after=last, types=["session.launched"])
        waiting = asyncio.ensure_future(anext(events))
        session = await control.session.launch(provider="scripted")
        async with asyncio.timeout(20):
            assert (await waiting).session_id == session.id
        await events.aclose()  # type: ignore[attr-defined]
