"""The page's way in: a link that works once, a cookie that no script reads, and what a cookie alone cannot do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cao.control import Control
from cao.http.sign_in import cookie_name, read_cookie
from cao.protocol import OWNER, REGISTRY, Caller, Conflict
from cao.protocol.tokens import PageLink
from cao.settings import load
from cao.store import bearers
from cao.store.clock import ManualClock

from .conftest import TOKEN, Site, problem

HOUR = 3600.0


@dataclass
class Address:
    """The server around a control, as far as operations know it."""

    url: str = "http://127.0.0.1:9889"
    started_at: float = 0.0

    def request_stop(self) -> None:
        """Nothing to stop."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def control(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False, clock=clock, server=Address()) as opened:
        yield opened


async def code(control: Control, caller: Caller = OWNER) -> str:
    """The code of a new link."""
    link: PageLink = await control.call(REGISTRY["token.link"], REGISTRY["token.link"].parse({}), caller)
    page, _, secret = link.url.partition("#code=")
    assert page == "http://127.0.0.1:9889/"
    return secret


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the page: it keeps cookies, and says where its requests come from."""
    async with httpx.AsyncClient(base_url=site.url, trust_env=False) as client:
        yield client


def own(site: Site) -> dict[str, str]:
    """What a script of our page sends with a change."""
    return {"Origin": site.url, "Sec-Fetch-Site": "same-origin", "Cao-Surface": "web"}


async def sign_in(site: Site, browser: httpx.AsyncClient, caller: Caller = OWNER) -> httpx.Response:
    answer = await browser.post("/page/session", json={"code": await code(site.control, caller)}, headers=own(site))
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_link_signs_one_browser_in(site: Site, browser: httpx.AsyncClient) -> None:
    answer = await sign_in(site, browser)
    assert answer.json() == {"actor": "owner", "surface": "web", "scopes": ["*"]}
    (cookie,) = answer.headers.get_list("set-cookie")
    name = "cao_page_" + site.url.rpartition(":")[2]
    value, *attributes = cookie.split("; ")
    assert value.startswith(f"{name}=cao_web_")
    assert attributes == ["HttpOnly", "SameSite=Strict", "Path=/"]
    assert (await browser.get("/page/session")).json()["actor"] == "owner"
    assert (await browser.get("/sessions")).status_code == 200
    made = await browser.post("/sessions", json={"provider": "scripted"}, headers=own(site))
    assert made.status_code == 201
    audit = site.control.services.store.read().rows("SELECT operation, actor, surface FROM audit ORDER BY n")
    assert [tuple(row.values()) for row in audit] == [
        ("token.link", "owner", "python"),
        ("sign.in", "owner", "web"),
        ("session.launch", "owner", "web"),
    ]


async def test_a_code_works_once_and_for_a_minute(site: Site, browser: httpx.AsyncClient, clock: ManualClock) -> None:
    used = await code(site.control)
    both = await asyncio.gather(*(browser.post("/page/session", json={"code": used}) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [201, 401]
    late = await code(site.control)
    clock.advance(60)
    answer = await browser.post("/page/session", json={"code": late})
    assert (answer.status_code, problem(answer)["detail"].endswith("cao page")) == (401, True)


async def test_a_link_has_its_makers_rights_and_ends_with_their_token(site: Site, browser: httpx.AsyncClient) -> None:
    token = await site.control.token.create(name="guest", scopes=["*:read", "token:write"])
    caller = Caller("token:guest", "http", frozenset(token.scopes), token=token.id)
    assert (await sign_in(site, browser, caller)).json()["actor"] == "token:guest"
    refused = await browser.post("/sessions", json={"provider": "scripted"}, headers=own(site))
    assert (refused.status_code, problem(refused)["details"]) == (403, {"scope": "session:write"})
    await site.control.token.revoke("guest")
    assert (await browser.get("/sessions")).status_code == 401


async def test_a_browser_is_kept_to_the_surfaces_of_its_token(site: Site, browser: httpx.AsyncClient) -> None:
    token = await site.control.token.create(name="page", scopes=["*"], surfaces=["web"])
    assert (await browser.post("/page/session", json={"token": token.secret})).status_code == 201
    page = {"Origin": site.url, "Cao-Surface": "web"}
    assert (await browser.get("/sessions", headers=page)).status_code == 200
    asked = await browser.post("/graphql", json={"query": "{__typename}"}, headers=page)
    assert (asked.status_code, problem(asked)["details"]) == (403, {"surface": "graphql"})


async def test_a_token_that_is_kept_from_the_page_makes_no_link(site: Site) -> None:
    token = await site.control.token.create(name="ci", scopes=["token:*"], surfaces=["http"])
    asked = await site.client.post("/tokens/link", json={}, headers={"Authorization": f"Bearer {token.secret}"})
    assert (asked.status_code, problem(asked)["details"]) == (403, {"surface": "web"})


async def test_a_browser_stays_signed_in_while_it_is_used(site: Site, browser: httpx.AsyncClient, clock: ManualClock) -> None:
    await sign_in(site, browser)
    for _ in range(3):
        clock.advance(11 * HOUR)
        assert (await browser.get("/sessions")).status_code == 200
    clock.advance(12 * HOUR)
    assert (await browser.get("/sessions")).status_code == 401


async def test_signing_out_ends_streams_too(site: Site, browser: httpx.AsyncClient) -> None:
    await sign_in(site, browser)
    async with browser.stream("GET", "/events", timeout=20) as stream:
        lines = aiter(stream.aiter_lines())
        assert (await anext(lines)).startswith("id: ")
        async with httpx.AsyncClient(base_url=site.url, cookies=browser.cookies, trust_env=False) as beside:
            assert (await beside.delete("/page/session")).status_code == 403
            answer = await beside.delete("/page/session", headers=own(site))
        assert (answer.status_code, "Max-Age=0" in answer.headers["set-cookie"]) == (204, True)
        async with asyncio.timeout(20):
            assert [line async for line in lines if line.startswith("data")] == []
    assert (await browser.get("/sessions")).status_code == 401


async def test_a_cookie_alone_changes_nothing(site: Site, browser: httpx.AsyncClient) -> None:
    """Another site's page can make a browser send our cookie (another port is the same site); it cannot say these headers."""
    await sign_in(site, browser)
    ours = {"Origin": site.url, "Cao-Surface": "web"}
    for headers in (
        {},
        {"Cao-Surface": "web"},
        {"Origin": site.url},
        {**ours, "Cao-Surface": "cli"},
        {**ours, "Origin": "https://evil.example"},
        {**ours, "Origin": "null"},
        {**ours, "Sec-Fetch-Site": "same-site"},
        {**ours, "Sec-Fetch-Site": "cross-site"},
    ):
        for path, body in (("/sessions", {"provider": "scripted"}), ("/tokens", {"name": "x", "scopes": ["*"]}), ("/mcp", {})):
            answer = await browser.post(path, json=body, headers=headers)
            assert (answer.status_code, problem(answer)["code"]) == (403, "denied"), (path, headers)
    assert (await site.control.session.list()).items == []


