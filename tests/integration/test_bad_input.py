"""Bad input and bad circumstances: a clear error, and nothing lost. The list is docs/reference/bad-input.md."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import cao
from cao.client.daemon import start_server
from cao.control import Control
from cao.protocol import MESSAGE_LIMIT, Unavailable
from cao.settings import load
from cao.store import Store


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    async with cao.open(tmp_path / "home", work=False) as opened:
        yield opened


async def launch(control: Control, place: Path, **fields: str):
    return await control.session.launch(**{"profile": "developer", "provider": "scripted", "directory": str(place), **fields})


async def test_a_message_has_at_most_a_mebibyte(control: Control, tmp_path: Path) -> None:
    session = await launch(control, tmp_path)
    with pytest.raises(cao.InvalidInput, match="at most"):
        await control.session.send(session.id, text="x" * (MESSAGE_LIMIT + 1))
    with pytest.raises(cao.InvalidInput, match=str(MESSAGE_LIMIT)):
        await control.session.send(session.id, text="ü" * (MESSAGE_LIMIT // 2 + 1))  # fits in characters, not in bytes
    assert (await control.message.list(session=session.id)).items == []
    await control.session.send(session.id, text="x" * MESSAGE_LIMIT)
    [kept] = (await control.message.list(session=session.id)).items
    assert len(kept.text) == MESSAGE_LIMIT


async def test_a_message_is_never_in_the_log_of_events(control: Control, tmp_path: Path) -> None:
    await launch(control, tmp_path, prompt="the-words-themselves")
    events = (await control.event.list(limit=200)).items
    assert "the-words-themselves" not in json.dumps([event.model_dump(mode="json") for event in events])
    audit = control.services.store.read().rows("SELECT * FROM audit")
    assert [row["operation"] for row in audit] == ["session.launch"]


async def test_text_that_is_no_text_is_refused_on_the_way_in(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cao_cli",
        "launch",
        "-",
        "--local",
        "--json",
        env={**os.environ, "CAO_HOME": str(tmp_path / "home")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(b"\xff\xfe\x00binary"), 60)
    assert process.returncode == 2
    assert json.loads(err.decode().splitlines()[-1])["error"]["code"] == "invalid_input"


@pytest.mark.parametrize("reference", ["ses_nobody", "nobody"])
async def test_unknown_ids_are_not_found_with_the_next_command(control: Control, reference: str) -> None:
    with pytest.raises(cao.NotFound, match="cao session list"):
        await control.session.get(reference)
    with pytest.raises(cao.NotFound, match="cao run list"):
        await control.run.get(reference)
    with pytest.raises(cao.NotFound, match="cao message list"):
        await control.message.get(reference)


@pytest.mark.parametrize("reference", ["", "a/b", "../etc", "a b", "x" * 81, "a\0b", "'; DROP TABLE runs --"])
async def test_malformed_ids_are_refused(control: Control, reference: str) -> None:
    with pytest.raises(cao.InvalidInput) as refused:
        await control.run.get(reference)
    assert refused.value.details["errors"][0]["pointer"] == "/run"


@pytest.mark.parametrize("name", ["../developer", "a/b", ".hidden", "a..b/../c", "x" * 65])
async def test_profile_names_cannot_leave_their_folder(control: Control, tmp_path: Path, name: str) -> None:
    with pytest.raises(cao.InvalidInput):
        await launch(control, tmp_path, profile=name)


@pytest.mark.parametrize("directory", ["/no/such/place", "a\0b", "/etc/hostname"])
async def test_working_directories_must_be_directories(control: Control, tmp_path: Path, directory: str) -> None:
    with pytest.raises(cao.InvalidInput) as refused:
        await launch(control, tmp_path, directory=directory)
    assert refused.value.details["errors"][0]["pointer"] == "/directory"


async def test_an_unknown_provider_names_the_known_ones(control: Control, tmp_path: Path) -> None:
    with pytest.raises(cao.NotFound, match=r"acp.*scripted"):
        await launch(control, tmp_path, provider="telepathy")


async def test_a_missing_agent_is_named_at_once_with_the_fix(control: Control, tmp_path: Path) -> None:
    profiles = tmp_path / ".cao" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "ghost.md").write_text(
        "---\nname: ghost\nprovider: headless\ncommand: [no-such-agent, '{prompt}']\n---\nYou are not there.\n"
    )
    with pytest.raises(cao.Unavailable, match="no-such-agent") as refused:
        await control.session.launch(profile="ghost", directory=str(tmp_path))
    assert refused.value.details["missing"][0]["fix"]
    assert (await control.session.list()).items == []


def mount(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *options], capture_output=True, text=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    made = mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place))
    if made.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"no small file system can be mounted: {made.stderr}")
        pytest.skip(f"a full disk needs a file system of its own, and none can be mounted: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_full_disk_is_named_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    async with cao.open(small_disk / "home", work=False) as control:
        session = await launch(control, tmp_path)
        kept = 0
        with pytest.raises(cao.Unavailable, match="disk is full"):
            while True:
                await control.session.send(session.id, text="x" * 20_000)
                kept += 1
        assert (await control.message.list(session=session.id, limit=200)).items[0].text == "x" * 20_000
        with pytest.raises(cao.Unavailable):
            await control.session.send(session.id, text="x" * 20_000)
        assert mount("-o", "remount,size=16m", str(small_disk)).returncode == 0
        await control.session.send(session.id, text="there is room again")
        assert len((await control.run.list(session=session.id, limit=200)).items) == kept + 1
        assert await control.services.store.check() == []


async def test_a_read_only_data_directory_is_named(small_disk: Path, tmp_path: Path) -> None:
    async with cao.open(small_disk / "home", work=False) as control:
        await launch(control, tmp_path)
    assert mount("-o", "remount,ro", str(small_disk)).returncode == 0
    with pytest.raises(cao.Unavailable, match="permissions"):
        async with cao.open(small_disk / "home", work=False) as control:
            await launch(control, tmp_path)


async def test_a_store_that_is_no_database_is_left_alone_and_named(tmp_path: Path) -> None:
    (tmp_path / "cao.db").write_bytes(b"garbage" * 4096)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"cao\.db in the data directory is no sound SQLite database; .* backup"):
            async with cao.open(tmp_path):
                pass
    assert (tmp_path / "cao.db").read_bytes() == b"garbage" * 4096


async def test_a_control_that_is_not_open_says_so(tmp_path: Path) -> None:
    control = cao.open(tmp_path, work=False)
    for _ in range(2):
        with pytest.raises(Unavailable, match="this control is not open"):
            await control.session.list()
        with pytest.raises(Unavailable, match="this control is not open"):
            await anext(aiter(control.event.follow(after=0)))
        async with control:
            assert (await control.session.list()).items == []


async def test_a_second_server_is_refused_and_names_the_first(tmp_path: Path) -> None:
    settings = load(tmp_path / "home", {}, port=0)
    first = await start_server(settings, 60)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cao_cli",
            "serve",
            "--home",
            str(settings.home),
            "--port",
            "0",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 4
        assert first.url in err.decode()
        assert str(first.pid) in err.decode()
    finally:
        async with cao.connect(home=settings.home) as control:
            await control.daemon.stop()


async def test_secrets_are_gone_before_they_are_durable(control: Control, tmp_path: Path) -> None:
    canary = "sk-ant-api03-" + "C4n4ry" * 8
    session = await launch(control, tmp_path, prompt=f"use {canary} to log in")
    await control.session.send(session.id, text=f"or ghp_{'a1B2' * 10}, if {canary} fails")
    store: Store = control.services.store
    copy = tmp_path / "copy.db"
    await store.backup(copy)
    for file in (copy, store.path, store.path.with_name("cao.db-wal")):
        assert b"C4n4ry" not in file.read_bytes()
        assert b"a1B2a1B2" not in file.read_bytes()
    texts = [message.text for message in (await control.message.list(session=session.id)).items]
    assert all("[redacted]" in text for text in texts)
