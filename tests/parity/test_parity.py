"""Every operation is there on every surface, says the same everywhere, and has a page, an example and a test.

`gaps` walks the registry. It is shown to find a planted operation that nobody has heard of.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import pytest_asyncio
from graphql import GraphQLObjectType
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

import cao
from cao.client.catalog import target
from cao.client.daemon import start_server
from cao.client.facade import Facade
from cao.control import Control
from cao.discovery import local_token, read_server
from cao.generate import catalogue as cli_catalogue
from cao.graphql.documents import document as graphql_document
from cao.graphql.schema import root_of, schema
from cao.graphql.types import camel
from cao.http.openapi import document
from cao.mcp.catalogue import catalogue as mcp_catalogue
from cao.operations.session import ListSessions
from cao.protocol import REGISTRY, Operation, Page, Registry, operation
from cao.protocol.records import Session
from cao.settings import load
from tests.integration.installed import install

from .palette import Palette, palette
from .scenarios import PLUGIN, SCENARIOS, World

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "operations"
SURFACES = ("python", "http", "cli", "mcp", "graphql", "web")


def gaps(registry: Registry) -> list[str]:
    """What is missing, one line for each gap."""
    routes = {(method, path) for path, methods in document()["paths"].items() for method in methods}
    commands, tools = json.loads(cli_catalogue()), mcp_catalogue()
    found: list[str] = []
    for defined in registry.values():
        page = DOCS / f"{defined.group}.md"
        group = getattr(Facade, "__annotations__", {}).get(defined.group) or getattr(
            sys.modules["cao.client.facade"], f"{defined.group.title()}Group", None
        )
        checks = {
            "python method": hasattr(group, defined.method_name) or not defined.on("python"),
            "HTTP route": (defined.method.lower(), defined.path) in routes or not defined.on("http"),
            "command": defined.name in json.dumps(commands) or not defined.on("cli"),
            "MCP tool": defined.identifier in tools or not defined.on("mcp"),
            "way from the page": defined.on("http") or not defined.on("web"),
            "GraphQL field": _is_in_graphql(defined) or not defined.on("graphql"),
            "page": page.exists() and f"`{defined.name}`" in page.read_text().replace("## ", "`").replace("\n\n", "`"),
            "example": not defined.request.model_fields or bool(defined.example) or not _required(defined),
            "test": defined.name in SCENARIOS,
        }
        found += [f"{defined.name} has no {what}" for what, present in checks.items() if not present]
        found += [
            f"{defined.name} is not on {surface} and does not say why" for surface, why in defined.without.items() if not why
        ]
    return found


def _is_in_graphql(defined: Operation) -> bool:
    root = schema().type_map[root_of(defined)]
    return isinstance(root, GraphQLObjectType) and camel(defined.identifier) in root.fields


def _required(defined: Operation) -> bool:
    return any(field.is_required() for field in defined.request.model_fields.values())


def test_no_gap() -> None:
    assert gaps(REGISTRY) == []


def test_a_planted_gap_is_found() -> None:
    planted = Registry()

    @operation("session.dance", path="/sessions/dance", example={}, registry=planted)
    async def dance(ctx: Any, request: ListSessions) -> Page[Session]:
        """Nobody has heard of this one."""
        raise AssertionError

    assert gaps(planted) == [
        f"session.dance has no {what}"
        for what in ("python method", "HTTP route", "command", "MCP tool", "GraphQL field", "page", "test")
    ]


Ask = Callable[[Operation, Mapping[str, Any]], Awaitable[Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    place = tmp_path_factory.mktemp("parity")
    settings = load(place / "home", {}, port=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(install(place / "site", "guest", PLUGIN)))
        await start_server(settings, 60)
    async with (
        cao.connect(home=settings.home, timeout=60) as client,
        Control(settings, work=False) as backstage,
    ):
        try:
            yield World(client, backstage, place)
        finally:
            await client.daemon.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(world: World) -> AsyncIterator[Palette]:
    async with palette(world) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tools(world: World) -> AsyncIterator[Tools]:
    opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def keep() -> None:  # the task that enters the client has to leave it, and a fixture is not one task
        server = read_server(world.backstage.settings.home)
        assert server is not None
        headers = {"Authorization": f"Bearer {local_token(world.backstage.settings.home)}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
        ):
            opened.set_result(client)
            await done.wait()

    keeping = asyncio.create_task(keep())
    await asyncio.wait((keeping, opened), timeout=60, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield Tools(opened.result())
    finally:
        done.set()
        await keeping


class Tools:
    """The operations as an MCP client sees them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ask(self, world: World, defined: Operation, fields: Mapping[str, Any]) -> Any:
        result = await self._client.call_tool(defined.identifier, dict(fields))
        assert not result.is_error, result.content
        assert result.structured_content is not None
        return result.structured_content["events"] if defined.effect == "stream" else result.structured_content


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", list(REGISTRY))
async def test_says_the_same_on_every_surface(name: str, world: World, page: Palette, tools: Tools) -> None:
    defined = REGISTRY[name]
    shapes: dict[str, Any] = {}
    for surface, ask in zip(SURFACES, (by_python, by_http, by_cli, tools.ask, by_graphql, page.ask), strict=True):
        if not defined.on(surface):
            continue
        case = await SCENARIOS[name](world)
        answer = await ask(world, defined, case.fields)
        assert case.holds(answer), (surface, answer)
        for item in answer if defined.effect == "stream" else [answer]:
            defined.adapter.validate_python(item)
        shapes[surface] = _shape(answer)
    assert len({json.dumps(shape) for shape in shapes.values()}) == 1, shapes


