"""Approval links: what a GET shows, what a POST decides, and everything that decides nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cao.control import Control
from cao.links import TOKEN_LIMIT, Link, Signer
from cao.protocol.records import Approval
from cao.settings import load
from cao.vault import KEY_FILE, Vault

from .asking import ask
from .conftest import Site


def link_of(control: Control, approval: Approval, **changed: object) -> str:
    """The path of a link to the approval, as a notifier called `phone` would get it."""
    fields: dict[str, object] = {
        "id": "dlv_1",
        "approval": approval.id,
        "digest": approval.digest,
        "holder": "phone",
        "expires_at": int(approval.expires_at.timestamp()),
        **changed,
    }
    return "/approve/" + Signer(Vault(control.settings.home)).sign(Link(**fields))  # pyright: ignore[reportArgumentType]


@pytest.fixture
def browser(site: Site) -> httpx.AsyncClient:
    """Somebody who has the link and no token."""
    return httpx.AsyncClient(base_url=site.url, trust_env=False)


async def state(control: Control, approval: Approval) -> str:
    return (await control.approval.get(approval.id)).state


@pytest.mark.parametrize(("decision", "outcome"), [("approve", "approved"), ("deny", "denied")])
async def test_the_link_shows_the_action_and_its_buttons_decide(
    site: Site, browser: httpx.AsyncClient, decision: str, outcome: str
) -> None:
    approval = await ask(site.control, "Drop the table <users>?")
    path = link_of(site.control, approval)
    async with browser:
        page = await browser.get(path)
        assert page.status_code == 200
        assert "Drop the table &lt;users&gt;?" in page.text and "rm -rf /" in page.text
        assert await state(site.control, approval) == "pending"
        done = await browser.post(path, data={"decision": decision})
        assert (done.status_code, outcome in done.text) == (200, True)
    decided = await site.control.approval.get(approval.id)
    assert (decided.state, decided.decided_by) == (outcome, "link:phone")


async def test_a_link_is_used_once(site: Site, browser: httpx.AsyncClient) -> None:
    approval = await ask(site.control)
    path = link_of(site.control, approval)
    async with browser:
        answers = await asyncio.gather(*(browser.post(path, data={"decision": one}) for one in ("approve", "deny") * 5))
        settled = await site.control.approval.get(approval.id)
        words = {"approved": "approve", "denied": "deny"}
        won = [answer for answer in answers if answer.status_code == 200]
        assert won and all(settled.state in answer.text for answer in won)
        assert {answer.status_code for answer in answers} <= {200, 409, 410}
        for decision in words.values():
            replay = await browser.post(path, data={"decision": decision})
            assert (replay.status_code, "used already" in replay.text) == (410, True)
        assert (await browser.get(path)).status_code == 410
    assert (await site.control.approval.get(approval.id)) == settled
    with sqlite3.connect(site.control.settings.home / "cao.db") as store:
        audited = store.execute("SELECT actor FROM audit WHERE operation = 'approval.decide' AND outcome = 'ok'").fetchall()
        assert audited == [("link:phone",)]
    store.close()


async def test_a_changed_link_decides_nothing(site: Site, browser: httpx.AsyncClient) -> None:
    approval, other = await ask(site.control), await ask(site.control, "Buy a house?")
    path = link_of(site.control, approval)
    token = path.removeprefix("/approve/")
    payload, dot, signature = token.rpartition(".")
    foreign = link_of(site.control, other).removeprefix("/approve/").rpartition(".")
    changed = [
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        payload + dot,
        foreign[0] + dot + signature,
        payload[:-2] + dot + signature,
        payload,
        "",
        "x" * (TOKEN_LIMIT + 1),
        token + "/",
        token.upper(),
        "%00" + token,
    ]
    async with browser:
        for one in changed:
            for answer in (
                await browser.get(f"/approve/{one}"),
                await browser.post(f"/approve/{one}", data={"decision": "approve"}),
            ):
                assert (answer.status_code, "text/html" in answer.headers["content-type"]) == (403, True), one
    assert await state(site.control, approval) == await state(site.control, other) == "pending"


async def test_a_link_for_other_words_decides_nothing(site: Site, browser: httpx.AsyncClient) -> None:
    approval = await ask(site.control)
    async with browser:
        answer = await browser.post(link_of(site.control, approval, digest="0" * 64), data={"decision": "approve"})
    assert (answer.status_code, "another action" in answer.text) == (409, True)
    assert await state(site.control, approval) == "pending"


async def test_an_expired_link_decides_nothing(site: Site, browser: httpx.AsyncClient) -> None:
    approval = await ask(site.control)
    path = link_of(site.control, approval, expires_at=int(approval.created_at.timestamp()))
    async with browser:
        for answer in (await browser.get(path), await browser.post(path, data={"decision": "approve"})):
            assert (answer.status_code, "expired" in answer.text) == (410, True)
    assert await state(site.control, approval) == "pending"


async def test_what_is_decided_elsewhere_is_said(site: Site, browser: httpx.AsyncClient) -> None:
    approval = await ask(site.control)
    await site.control.approval.decide(approval.id, "deny")
    path = link_of(site.control, approval)
    async with browser:
        for answer in (await browser.get(path), await browser.post(path, data={"decision": "approve"})):
            assert (answer.status_code, "denied already by owner" in answer.text) == (409, True)
    assert await state(site.control, approval) == "denied"


async def test_scanners_and_previews_decide_nothing(site: Site, browser: httpx.AsyncClient) -> None:
    approval = await ask(site.control)
    path = link_of(site.control, approval)
    async with browser:
        for _ in range(3):
            assert (await browser.get(path)).status_code == 200
            assert (await browser.get(path + "?decision=approve")).status_code == 200
            assert (await browser.head(path)).status_code == 200
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = await browser.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
        for body in ({}, {"decision": "maybe"}, {"decision": ["approve", "deny"]}, {"decision": "approve", "x": "y" * 200}):
            assert (await browser.post(path, data=body)).status_code in (415, 422)
        assert (await browser.post(path, json={"decision": "approve"})).status_code == 415
    assert await state(site.control, approval) == "pending"


async def test_another_sites_page_decides_nothing(site: Site, browser: httpx.AsyncClient) -> None:
    approval = await ask(site.control)
    path = link_of(site.control, approval)
    form = {"data": {"decision": "approve"}}
    async with browser:
        followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert (await browser.get(path, headers=followed)).status_code == 200
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
            {**followed, "Origin": "null"},
            {"Host": "evil.example"},
        ):
            assert (await browser.post(path, headers=headers, **form)).status_code in (403, 421), headers
        assert await state(site.control, approval) == "pending"
        own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        assert (await browser.post(path, headers=own, **form)).status_code == 200
        elsewhere = await browser.post("/sessions", headers={**own, "Authorization": "Bearer x"}, json={})
        assert elsewhere.status_code == 403


async def test_the_page_gives_nothing_away(site: Site, browser: httpx.AsyncClient) -> None:
    approval = await ask(site.control, "<script>alert(1)</script>\x1b[31m \u202egpj.exe", {"tool": "<img src=x onerror=y>"})
    async with browser:
        page = await browser.get(link_of(site.control, approval))
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "frame-ancestors 'none'" in policy
    assert "<script" not in page.text and "<img" not in page.text
    assert "\x1b" not in page.text and "\u202e" not in page.text and "\\u202e" in page.text


async def test_it_is_reached_by_its_public_name(tmp_path: Path) -> None:
    from cao.http.app import build_app

    settings = load(tmp_path, {}, public_url="https://cao.example.org")
    async with Control(settings, work=False) as control:
        approval = await ask(control)
        app = build_app(control, token="cao_" + "x" * 40)
        transport = httpx.ASGITransport(app)  # pyright: ignore[reportArgumentType]
        async with httpx.AsyncClient(transport=transport, base_url="http://cao.example.org") as browser:
            path = link_of(control, approval)
            headers = {"Origin": "https://cao.example.org", "Sec-Fetch-Site": "same-origin"}
            assert (await browser.post(path, data={"decision": "deny"}, headers=headers)).status_code == 200
        assert await state(control, approval) == "denied"


async def test_links_of_another_key_are_refused(site: Site, browser: httpx.AsyncClient, tmp_path: Path) -> None:
    approval = await ask(site.control)
    stranger = Signer(Vault(tmp_path / "elsewhere"))
    said = Link("dlv_1", approval.id, approval.digest, "phone", int(approval.expires_at.timestamp()))
    async with browser:
        assert (await browser.get(f"/approve/{stranger.sign(said)}")).status_code == 403
    assert urlsplit(link_of(site.control, approval)).path.startswith("/approve/")
    assert (site.control.settings.home / KEY_FILE).stat().st_mode & 0o777 == 0o600
