"""Server-sent events: replay, resumption, heartbeats, and clients that stall or leave."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from cao.events import TranscriptAppended
from cao.http.metrics import resident_bytes
from cao.store import hub

from .conftest import TOKEN, Site, problem, until


async def emit(site: Site, count: int, text: str = "word") -> None:
    """Append events to the log in one transaction."""

    def change(tx) -> None:
        for number in range(count):
            tx.emit(TranscriptAppended(turn_id="trn_1", kind="text", text=f"{number} {text}"))

    await site.control.services.store.write(change)


async def read(site: Site, count: int, **headers: str) -> list[dict]:
    """The next `count` events after `Last-Event-ID` (all of them without it), then cut the connection."""
    found: list[dict] = []
    params = {"after": "0"} if not headers else {}
    async with site.client.stream("GET", "/events", params=params, headers=headers) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        async for event in events(stream):
            found.append(event)
            if len(found) == count:
                break
    return found


async def events(stream: httpx.Response) -> AsyncIterator[dict]:
    fields: dict[str, str] = {}
    async for line in stream.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            if "data" in fields:
                data = json.loads(fields["data"])
                assert (int(fields["id"]), fields["event"]) == (data["seq"], data["type"])
                yield data
            fields = {}


def listeners(site: Site) -> int:
    return site.control.services.store.hub.waiting(hub.LOG)


async def test_replay_then_live(site: Site) -> None:
    await emit(site, 450)
    reading = asyncio.create_task(read(site, 460))
    await until(lambda: listeners(site) == 1)
    await emit(site, 10)
    async with asyncio.timeout(30):
        found = await reading
    assert [event["seq"] for event in found] == list(range(1, 461))


async def test_only_new_events_by_default(site: Site) -> None:
    await emit(site, 5)
    async with site.client.stream("GET", "/events", params={"limit": 1}) as stream:
        await emit(site, 1)
        assert [event["seq"] async for event in events(stream)] == [6]


async def test_filters_and_limit_end_the_stream(site: Site) -> None:
    session = await site.launch(prompt="Say hello.")
    await emit(site, 3)
    params = {"after": 0, "session": session["id"], "types": ["session.*", "run.queued"], "limit": 2}
    async with site.client.stream("GET", "/events", params=params) as stream:
        assert [event["type"] async for event in events(stream)] == ["session.launched", "run.queued"]


async def test_cut_at_random_each_event_comes_once_and_in_order(site: Site) -> None:
    await emit(site, 700)
    chance, seen = random.Random(7), [event["seq"] for event in await read(site, 30)]
    while len(seen) < 700:
        count = min(chance.randint(1, 90), 700 - len(seen))
        seen += [event["seq"] for event in await read(site, count, **{"Last-Event-ID": str(seen[-1])})]
    assert seen == list(range(1, 701))


async def test_a_stream_tells_its_place_at_once(site: Site) -> None:
    """Cut before its first event, it can be gone on with: what happened meanwhile is not lost."""
    await emit(site, 5)
    async with site.client.stream("GET", "/events") as stream:
        assert await anext(aiter(stream.aiter_lines())) == "id: 5"
    await emit(site, 2)
    assert [event["seq"] for event in await read(site, 2, **{"Last-Event-ID": "5"})] == [6, 7]


async def test_last_event_id_wins_over_after(site: Site) -> None:
    await emit(site, 5)
    headers = {"Last-Event-ID": "3"}
    async with site.client.stream("GET", "/events", params={"after": 0, "limit": 2}, headers=headers) as stream:
        assert [event["seq"] async for event in events(stream)] == [4, 5]


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("after=x", {}, 422, "invalid_input"),
        ("", {"Last-Event-ID": "x"}, 422, "invalid_input"),
        ("session=nobody", {}, 404, "not_found"),
        ("nonsense=1", {}, 422, "invalid_input"),
    ],
)
async def test_refusals_come_before_the_stream(site: Site, query: str, headers: dict, status: int, code: str) -> None:
    answer = await site.client.get(f"/events?{query}", headers=headers)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


async def test_silence_is_broken_by_comments(site: Site) -> None:
    async with asyncio.timeout(20), site.client.stream("GET", "/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith(":"):
                return


async def test_a_client_that_leaves_frees_its_subscription(site: Site) -> None:
    before = listeners(site)
    async with site.client.stream("GET", "/events"):
        await until(lambda: listeners(site) == before + 1)
    await until(lambda: listeners(site) == before, 2)


async def test_streams_end_when_the_server_stops(site: Site) -> None:
    async with asyncio.timeout(20), site.client.stream("GET", "/events") as stream:
        await until(lambda: listeners(site) == 1)
        site.closing.set()
        assert [event async for event in events(stream)] == []


@asynccontextmanager
async def stalled(site: Site, count: int) -> AsyncIterator[None]:
    """Clients that ask for everything and read nothing."""
    host, port = site.url.removeprefix("http://").split(":")
    request = f"GET /events?after=0 HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    writers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(request)
        writers.append(writer)
    try:
        yield
    finally:
        for writer in writers:
            writer.transport.abort()


async def test_stalled_clients_cost_a_batch_and_are_cut(site: Site) -> None:
    clients, before = 10, listeners(site)
    for _ in range(10):  # what the writer keeps for itself (pages, statements) is there before anything is measured
        await emit(site, 1000, "x" * 800)
    async with stalled(site, clients):
        await until(lambda: listeners(site) == before + clients)
        memory = resident_bytes()
        for _ in range(20):
            await emit(site, 1000, "x" * 800)
        assert listeners(site) == before + clients
        assert resident_bytes() - memory < clients * (1 << 20)  # 20 MB for each of them went by
        await until(lambda: listeners(site) == before, 30)
    assert [event["seq"] for event in await read(site, 50)] == list(range(1, 51))