def _shape(answer: Any) -> Any:
    """An answer's names, without what differs from one object to the next."""
    if isinstance(answer, list):
        return [_shape(item) for item in answer[:1]]
    return sorted(answer)


async def by_python(world: World, defined: Operation, fields: Mapping[str, Any]) -> Any:
    facade = world.client if defined.on("http") else world.backstage
    method = getattr(getattr(facade, defined.group), defined.method_name)
    if defined.effect == "stream":
        return [item.model_dump(mode="json") async for item in method(**fields)]
    return (await method(**fields)).model_dump(mode="json")


async def by_http(world: World, defined: Operation, fields: Mapping[str, Any]) -> Any:
    home = world.backstage.settings.home
    server = read_server(home)
    assert server is not None
    path, body = target(defined.path, fields, has_body=defined.has_body)
    headers = {"Authorization": f"Bearer {local_token(home)}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60, trust_env=False) as client:
        response = (
            await client.request(defined.method, path, json=body)
            if defined.has_body
            else await client.request(defined.method, path)
        )
    assert response.status_code == defined.status, response.text
    if defined.effect == "stream":
        data = [line[5:].strip() for line in response.text.splitlines() if line.startswith("data:")]
        return [json.loads(line) for line in data if line]  # the last line says that the stream is over
    return response.json()


async def by_cli(world: World, defined: Operation, fields: Mapping[str, Any]) -> Any:
    words = [_word(one) for name in defined.positional if name in fields for one in _many(fields[name])]
    for name, value in fields.items():
        if name not in defined.positional:
            flag = "--" + name.replace("_", "-")
            words += [flag] if value is True else [f"{flag}={_word(one)}" for one in _many(value)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cao_cli",
        defined.group,
        defined.verb,
        *words,
        "--json",
        env={**os.environ, "CAO_HOME": str(world.backstage.settings.home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode in (0, 1), err.decode()  # 1 with an answer: of a run, a check or a test that failed
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert all(line["schema"] == "cao.cli.v1" and line["ok"] for line in lines)
    return [line["data"] for line in lines] if defined.effect == "stream" else lines[0]["data"]


def _word(value: Any) -> str:
    """A value as it is typed."""
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


async def by_graphql(world: World, defined: Operation, fields: Mapping[str, Any]) -> Any:
    home = world.backstage.settings.home
    server = read_server(home)
    assert server is not None
    query = graphql_document(defined, fields, as_records=True)
    body = {"query": query, "variables": {camel(name): value for name, value in fields.items()}}
    accept = "text/event-stream" if defined.effect == "stream" else "application/json"
    headers = {"Authorization": f"Bearer {local_token(home)}", "Accept": accept}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60, trust_env=False) as client:
        response = await client.post("/graphql", json=body)
    assert response.status_code == 200, response.text
    lines = [line[5:] for line in response.text.splitlines() if line.startswith("data:")] or [response.text]
    answers = [json.loads(line) for line in lines if line.strip()]
    assert not any("errors" in answer for answer in answers), answers
    items = [answer["data"][camel(defined.identifier)] for answer in answers]
    return items if defined.effect == "stream" else items[0]
