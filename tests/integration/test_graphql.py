"""GraphQL over HTTP: answers, refusals with the codes and pointers of the other surfaces, limits, and server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from graphql import GraphQLError, get_introspection_query

from cao.graphql import limits
from cao.graphql.errors import of_execution
from cao.graphql.http import RESULT

from .conftest import Site, problem, until
from .test_graphql_websocket import FOLLOW, emit, listeners

STREAM = {"Accept": "text/event-stream"}
LAUNCH = """
  mutation ($name: String!, $labels: JSON, $key: String) {
    sessionLaunch(provider: "scripted", name: $name, labels: $labels, idempotencyKey: $key) { id name status labels createdAt }
  }
"""


async def post(site: Site, query: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    return await site.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


async def ask(site: Site, query: str, **variables: Any) -> dict[str, Any]:
    answer = await post(site, query, variables)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return answer.json()


def codes(answer: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The code of each error, and the fields that it points at."""
    found = [error["extensions"] for error in answer["errors"]]
    return [(one["code"], [e["pointer"] for e in one.get("details", {}).get("errors", [])]) for one in found]


async def test_a_change_and_a_read(site: Site) -> None:
    made = (await ask(site, LAUNCH, name="one", labels={"a": "b"}))["data"]["sessionLaunch"]
    assert (made["name"], made["status"], made["labels"]) == ("one", "open", {"a": "b"})
    found = await ask(site, "{ sessionList(status: open) { items { id createdAt terminals { name depth } } nextCursor } }")
    assert found["data"]["sessionList"]["items"][0]["id"] == made["id"]
    over_http = (await site.client.get("/sessions/one")).json()
    assert over_http["created_at"] == made["createdAt"]


async def test_a_repeated_key_gives_the_same_answer(site: Site) -> None:
    first = await ask(site, LAUNCH, name="one", key="k1")
    assert await ask(site, LAUNCH, name="one", key="k1") == first
    assert codes(await ask(site, LAUNCH, name="two", key="k1")) == [("conflict", [])]


async def test_one_field_that_fails_leaves_the_others(site: Site) -> None:
    answer = await ask(site, '{ sessionGet(session: "nobody") { id } daemonStatus { running } }')
    assert answer["data"] == {"sessionGet": None, "daemonStatus": {"running": False}}
    assert codes(answer) == [("not_found", [])]
    assert answer["errors"][0]["path"] == ["sessionGet"]
    assert answer["errors"][0]["message"] == problem(await site.client.get("/sessions/nobody"))["detail"]


BAD_INPUT: list[tuple[str, dict[str, Any], list[str]]] = [
    ("{ sessionGet { id } }", {}, ["/session"]),
    ("{ sessionList(limit: 999) { nextCursor } }", {}, ["/limit"]),
    ('{ sessionList(limit: "x") { nextCursor } }', {}, ["/limit"]),
    ("query ($l: Int!) { sessionList(limit: $l) { nextCursor } }", {"l": "x"}, ["/limit"]),
    ("query ($l: Int!) { sessionList(limit: $l) { nextCursor } }", {}, ["/limit"]),
    ("{ sessionList(limit: null) { nextCursor } }", {}, ["/limit"]),
    ("{ sessionList(status: ajar) { nextCursor } }", {}, ["/status"]),
    ("{ sessionList(limits: 1) { nextCursor } }", {}, ["/limits"]),
    (
        'mutation { sessionSend(session: "a b", text: "x", idempotencyKey: "k k") { id } }',
        {},
        ["/idempotency_key", "/session"],
    ),
    ("mutation ($l: JSON) { sessionLaunch(labels: $l) { id } }", {"l": {"a": 1}}, ["/labels/a"]),
    ("{ eventList(after: 9007199254740993) { nextCursor } }", {}, ["/after"]),
    ("{ sessionList { sessions } }", {}, ["/query"]),
    ("{ sessionList", {}, ["/query"]),
    ("query ($b: Boolean = true) { __typename @skip(if: $b) }", {"b": None}, ["/query"]),
    ("query a { __typename } query b { __typename }", {}, ["/operationName"]),
]


async def test_bad_input_points_at_the_field(site: Site) -> None:
    for query, variables, pointers in BAD_INPUT:
        assert codes(await ask(site, query, **variables)) == [("invalid_input", pointers)], query


async def test_refused_values_are_not_repeated(site: Site) -> None:
    send = "mutation ($text: String!) { sessionSend(session: %s, text: $text) { id } }"
    for query, variables in ((send % '"one"', {"text": ["hunter2"]}), (send % '["hunter2"]', {"text": "x"})):
        answer = await post(site, query, variables)
        assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_input"
        assert "hunter2" not in answer.text


