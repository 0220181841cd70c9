"""GraphQL over WebSocket: the protocol graphql-transport-ws, from the opening to the end, and clients that do not keep it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from cao.events import TranscriptAppended
from cao.graphql import websocket
from cao.graphql.app import GraphqlApp
from cao.http.streams import Pace
from cao.protocol import OWNER
from cao.store import hub

from .conftest import TOKEN, Site, until

PROTOCOL = Subprotocol("graphql-transport-ws")
FOLLOW = "subscription ($after: Long!) { eventFollow(after: $after) { seq type } }"


@contextlib.asynccontextmanager
async def opened(site: Site, *, greet: bool = True, **headers: str) -> AsyncIterator[ClientConnection]:
    url = site.url.replace("http", "ws") + "/graphql"
    shown = {"Authorization": f"Bearer {TOKEN}", **headers}
    async with connect(url, subprotocols=[PROTOCOL], additional_headers=shown, proxy=None) as socket:
        if greet:
            await say(socket, "connection_init")
            assert await heard(socket) == {"type": "connection_ack"}
        yield socket


async def say(socket: ClientConnection, type: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": type, **fields}))


async def subscribe(socket: ClientConnection, id: str, query: str, **variables: Any) -> None:
    await say(socket, "subscribe", id=id, payload={"query": query, "variables": variables})


async def heard(socket: ClientConnection) -> dict[str, Any]:
    """The next message that is not the server's asking whether we live."""
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] != "ping":
                return message


async def closed_with(socket: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed) as ended:
        while True:
            await heard(socket)
    return ended.value.rcvd.code if ended.value.rcvd else None


async def emit(site: Site, count: int, text: str = "word") -> None:
    def change(tx: Any) -> None:
        for number in range(count):
            tx.emit(TranscriptAppended(turn_id="trn_1", kind="text", text=f"{number} {text}"))

    await site.control.services.store.write(change)


def listeners(site: Site) -> int:
    return site.control.services.store.hub.waiting(hub.LOG)


async def test_a_query_a_change_and_a_stream_on_one_connection(site: Site) -> None:
    async with opened(site) as socket:
        await subscribe(socket, "one", '{ sessionGet(session: "nobody") { id } }')
        refused = await heard(socket)
        assert (refused["type"], refused["payload"]["errors"][0]["extensions"]["code"]) == ("next", "not_found")
        assert await heard(socket) == {"type": "complete", "id": "one"}
        await subscribe(socket, "two", 'mutation { sessionLaunch(provider: "scripted", name: "ws") { name } }')
        assert (await heard(socket))["payload"] == {"data": {"sessionLaunch": {"name": "ws"}}}
        assert await heard(socket) == {"type": "complete", "id": "two"}
        await subscribe(socket, "three", 'subscription { eventFollow(after: 0, types: ["session.*"], limit: 1) { type } }')
        assert (await heard(socket))["payload"] == {"data": {"eventFollow": {"type": "session.launched"}}}
        assert await heard(socket) == {"type": "complete", "id": "three"}


async def test_a_stream_that_is_cut_goes_on_by_its_cursor(site: Site) -> None:
    await emit(site, 300)
    seen: list[int] = []
    while len(seen) < 300:
        async with opened(site) as socket:
            await subscribe(socket, "s", FOLLOW, after=seen[-1] if seen else 0)
            seen += [(await heard(socket))["payload"]["data"]["eventFollow"]["seq"] for _ in range(min(70, 300 - len(seen)))]
            socket.transport.abort()
    assert seen == list(range(1, 301))


async def test_live_events_come_and_complete_ends_them(site: Site) -> None:
    async with opened(site) as socket:
        before = listeners(site)
        await subscribe(socket, "s", FOLLOW, after=-1)
        await until(lambda: listeners(site) > before)
        await emit(site, 1)
        assert (await heard(socket))["payload"]["data"]["eventFollow"]["type"] == "transcript.appended"
        await say(socket, "complete", id="s")
        await until(lambda: listeners(site) == before)
        await subscribe(socket, "s", "{ __typename }")
        assert (await heard(socket))["payload"] == {"data": {"__typename": "Query"}}


async def test_a_client_that_leaves_ends_its_streams(site: Site) -> None:
    before = listeners(site)
    async with opened(site) as socket:
        await subscribe(socket, "s", FOLLOW, after=-1)
        await until(lambda: listeners(site) > before)
    await until(lambda: listeners(site) == before)


async def test_a_change_that_has_begun_is_finished_when_the_client_leaves(site: Site) -> None:
    async with opened(site) as socket:
        await subscribe(socket, "s", 'mutation { sessionLaunch(provider: "scripted", name: "left") { id } }')
        socket.transport.abort()
    sessions = site.control.services.store.read
    await until(lambda: sessions().row("SELECT id FROM sessions WHERE name = 'left'"))


