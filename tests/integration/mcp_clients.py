"""Stock MCP clients, and a port on loopback for what they talk to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from cao.mcp.app import McpApp
from cao.mcp.port import served
from cao.protocol import Caller

ERAS = {"handshake": "legacy", "stateless": "2026-07-28"}
"""Both eras of the protocol, as the SDK's client names them."""


@contextlib.asynccontextmanager
async def connected(url: str, token: str = "", era: str = "stateless", **options: Any) -> AsyncGenerator[Client]:
    """A client of `url`."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=ERAS[era], **options) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def operators_port(control: Any, callers: dict[str, Caller]) -> AsyncGenerator[str]:
    """The operator's tools behind the smallest possible perimeter: it knows callers by their tokens."""
    async with McpApp(control) as mcp:

        async def perimeter(scope: Any, receive: Any, send: Any) -> None:
            sent = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
            await mcp({**scope, "cao.caller": callers[sent]}, receive, send)

        async with served(perimeter) as origin:
            yield f"{origin}/mcp"


def error_of(result: CallToolResult) -> dict[str, Any]:
    """The error that a tool answered with, as a model reads it."""
    assert result.is_error, result
    assert result.structured_content is None
    said = json.loads(result.content[0].text)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert (result.meta or {})["cao/error"] == said["error"]
    return said["error"]
