"""The MCP servers that an agent gets: ours, by which it reaches the other agents of its session, and its profile's."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from acp.schema import EnvVariable, HttpHeader, HttpMcpServer, McpServerStdio, SseMcpServer

from cao.agents.loose import fields, items
from cao.agents.process import expand
from cao.agents.profile import Profile
from cao.agents.provider import ProviderError

OWN_SERVER = "cao"
"""The name of our server; a profile's own must have another."""
REPLACED = "cao-mcp-server"
"""The server that profiles written for CLI Agent Orchestrator name; ours does its work."""

Server = HttpMcpServer | SseMcpServer | McpServerStdio


def own(url: str, token: str) -> HttpMcpServer:
    """Our server, with the bearer token that attests the terminal."""
    return HttpMcpServer(
        type="http", name=OWN_SERVER, url=url, headers=[HttpHeader(name="Authorization", value=f"Bearer {token}")]
    )


def of_profile(profile: Profile, path: str | None) -> list[Server]:
    """The servers that a profile asks for. Raises `ProviderError` for one that is not understood. path: where programs are."""
    return [_server(name, given, path) for name, given in profile.mcp_servers.items() if name != REPLACED]


def _server(name: str, given: Any, path: str | None) -> Server:
    if name == OWN_SERVER:
        raise ProviderError("bad_profile", f"the profile's MCP server {name!r} needs another name: {OWN_SERVER!r} is ours")
    asked = fields(given)
    if "url" in asked:
        return _remote(name, asked)
    if "command" in asked:
        return _local(name, asked, path)
    raise ProviderError("bad_profile", f"the profile's MCP server {name!r} has neither `command` nor `url`")


def _remote(name: str, asked: Mapping[str, Any]) -> HttpMcpServer | SseMcpServer:
    headers = [HttpHeader(name=key, value=value) for key, value in _texts(asked.get("headers")).items()]
    if asked.get("type") == "sse":
        return SseMcpServer(type="sse", name=name, url=str(asked["url"]), headers=headers)
    return HttpMcpServer(type="http", name=name, url=str(asked["url"]), headers=headers)


def _local(name: str, asked: Mapping[str, Any], path: str | None) -> McpServerStdio:
    command = str(asked["command"])
    found = shutil.which(command, path=path)
    if found is None:
        raise ProviderError("missing", f"the profile's MCP server {name!r} needs {command}, which is not on PATH; install it")
    variables = [EnvVariable(name=key, value=value) for key, value in _texts(asked.get("env")).items()]
    return McpServerStdio(name=name, command=found, args=[str(part) for part in items(asked.get("args"))], env=variables)


def _texts(given: Any) -> dict[str, str]:
    return {key: expand(str(value)) for key, value in fields(given).items()}
