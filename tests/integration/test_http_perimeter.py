"""What stands before every request and WebSocket: host, origin, fetch metadata and token, mounts included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from cao.admission import Admission
from cao.control import Control
from cao.http.attempts import Attempts
from cao.http.mounts import Mounts, PrefectMount
from cao.http.perimeter import Perimeter
from cao.protocol import Unavailable

from .conftest import TOKEN, problem

BEARER = {"Authorization": f"Bearer {TOKEN}"}
HOST = "127.0.0.1:9889"


class Echo:
    """A mounted application that tells what it was given."""

    def __init__(self) -> None:
        self.scopes: list[Mapping[str, Any]] = []

    async def __call__(self, scope, receive, send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": scope["path"].encode()})


async def cold(scope, receive, send) -> None:
    raise Unavailable("Prefect is starting; it starts with the first work: try again in a moment")


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def app(echo: Echo, control: Control) -> Any:
    return perimeter(echo, control)


def perimeter(echo: Echo, control: Control, **options: Any) -> Perimeter:
    mounts = {"/mcp": echo, "/agents/mcp": echo, "/prefect": echo, "/graphql": echo, "/cold": PrefectMount(cold)}
    admission = Admission(control.services.store, TOKEN)
    return Perimeter(Mounts(echo, mounts), admission=admission, attempts=Attempts(admission), hosts=["box.local"], **options)


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}") as opened:
        yield opened


@pytest.mark.parametrize("path", ["/sessions", "/health", "/docs", "/nowhere", "/mcp", "/agents/mcp", "/prefect/api/health"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:9889"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:9889"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": f"https://{HOST}"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "sideways"}, 403),
    ],
)
async def test_strangers_are_refused_everywhere(client: httpx.AsyncClient, path: str, headers: dict, status: int) -> None:
    answer = await client.get(path, headers={**BEARER, **headers})
    assert (answer.status_code, problem(answer)["code"]) == (status, "denied")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:1234"},
        {"Host": "LOCALHOST"},
        {"Host": "[::1]:9889"},
        {"Host": "box.local:9889"},
        {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_own_names_and_origin_pass(client: httpx.AsyncClient, headers: dict) -> None:
    assert (await client.get("/sessions", headers={**BEARER, **headers})).status_code == 200


async def test_following_a_link_opens_the_documentation_and_nothing_else(client: httpx.AsyncClient) -> None:
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert (await client.get("/docs", headers=visit)).status_code == 200
    assert (await client.get("/docs", headers={**visit, "Sec-Fetch-Dest": "iframe"})).status_code == 403
    assert (await client.get("/health", headers=visit)).status_code == 403
    assert (await client.get("/sessions", headers={**visit, **BEARER})).status_code == 403


@pytest.mark.parametrize("path", ["/health", "/metrics", "/docs", "/openapi.json", "/prefect", "/prefect/runs", "/agents/mcp"])
async def test_open_paths_need_no_token(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/sessions", "/events", "/daemon/status", "/mcp", "/nowhere", "/prefectly", "/health/x"])
@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
async def test_all_others_need_the_token(client: httpx.AsyncClient, path: str, value: str | None) -> None:
    answer = await client.get(path, headers={"Authorization": value} if value is not None else {})
    assert (answer.status_code, problem(answer)["code"]) == (401, "denied")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert TOKEN not in answer.text


async def test_open_paths_are_open_to_reading_only(client: httpx.AsyncClient) -> None:
    assert (await client.post("/health")).status_code == 401
    assert (await client.post("/agents/mcp")).status_code == 200  # it has tokens of its own


@pytest.mark.parametrize(
    ("said", "surface"), [("cli", "cli"), ("python", "python"), ("mcp", "http"), ("agent", "http"), (None, "http")]
)
async def test_callers_say_their_surface(client: httpx.AsyncClient, echo: Echo, said: str | None, surface: str) -> None:
    await client.post("/mcp", headers={**BEARER, **({"Cao-Surface": said} if said else {})})
    caller = echo.scopes[-1]["cao.caller"]
    assert (caller.actor, caller.surface) == ("owner", surface)


async def test_mounts_get_the_path_as_it_came(client: httpx.AsyncClient) -> None:
    for path in ("/prefect", "/prefect/", "/prefect/api/flows/filter", "/agents/mcp"):
        assert (await client.get(path)).text == path


async def websocket(app: Any, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Open a WebSocket; the application's first word."""
    said: list[dict[str, Any]] = []
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "subprotocols": [],
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        said.append(message)

    async with asyncio.timeout(5):
        await app(scope, receive, send)
    return said[0]


@pytest.mark.parametrize(
    ("path", "headers", "verdict"),
    [
        ("/prefect/api/events/out", {"Host": HOST}, "websocket.accept"),
        ("/prefect/api/events/out", {"Host": HOST, "Origin": f"http://{HOST}"}, "websocket.accept"),
        ("/prefect/api/events/out", {"Host": HOST, "Origin": "https://evil.example"}, "websocket.close"),
        ("/prefect/api/events/out", {"Host": "evil.example"}, "websocket.close"),
        ("/prefect/api/events/out", {"Host": HOST, "Sec-Fetch-Site": "cross-site"}, "websocket.close"),
        ("/mcp", {"Host": HOST}, "websocket.close"),
        ("/mcp", {"Host": HOST, **BEARER}, "websocket.accept"),
        ("/cold", {"Host": HOST, **BEARER}, "websocket.close"),
    ],
)
async def test_websockets_pass_the_same_checks(app: Any, path: str, headers: dict, verdict: str) -> None:
    assert (await websocket(app, path, headers))["type"] == verdict


async def test_prefect_before_it_is_ready(client: httpx.AsyncClient) -> None:
    page = await client.get("/cold/runs", headers={**BEARER, "Accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert 'http-equiv="refresh"' in page.text
    answer = await client.get("/cold/api/health", headers=BEARER)
    assert (answer.status_code, problem(answer)["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
