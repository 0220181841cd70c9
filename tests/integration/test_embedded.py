"""Our HTTP surface inside other applications: under a prefix, with their callers, and for as long as the control is open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import cao
from cao.control import Control

from .conftest import _socket, problem, until

KEY = {"Authorization": "Bearer key-of-ann"}
Mount = Callable[[Control], Any]


async def who(scope: Any) -> cao.Caller | None:
    """Ann may do all, Bob may read; nobody else is known."""
    match dict(scope["headers"]).get(b"authorization"):
        case b"Bearer key-of-ann":
            return cao.Caller(actor="ann", surface="python")
        case b"Bearer key-of-bob":
            return cao.Caller(actor="bob", scopes=frozenset({"*:read"}))
        case _:
            return None


def on_fastapi(control: Control) -> FastAPI:
    app = FastAPI()
    app.mount("/agents", cao.asgi(control, authenticate=who))
    return app


def on_litestar(control: Control) -> Litestar:
    surface = cao.asgi(control, authenticate=who, prefix="/agents")

    @asgi("/agents", is_mount=True, copy_scope=True)
    async def agents(scope: Scope, receive: Receive, send: Send) -> None:
        await surface(scope, receive, send)

    return Litestar([agents], openapi_config=None, logging_config=None)


MOUNTS = [pytest.param(on_fastapi, id="fastapi"), pytest.param(on_litestar, id="litestar")]


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[str]:
    """The URL of an application that is served by this process."""
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([_socket()]))  # pyright: ignore[reportPrivateUsage] - without its signals
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture(params=MOUNTS)
async def client(request: pytest.FixtureRequest, control: Control) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(request.param(control)) as url,
        httpx.AsyncClient(base_url=url + "/agents", headers=KEY, trust_env=False) as opened,
    ):
        yield opened


async def test_it_answers_under_the_prefix_and_says_so(client: httpx.AsyncClient) -> None:
    launched = await client.post("/sessions", json={"provider": "scripted", "name": "inside"})
    assert launched.status_code == 201, launched.text
    assert (await client.get("/sessions/inside")).json()["id"] == launched.json()["id"]
    described = (await client.get("/openapi.json")).json()
    assert described["servers"] == [{"url": "/agents"}]
    assert "security" not in described
    assert "token" not in described["info"]["description"]
    assert "security" not in json.dumps(described["paths"]["/health"])
    missing = await client.get("/sessions/nobody")
    assert (missing.status_code, problem(missing)["instance"]) == (404, "/agents/sessions/nobody")
    nothing = problem(await client.get("/nowhere/at/all"))
    assert (nothing["instance"], nothing["detail"]) == (
        "/agents/nowhere/at/all",
        "there is nothing at /agents/nowhere/at/all; see /agents/docs",
    )


async def test_links_of_the_documentation_stay_under_the_prefix(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "https://HOST/agents/sessions" in page
    assert "CAO_HOME" not in page
    for link in ("openapi.json", "health", "metrics"):
        assert f'href="{link}"' in page
        assert (await client.get(client.base_url.join("docs").join(link))).status_code == 200


async def test_graphql_stands_under_the_prefix_too(client: httpx.AsyncClient) -> None:
    launched = await client.post(
        "/graphql", json={"query": 'mutation { sessionLaunch(provider: "scripted", name: "asked") { name } }'}
    )
    assert launched.json() == {"data": {"sessionLaunch": {"name": "asked"}}}
    read_only = {"Authorization": "Bearer key-of-bob"}
    refused = await client.post(
        "/graphql", json={"query": "mutation { sessionShutdown(all: true) { dryRun } }"}, headers=read_only
    )
    assert refused.json()["errors"][0]["extensions"]["code"] == "denied", refused.text


async def test_the_client_follows_events_under_the_prefix(control: Control, tmp_path: Path) -> None:
    async with serving(on_fastapi(control)) as url, cao.connect(url + "/agents", "key-of-ann") as remote:
        session = await remote.session.launch(provider="scripted", directory=str(tmp_path))
        seen = [event.type async for event in remote.event.follow(after=0, session=session.id, limit=2)]
    assert seen == ["session.launched", "terminal.added"]


async def test_streams_end_when_the_control_closes(tmp_path: Path) -> None:
    control, opened, over = cao.open(tmp_path / "home", work=False), asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with control:
            opened.set()
            await over.wait()

    async with serving(on_fastapi(control)) as url, httpx.AsyncClient(headers=KEY, trust_env=False) as client:
        living = asyncio.create_task(live())
        await opened.wait()
        async with client.stream("GET", url + "/agents/events") as stream, asyncio.timeout(30):
            assert stream.status_code == 200
            over.set()
            assert [line async for line in stream.aiter_lines() if line.startswith("data:")] == []
        await living


async def test_the_application_says_who_asks(client: httpx.AsyncClient, control: Control) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer other"}):
        for path in ("/sessions", "/health", "/openapi.json", "/docs", "/metrics", "/events", "/nowhere"):
            refused = await client.get(path, headers=headers)
            assert (refused.status_code, problem(refused)["code"]) == (401, "denied"), path
    await client.post("/sessions", json={"provider": "scripted"})
    launched = (await control.event.list(types=["session.launched"])).items[0]
    assert launched.actor == "ann"
    read_only = {"Authorization": "Bearer key-of-bob"}
    assert (await client.get("/sessions", headers=read_only)).status_code == 200
    refused = await client.post("/sessions", json={"provider": "scripted"}, headers=read_only)
    assert (refused.status_code, problem(refused)["details"]["scope"]) == (403, "session:write")


async def test_a_caller_over_http_may_not_name_files_whatever_the_application_says(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "mine.md").write_text("---\nname: mine\n---\nMine.\n")
    refused = await client.post("/profiles", json={"source": str(tmp_path / "mine.md")})
    assert problem(refused)["details"]["errors"][0]["pointer"] == "/source"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_pages_of_other_sites_are_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    refused = await client.post("/sessions", json={"provider": "scripted"}, headers=headers)
    assert (refused.status_code, problem(refused)["code"]) == (403, "denied")


async def test_before_it_opens_and_after_it_closes_it_is_unavailable(tmp_path: Path) -> None:
    control = cao.open(tmp_path / "home", work=False)
    transport = httpx.ASGITransport(on_fastapi(control))
    async with httpx.AsyncClient(transport=transport, base_url="http://app/agents", headers=KEY) as client:
        assert not (tmp_path / "home").exists(), "nothing is touched before it is opened"
        assert (await client.get("/sessions")).status_code == 503
        async with control:
            assert (await client.get("/sessions")).status_code == 200
        gone = await client.get("/sessions")
        assert (gone.status_code, problem(gone)["code"]) == (503, "unavailable")


def test_an_application_may_be_started_again_on_another_loop(tmp_path: Path) -> None:
    control = cao.open(tmp_path / "home", work=False)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with control:
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/agents", cao.asgi(control, authenticate=who))
    for name in ("first", "second"):
        with TestClient(app, headers=KEY) as client:
            assert client.post("/agents/sessions", json={"provider": "scripted", "name": name}).status_code == 201
            answer = client.get("/agents/events", params={"after": 0, "limit": 1})
            assert answer.headers["content-type"] == "text/event-stream"
    assert not control.is_open


async def test_a_control_is_opened_once_at_a_time(control: Control) -> None:
    with pytest.raises(RuntimeError, match="open already"):
        await control.__aenter__()


@pytest.mark.parametrize("prefix", ["agents", "/agents/", "/", "/a b", "/ag?ents", "//agents"])
def test_a_prefix_that_is_none_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(cao.InvalidInput):
        cao.asgi(cao.open(tmp_path, work=False), authenticate=who, prefix=prefix)


@pytest.mark.parametrize(
    ("root_path", "path", "prefix", "public"),
    [
        ("/agents", "/agents/nothing", "", "/agents"),
        ("/api/agents", "/api/agents/nothing", "/agents", "/api/agents"),
        ("", "/nothing/", "/agents", "/agents"),
        ("/api", "/nothing/", "/agents", "/api/agents"),
        ("", "/nothing", "", ""),
    ],
)
async def test_both_ways_to_mount_are_understood(control: Control, root_path: str, path: str, prefix: str, public: str) -> None:
    transport = httpx.ASGITransport(cao.asgi(control, authenticate=who, prefix=prefix), root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://app", headers=KEY) as client:
        assert problem(await client.get(path))["instance"] == f"{public}/nothing"
        described = await client.get(path.replace("nothing", "openapi.json"))
        assert described.json()["servers"] == [{"url": public or "/"}]


async def test_a_path_beside_the_prefix_is_not_inside(control: Control) -> None:
    """Litestar sends `/agentsx` to what is mounted at `/agents`, as the path `x/`."""
    surface, sent = cao.asgi(control, authenticate=who, prefix="/agents"), []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    headers = [(b"authorization", b"Bearer key-of-ann")]
    await surface({"type": "http", "method": "GET", "path": "sessions/", "headers": headers}, receive, send)
    assert sent[0]["status"] == 404


def test_a_websocket_of_nobody_is_closed_and_that_of_ann_is_not(tmp_path: Path) -> None:
    control = cao.open(tmp_path / "home", work=False)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with control:
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/agents", cao.asgi(control, authenticate=who))
    with TestClient(app) as client:
        with pytest.raises(WebSocketDisconnect) as closed:
            client.websocket_connect("/agents/graphql").__enter__()
        assert closed.value.code == 1008
        with client.websocket_connect("/agents/graphql", ["graphql-transport-ws"], headers=KEY) as socket:
            socket.send_json({"type": "connection_init"})
            assert socket.receive_json()["type"] == "connection_ack"
