"""`/prefect` passes requests on as they are, keeps our credentials back, and says when Prefect does not answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from cao.http.mounts import PrefectMount
from cao_flows.prefect_proxy import PrefectProxy


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body.decode()}
        self.send_response(418)
        self.send_header("X-Of-Prefect", "yes")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def client(proxy: PrefectProxy, origin: str) -> httpx.AsyncClient:
    mount = PrefectMount(lambda scope, receive, send: proxy.serve(origin, scope, receive, send))
    return httpx.AsyncClient(transport=httpx.ASGITransport(mount), base_url="http://127.0.0.1")


async def test_a_request_is_passed_on_and_its_answer_back(origin: str) -> None:
    proxy = PrefectProxy()
    async with client(proxy, origin) as http:
        answer = await http.post("/prefect/api/flows%20x/filter?limit=2", json={"limit": 1}, headers={"X-Mine": "a"})
        got = await http.get("/prefect/api/health")
    await proxy.close()
    told = answer.json()
    assert (answer.status_code, answer.headers["x-of-prefect"]) == (418, "yes")
    assert (told["method"], told["path"]) == ("POST", "/prefect/api/flows%20x/filter?limit=2")
    assert json.loads(told["body"]) == {"limit": 1}
    assert told["headers"]["x-mine"] == "a"
    assert got.json()["method"] == "GET"


async def test_our_credentials_are_kept_back(origin: str) -> None:
    proxy = PrefectProxy()
    async with client(proxy, origin) as http:
        headers = {"Authorization": "Bearer mine", "Cookie": "session=mine"}
        told = (await http.get("/prefect/api/health", headers=headers)).json()
    await proxy.close()
    assert not {"authorization", "cookie"} & {name.lower() for name in told["headers"]}


async def test_a_prefect_that_does_not_answer_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        proxy = PrefectProxy()
        async with client(proxy, f"http://127.0.0.1:{taken.getsockname()[1]}") as http:
            answer = await http.get("/prefect/api/health")
        await proxy.close()
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