async def test_what_is_refused_before_it_begins_is_an_error(site: Site) -> None:
    async with opened(site) as socket:
        for query, variables, code in (
            ("{ nothing }", {}, "invalid_input"),
            (FOLLOW, {}, "invalid_input"),
            ('subscription { eventFollow(session: "nobody") { seq } }', {}, "not_found"),
        ):
            await subscribe(socket, "s", query, **variables)
            answer = await heard(socket)
            assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", code)
        await say(socket, "subscribe", id="s", payload={})
        assert (await heard(socket))["payload"][0]["extensions"]["details"]["errors"][0]["pointer"] == "/query"


RUDE: list[tuple[list[str | bytes], int]] = [
    (['{"type":"subscribe","id":"a","payload":{"query":"{ __typename }"}}'], 4401),
    (['{"type":"connection_init"}', '{"type":"connection_init"}'], 4429),
    (['{"type":"connection_init"}', '{"type":"dance"}'], 4400),
    (['{"type":"connection_init"}', '{"type":"subscribe","id":7}'], 4400),
    (['{"type":"connection_init"}', '{"type":"subscribe","id":"' + "x" * 200 + '"}'], 4400),
    (["not json"], 4400),
    (["[" * 100_000], 4400),
    (["[]"], 4400),
    ([b"\x00"], 4400),
    (['"' + "x" * (3 << 19) + '"'], 4400),
]


async def test_who_does_not_keep_the_protocol_is_hung_up_on(site: Site) -> None:
    for messages, code in RUDE:
        async with opened(site, greet=False) as socket:
            for message in messages:
                await socket.send(message)
            assert await closed_with(socket) == code, messages


async def test_an_id_is_used_once_at_a_time(site: Site) -> None:
    async with opened(site) as socket:
        await subscribe(socket, "s", FOLLOW, after=-1)
        await subscribe(socket, "s", FOLLOW, after=-1)
        assert await closed_with(socket) == 4409


async def test_operations_of_a_connection_are_bounded(site: Site) -> None:
    async with opened(site) as socket:
        for number in range(websocket.OPERATIONS + 1):
            await subscribe(socket, f"s{number}", FOLLOW, after=-1)
        answer = await heard(socket)
        assert (answer["id"], answer["payload"][0]["extensions"]["code"]) == (f"s{websocket.OPERATIONS}", "conflict")
        await say(socket, "complete", id="s0")
        await subscribe(socket, "again", "{ __typename }")
        assert (await heard(socket))["type"] == "next"


async def test_pings_are_answered_and_sent(site: Site) -> None:
    async with opened(site) as socket:
        await say(socket, "ping")
        assert await heard(socket) == {"type": "pong"}
        async with asyncio.timeout(20):
            assert json.loads(await socket.recv()) == {"type": "ping"}


async def test_another_protocol_is_refused(site: Site) -> None:
    url = site.url.replace("http", "ws") + "/graphql"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with connect(url, subprotocols=[Subprotocol("graphql-ws")], additional_headers=headers, proxy=None) as socket:
        assert await closed_with(socket) == 4406


async def test_streams_end_when_the_server_stops(site: Site) -> None:
    async with opened(site) as socket:
        await subscribe(socket, "s", FOLLOW, after=-1)
        site.closing.set()
        assert await closed_with(socket) == 1012


async def test_strangers_cannot_open_one(site: Site) -> None:
    """Another site's page (WebSocket hijacking), a name that was turned to our address, somebody without a token."""
    strangers = (
        {"Authorization": ""},
        {"Authorization": "Bearer wrong"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    )
    for headers in strangers:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(site, greet=False, **headers):
                raise AssertionError(headers)
        assert refused.value.response.status_code == 403


async def test_a_client_that_takes_nothing_is_cut(site: Site) -> None:
    """As ASGI sees it: what is sent is never taken."""
    app = GraphqlApp(site.control, Pace(asyncio.Event(), heartbeat=60, stalled=0.2))
    incoming = iter([{"type": "websocket.connect"}, {"type": "websocket.receive", "text": '{"type":"connection_init"}'}])

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: dict[str, Any]) -> None:
        if message["type"] != "websocket.accept":
            await asyncio.Event().wait()

    scope = {"type": "websocket", "subprotocols": [PROTOCOL], "headers": [], "path": "/graphql", "cao.caller": OWNER}
    async with asyncio.timeout(20):
        await app(scope, receive, send)  # pyright: ignore[reportArgumentType]
