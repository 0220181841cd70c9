"""Toolsets on the MCP SDK: both eras of the protocol, the handshake (to 2025-11-25) and the stateless one (2026-07-28).

Importing this module takes most of a second; import it where it is needed, in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, TypeVar, cast

import anyio
import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_MODERN_VERSION

from cao.operations.context import Progress
from cao.protocol import CaoError, Internal, Unavailable
from cao.protocol.errors import from_body
from cao.version import VERSION

from .http import GONE, Handler
from .toolset import Tool, Toolset, UnknownTool

logger = logging.getLogger(__name__)

T = TypeVar("T")
RequestContext = ServerRequestContext[Any, Any]

MAX_SESSIONS = 1000
"""Sessions of the handshake era that are open at once; each costs two tasks."""

CLEANUP_SECONDS = 10.0
"""The longest that a cancelled call may take to come to a good end."""

PROGRESS_SECONDS = 1.0
"""The longest that work waits for its client to take a progress notification."""

ERROR_META = "cao/error"
"""The name in a result's `_meta` under which an error stands for programs."""


def build(name: str, instructions: str, toolset_of: Callable[[Mapping[str, Any]], Toolset]) -> Server[Any]:
    """A server of tools. toolset_of: what the caller behind an ASGI scope may use; the scope is empty on stdio."""

    def toolset(ctx: RequestContext) -> Toolset:
        return toolset_of(_scope(ctx))

    async def list_tools(ctx: RequestContext, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_shown(tool) for tool in toolset(ctx).tools()])

    async def call_tool(ctx: RequestContext, params: types.CallToolRequestParams) -> types.CallToolResult:
        work = toolset(ctx).use(params.name, params.arguments or {}, _reporter(ctx))
        try:
            answer = await _attended(work, _scope(ctx).get(GONE))
        except UnknownTool:
            raise MCPError(types.INVALID_PARAMS, f"no tool {params.name!r}; tools/list has them all") from None
        except CaoError as error:
            return _failure(error)
        except Exception:
            incident = secrets.token_hex(4)
            logger.exception("incident %s in tool %s", incident, params.name)
            return _failure(Internal.masked(incident))
        text = types.TextContent(text=json.dumps(answer, ensure_ascii=False))
        return types.CallToolResult(content=[text], structured_content=dict(answer))

    return Server(
        name,
        version=VERSION,
        instructions=instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=lambda _: None,  # none of our fields is mirrored into headers
        cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="private")},
    )


@contextlib.asynccontextmanager
async def http_handler(server: Server[Any]) -> AsyncGenerator[Handler]:
    """Serve streamable HTTP while entered. Host, Origin and credentials were checked before a request comes here."""
    manager = StreamableHTTPSessionManager(server, max_sessions=MAX_SESSIONS)
    async with manager.run():
        yield manager.handle_request


async def serve_stdio(server: Server[Any]) -> None:
    """Serve the process's standard input and output until the client closes them."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def user(identity: str) -> AuthenticatedUser:
    """What the SDK compares to find out whether a session is used by the credential that opened it."""
    return AuthenticatedUser(AccessToken(token="", client_id=identity, scopes=[]))


class Forwarder:
    """Calls the tools of another server of ours over stateless HTTP. Use as an async context manager."""

    def __init__(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        timeout = httpx2.Timeout(30, read=300)  # the server sends a sign of life every 15 s
        self._http = httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False)

    async def __aenter__(self) -> Forwarder:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self._http.__aexit__(*exc_info)

    async def use(self, url: str, name: str, arguments: Mapping[str, Any], report: Progress) -> Mapping[str, Any]:
        """Call a tool of the server at `url`. Raises `CaoError`."""

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            await report(progress, total, message or "")

        call = types.CallToolRequest(params=types.CallToolRequestParams(name=name, arguments=dict(arguments)))
        transport = streamable_http_client(url, http_client=self._http)
        try:
            async with Client(transport, mode=LATEST_MODERN_VERSION, cache=None) as client:
                result = await client.session.send_request(call, types.CallToolResult, progress_callback=on_progress)
        except Exception as error:
            if not isinstance(cause := _cause(error), (MCPError, httpx2.HTTPError)):
                raise
            raise Unavailable(f"the server at {url} did not answer: {cause}; see: cao daemon status") from error
        if result.is_error:
            raise from_body((result.meta or {}).get(ERROR_META) or {})
        return result.structured_content or {}


def _cause(error: Exception) -> Exception:
    """The one error in the groups of groups that the SDK's task groups make of it."""
    inner = cast("tuple[Exception, ...]", getattr(error, "exceptions", ()))
    return _cause(inner[0]) if len(inner) == 1 else error


async def _attended(work: Coroutine[Any, Any, T], gone: asyncio.Event | None) -> T:
    """Do work until it is done or nobody waits for it: cancelled by the client, or its connection closed (`gone`).

    The work has a task of its own, because the SDK's cancellation comes again at every await and would cut the work's
    last duties, such as turning a handoff into an assignment. A closed connection cancels in the handshake era too: the
    specification lets a server go on there, for the client may come back for the answer; ours keep none to come back for.
    """
    doing = asyncio.create_task(work)
    leaving = asyncio.create_task((gone or asyncio.Event()).wait())
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Unavailable("the connection closes; work that was handed off goes on as an assignment")
        return doing.result()
    finally:
        await _end(leaving, doing)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    unfinished = [task for task in tasks if not task.done()]
    if not unfinished:
        return
    for task in unfinished:
        task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.wait(unfinished, timeout=CLEANUP_SECONDS)
    for task in unfinished:
        if not task.done() or (not task.cancelled() and task.exception()):
            logger.warning("a call that its client gave up did not end well: %r", task)


def _scope(ctx: RequestContext) -> Mapping[str, Any]:
    return ctx.request.scope if ctx.request is not None else {}


def _reporter(ctx: RequestContext) -> Progress:
    async def report(done: float, total: float | None, message: str) -> None:
        with contextlib.suppress(TimeoutError):  # a client that does not read must not hold up the work
            async with asyncio.timeout(PROGRESS_SECONDS):
                await ctx.session.report_progress(done, total, message)

    return report


def _shown(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.help,
        input_schema=dict(tool.input_schema),
        output_schema=dict(tool.output_schema),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.effect in ("read", "stream"),
            destructive_hint=tool.effect == "destructive",
            idempotent_hint=tool.idempotent,
            open_world_hint=False,
        ),
        _meta=dict(tool.meta) or None,
    )


def _failure(error: CaoError) -> types.CallToolResult:
    """An error that the model can read. It has no structured content: that would have to fit the output schema."""
    body = error.body()
    text = types.TextContent(text=json.dumps({"error": body}, ensure_ascii=False))
    return types.CallToolResult(is_error=True, content=[text], _meta={ERROR_META: body})
