"""One question on any surface, and its answer or its refusal in one shape: what property tests over all surfaces compare."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from anyio.from_thread import start_blocking_portal

import cao
from cao.client.catalog import target
from cao.discovery import local_token, read_server
from cao.graphql.documents import document
from cao.graphql.types import camel
from cao.protocol import REGISTRY, CaoError, Operation
from cao_cli.program import run as run_program
from tests.integration.mcp_clients import connected, error_of

Fields = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Refusal:
    """An error, without its words."""

    code: str
    details: Fields = field(default_factory=dict[str, Any])


class Surfaces:
    """A server, asked by whichever way in. Use it as a context manager, outside of any event loop."""

    def __init__(self, home: Path) -> None:
        server = read_server(home)
        assert server is not None, "no server"
        self._home, self._url, self._token = home, server.url, local_token(home)
        self._exit = contextlib.ExitStack()
        self.ways: Mapping[str, Callable[[Operation, Fields], Any]] = {
            "python": lambda defined, fields: self._portal.call(self._python, defined, fields),
            "http": lambda defined, fields: self._portal.call(self._http, defined, fields),
            "mcp": lambda defined, fields: self._portal.call(self._mcp, defined, fields),
            "graphql": lambda defined, fields: self._portal.call(self._graphql, defined, fields),
            "cli": self._cli,
        }

    def __enter__(self) -> Surfaces:
        headers = {"Authorization": f"Bearer {self._token}"}
        wire = httpx.AsyncClient(base_url=self._url, headers=headers, timeout=60, trust_env=False)
        self._portal = self._exit.enter_context(start_blocking_portal())
        self._client = self._enter(cao.connect(home=self._home, timeout=60))
        self._wire = self._enter(wire)
        self._tools = self._enter(connected(f"{self._url}/mcp", self._token))
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _enter(self, manager: AbstractAsyncContextManager[T]) -> T:
        return self._exit.enter_context(self._portal.wrap_async_context_manager(manager))

    def ask(self, surface: str, operation: str, **fields: Any) -> Any:
        """The JSON-ready answer, or a `Refusal`."""
        return self.ways[surface](REGISTRY[operation], fields)

    async def _python(self, defined: Operation, fields: Fields) -> Any:
        try:
            answer = await getattr(getattr(self._client, defined.group), defined.method_name)(**fields)
        except CaoError as error:
            return Refusal(error.code, error.details)
        return answer.model_dump(mode="json")

    async def _http(self, defined: Operation, fields: Fields) -> Any:
        path, body = target(defined.path, dict(fields), has_body=defined.has_body)
        response = await self._wire.request(defined.method, path, **({"json": body} if defined.has_body else {}))
        answer = response.json()
        return _refusal(answer) if response.is_error else answer

    async def _graphql(self, defined: Operation, fields: Fields) -> Any:
        query = document(defined, fields, as_records=True)
        variables = {camel(name): value for name, value in fields.items()}
        answer = (await self._wire.post("/graphql", json={"query": query, "variables": variables})).json()
        if answer.get("errors"):
            return _refusal(answer["errors"][0]["extensions"])
        return answer["data"][camel(defined.identifier)]

    async def _mcp(self, defined: Operation, fields: Fields) -> Any:
        result = await self._tools.call_tool(defined.identifier, dict(fields))
        return _refusal(error_of(result)) if result.is_error else result.structured_content

    def _cli(self, defined: Operation, fields: Fields) -> Any:
        """The program, in this process: what it prints, and how it exits."""
        words = [_word(one) for name in defined.positional if name in fields for one in _many(fields[name])]
        flags = [(name, value) for name, value in fields.items() if name not in defined.positional]
        words += [f"--{name.replace('_', '-')}={_word(one)}" for name, value in flags for one in _many(value)]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run_program([defined.group, defined.verb, *words, "--home", str(self._home), "--json"])
        if status == 0:
            return json.loads(out.getvalue())["data"]
        error = json.loads(err.getvalue())["error"]
        assert error["exit_code"] == status
        return _refusal(error)


def _refusal(body: Fields) -> Refusal:
    return Refusal(body["code"], body.get("details") or {})


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