async def test_a_cookie_of_another_server_on_this_computer_is_not_ours(site: Site, browser: httpx.AsyncClient) -> None:
    cookie = (await sign_in(site, browser)).cookies
    (value,) = cookie.values()
    for name in ("cao_page", "cao_page_1", "other"):
        answer = await site.client.get("/sessions", headers={"Authorization": "", "Cookie": f"{name}={value}"})
        assert answer.status_code == 401


async def test_what_a_browser_may_show(browser: httpx.AsyncClient) -> None:
    shown: list[tuple[Any, int]] = [
        ({}, 422),
        ({"code": ""}, 422),
        ({"code": "x" * 201}, 422),
        ({"code": 5}, 422),
        ({"code": "x", "token": "y"}, 422),
        ({"password": "x"}, 422),
        ([], 422),
        ({"code": bearers.mint("code")}, 401),
        ({"code": bearers.mint("web")}, 401),
        ({"token": "cao_nothing"}, 401),
        ({"token": TOKEN}, 201),
    ]
    for body, status in shown:
        assert (await browser.post("/page/session", json=body)).status_code == status, body


async def test_forms_and_other_methods_are_refused(site: Site, browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/page/session", data={"token": TOKEN})).status_code == 415
    assert (await browser.get("/page/session")).status_code == 401
    assert (await site.client.put("/page/session", json={})).status_code == 405
    assert (await site.client.delete("/page/session")).status_code == 403
    assert (
        await browser.post("/page/session", json={"token": TOKEN}, headers={"Origin": "https://evil.example"})
    ).status_code == 403


async def test_wrong_codes_are_limited(browser: httpx.AsyncClient) -> None:
    answers = [await browser.post("/page/session", json={"code": "x"}) for _ in range(22)]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 2


async def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_only(tmp_path: Path) -> None:
    from cao.http.app import build_app

    settings = load(tmp_path / "home", {}, public_url="https://cao.example.org", host="0.0.0.0")
    async with Control(settings, work=False) as control:
        transport = httpx.ASGITransport(build_app(control, token=TOKEN), client=("127.0.0.1", 1))  # pyright: ignore[reportArgumentType]
        async with httpx.AsyncClient(transport=transport, base_url="http://cao.example.org") as client:
            headers = {"Origin": "https://cao.example.org"}
            answer = await client.post("/page/session", json={"token": TOKEN}, headers=headers)
            cookie = answer.headers["set-cookie"]
            assert (cookie.startswith("cao_page=cao_web_"), cookie.endswith("; Secure")) == (True, True)
            sent = {**headers, "Cookie": cookie.partition(";")[0], "Cao-Surface": "web"}
            made = await client.post("/sessions", json={"provider": "scripted"}, headers=sent)
            assert made.status_code == 201
            for origin in ("http://cao.example.org:80", "https://127.0.0.1", "https://cao.example.org.evil.example"):
                assert (await client.get("/sessions", headers={**sent, "Origin": origin})).status_code == 403


async def test_without_a_server_there_is_no_page(tmp_path: Path) -> None:
    async with Control(load(tmp_path / "other", {}), work=False) as alone:
        with pytest.raises(Conflict, match="cao daemon start"):
            await alone.token.link()


@pytest.mark.parametrize(
    ("host", "cookie", "found"),
    [
        (b"127.0.0.1:9889", b"a=b; cao_page_9889=x; c=d", "x"),
        (b"[::1]:9889", b"cao_page_9889=x", "x"),
        (b"cao.example.org", b"cao_page=x", "x"),
        (b"127.0.0.1:9889", b"cao_page_9890=x", None),
        (b"127.0.0.1:9889", b"cao_page_9889=", None),
        (b"127.0.0.1:9889", b"=;;=\xff\x00;" * 1000, None),
        (b"127.0.0.1:9889", b"cao_page_9889=" + b"x" * 100_000, "x" * 200),
        (b"evil:9\r\nx", b"cao_page=x", "x"),
    ],
)
def test_cookies_are_read_as_they_come(host: bytes, cookie: bytes, found: str | None) -> None:
    assert read_cookie({b"host": host, b"cookie": cookie}) == found
    assert cookie_name(host).isascii()
