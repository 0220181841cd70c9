"""What stands before every request and WebSocket: host, origin, fetch metadata and token, mounts included."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from cao.admission import Admission
from cao.http.attempts import Attempts
from cao.http.binding import local_url, require_names
from cao.http.mounts import Mounts, PrefectMount
from cao.http.perimeter import Perimeter
from cao.protocol import InvalidInput, Unavailable
from cao.settings import load
from cao.store import Store, bearers, tokens

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
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "cao.db")
    yield opened
    opened.close()


@pytest.fixture
def app(echo: Echo, store: Store) -> Perimeter:
    return perimeter(echo, store)


def perimeter(echo: Echo, store: Store, **options: Any) -> Perimeter:
    mounts = {"/mcp": echo, "/agents/mcp": echo, "/prefect": echo, "/graphql": echo, "/cold": PrefectMount(cold)}
    admission = Admission(store, TOKEN)
    return Perimeter(
        Mounts(echo, mounts), admission=admission, attempts=Attempts(admission, 20), hosts=["box.local"], **options
    )


async def pat(store: Store, *scopes: str, **fields: Any) -> str:
    """The secret of a new token."""
    secret = bearers.mint("pat")
    asked = {"surfaces": None, "parent_id": None, "expires_at": 2e10, **fields}
    name = f"token-{secret[-6:]}"
    await store.write(lambda tx: tokens.create(tx, id=name, name=name, digest=bearers.digest(secret), scopes=scopes, **asked))
    return secret


async def cookie(store: Store) -> str:
    """The cookie of a browser on the page at `HOST`, signed in as the owner."""
    value, _ = await Admission(store, TOKEN).sign_in(TOKEN)
    return f"cao_page_9889={value}"


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}") as opened:
        yield opened


SURFACES = {
    "HTTP": "/sessions",
    "SSE": "/events",
    "MCP": "/mcp",
    "agents' MCP": "/agents/mcp",
    "GraphQL": "/graphql",
    "Prefect": "/prefect/api/health",
    "the page's files": "/page/1/page.js",
    "sign-in": "/page/session",
    "documentation": "/docs",
    "health": "/health",
    "nothing": "/nowhere",
}


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
async def test_strangers_are_refused_on_every_surface(client: httpx.AsyncClient, headers: dict, status: int) -> None:
    """Cross-site requests and rebound names, with a good token: a browser that holds one is turned away too."""
    for surface, path in SURFACES.items():
        for method in ("GET", "POST"):
            answer = await client.request(method, path, headers={**BEARER, **headers})
            assert (answer.status_code, problem(answer)["code"]) == (status, "denied"), (method, surface)


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

    async with asyncio.timeout(20):
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


@pytest.mark.parametrize("path", ["/graphql", "/mcp", "/sessions"])
async def test_a_websocket_with_a_cookie_must_come_from_the_page(app: Any, store: Store, path: str) -> None:
    """A cross-site page opens WebSockets with our cookies, if the browser lets it: `Origin` tells."""
    signed = {"Host": HOST, "Cookie": await cookie(store)}
    assert (await websocket(app, path, {**signed, "Origin": f"http://{HOST}"}))["type"] == "websocket.accept"
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "http://127.0.0.1:3000"}, {"Origin": "null"}):
        assert await websocket(app, path, {**signed, **headers}) == {
            "type": "websocket.close",
            "code": 1008,
            "reason": "denied",
        }


async def test_a_websocket_ends_with_its_token(store: Store) -> None:
    """The application hears that its client is gone, and the client why."""
    said: list[dict[str, Any]] = []
    heard: list[dict[str, Any]] = []
    opened = asyncio.Event()

    async def listener(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        opened.set()
        heard.append(await receive())
        await send({"type": "websocket.send", "text": "never seen"})

    secret = await pat(store, "*")
    admission = Admission(store, TOKEN)
    guarded = Perimeter(listener, admission=admission, attempts=Attempts(admission, 20))
    connects = iter([{"type": "websocket.connect"}])

    async def receive() -> Any:
        if message := next(connects, None):
            return message
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"host", HOST.encode()), (b"authorization", f"Bearer {secret}".encode())]
    scope: Any = {"type": "websocket", "scheme": "ws", "path": "/graphql", "headers": headers}
    serving = asyncio.create_task(guarded(scope, receive, send))
    async with asyncio.timeout(20):
        await opened.wait()
        await store.write(lambda tx: tokens.revoke(tx, tokens.get(tx, f"token-{secret[-6:]}", tx.now)))
        await serving
    assert heard == [{"type": "websocket.disconnect", "code": 1008}]
    assert said == [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1008, "reason": "denied"}]


AWAY, HERE = ("192.0.2.7", 5000), ("127.0.0.1", 5000)


@contextlib.asynccontextmanager
async def exposed(echo: Echo, store: Store, peer: tuple[str, int]) -> AsyncIterator[httpx.AsyncClient]:
    """A client at `peer` of a server that other computers reach."""
    app: Any = perimeter(echo, store, exposed=True, public_url="https://cao.example.org")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, client=peer), base_url="http://cao.example.org") as opened:
        yield opened


async def test_reached_from_elsewhere_only_the_page_and_health_are_open(echo: Echo, store: Store) -> None:
    secret = await pat(store, "*")
    async with exposed(echo, store, AWAY) as client:
        for path in ("/", "/page/1/page.js", "/health", "/agents/mcp"):
            assert (await client.get(path)).status_code == 200
        for path in ("/metrics", "/docs", "/openapi.json", "/prefect", "/prefect/api/flows", "/mcp", "/graphql", "/sessions"):
            assert (await client.get(path)).status_code == 401
            assert (await client.get(path, headers={"Authorization": f"Bearer {secret}"})).status_code == 200
            assert (
                await client.get(path, headers={"Authorization": f"Bearer {secret}", "Host": "evil.example"})
            ).status_code == 421


async def test_the_local_token_is_for_this_computer(echo: Echo, store: Store) -> None:
    async with exposed(echo, store, AWAY) as client:
        answer = await client.get("/sessions", headers=BEARER)
        assert (answer.status_code, "cao token create" in problem(answer)["detail"]) == (401, True)
    for peer in (HERE, ("::1", 1), ("::ffff:127.0.0.1", 1)):
        async with exposed(echo, store, peer) as client:
            assert (await client.get("/sessions", headers=BEARER)).status_code == 200


async def test_prefect_is_for_those_who_may_do_everything(echo: Echo, store: Store) -> None:
    secret = await pat(store, "*:read", "*:write")
    async with exposed(echo, store, AWAY) as client:
        answer = await client.get("/prefect/api/flows", headers={"Authorization": f"Bearer {secret}"})
        assert (answer.status_code, problem(answer)["details"]) == (403, {"scope": "*"})


async def test_the_page_behind_a_proxy_has_the_public_origin(echo: Echo, store: Store) -> None:
    async with exposed(echo, store, HERE) as client:
        for origin, status in (("https://cao.example.org", 200), ("https://evil.example", 403), ("https://127.0.0.1", 403)):
            assert (await client.get("/sessions", headers={**BEARER, "Origin": origin})).status_code == status
        rebound = {**BEARER, "Origin": "https://cao.example.org", "Host": "127.0.0.1:9889"}
        assert (await client.get("/sessions", headers=rebound)).status_code == 403


async def test_a_token_is_kept_to_its_surfaces_on_mounts_too(client: httpx.AsyncClient, store: Store) -> None:
    for surface, path in (("mcp", "/mcp"), ("graphql", "/graphql"), ("http", "/sessions")):
        headers = {"Authorization": f"Bearer {await pat(store, '*', surfaces=[surface])}"}
        for other in ("/mcp", "/graphql", "/sessions"):
            assert (await client.get(other, headers=headers)).status_code == (200 if other == path else 403)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_an_open_address_needs_names(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidInput, match=r"not a loopback address.*CAO_HOSTS.*ssh -L"):
        require_names(load(tmp_path, {}, host=host))
    require_names(load(tmp_path, {}, host=host, hosts=["box.local"]))
    require_names(load(tmp_path, {}, host=host, public_url="https://cao.example.org"))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("localhost", "http://localhost:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("::1", "http://[::1]:1"),
        ("192.0.2.1", "http://192.0.2.1:1"),
    ],
)
def test_this_computer_reaches_every_binding(host: str, url: str) -> None:
    assert local_url(host, 1) == url


@pytest.mark.parametrize(
    "value", ["cao.example.org", "https://", "https://x/y", "ftp://x", "https://x y", "https://u:p@x", "x" * 999]
)
def test_a_public_url_is_an_origin(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidInput):
        load(tmp_path, {}, public_url=value)
    with pytest.raises(InvalidInput):
        load(tmp_path, {}, hosts=["https://" + value])


async def test_prefect_before_it_is_ready(client: httpx.AsyncClient) -> None:
    page = await client.get("/cold/runs", headers={**BEARER, "Accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert 'http-equiv="refresh"' in page.text
    answer = await client.get("/cold/api/health", headers=BEARER)
    assert (answer.status_code, problem(answer)["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
