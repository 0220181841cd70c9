"""The HTTP surface over a real socket: every operation, bodies, errors, idempotency, limits, metrics, documentation."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest

from cao.http import openapi
from cao.http.requests import BODY_LIMIT
from cao.protocol import REGISTRY, CaoError, InvalidInput, Unavailable

from .conftest import Site, problem, until

HTTP = REGISTRY.on("http")


async def test_every_operation_has_a_route_and_an_entry(site: Site) -> None:
    for operation in HTTP:
        entry = openapi.document()["paths"][operation.path][operation.method.lower()]
        assert entry["x-cao"]["name"] == operation.name
        assert entry["operationId"] == operation.identifier
        answer = await site.client.options(re.sub(r"{\w+}", "no_such_thing", operation.path))
        assert operation.method in answer.headers["allow"].split(", "), operation.name


async def test_operations_kept_from_http_have_no_route() -> None:
    paths = openapi.document()["paths"]
    for operation in REGISTRY.values():
        if not operation.on("http"):
            assert operation.method.lower() not in paths.get(operation.path, {})


async def test_launch_get_list_send(site: Site) -> None:
    session = await site.launch(prompt="Say hello.")
    assert (await site.client.get(f"/sessions/{session['id']}")).json()["name"] == "greeting"
    run = await site.client.post("/sessions/greeting/prompts", json={"text": "And now in French."})
    assert run.status_code == 201
    assert run.json()["state"] == "queued"
    runs = (await site.client.get("/runs", params={"session": "greeting", "limit": 1})).json()
    assert len(runs["items"]) == 1
    assert runs["next_cursor"]
    rest = (await site.client.get("/runs", params={"session": "greeting", "limit": 1, "cursor": runs["next_cursor"]})).json()
    assert rest["items"][0]["id"] != runs["items"][0]["id"]


async def test_delete_takes_path_and_query(site: Site) -> None:
    session = await site.launch()
    terminal = session["terminals"][0]["id"]
    answer = await site.client.post(f"/terminals/{terminal}/close", json={"dry_run": True})
    assert answer.json()["status"] == "closed"
    assert (await site.client.get(f"/terminals/{terminal}")).json()["status"] == "idle"
    assert (await site.client.post(f"/terminals/{terminal}/close")).status_code == 200
    assert (await site.client.get(f"/terminals/{terminal}")).json()["status"] == "closed"


async def test_idempotency_key_by_header_and_by_field(site: Site) -> None:
    body = {"profile": "developer", "provider": "scripted"}
    first = await site.client.post("/sessions", json=body, headers={"Idempotency-Key": "one"})
    again = await site.client.post("/sessions", json={**body, "idempotency_key": "one"})
    assert again.json() == first.json()
    other = await site.client.post("/sessions", json={**body, "name": "other"}, headers={"Idempotency-Key": "one"})
    assert problem(other)["code"] == "conflict"
    both = await site.client.post("/sessions", json={**body, "idempotency_key": "two"}, headers={"Idempotency-Key": "one"})
    assert problem(both)["code"] == "conflict"
    bad = await site.client.post("/sessions", json=body, headers={"Idempotency-Key": "a b"})
    assert problem(bad)["details"]["errors"][0]["pointer"] == "/idempotency_key"


async def test_refused_fields_are_named(site: Site) -> None:
    await site.launch()
    cases = [
        ("GET", "/sessions?limit=0", None, "/limit"),
        ("GET", "/sessions?nonsense=1", None, "/nonsense"),
        ("GET", "/sessions?limit=1&limit=2", None, "/limit"),
        ("GET", "/sessions/greeting?session=other", None, "/session"),
        ("GET", "/sessions/..%00", None, "/session"),
        ("POST", "/sessions?profile=developer", {}, "/profile"),
        ("POST", "/sessions", {"profile": 3}, "/profile"),
        ("POST", "/sessions", {"profil": "developer"}, "/profil"),
        ("POST", "/sessions/greeting/prompts", {"text": "x", "session": "other"}, "/session"),
        ("POST", "/sessions/greeting/prompts", {}, "/text"),
        ("POST", "/sessions/shutdown", {"session": "a", "all": True}, ""),
    ]
    for method, path, body, pointer in cases:
        answer = await site.client.request(method, path, json=body)
        found = problem(answer)
        assert (answer.status_code, found["code"]) == (422, "invalid_input"), (path, found)
        assert found["details"]["errors"][0]["pointer"] == pointer, (path, found)


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", None, 415),
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"text": NaN}', "application/json", 422),
        (b'{"text": "\\ud800"}', "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b'{"text": ' + b"[" * 100_000, "application/json", 422),
        (b'{"text": "ok"}', "application/json; charset=utf-8", 201),
    ],
)
async def test_bodies(site: Site, body: bytes, media: str | None, status: int) -> None:
    await site.launch()
    headers = {"Content-Type": media} if media else {}
    for path in ("/sessions/greeting/prompts", "/sessions"):
        if path == "/sessions" and status == 201:
            continue
        answer = await site.client.post(path, content=body, headers=headers)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert problem(answer)["code"] == "invalid_input"


async def test_routing_errors_are_problems(site: Site) -> None:
    missing = await site.client.get("/nowhere")
    assert (missing.status_code, problem(missing)["code"]) == (404, "not_found")
    wrong = await site.client.put("/sessions", json={})
    assert (wrong.status_code, problem(wrong)["code"]) == (405, "invalid_input")
    assert {"GET", "POST"} <= set(wrong.headers["allow"].split(", "))


async def test_the_perimeter_stands_before_everything(site: Site) -> None:
    for path in ("/sessions", "/nowhere", "/health", "/events"):
        assert (await site.client.get(path, headers={"Host": "evil.example"})).status_code == 421
        assert (await site.client.get(path, headers={"Origin": "https://evil.example"})).status_code == 403
    for path in ("/sessions", "/nowhere", "/events"):
        assert (await site.client.get(path, headers={"Authorization": ""})).status_code == 401


async def test_head_is_get_without_a_body(site: Site) -> None:
    for path in ("/health", "/sessions", "/events", "/docs"):
        answer = await site.client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
    assert (await site.client.head("/nowhere")).status_code == 404


async def test_operations_errors_keep_code_and_details(site: Site) -> None:
    answer = await site.client.get("/sessions/nobody")
    with pytest.raises(CaoError) as raised:
        await site.control.call(REGISTRY["session.get"], REGISTRY["session.get"].parse({"session": "nobody"}))
    body, found = raised.value.body(), problem(answer)
    assert (found["code"], found["detail"], found.get("details")) == (body["code"], body["message"], body.get("details"))
    assert found["instance"] == "/sessions/nobody"


def test_unavailable_says_when_to_come_back() -> None:
    from cao.http.replies import Refusal

    refused = Refusal(Unavailable("the store is away"))
    assert (b"retry-after", b"1") in refused._start["headers"]


async def test_a_defect_is_masked_and_logged_under_its_id(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    session = await site.launch()
    damage = "UPDATE sessions SET labels = 'not JSON' WHERE id = ?"
    await site.control.services.store.write(lambda tx: tx.execute(damage, (session["id"],)))
    answer = await site.client.get(f"/sessions/{session['id']}")
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (500, "internal")
    assert found["details"]["incident"] in caplog.text
    assert "JSON" not in answer.text


async def test_large_bodies_are_refused_in_any_form(site: Site) -> None:
    await site.launch()
    large = json.dumps({"text": "x" * BODY_LIMIT}).encode()

    async def chunks():
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    for content in (large, chunks()):
        headers = {"Content-Type": "application/json"}
        answer = await site.client.post("/sessions/greeting/prompts", content=content, headers=headers)
        assert (answer.status_code, problem(answer)["code"]) == (413, "invalid_input")
    fits = await site.client.post("/sessions/greeting/prompts", json={"text": "x" * (1 << 20)})
    assert fits.status_code == 201
    long = await site.client.post("/sessions/greeting/prompts", json={"text": "x" * ((1 << 20) + 1)})
    assert long.status_code == 422


async def test_a_declared_length_beyond_all_bounds_is_refused_at_once(site: Site) -> None:
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    token = site.client.headers["authorization"]
    head = f"POST /sessions HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nContent-Length: 99999999999\r\n"
    writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n{")
    async with asyncio.timeout(20):
        assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_slow_body_in_pieces_is_read(site: Site) -> None:
    async def drops():
        for character in json.dumps({"profile": "developer", "provider": "scripted", "name": "slow"}):
            yield character.encode()
            await asyncio.sleep(0)

    answer = await site.client.post("/sessions", content=drops(), headers={"Content-Type": "application/json"})
    assert answer.json()["name"] == "slow"


async def test_waiting_calls_answer_or_tell_their_progress(site: Site) -> None:
    session = await site.launch(prompt="Say hello.")
    path = f"/runs/{session['run_id']}/wait"
    plain = await site.client.get(path, params={"timeout": 0})
    assert plain.json()["state"] == "queued"
    async with site.client.stream("GET", path, params={"timeout": 0}, headers={"Accept": "text/event-stream"}) as stream:
        text = "".join([piece async for piece in stream.aiter_text()])
    assert "event: result\ndata: {" in text
    async with site.client.stream("GET", "/runs/none/wait", headers={"Accept": "text/event-stream"}) as stream:
        text = "".join([piece async for piece in stream.aiter_text()])
    assert "event: error\ndata: " in text
    assert json.loads(text.split("data: ")[1])["code"] == "not_found"


async def test_a_wait_ends_when_its_client_leaves(site: Site) -> None:
    session = await site.launch(prompt="Say hello.")
    hub = site.control.services.store.hub
    with pytest.raises(httpx.ReadTimeout):
        await site.client.get(f"/runs/{session['run_id']}/wait", params={"timeout": 60}, timeout=0.3)
    await until(lambda: not hub.waiting(session["run_id"]))


async def test_a_wait_ends_when_the_server_stops(site: Site) -> None:
    session = await site.launch(prompt="Say hello.")
    waiting = asyncio.create_task(site.client.get(f"/runs/{session['run_id']}/wait", params={"timeout": 60}))
    hub = site.control.services.store.hub
    await until(lambda: hub.waiting(session["run_id"]))
    site.closing.set()
    async with asyncio.timeout(20):
        answer = await waiting
    assert (answer.status_code, answer.headers["retry-after"], problem(answer)["code"]) == (503, "1", "unavailable")


async def test_metrics(site: Site) -> None:
    await site.launch(prompt="Say hello.")
    await site.client.get("/sessions/nobody")
    text = (await site.client.get("/metrics", headers={"Authorization": ""})).text
    for line in (
        "cao_open_sessions 1",
        "cao_pending_messages 1",
        'cao_engine_state{state="stopped"} 1',
        'cao_http_requests_total{operation="session.get",status="404"} 1',
        'cao_http_request_seconds_count{operation="session.launch"} 1',
    ):
        assert line in text.splitlines()
    assert re.search(r"^process_resident_memory_bytes \d{7,}", text, re.M)


async def test_documentation_needs_no_network_and_no_token(site: Site) -> None:
    answer = await site.client.get("/docs", headers={"Authorization": ""})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", answer.text)
    for operation in HTTP:
        assert f'id="{operation.name}"' in answer.text


async def test_answers_carry_security_headers(site: Site) -> None:
    for path in ("/health", "/sessions", "/nowhere", "/docs"):
        headers = (await site.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == ("no-cache" if path == "/docs" else "no-store")


async def test_openapi_says_what_is_open_and_what_is_not(site: Site) -> None:
    document = (await site.client.get("/openapi.json", headers={"Authorization": ""})).json()
    assert document["openapi"] == "3.1.0"
    assert document["security"] == [{"token": []}]
    assert document["paths"]["/health"]["get"]["security"] == []
    assert InvalidInput.code in str(document)
