"""Personal access tokens: what they allow, how they end, and what is kept of them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cao.control import Control
from cao.http.attempts import Attempts
from cao.protocol import REGISTRY, Caller, CaoError, Denied, Unauthenticated
from cao.protocol.tokens import NewToken
from cao.settings import load
from cao.store import bearers
from cao.store.clock import ManualClock
from cao.store.redaction import Redactor
from cao.store.tokens import TOPIC

from .conftest import TOKEN, Site, problem, until

LIMIT = 20
HOUR = 3600.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def control(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False, clock=clock) as opened:
        yield opened


def show(token: NewToken) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.secret}"}


async def status(site: Site, token: NewToken, path: str = "/sessions") -> int:
    return (await site.client.get(path, headers=show(token))).status_code


async def create(control: Control, caller: Caller, **fields: Any) -> NewToken:
    operation = REGISTRY["token.create"]
    return await control.call(operation, operation.parse({"name": "child", **fields}), caller)


async def test_a_token_may_do_what_its_scopes_say(site: Site) -> None:
    reader = await site.control.token.create(name="reader", scopes=["*:read"])
    assert await status(site, reader) == 200
    refused = await site.client.post("/sessions", json={"provider": "scripted"}, headers=show(reader))
    assert (refused.status_code, problem(refused)["details"]) == (403, {"scope": "session:write"})
    writer = await site.control.token.create(name="writer", scopes=["session:*"])
    made = await site.client.post("/sessions", json={"provider": "scripted"}, headers=show(writer))
    assert made.status_code == 201
    assert await status(site, writer, "/runs") == 403


async def test_what_it_does_is_recorded_under_its_name(site: Site) -> None:
    token = await site.control.token.create(name="night-shift", scopes=["session:*", "message:*"])
    made = (await site.client.post("/sessions", json={"provider": "scripted", "prompt": "Hi."}, headers=show(token))).json()
    events = await site.control.event.list(session=made["id"])
    assert {event.actor for event in events.items} == {"token:night-shift"}
    inbox = await site.control.message.list(terminal=made["terminals"][0]["id"])
    assert [message.sender for message in inbox.items] == ["token:night-shift"]


async def test_it_ends_when_it_expires(site: Site, clock: ManualClock) -> None:
    token = await site.control.token.create(name="short", scopes=["*:read"], days=1)
    clock.advance(86399)
    assert await status(site, token) == 200
    clock.advance(1)
    refused = await site.client.get("/sessions", headers=show(token))
    assert refused.status_code == 401
    assert "the token short expired" in problem(refused)["detail"]
    assert [one.state for one in (await site.control.token.list()).items] == ["expired"]


async def test_revoking_acts_at_once_whichever_process_does_it(site: Site) -> None:
    token = await site.control.token.create(name="ci", scopes=["*:read"])
    assert await status(site, token) == 200
    async with Control(site.control.settings, work=False, clock=ManualClock()) as other:
        await other.token.revoke("ci")
    assert await status(site, token) == 401
    again = await site.control.token.create(name="ci", scopes=["*:read"])
    assert (await status(site, again), await status(site, token)) == (200, 401)


async def test_a_dry_run_revokes_nothing(site: Site) -> None:
    token = await site.control.token.create(name="ci", scopes=["*:read"])
    assert (await site.control.token.revoke("ci", dry_run=True)).state == "revoked"
    assert await status(site, token) == 200
    first = await site.control.token.revoke(token.id)
    assert (await site.control.token.revoke(token.id)).revoked_at == first.revoked_at


async def test_nobody_gives_more_than_they_hold(control: Control) -> None:
    cases = [
        (["session:*"], ["session:read"], True),
        (["*:read", "session:*"], ["run:read", "session:*"], True),
        (["session:read"], ["session:*"], False),
        (["session:*"], ["*:read"], False),
        (["*:read", "*:write", "*:destructive"], ["*"], False),
        (["session:*"], ["session:read", "run:read"], False),
    ]
    for number, (held, wanted, allowed) in enumerate(cases):
        maker = await control.token.create(name=f"maker-{number}", scopes=["token:*", *held])
        caller = Caller(f"token:{maker.name}", "http", frozenset(maker.scopes), token=maker.id)
        if allowed:
            assert (await create(control, caller, name=f"child-{number}", scopes=wanted)).scopes == wanted
        else:
            with pytest.raises(Denied, match="cannot give the scope"):
                await create(control, caller, scopes=wanted)


async def test_a_token_outlives_neither_its_maker_nor_its_makers_surfaces(site: Site) -> None:
    control = site.control
    maker = await control.token.create(name="maker", scopes=["token:*", "*:read"], days=2, surfaces=["http"])
    caller = Caller("token:maker", "http", frozenset(maker.scopes), token=maker.id)
    child = await create(control, caller, scopes=["*:read"], days=300)
    assert (child.expires_at, child.surfaces, child.created_by) == (maker.expires_at, ["http"], "token:maker")
    with pytest.raises(Denied, match="kept to http and cannot give mcp"):
        await create(control, caller, name="other", scopes=["*:read"], surfaces=["mcp"])
    await control.token.revoke("maker")
    assert await status(site, child) == 401
    revoked = await control.event.list(types=["token.revoked"])
    assert [event.data["name"] for event in revoked.items] == ["maker", "child"]


async def test_bad_requests_name_the_field(site: Site) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["session"]}, "/scopes/0"),
        ({"scopes": ["*:*"]}, "/scopes/0"),
        ({"scopes": ["sesion:read"]}, "/scopes"),
        ({"scopes": ["*"], "days": 0}, "/days"),
        ({"scopes": ["*"], "days": 367}, "/days"),
        ({"scopes": ["*"], "surfaces": ["cli"]}, "/surfaces/0"),
        ({"scopes": ["*"], "name": "two words"}, "/name"),
    ]
    for fields, pointer in cases:
        answer = await site.client.post("/tokens", json={"name": "x", **fields})
        assert (answer.status_code, problem(answer)["details"]["errors"][0]["pointer"]) == (422, pointer)


async def test_a_name_is_free_again_once_revoked(control: Control) -> None:
    await control.token.create(name="ci", scopes=["*"])
    with pytest.raises(CaoError, match="cao token revoke ci"):
        await control.token.create(name="ci", scopes=["*"])
    await control.token.revoke("ci")
    await control.token.create(name="ci", scopes=["*"])


async def test_the_secret_is_shown_once_and_kept_nowhere(site: Site, tmp_path: Path) -> None:
    key = {"Idempotency-Key": "once"}
    body = {"name": "ci", "scopes": ["*"]}
    first = (await site.client.post("/tokens", json=body, headers=key)).json()
    again = (await site.client.post("/tokens", json=body, headers=key)).json()
    assert bearers.kind_of(first["secret"]) == "pat"
    assert (again["id"], again["secret"]) == (first["id"], None)
    session = await site.launch(prompt=f"The key is {first['secret']}, use it.")
    assert (
        await site.client.get(f"/sessions/{session['id']}", headers={"Authorization": f"Bearer {first['secret']}"})
    ).is_success
    link = await site.client.post("/page/session", json={"token": first["secret"]})
    cookie = link.cookies["cao_page_" + site.url.rpartition(":")[2]]
    connection = sqlite3.connect(tmp_path / "home" / "cao.db")
    kept = "\n".join(connection.iterdump())
    connection.close()
    assert first["secret"] not in kept
    assert cookie not in kept
    assert "The key is [redacted], use it." in kept


@pytest.mark.parametrize(
    "secret",
    [bearers.mint("pat"), bearers.mint("web"), bearers.mint("code"), "caot_" + "0a" * 32],
    ids=["personal", "browser", "code", "agent"],
)
def test_every_kind_of_secret_is_masked_in_any_text(secret: str) -> None:
    assert Redactor().text(f"curl -H 'X: {secret}' #code={secret}.") == "curl -H 'X: [redacted]' #code=[redacted]."


async def test_use_is_noted_to_the_hour(site: Site, clock: ManualClock) -> None:
    token = await site.control.token.create(name="ci", scopes=["*:read"])
    for _ in range(3):
        await status(site, token)
        clock.advance(HOUR / 2)
    (shown,) = (await site.control.token.list()).items
    assert shown.last_used_at is not None
    assert clock.now() - shown.last_used_at.timestamp() <= 2 * HOUR
    assert shown.last_used_at.minute == 0


async def test_what_was_never_a_token_is_refused(site: Site) -> None:
    for shown in ("cao_pat_" + 49 * "a", "cao_pat_", "x" * 5000, bearers.mint("web"), bearers.mint("code"), "Bearer", "é" * 40):
        headers = {b"Authorization": b"Bearer " + shown.encode("latin-1")}
        assert (await site.client.get("/sessions", headers=headers)).status_code == 401


async def test_a_mistyped_token_is_told_by_its_checksum() -> None:
    secret = bearers.mint("pat")
    assert bearers.kind_of(secret) == "pat"
    for place in (9, 30, 56):
        other = "a" if secret[place] != "a" else "b"
        assert bearers.kind_of(secret[:place] + other + secret[place + 1 :]) is None


async def test_failures_are_counted_audited_without_the_token_and_limited(site: Site) -> None:
    good = await site.control.token.create(name="good", scopes=["*"])
    wrong = bearers.mint("pat")
    answers = [await site.client.get("/sessions", headers={"Authorization": f"Bearer {wrong}"}) for _ in range(LIMIT + 3)]
    assert [answer.status_code for answer in answers] == [401] * LIMIT + [429] * 3
    assert 0 < int(answers[-1].headers["retry-after"]) <= 61
    assert await status(site, good) == 200
    rows = site.control.services.store.read().rows("SELECT actor, outcome, request FROM audit WHERE operation = 'sign.in'")
    assert [(row["actor"], row["outcome"]) for row in rows] == [("address:127.0.0.1", "denied")] * LIMIT
    assert wrong not in json.dumps(rows)
    metrics = await site.client.get("/metrics")
    assert f"cao_failed_sign_ins_total {LIMIT + 3}" in metrics.text


async def test_the_count_of_addresses_is_bounded() -> None:
    class Nobody:
        recorded = 0

        async def record_failure(self, *_: Any) -> None:
            self.recorded += 1

    admission: Any = Nobody()
    now = [0.0]
    attempts = Attempts(admission, LIMIT, lambda: now[0])
    for number in range(3000):
        await attempts.failed(f"192.0.2.{number}", "http", Unauthenticated("no"))
    assert (len(attempts._counts), admission.recorded, attempts.total) == (1000, 200, 3000)  # pyright: ignore[reportPrivateUsage]
    now[0] = 61
    assert type(await attempts.failed("192.0.2.1", "http", Unauthenticated("no"))) is Unauthenticated
    assert len(attempts._counts) == 1  # pyright: ignore[reportPrivateUsage]


async def followed(site: Site, headers: dict[str, str]) -> asyncio.Task[list[str]]:
    """Follow the events, from when this returns: all lines until the stream ends."""
    began = asyncio.Event()

    async def listen() -> list[str]:
        lines: list[str] = []
        client = httpx.AsyncClient(base_url=site.url, headers=headers, trust_env=False, timeout=20)
        async with client, client.stream("GET", "/events") as stream:
            assert stream.status_code == 200
            async for line in stream.aiter_lines():
                lines.append(line)
                began.set()
        return lines

    task = asyncio.create_task(listen())
    await asyncio.wait_for(began.wait(), 10)
    return task


async def test_a_stream_ends_when_its_token_is_revoked(site: Site) -> None:
    token = await site.control.token.create(name="ci", scopes=["*:read"])
    task = await followed(site, show(token))
    await site.launch()
    await site.control.token.revoke("ci")
    async with asyncio.timeout(20):
        lines = await task
    assert "event: session.launched" in lines


async def test_a_stream_ends_when_its_token_expires(site: Site, clock: ManualClock) -> None:
    token = await site.control.token.create(name="ci", scopes=["*:read"], days=1)
    task = await followed(site, show(token))
    clock.advance(86400)
    site.control.services.store.hub.publish([TOPIC])
    async with asyncio.timeout(20):
        await task


async def test_a_long_wait_is_refused_once_its_token_is_revoked(site: Site) -> None:
    token = await site.control.token.create(name="ci", scopes=["*:read"])
    session = await site.launch(prompt="Say hello.")
    hub = site.control.services.store.hub
    path = f"/runs/{session['run_id']}/wait?timeout=60"
    waiting = asyncio.create_task(site.client.get(path, headers=show(token), timeout=30))
    await until(lambda: hub.waiting(TOPIC))
    await site.control.token.revoke("ci")
    async with asyncio.timeout(20):
        answer = await waiting
    assert (answer.status_code, problem(answer)["code"]) == (401, "denied")


async def test_a_token_is_kept_to_its_surfaces(site: Site) -> None:
    cases: list[tuple[list[Any], int]] = [(["http"], 200), (["mcp"], 403), (["graphql", "web"], 403), (["http", "web"], 200)]
    for number, (surfaces, code) in enumerate(cases):
        token = await site.control.token.create(name=f"kept-{number}", scopes=["*"], surfaces=surfaces)
        assert await status(site, token) == code
        signed = await site.client.post("/page/session", json={"token": token.secret})
        assert signed.status_code == (201 if "web" in surfaces else 403)


async def test_a_token_names_no_files_whatever_it_says_of_its_way_in(site: Site, tmp_path: Path) -> None:
    secret, stolen = tmp_path / "secret.md", tmp_path / "stolen.db"
    secret.write_text("The private words of somebody else.")
    token = await site.control.token.create(name="reader", scopes=["profile:*", "daemon:*"])
    for surface in ("cli", "python", "http"):
        headers = {**show(token), "Cao-Surface": surface}
        read = await site.client.post("/profiles", json={"source": str(secret)}, headers=headers)
        assert (read.status_code, "no token" in read.text) == (422, True)
        copied = await site.client.post("/daemon/backup", json={"path": str(stolen)}, headers=headers)
        assert (copied.status_code, stolen.exists()) == (422, False)
    here = {"Authorization": f"Bearer {TOKEN}", "Cao-Surface": "cli"}
    assert (await site.client.post("/profiles", json={"source": str(secret)}, headers=here)).status_code == 201


async def test_a_token_may_revoke_itself_and_hears_of_it(site: Site) -> None:
    token = await site.control.token.create(name="last", scopes=["token:*"])
    answer = await site.client.post("/tokens/last/revoke", json={}, headers=show(token))
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    assert await status(site, token, "/tokens") == 401
