"""The typed interface over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

import cao.operations  # noqa: F401  # pyright: ignore[reportUnusedImport] - fills the registry
from cao.client import catalog, wire
from cao.client.facade import Facade
from cao.client.wire import Event, Place, WireError
from cao.protocol import REGISTRY, CaoError, Operation, Request, Unauthenticated, Unavailable
from cao.protocol.errors import from_body

CONNECT_SECONDS = 5.0
_CONNECTIONS = 100
_IDLE = 5.0
"""Seconds after which an idle connection is not used again; less than the server keeps it, or the two would race."""


class Remote(Facade):
    """A server, reached over HTTP. Made by `cao.connect`; use it as an async context manager."""

    def __init__(self, where: wire.Address, timeout: float) -> None:
        self.url = where.url
        self._transport = HttpTransport(where, timeout)
        super().__init__(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._transport.close()


def connect(url: str | None, token: str | None, *, home: Path | None, timeout: float) -> Remote:
    """See `cao.connect`."""
    place = (home or wire.home_directory()).expanduser().absolute()
    try:
        where = wire.address(url, token, place) if url else wire.discover(place)
    except WireError as error:
        raise from_body(error.body()) from None
    if where is None:
        raise Unavailable(f"no server runs for {place}; start one: cao daemon start")
    return Remote(where if token is None else where._replace(token=token), timeout)


class HttpTransport:
    """Sends requests and reads answers into the operations' own models. Implements `cao.client.facade.Transport`."""

    def __init__(self, where: wire.Address, timeout: float) -> None:
        headers = {"Cao-Surface": "python"}
        if where.token:
            headers["Authorization"] = f"Bearer {where.token}"
        self._url = where.url
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            base_url=where.url,
            headers=headers,
            limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_IDLE),
            trust_env=False,  # a proxy of the environment has no business between a program and its own server
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def call(self, name: str, fields: Mapping[str, Any]) -> Any:
        """Run an operation. Raises the same `CaoError` as in the server's process, or `Unavailable`."""
        operation = REGISTRY[name]
        request = operation.parse(fields)
        silence = self._timeout + (float(getattr(request, "timeout", 0.0)) if operation.waits else 0.0)
        try:
            response = await self._client.send(self._request(operation, _dumped(request), "application/json", silence))
        except httpx.HTTPError as error:
            raise self._gone(error) from error
        if response.status_code >= 400:
            raise _refusal(response.status_code, response.content)
        try:
            return operation.adapter.validate_json(response.content)
        except ValueError as error:
            raise Unavailable(f"the answer of {self._url} is not one of {name}: is it a cao server of this version?") from error

    async def stream(self, name: str, fields: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The items of a stream to its end, each once and in order, however often the connection is cut in between."""
        operation = REGISTRY[name]
        place = Place(_dumped(operation.parse(fields)))
        while not place.is_over:
            lost: CaoError = Unavailable(f"{self._url} ended the stream; see: cao daemon status")
            try:
                async for event in self._part(operation, place):
                    place.pass_by(event.id, event.kind)
                    if event.data:
                        place.count()
                        yield operation.adapter.validate_json(event.data)
            except httpx.HTTPError as error:
                lost = self._gone(error)
            except Unavailable as error:
                lost = error
            place.lose(lost)
            await asyncio.sleep(place.pause)

    async def _part(self, operation: Operation, place: Place) -> AsyncIterator[Event]:
        """The stream as far as one connection carries it."""
        request = self._request(operation, place.fields, "text/event-stream", wire.STREAM_SILENCE_SECONDS)
        if place.last_id:
            request.headers["Last-Event-ID"] = place.last_id
        response = await self._client.send(request, stream=True)
        try:
            if response.status_code >= 400:
                raise _refusal(response.status_code, await response.aread())
            reader = wire.EventReader()
            async for line in response.aiter_lines():
                for event in reader.read(line):
                    if event.kind == "error":
                        raise from_body(json.loads(event.data))
                    yield event
        finally:
            await response.aclose()

    def _request(self, operation: Operation, fields: Mapping[str, Any], accept: str, silence: float) -> httpx.Request:
        path, body = catalog.target(operation.path, fields, has_body=operation.has_body)
        timeout = httpx.Timeout(silence, connect=min(CONNECT_SECONDS, self._timeout), pool=self._timeout)
        return self._client.build_request(operation.method, path, headers={"Accept": accept}, json=body, timeout=timeout)

    def _gone(self, error: httpx.HTTPError) -> Unavailable:
        return Unavailable(f"no answer from {self._url} ({error or type(error).__name__}); see: cao daemon status")


def _dumped(request: Request) -> dict[str, Any]:
    """The fields that are not defaults, JSON-ready: a server of another version is told only what was said."""
    return request.model_dump(mode="json", exclude_defaults=True)


def _refusal(status: int, body: bytes) -> CaoError:
    refused = wire.refusal(status, body)
    return Unauthenticated(refused.message, **refused.details) if status == 401 else from_body(refused.body())