async def test_a_defect_is_masked_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    shown = of_execution(GraphQLError("the secret reason", original_error=ValueError("the secret reason")))
    assert shown["extensions"]["code"] == "internal"
    assert shown["extensions"]["details"]["incident"] in caplog.text
    assert "secret" not in json.dumps(shown)
    assert "the secret reason" in caplog.text


NO_REQUESTS: list[tuple[bytes, dict[str, str], int]] = [
    (b"not json", {}, 422),
    (b"[" * 100_000, {}, 422),
    (b'[{"query": "{ __typename }"}]', {}, 422),
    (b"{}", {}, 422),
    (b'{"query": "{ __typename }", "variables": {"x": NaN}}', {}, 422),
    (b'{"query": 7}', {}, 422),
    (b'{"query": "{ __typename }", "variables": []}', {}, 422),
    (b'{"query": "{ __typename }"}', {"Content-Type": "text/plain"}, 415),
    (b"query=%7B__typename%7D", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    (b"x" * (3 << 19) + b"x", {}, 413),
]


async def test_what_is_no_request_is_refused(site: Site) -> None:
    for body, headers, status in NO_REQUESTS:
        answer = await site.client.post("/graphql", content=body, headers={"Content-Type": "application/json", **headers})
        assert (answer.status_code, codes(answer.json())[0][0]) == (status, "invalid_input"), body[:40]


async def test_variables_may_be_nested_and_odd(site: Site) -> None:
    for depth in (100, 300, 900, 960, 5000):
        body = '{"query": "mutation ($l: JSON) { sessionLaunch(labels: $l) { id } }", "variables": {"l": %s1%s}}'
        content = body % ('{"a":' * depth, "}" * depth)
        answer = await site.client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
        assert codes(answer.json())[0][0] == "invalid_input", depth
    odd = b'{"query": "mutation ($n: String!) { sessionLaunch(name: $n) { id } }", "variables": {"n": "\\ud800"}}'
    answer = await site.client.post("/graphql", content=odd, headers={"Content-Type": "application/json"})
    assert codes(answer.json())[0][0] == "invalid_input"


async def test_nothing_is_asked_by_get(site: Site) -> None:
    for method in ("GET", "PUT", "OPTIONS"):
        answer = await site.client.request(method, "/graphql", params={"query": "{ __typename }"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_clients_that_know_the_newer_media_type_get_a_status(site: Site) -> None:
    accept = {"Accept": RESULT.decode()}
    fine, refused = await post(site, "{ __typename }", **accept), await post(site, "{ nothing }", **accept)
    assert [(one.status_code, one.headers["content-type"]) for one in (fine, refused)] == [
        (200, RESULT.decode()),
        (400, RESULT.decode()),
    ]


FRAGMENTS = " ".join(f"fragment F{i} on DaemonStatus {{ ...F{i + 1} ...F{i + 1} }}" for i in range(40))
TOO_MUCH = {
    "long": "{ __typename } #" + "x" * limits.DOCUMENT_LIMIT,
    "tokens": "{ sessionList(" + "limit: 1 " * limits.TOKENS + ") { nextCursor } }",
    "fields": "{ daemonStatus { " + " ".join(f"a{i}: pid" for i in range(limits.FIELDS)) + " } }",
    "unused": "{ __typename } fragment A on DaemonStatus { " + "pid " * (limits.FIELDS + 1) + "}",
    "bomb": "{ daemonStatus { ...F0 } } " + FRAGMENTS + " fragment F40 on DaemonStatus { pid }",
    "calls": "{ " + " ".join(f"a{i}: daemonStatus {{ pid }}" for i in range(limits.CALLS + 1)) + " }",
    "depth": "{ " + "a { " * limits.DEPTH + "a" + " }" * limits.DEPTH + " }",
    "nesting": "{" * 1000 + " a { " * 1000,
    "introspection": "{ __schema { types { fields { type { fields { type { fields { type { fields { name }}}}}}}}}}",
}


async def test_a_document_that_asks_for_too_much_is_refused(site: Site) -> None:
    for what, query in TOO_MUCH.items():
        assert codes(await ask(site, query))[0] == ("invalid_input", ["/query"]), what


async def test_introspection_is_answered(site: Site) -> None:
    everything = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    names = {one["name"] for one in (await ask(site, everything))["data"]["__schema"]["types"]}
    assert {"Query", "Mutation", "Subscription", "Session", "Long"} <= names


async def test_strangers_are_refused(site: Site) -> None:
    """Cross-site requests, a name that was turned to our address, and somebody without a token."""
    for headers, status in (
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
    ):
        answer = await post(site, LAUNCH, {"name": "stolen"}, **headers)
        assert (answer.status_code, problem(answer)["code"]) == (status, "denied")
    assert (await ask(site, "{ sessionList { items { name } } }"))["data"]["sessionList"]["items"] == []


async def test_a_token_without_the_scope_may_read_only(site: Site) -> None:
    made = await site.control.token.create("reader", scopes=["session:read", "event:read"])
    shown = {"Authorization": f"Bearer {made.secret}"}
    read = (await post(site, "{ sessionList { items { name } } }", **shown)).json()
    assert read == {"data": {"sessionList": {"items": []}}}
    assert codes((await post(site, LAUNCH, {"name": "stolen"}, **shown)).json()) == [("denied", [])]
    assert codes((await post(site, "{ approvalList { nextCursor } }", **shown)).json()) == [("denied", [])]
    elsewhere = await site.control.token.create("elsewhere", scopes=["*:read"], surfaces=["http"])
    answer = await post(site, "{ __typename }", Authorization=f"Bearer {elsewhere.secret}")
    assert (answer.status_code, problem(answer)["code"]) == (403, "denied")


async def test_calls_are_audited_as_graphql(site: Site) -> None:
    await ask(site, LAUNCH, name="one")
    row = site.control.services.store.read().row("SELECT surface FROM audit WHERE operation = 'session.launch'")
    assert row is not None
    assert row["surface"] == "graphql"


async def played(stream: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """The events of a stream: their kind, and their data."""
    kind = ""
    async for line in stream.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name in ("data", "data:"):
            yield kind, json.loads(value) if value else None


async def follow(site: Site, count: int, after: int) -> list[int]:
    body = {"query": FOLLOW, "variables": {"after": after}}
    found: list[int] = []
    async with site.client.stream("POST", "/graphql", json=body, headers=STREAM) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        async for kind, answer in played(stream):
            assert kind == "next"
            found.append(answer["data"]["eventFollow"]["seq"])
            if len(found) == count:
                break
    return found


async def test_a_subscription_over_server_sent_events_goes_on_by_its_cursor(site: Site) -> None:
    before = listeners(site)
    await emit(site, 250)
    seen = await follow(site, 100, 0)
    await until(lambda: listeners(site) == before)
    reading = asyncio.create_task(follow(site, 160, seen[-1]))
    await until(lambda: listeners(site) > before)
    await emit(site, 10)
    async with asyncio.timeout(30):
        assert seen + await reading == list(range(1, 261))
    await until(lambda: listeners(site) == before)


async def test_streams_say_when_they_are_complete(site: Site) -> None:
    await emit(site, 2)
    for query, last in (
        ("subscription { eventFollow(after: 0, limit: 2) { seq } }", {"data": {"eventFollow": {"seq": 2}}}),
        ("{ __typename }", {"data": {"__typename": "Query"}}),
    ):
        async with site.client.stream("POST", "/graphql", json={"query": query}, headers=STREAM) as stream:
            events = [event async for event in played(stream)]
        assert events[-2:] == [("next", last), ("complete", None)]
    for query, code in (('subscription { eventFollow(session: "no") { seq } }', "not_found"), ("{ no }", "invalid_input")):
        async with site.client.stream("POST", "/graphql", json={"query": query}, headers=STREAM) as stream:
            (_, refused), end = [event async for event in played(stream)]
        assert (refused["errors"][0]["extensions"]["code"], end) == (code, ("complete", None))


async def test_a_subscription_needs_a_stream(site: Site) -> None:
    assert codes((await post(site, FOLLOW, {"after": 0})).json()) == [("invalid_input", ["/query"])]


async def test_streams_end_when_the_server_stops(site: Site) -> None:
    before = listeners(site)
    reading = asyncio.create_task(follow(site, 1, -1))
    await until(lambda: listeners(site) > before)
    site.closing.set()
    async with asyncio.timeout(20):
        assert await reading == []


async def test_whoever_waits_is_told_that_the_server_stops(site: Site) -> None:
    run = (await site.launch("waiting", prompt="Say hello."))["run_id"]
    asking = asyncio.create_task(post(site, "query ($r: String!) { runWait(run: $r, timeout: 60) { state } }", {"r": run}))
    hub = site.control.services.store.hub
    await until(lambda: hub.waiting(run))
    site.closing.set()
    async with asyncio.timeout(20):
        assert codes((await asking).json()) == [("unavailable", [])]
